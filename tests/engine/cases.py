"""Runners of small trainings in this process."""

import time
from collections.abc import Sequence
from pathlib import Path

from mmengine.hooks import Hook

from hrpose.apis import build_runner
from hrpose.config import load_config
from hrpose.engine import PoseRunner


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
