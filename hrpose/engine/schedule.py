"""Let the learning rate of a resumed training follow the schedule of its config, not that of the checkpoint.

mmengine restores the whole schedule from the checkpoint. A training that is resumed to run for more epochs would keep
the learning rate at which the shorter one ended.
"""

import copy
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

from mmengine.optim.scheduler.param_scheduler import ReduceOnPlateauParamScheduler
from mmengine.runner import EpochBasedTrainLoop, Runner

# The part of a scheduler's state that is progress; the rest is its plan.
_PROGRESS = {'last_step', '_global_step', '_last_value', 'base_values', 'verbose'}


# State and values (one for each parameter group) of each scheduler before its first step.
Start = list[tuple[dict[str, Any], list[Any]]]


def schedulers_of(runner: Runner) -> list[Any]:
    """Return a runner's schedulers if they depend on the number of steps only, else an empty list."""
    schedulers = runner.param_schedulers if isinstance(runner.param_schedulers, Sequence) else []
    by_metric = any(isinstance(scheduler, ReduceOnPlateauParamScheduler) for scheduler in schedulers)
    return [] if by_metric or not isinstance(runner.train_loop, EpochBasedTrainLoop) else list(schedulers)


def start_of(schedulers: Sequence[Any]) -> Start:
    """Return the start of `schedulers` that have not stepped yet."""
    return [(copy.deepcopy(one.state_dict()), [group[one.param_name] for group in _groups(one)]) for one in schedulers]


def follow_config(runner: Runner, start: Start) -> None:
    """Advance the config's schedule to the resumed step if it differs from that of the checkpoint."""
    schedulers = schedulers_of(runner)
    if [_plan(state) for state, _ in start] == [_plan(scheduler.state_dict()) for scheduler in schedulers]:
        return
    for scheduler, (state, values) in zip(schedulers, start, strict=True):
        scheduler.load_state_dict(state)
        for group, value in zip(_groups(scheduler), values, strict=True):
            group[scheduler.param_name] = value
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')  # the schedule steps before the optimizer
        _replay(runner, schedulers)
    runner.logger.info("the schedule differs from the checkpoint's; the learning rate follows the config")


def _replay(runner: Runner, schedulers: Sequence[Any]) -> None:
    """Step as `ParamSchedulerHook` did in training."""
    steps = runner.iter // max(runner.epoch, 1)
    for _ in range(runner.epoch):
        for _ in range(steps):
            for scheduler in schedulers:
                if not scheduler.by_epoch:
                    scheduler.step()
        for scheduler in schedulers:
            if scheduler.by_epoch:
                scheduler.step()


def _plan(state: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in state.items() if key not in _PROGRESS}


def _groups(scheduler: Any) -> list[dict[str, Any]]:
    return getattr(scheduler.optimizer, 'optimizer', scheduler.optimizer).param_groups
