"""Time each stage of a config on this machine, alone or against mmpose in the same run.

python tools/analysis/benchmark.py configs/hrnet_w32_coco_256x192.py --against mmpose --json speed.json
"""

import argparse
import json
from pathlib import Path
from typing import Any

from hrpose.cli.run import run


def parse_arguments() -> argparse.Namespace:
    from hrpose.analysis.benchmark import STAGES, VARIANTS
    from hrpose.analysis.benchmark.sides import DETECTOR
    from hrpose.apis.launch import add_config_arguments

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_config_arguments(parser)
    parser.add_argument('--stages', help=f'with commas between them (default: {",".join(STAGES)})')
    parser.add_argument('--variants', nargs='+', choices=VARIANTS, default=['fp32'], help='of the networks')
    parser.add_argument('--against', choices=['mmpose'], help='a peer that is measured in turn with hrpose')
    parser.add_argument('--json', type=Path, metavar='FILE', help='write the figures there too')
    parser.add_argument('--batch', type=int, default=8, help='people in one step of a network (default 8)')
    parser.add_argument('--codec-batch', type=int, default=32, help='people that the codec takes (default 32)')
    parser.add_argument('--repeats', type=int, default=7, help='rounds, of which the median counts (default 7)')
    parser.add_argument('--detector', default=DETECTOR, help=f"config of mmdet's for detect and chain ({DETECTOR})")
    parser.add_argument('--detector-weights', metavar='FILE', help='its checkpoint; initial weights unless given')
    parser.add_argument('--device', help='of the networks; a GPU if there is one')
    return parser.parse_args()


def main() -> None:
    """Measure what the command line names and print the table."""
    arguments = parse_arguments()
    import torch
    from mmengine.device import get_device
    from mmengine.registry import init_default_scope

    from hrpose.analysis.benchmark import Bench, as_chain, as_json, as_table
    from hrpose.analysis.benchmark.sides import CHAIN
    from hrpose.config import load_config, parse_options
    from hrpose.hardware import describe_machine

    stages = stages_of(arguments.stages)
    init_default_scope('hrpose')
    cfg = load_config(arguments.config, parse_options(arguments.cfg_options))
    device = torch.device(arguments.device or get_device())
    detector = arguments.detector, arguments.detector_weights
    bench = Bench(cfg, device, arguments.batch, arguments.codec_batch, tuple(arguments.variants), detector)
    peer = peer_of(arguments.against, bench)
    timings = {stage: measured(stage, bench, peer, arguments.repeats) for stage in stages}
    machine = describe_machine(device)
    rates = network_rates(timings, device)
    print(', '.join(f'{name} {value}' for name, value in machine.items()))
    print(f'{arguments.config}, networks in batches of {arguments.batch}, codec of {arguments.codec_batch}\n')
    print(as_table({k: v for k, v in timings.items() if k != CHAIN}, peer.name if peer else None, rates))
    if CHAIN in timings:
        print('\n' + as_chain(timings[CHAIN]))
    if arguments.json:
        content = as_json(timings, peer.name if peer else None, machine)
        arguments.json.write_text(json.dumps(content, indent=1) + '\n')


def stages_of(words: str | None) -> list[str]:
    """Return the stages that are asked for: by default all for which the needed packages are installed."""
    from importlib.util import find_spec

    from hrpose.analysis.benchmark import STAGES
    from hrpose.analysis.benchmark.sides import DETECTOR_STAGES, check_stages

    if words is not None:
        stages = [name for name in words.split(',') if name]
        check_stages(stages)
        return stages
    if find_spec('mmdet') is not None:
        return list(STAGES)
    print(f'not measured: {", ".join(DETECTOR_STAGES)}, for which mmdet is not installed (see docs/detection.md)')
    return [stage for stage in STAGES if stage not in DETECTOR_STAGES]


def peer_of(name: str | None, bench: Any) -> Any:
    """Return the peer's bench, or None."""
    if name is None:
        return None
    from hrpose.analysis.benchmark.mmpose_side import MmposeBench, import_mmpose

    return MmposeBench(bench, import_mmpose())


def measured(stage: str, bench: Any, peer: Any, repeats: int) -> dict[str, Any]:
    """Return the timings of a stage by side, the peer's first."""
    from hrpose.analysis.benchmark import measure

    print(f'measuring {stage} …', flush=True)
    works = {**(peer.works(stage) if peer else {}), **bench.works(stage)}
    timings = measure(works, bench.device, repeats=repeats)
    print('  ' + ', '.join(f'{side} {1e3 * timing.median:.3f} ms a person' for side, timing in timings.items()))
    return timings


def network_rates(timings: dict[str, dict[str, Any]], device: Any) -> dict[str, float]:
    """Return the best rate of this machine in the precision of each variant that was measured."""
    from hrpose.analysis.benchmark import VARIANTS
    from hrpose.analysis.benchmark.sides import NAME
    from hrpose.analysis.benchmark.yardstick import best_rate
    from hrpose.hardware import PRECISIONS

    sides = {side for stage in timings.values() for side, timing in stage.items() if timing.rate}
    names = {f'{NAME} {variant}': options.get('precision', 'fp32') for variant, options in VARIANTS.items()}
    rates = {precision: best_rate(device, PRECISIONS[precision]) for precision in {names[side] for side in sides}}
    return {side: rates[names[side]] for side in sides}


if __name__ == '__main__':
    run(main)
