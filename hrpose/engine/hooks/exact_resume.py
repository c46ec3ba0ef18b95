"""Hooks by which a training that was interrupted goes on as if it had not been."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from mmengine.dist import all_reduce
from mmengine.hooks import EarlyStoppingHook as MMEngineEarlyStoppingHook
from mmengine.hooks import EMAHook, Hook
from mmengine.model import is_model_wrapper
from mmengine.runner import Runner
from torch import Tensor, nn

from hrpose.errors import UserError, nearest
from hrpose.registry import HOOKS

PENDING = 'pending_gradients'
# In mmengine's message hub, which every checkpoint holds.
WAITED, STOPPED = 'early_stop', 'stopped'


@HOOKS.register_module()
class EpochSeedHook(Hook):
    """Seeds PyTorch at the start of each epoch from seed, epoch and process, so that no random state need be saved.

    Augmentation has its own numbers (`EpochSampler`); these are for what a network draws itself: dropout, drop path.
    """

    def before_train_epoch(self, runner: Runner) -> None:
        """Seed the CPU and the GPU."""
        numbers = np.random.SeedSequence([runner.seed, runner.epoch, runner.rank])
        torch.manual_seed(int(numbers.generate_state(1, np.uint64)[0]))


@HOOKS.register_module()
class PendingGradientsHook(Hook):
    """Saves and restores gradients that were gathered but not yet used, where an epoch ends between two steps.

    With `accumulative_counts` a step takes several batches, of which a checkpoint may come in the midst. Processes
    average what is pending first, since only one of them writes it: the sum of their next step stays the same.
    """

    def __init__(self) -> None:
        self._loaded: dict[str, Tensor] = {}

    def after_train_epoch(self, runner: Runner) -> None:
        """Average over the processes."""
        if runner.world_size > 1 and _is_pending(runner):
            for _, parameter in _with_gradients(runner):
                all_reduce(parameter.grad, 'mean')

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict[str, Any]) -> None:
        """Put what is pending into the checkpoint, if it is one to go on from."""
        if 'optimizer' in checkpoint and _is_pending(runner):
            gradients = {name: parameter.grad for name, parameter in _with_gradients(runner)}
            checkpoint[PENDING] = {name: value.cpu() for name, value in gradients.items() if value is not None}

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict[str, Any]) -> None:
        """Keep what the checkpoint holds until training starts."""
        self._loaded = checkpoint.get(PENDING, {}) if runner._resume else {}

    def before_train(self, runner: Runner) -> None:
        """Give the weights their gradients back."""
        for name, parameter in _bare(runner).named_parameters():
            if name in self._loaded:
                parameter.grad = self._loaded[name].to(parameter, copy=True)
        self._loaded = {}


def _bare(runner: Runner) -> nn.Module:
    return runner.model.module if is_model_wrapper(runner.model) else runner.model


def _is_pending(runner: Runner) -> bool:
    # In after_train_epoch and behind it, mmengine's wrapper has counted every batch.
    counts = getattr(runner.optim_wrapper, '_accumulative_counts', 1)
    done = getattr(runner.optim_wrapper, '_inner_count', 0)
    return done % counts != 0 and done != getattr(runner.optim_wrapper, '_max_counts', -1)


def _with_gradients(runner: Runner) -> Iterator[tuple[str, nn.Parameter]]:
    return ((name, value) for name, value in _bare(runner).named_parameters() if value.grad is not None)


@HOOKS.register_module()
class SharedStatisticsHook(Hook):
    """Averages floating-point buffers over the processes at the end of each training epoch, averaged weights' too.

    Without it each process would validate with statistics of its own, and a checkpoint hold those of the first only: a
    figure would depend on the number of processes, and a resumed run differ from an unbroken one. Runs before the
    checkpoint is written. Does nothing in a single process.
    """

    def after_train_epoch(self, runner: Runner) -> None:
        """Average, in one message."""
        buffers = [buffer for buffer in _buffers(runner) if buffer.is_floating_point()]
        if runner.world_size == 1 or not buffers:
            return
        joined = torch.cat([buffer.flatten().float() for buffer in buffers])
        all_reduce(joined, 'mean')
        for buffer, mean in zip(buffers, joined.split([buffer.numel() for buffer in buffers]), strict=True):
            buffer.copy_(mean.view_as(buffer))


def _buffers(runner: Runner) -> Iterator[Tensor]:
    yield from runner.model.buffers()
    for hook in runner.hooks:
        if isinstance(hook, EMAHook):
            yield from hook.ema_model.buffers()


@HOOKS.register_module()
class EarlyStoppingHook(MMEngineEarlyStoppingHook):
    """mmengine's hook, whose count of validations without progress is in the checkpoints.

    Args:
        monitor: name of the figure, for instance 'coco/AP'.
        rule: 'greater' or 'less', whichever is better.
        **options: mmengine's others: `patience` in validations, `min_delta`, `stopping_threshold` …

    Raises:
        UserError: later, a figure that no metric gives.
    """

    # Before the checkpoint is written.
    priority = 'LOW'

    def __init__(self, *, monitor: str, rule: str = 'greater', **options: Any) -> None:
        super().__init__(monitor=monitor, rule=rule, **options)

    def before_train(self, runner: Runner) -> None:
        """Take the count from the checkpoint, if there is one."""
        told = runner.message_hub.runtime_info.get(WAITED) if runner._resume else None
        if told:
            self.wait_count, self.best_score = int(told['waited']), float(told['best'])
            runner.train_loop.stop_training = bool(told[STOPPED])

    def after_val_epoch(self, runner: Runner, metrics: dict[str, float] | None = None) -> None:
        """Count, stop if it is time, and write the count down."""
        if self.monitor not in (metrics or {}):
            raise UserError(
                f"EarlyStoppingHook: monitor='{self.monitor}' is none of the figures of the validation; "
                f'{nearest(self.monitor, metrics or {})}'
            )
        super().after_val_epoch(runner, metrics)
        told = {'waited': self.wait_count, 'best': float(self.best_score), STOPPED: runner.train_loop.stop_training}
        runner.message_hub.update_info(WAITED, told)
