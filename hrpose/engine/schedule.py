"""Let the learning rate of a resumed training follow the schedule of its config, not that of the checkpoint.

mmengine restores the whole schedule from the checkpoint. A training that is resumed to run for more epochs would keep
the learning rate at which the shorter one ended, and one resumed from a stranger's file any rate of theirs.
"""

import warnings
from collections.abc import Sequence
from typing import Any

from mmengine.optim.scheduler.param_scheduler import ReduceOnPlateauParamScheduler
from mmengine.runner import EpochBasedTrainLoop, Runner


def schedulers_of(runner: Runner) -> list[Any]:
    """Return a runner's schedulers, of all its optimizers."""
    found = runner.param_schedulers or []
    return [each for part in found.values() for each in part] if isinstance(found, dict) else list(found)


def schedulers_by_metric(runner: Runner) -> list[Any]:
    """Return a runner's schedulers if one of them depends on a metric, else an empty list."""
    schedulers = schedulers_of(runner)
    return schedulers if any(isinstance(one, ReduceOnPlateauParamScheduler) for one in schedulers) else []


def follow_config(runner: Runner) -> None:
    """Advance the config's schedule from its start to the resumed step.

    A schedule that depends on a metric cannot be repeated; its progress comes from the checkpoint.
    """
    schedulers = schedulers_of(runner)
    if not schedulers or schedulers_by_metric(runner):
        return
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')  # the schedule steps before the optimizer
        _replay(runner, schedulers)


def _replay(runner: Runner, schedulers: Sequence[Any]) -> None:
    """Step as `ParamSchedulerHook` did in training."""
    if not isinstance(runner.train_loop, EpochBasedTrainLoop):
        _step_iterations(schedulers, runner.iter)
        return
    for epoch in range(runner.epoch):
        # All steps, in epochs of equal length.
        done, due = (runner.iter * count // runner.epoch for count in (epoch, epoch + 1))
        _step_iterations(schedulers, due - done)
        for scheduler in schedulers:
            if scheduler.by_epoch:
                scheduler.step()


def _step_iterations(schedulers: Sequence[Any], count: int) -> None:
    """Advance the schedulers of iterations by `count` steps; past its end, a scheduler counts only."""
    by_iter = [scheduler for scheduler in schedulers if not scheduler.by_epoch]
    active = min(count, max((scheduler.end - scheduler._global_step for scheduler in by_iter), default=0))
    for _ in range(active):
        for scheduler in by_iter:
            scheduler.step()
    for scheduler in by_iter:
        scheduler._global_step += count - max(active, 0)
