"""`hrpose benchmark`: time each stage of a config on this machine, alone or against mmpose in the same run."""

import argparse
import json
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from hrpose.cli.parser import command_parser

EXAMPLES = (
    'hrpose benchmark hrnet_w32_coco_256x192',
    'hrpose benchmark hrnet_w32_coco_256x192 --against mmpose --json speed.json',
    'hrpose benchmark hrnet_w32_coco_256x192 --stages train,predict --memory 1 8 32',
)


def parser_of(prog: str | None = None) -> argparse.ArgumentParser:
    """Return the parser of the command."""
    from hrpose.analysis.benchmark.stages import DETECTOR, STAGES, VARIANTS
    from hrpose.cli.arguments import add_config_arguments

    description = 'Time each stage of a config on this machine, alone or against mmpose in the same run.'
    parser = command_parser(prog, description, EXAMPLES)
    add_config_arguments(parser)
    parser.add_argument('--stages', help=f'separated by commas (default: {",".join(STAGES)})')
    parser.add_argument('--variants', nargs='+', choices=VARIANTS, default=['fp32'], help='of the networks')
    parser.add_argument(
        '--exported', nargs='+', type=Path, default=[], metavar='FILE', help='files to predict with too'
    )
    parser.add_argument('--against', choices=['mmpose'], help='measure it in turn with hrpose')
    parser.add_argument('--json', type=Path, metavar='FILE', help='write the timings to this file too')
    parser.add_argument(
        '--batch', '--batch-size', type=int, default=8, help='people in one step of a network (default 8)'
    )
    parser.add_argument('--codec-batch', type=int, default=32, help='people that the codec takes at once (default 32)')
    parser.add_argument(
        '--memory',
        nargs='+',
        type=int,
        default=[],
        metavar='BATCH',
        help='also measure the peak memory of training and prediction with so many people, in a process for each',
    )
    parser.add_argument('--repeats', type=int, default=7, help='rounds, of which the median counts (default 7)')
    parser.add_argument('--detector', default=DETECTOR, help=f'config from mmdet for detect and chain ({DETECTOR})')
    parser.add_argument('--detector-weights', metavar='FILE', help='its checkpoint; default: initial weights')
    parser.add_argument('--device', default='auto', help='of the networks; auto (default) is the GPU if there is one')
    return parser


def main(words: Sequence[str] | None = None, *, prog: str | None = None) -> None:
    """Measure what the command line names and print the table."""
    arguments = parser_of(prog).parse_args(words)
    from mmengine.registry import init_default_scope

    from hrpose.analysis.benchmark.report import as_json, as_table, best_rates, run_benchmark, stages_of
    from hrpose.analysis.benchmark.stages import Bench
    from hrpose.apis.model import checked_device
    from hrpose.cli.arguments import config_of
    from hrpose.config import load_config, parse_options
    from hrpose.errors import UserError
    from hrpose.hardware import describe_machine

    if any(batch < 1 for batch in arguments.memory):
        raise UserError(f'--memory {min(arguments.memory)}: give a number of people of at least 1')
    stages = stages_of(arguments.stages)
    init_default_scope('hrpose')
    cfg = config_of(arguments)
    device = checked_device(arguments.device)
    detector = arguments.detector, arguments.detector_weights
    bench = Bench(
        cfg,
        device,
        arguments.batch,
        arguments.codec_batch,
        tuple(arguments.variants),
        detector,
        tuple(arguments.exported),
    )
    timings, peer = run_benchmark(
        bench,
        stages,
        against=arguments.against,
        repeats=arguments.repeats,
        batches=sorted(set(arguments.memory)),
        load=partial(load_config, arguments.config, parse_options(arguments.cfg_options)),
    )
    machine, rates = describe_machine(device), best_rates(timings, device)
    print(', '.join(f'{name} {value}' for name, value in machine.items()))
    print(f'{arguments.config}, networks in batches of {arguments.batch}, codec of {arguments.codec_batch}\n')
    print(as_table(timings, peer, rates))
    if arguments.json:
        arguments.json.write_text(json.dumps(as_json(timings, peer, machine), indent=1) + '\n')
