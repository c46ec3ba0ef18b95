"""From a linked config to a runner: what the tools share."""

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config
from mmengine.registry import DefaultScope
from mmengine.runner import Runner

from hrpose.config import each_dataset, load_config, parse_options
from hrpose.engine.distributed.processes import LAUNCHERS, require_launcher
from hrpose.errors import UserError
from hrpose.plugins.openmmlab import require_mmdet
from hrpose.registry import DATASETS


def add_config_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that every command with a config has."""
    parser.add_argument('config', help="a config's file, or the name of one of hrpose's: hrpose models")
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        default=[],
        metavar='KEY=VALUE',
        help='override values of the config, for instance data_root=/data/coco codec.input_size="(288,384)"',
    )


def add_run_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that training and testing share."""
    add_config_arguments(parser)
    parser.add_argument('--work-dir', help='where logs and checkpoints go; default work_dirs/<config name>')
    parser.add_argument('--launcher', choices=LAUNCHERS, default='none', help='how the processes were started')
    parser.add_argument('--local_rank', '--local-rank', type=int, default=0, help=argparse.SUPPRESS)


def config_from_arguments(arguments: argparse.Namespace) -> Config:
    """Return the linked config of a command's arguments, with `launcher` and `work_dir` set."""
    require_launcher(arguments.launcher)
    cfg = load_config(arguments.config, parse_options(arguments.cfg_options))
    cfg.launcher = arguments.launcher
    cfg.work_dir = arguments.work_dir or cfg.get('work_dir') or str(Path('work_dirs') / Path(arguments.config).stem)
    return cfg


def build_runner(cfg: Config, *, loaders: tuple[str, ...]) -> Runner:
    """Return the runner of a linked config, after a look at the data it is going to need.

    Args:
        cfg: from `load_config`.
        loaders: of `train_dataloader val_dataloader test_dataloader`, those that the run reads; the others are left
            out of the runner together with what belongs to them.

    Raises:
        UserError: data that are not there, an unknown part, parts that do not fit each other.
    """
    from hrpose.engine.runner import PoseRunner

    cfg = _without_unused(cfg, loaders)
    _require_parts(cfg, loaders)
    if cfg.get('default_scope') == 'mmdet':
        require_mmdet()
    for name in loaders:
        require_data(cfg, name)
    if 'train_dataloader' in loaders and 'codec' in cfg:
        _require_epochs(cfg.train_dataloader.get('sampler', {}))
    return PoseRunner.from_cfg(cfg)


def _without_unused(cfg: Config, loaders: tuple[str, ...]) -> Config:
    """Return a copy without the loops that the run does not have; mmengine builds all it is given."""
    kept = Config(cfg._cfg_dict.to_dict(), filename=cfg.filename)
    for phase in ('train', 'val', 'test'):
        if f'{phase}_dataloader' not in loaders:
            for part in ('dataloader', 'cfg', 'evaluator'):
                kept.pop(f'{phase}_{part}', None)
    if 'train_dataloader' not in loaders:
        for part in ('optim_wrapper', 'param_scheduler', 'auto_scale_lr'):
            kept.pop(part, None)
    return kept


def _require_parts(cfg: Config, loaders: tuple[str, ...]) -> None:
    """Name what a config lacks, before mmengine stumbles over it."""
    needed = ['model', *loaders]
    if 'train_dataloader' in loaders:
        needed += ['train_cfg', 'optim_wrapper']
    if cfg.get('default_scope', 'hrpose') == 'hrpose' and ('train_pipeline' in cfg or 'test_pipeline' in cfg):
        needed.insert(0, 'codec')
    if missing := [name for name in needed if cfg.get(name) is None]:
        raise UserError(
            f'the config has no {", no ".join(missing)}; configs/hrnet_w32_coco_256x192.py shows a complete one'
        )


def _require_epochs(sampler: Mapping[str, Any]) -> None:
    """Refuse mmengine's samplers, whose plain indices would make augmentation repeat itself every epoch."""
    if sampler.get('type') in ('DefaultSampler', 'InfiniteSampler'):
        raise UserError(
            f"train_dataloader.sampler is mmengine's {sampler['type']}, which does not tell the data set the epoch, so "
            "that augmentation would repeat itself; write dict(type='EpochSampler', shuffle=True)"
        )


def require_data(cfg: Config, loader: str) -> None:
    """Stop in a sentence if a loader's data are not there. The annotations are not read yet."""
    with DefaultScope.overwrite_default_scope(cfg.get('default_scope', 'hrpose')):
        for _, dataset in each_dataset(cfg[loader].dataset, loader):
            DATASETS.build({**dataset.to_dict(), 'lazy_init': True})


def use_mixed_precision(cfg: Config) -> None:
    """Switch the optimizer wrapper to mixed precision: fp16 with scaling on GPUs, bf16 on CPUs."""
    wrapper: Any = cfg.optim_wrapper
    if wrapper.get('type', 'OptimWrapper') == 'OptimWrapper':
        # With its scope, for configs of mmdet's too.
        wrapper.type = 'AmpOptimWrapper' if torch.cuda.is_available() else 'hrpose.BF16OptimWrapper'
