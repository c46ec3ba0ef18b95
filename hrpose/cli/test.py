"""`hrpose test`: evaluate a checkpoint."""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

from hrpose.cli.parser import command_parser
from hrpose.errors import UserError

EXAMPLES = (
    'hrpose test hrnet_w32_coco_256x192 hrnet_w32_coco_256x192 --cfg-options data_root=/data/coco',
    'hrpose test mine.py work_dirs/mine/epoch_210.pth --json metrics.json',
)


def parser_of(prog: str | None = None) -> argparse.ArgumentParser:
    """Return the parser of the command."""
    from hrpose.cli.arguments import add_run_arguments

    parser = command_parser(prog, 'Evaluate a checkpoint by the protocol of its config.', EXAMPLES)
    add_run_arguments(parser)
    parser.add_argument('checkpoint', help='weights to evaluate')
    parser.add_argument('--json', type=Path, metavar='FILE', help='write the metrics to this JSON file too')
    parser.add_argument('--dump', metavar='FILE', help='write all predictions to this .pkl file')
    parser.add_argument('--show-dir', metavar='DIR', help='draw ground truth and predictions of each image into it')
    return parser


def main(words: Sequence[str] | None = None, *, prog: str | None = None) -> None:
    """Evaluate a checkpoint."""
    arguments = parser_of(prog).parse_args(words)
    if arguments.dump and not arguments.dump.endswith(('.pkl', '.pickle')):
        raise UserError(f'--dump {arguments.dump}: a pickle is written; give a name that ends in .pkl or .pickle')
    from hrpose.cli.arguments import config_from_arguments, require_checkpoint
    from hrpose.engine.distributed.processes import leave, rank_of
    from hrpose.engine.launch import build_runner

    cfg = config_from_arguments(arguments)
    require_checkpoint(cfg.launcher, arguments.checkpoint)
    cfg.load_from, cfg.resume = arguments.checkpoint, False
    if arguments.dump:
        dump = dict(type='DumpResults', out_file_path=arguments.dump, collect_device='gpu')
        cfg.test_evaluator = [*cfg.test_evaluator, dump]
    if arguments.show_dir:
        hook = dict(type='PoseVisualizationHook', out_dir=arguments.show_dir)
        cfg.custom_hooks = [*cfg.get('custom_hooks', []), hook]
    metrics = build_runner(cfg, loaders=('test_dataloader',)).test()
    if arguments.json and rank_of(cfg.launcher) == 0:
        arguments.json.write_text(json.dumps(metrics, indent=2) + '\n')
    leave()
