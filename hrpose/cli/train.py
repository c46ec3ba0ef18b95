"""`hrpose train`: train a model from a config."""

import argparse
from collections.abc import Sequence
from typing import Any

from hrpose.cli.parser import command_parser

EXAMPLES = (
    'hrpose train hrnet_w16_synthetic_128x96 --dry-run',
    'hrpose train mine.py --cfg-options data_root=/data/mine load_from=hrnet_w32_coco_256x192',
    'hrpose train mine.py --resume',
)


def parser_of(prog: str | None = None) -> argparse.ArgumentParser:
    """Return the parser of the command."""
    from hrpose.cli.arguments import add_run_arguments

    parser = command_parser(prog, 'Train a model from a config.', EXAMPLES)
    add_run_arguments(parser)
    parser.add_argument(
        '--resume',
        nargs='?',
        const='auto',
        metavar='CHECKPOINT',
        help='continue from a checkpoint (default: the latest of the work dir)',
    )
    parser.add_argument('--amp', action='store_true', help='mixed precision: fp16 on a GPU, bf16 on a CPU')
    parser.add_argument(
        '--auto-scale-lr',
        action='store_true',
        help='scale the learning rate to the effective batch size; auto_scale_lr in the config has the original one',
    )
    parser.add_argument(
        '--dry-run',
        nargs='?',
        type=int,
        const=0,
        metavar='PROCESSES',
        help='build everything, run one batch, and print shapes, memory, batches and time of a training, for instance '
        'of 64 processes; save nothing',
    )
    return parser


def main(words: Sequence[str] | None = None, *, prog: str | None = None) -> None:
    """Train a model."""
    arguments = parser_of(prog).parse_args(words)
    from hrpose.cli.arguments import config_from_arguments
    from hrpose.engine.distributed.processes import leave
    from hrpose.engine.launch import build_runner

    cfg = config_from_arguments(arguments)
    if arguments.amp:
        use_mixed_precision(cfg)
    if arguments.auto_scale_lr:
        cfg.auto_scale_lr = {**(cfg.get('auto_scale_lr') or {}), 'enable': True}
    if arguments.resume:
        resume(cfg, arguments.resume)
    loaders = ('train_dataloader', 'val_dataloader') if cfg.get('val_dataloader') else ('train_dataloader',)
    if arguments.dry_run is not None:
        dry_run(cfg, loaders, arguments.dry_run)
    else:
        build_runner(cfg, loaders=loaders).train()
    leave()


def use_mixed_precision(cfg: Any) -> None:
    """Make the optimizer wrapper use fp16 with loss scaling on GPUs, and bf16 on CPUs."""
    import torch

    wrapper = cfg.optim_wrapper
    if wrapper.get('type', 'OptimWrapper') == 'OptimWrapper':
        # With the scope, because the config may be one of mmdet's.
        wrapper.type = 'AmpOptimWrapper' if torch.cuda.is_available() else 'hrpose.BF16OptimWrapper'


def resume(cfg: Any, checkpoint: str) -> None:
    """Make a run continue from `checkpoint`; 'auto' is the latest in its work dir, if there is one."""
    from hrpose.cli.arguments import require_checkpoint
    from hrpose.engine.distributed.processes import rank_of
    from hrpose.engine.work_dir import latest_checkpoint

    found = latest_checkpoint(cfg.work_dir) if checkpoint == 'auto' else checkpoint
    if found is None:
        # Every process follows what process 0 finds (`PoseRunner.load_or_resume`).
        if rank_of(cfg.launcher) == 0:
            print(f'--resume: {cfg.work_dir} has no checkpoint; training starts at the beginning')
        return
    require_checkpoint(cfg.launcher, str(found))
    cfg.resume, cfg.load_from = True, str(found)


def dry_run(cfg: Any, loaders: tuple[str, ...], processes: int) -> None:
    """Print what a training of `processes` (0: those of this run) would do. The work dir stays as it is."""
    from tempfile import TemporaryDirectory

    from hrpose.engine.dry_run import dry_run
    from hrpose.engine.launch import build_runner
    from hrpose.errors import UserError

    if processes < 0:
        raise UserError(f'--dry-run is {processes}; give a number of processes of at least 1')
    with TemporaryDirectory() as work_dir:
        cfg.work_dir, cfg.visualizer, cfg.log_level = work_dir, None, 'WARNING'
        runner = build_runner(cfg, loaders=loaders)
        told = dry_run(runner, processes or None)
        if runner.rank == 0:
            print(told)
