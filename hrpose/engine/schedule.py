"""The learning rates of a resumed training: by the schedule of its config, not by the one that the checkpoint had.

mmengine takes the whole schedule from the checkpoint. Its end follows from the number of epochs, so a training that is
resumed to run longer would keep the rate at which the shorter one ended.
"""

import copy
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mmengine.optim.scheduler.param_scheduler import ReduceOnPlateauParamScheduler
from mmengine.runner import EpochBasedTrainLoop, Runner

# What a scheduler's state holds beside its plan: how far it has come, and the values it started from.
_PROGRESS = {'last_step', '_global_step', '_last_value', 'base_values', 'verbose'}


@dataclass(frozen=True)
class Start:
    """Schedulers and the values that they steer as they are before the first step."""

    states: list[dict[str, Any]]
    values: list[list[Any]]


def schedulers_of(runner: Runner) -> list[Any]:
    """Return a runner's schedulers that depend on nothing but the steps done; none if some depend on figures."""
    schedulers = runner.param_schedulers if isinstance(runner.param_schedulers, Sequence) else []
    by_figures = any(isinstance(scheduler, ReduceOnPlateauParamScheduler) for scheduler in schedulers)
    return [] if by_figures or not isinstance(runner.train_loop, EpochBasedTrainLoop) else list(schedulers)


def start_of(schedulers: Sequence[Any]) -> Start:
    """Return how `schedulers`, which have not stepped yet, begin."""
    states = [copy.deepcopy(scheduler.state_dict()) for scheduler in schedulers]
    return Start(states, [[group[one.param_name] for group in _groups(one)] for one in schedulers])


def follow_config(runner: Runner, start: Start) -> None:
    """Bring the schedule of the config to where the resumed training is, if it differs from the checkpoint's."""
    schedulers = schedulers_of(runner)
    if [_plan(state) for state in start.states] == [_plan(scheduler.state_dict()) for scheduler in schedulers]:
        return
    for scheduler, state, values in zip(schedulers, start.states, start.values, strict=True):
        scheduler.load_state_dict(state)
        for group, value in zip(_groups(scheduler), values, strict=True):
            group[scheduler.param_name] = value
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')  # of a schedule that steps before the optimizer does
        _replay(runner, schedulers)
    runner.logger.info("the schedule is not the checkpoint's: the learning rate follows the config")


def _replay(runner: Runner, schedulers: Sequence[Any]) -> None:
    """Step as `ParamSchedulerHook` does."""
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
