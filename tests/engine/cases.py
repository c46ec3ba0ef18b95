"""Runners of small trainings in this process, and checkpoints compared whole."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from mmengine.hooks import Hook

from hrpose.checkpoints import read_checkpoint
from hrpose.config import load_config
from hrpose.engine.launch import build_runner
from hrpose.engine.runner import PoseRunner

# Rates that change within and between epochs, averaged weights, and steps that take two of an epoch's three batches.
EVERYTHING = """
model['backbone']['init_cfg'] = []
optim_wrapper = dict(optimizer=dict(type='AdamW', lr=1e-3), accumulative_counts=2, clip_grad=dict(max_norm=1))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.1, end=7, by_epoch=False),
    dict(type='CosineAnnealingLR', T_max=12, by_epoch=False),
    dict(type='MultiStepLR', milestones=[1, 3], gamma=0.5),
]
custom_hooks = [
    dict(type='EMAHook', momentum=0.1),
    dict(type='EarlyStoppingHook', monitor='pck/EPE', rule='less', patience=50),
]
val_evaluator = [dict(type='PCKMetric'), dict(type='CocoMetric')]
default_hooks['checkpoint'] = dict(interval=1, save_best='pck/EPE', rule='less', keep_best=2)
"""


def runner_of(
    config: Path,
    work_dir: Path,
    loaders: tuple[str, ...] = ('train_dataloader', 'val_dataloader'),
    *,
    launcher: str = 'none',
    hooks: Sequence[Hook] = (),
    **options: object,
) -> PoseRunner:
    """Return the runner of a config file with `options` over it, and `hooks` besides its own."""
    cfg = load_config(config, options)
    # mmengine keeps one logger for each name and second.
    cfg.work_dir, cfg.launcher, cfg.experiment_name = str(work_dir), launcher, f'{config.stem}_{time.time_ns()}'
    if 'visualizer.vis_backends' not in options:
        cfg.visualizer.vis_backends = [{'type': 'LocalVisBackend'}]
    runner = build_runner(cfg, loaders=loaders)
    for hook in hooks:
        runner.register_hook(hook)
    return runner


def without_places(value: Any) -> Any:
    """Return what a checkpoint holds as plain values, without paths, times and what mmengine names after them."""
    if isinstance(value, dict):
        passing = (
            'meta',
            'time',
            'data_time',
            'eta',
            'cfg',
            'last_ckpt',
            'best_ckpt',
            'loop_stage',
            'memory',
            'experiment_name',
        )
        return {
            key: without_places(item)
            for key, item in value.items()
            if key not in passing and not str(key).endswith(('/time', '/data_time'))
        }
    if isinstance(value, list | tuple):
        return [without_places(item) for item in value]
    # assert_close takes numbers only.
    return list(Path(value).name.encode()) if isinstance(value, str) else value


def assert_same(first: Path, second: Path) -> None:
    """Compare two checkpoints whole, to the bit."""
    one, other = (without_places(read_checkpoint(path)) for path in (first, second))
    assert {'state_dict', 'optimizer', 'message_hub'} <= set(one)
    torch.testing.assert_close(other, one, rtol=0, atol=0, equal_nan=True)
