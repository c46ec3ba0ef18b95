"""Hooks that make a resumed training equal an uninterrupted one."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import torch
from mmengine.dist import all_reduce
from mmengine.hooks import EarlyStoppingHook as MMEngineEarlyStoppingHook
from mmengine.hooks import EMAHook, Hook
from mmengine.runner import Runner
from torch import Tensor, nn

from hrpose.engine.distributed.processes import unwrapped
from hrpose.engine.takeover import require_fit
from hrpose.errors import UserError, nearest
from hrpose.registry import HOOKS

PENDING = 'pending_gradients'
# Keys of mmengine's message hub, which is saved in every checkpoint.
WAITED, STOPPED = 'early_stop', 'stopped'


@HOOKS.register_module()
class EpochSeedHook(Hook):
    """A hook that seeds PyTorch from seed, epoch and rank in each epoch, so that no random state has to be saved.

    The numbers are for dropout and drop path. Augmentation has its own generator (`EpochSampler`).
    """

    def before_train_epoch(self, runner: Runner) -> None:
        """Seed the CPU and the GPU."""
        numbers = np.random.SeedSequence([runner.seed, runner.epoch, runner.rank])
        torch.manual_seed(int(numbers.generate_state(1, np.uint64)[0]))


@HOOKS.register_module()
class PendingGradientsHook(Hook):
    """A hook that saves and restores the gradients of an optimizer step that an epoch ends in the middle of.

    With `accumulative_counts`, a step takes several batches, and a checkpoint may be due between them. Only one process
    writes it, so the processes average these gradients first; the sum of their next step stays the same.
    """

    def __init__(self) -> None:
        self._loaded: dict[str, Tensor] = {}

    def after_train_epoch(self, runner: Runner) -> None:
        """Average pending gradients over the processes."""
        if runner.world_size > 1 and _is_pending(runner):
            for _, parameter in _with_gradients(runner):
                all_reduce(parameter.grad, 'mean')

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict[str, Any]) -> None:
        """Add pending gradients to a checkpoint that has the optimizer's state."""
        if 'optimizer' in checkpoint and _is_pending(runner):
            gradients = {name: parameter.grad for name, parameter in _with_gradients(runner)}
            checkpoint[PENDING] = {name: value.cpu() for name, value in gradients.items() if value is not None}

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict[str, Any]) -> None:
        """Keep the gradients of a checkpoint until training starts; raise `UserError` if they are of other weights."""
        loaded = checkpoint.get(PENDING, {}) if runner._resume else {}
        if not isinstance(loaded, Mapping):
            raise UserError(f'the checkpoint has {PENDING} that are no dictionary; resume from another')
        weights = dict(unwrapped(runner.model).named_parameters())
        if strange := [name for name in loaded if name not in weights]:
            raise UserError(f'the checkpoint has a gradient of {strange[0]!r}, which is no weight; resume from another')
        what = 'the checkpoint: the gradient of'
        self._loaded = {name: require_fit(value, weights[name], f'{what} {name}') for name, value in loaded.items()}

    def before_train(self, runner: Runner) -> None:
        """Restore the gradients."""
        for name, parameter in unwrapped(runner.model).named_parameters():
            if name in self._loaded:
                parameter.grad = self._loaded[name].to(parameter, copy=True)
        self._loaded = {}


def _is_pending(runner: Runner) -> bool:
    # At the end of an epoch, mmengine's wrapper has counted every batch.
    counts = getattr(runner.optim_wrapper, '_accumulative_counts', 1)
    done = getattr(runner.optim_wrapper, '_inner_count', 0)
    return done % counts != 0 and done != getattr(runner.optim_wrapper, '_max_counts', -1)


def _with_gradients(runner: Runner) -> Iterator[tuple[str, nn.Parameter]]:
    return ((name, value) for name, value in unwrapped(runner.model).named_parameters() if value.grad is not None)


@HOOKS.register_module()
class SharedStatisticsHook(Hook):
    """A hook that averages batch norm's statistics over the processes after each epoch, those of EMA weights too.

    Otherwise each process would validate with its own statistics, and a checkpoint would hold those of process 0 only:
    metrics would depend on the number of processes, and a resumed training would differ from an uninterrupted one.
    """

    def after_train_epoch(self, runner: Runner) -> None:
        """Average all floating-point buffers in one message, before the checkpoint is written."""
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
    """mmengine's hook, but checkpoints keep the count of validations without progress.

    Args:
        monitor: name of a metric, for instance 'coco/AP'.
        rule: which is better, 'greater' or 'less'.
        **options: other arguments of mmengine's: `patience` in validations, `min_delta`, `stopping_threshold` …

    Raises:
        UserError: in the first validation, if no metric is called `monitor`.
    """

    # Before the checkpoint is written.
    priority = 'LOW'

    def __init__(self, *, monitor: str, rule: str = 'greater', **options: Any) -> None:
        super().__init__(monitor=monitor, rule=rule, **options)

    def before_train(self, runner: Runner) -> None:
        """Restore the count from the checkpoint, if any."""
        saved = runner.message_hub.runtime_info.get(WAITED) if runner._resume else None
        if saved:
            self.wait_count, self.best_score = int(saved['waited']), float(saved['best'])
            runner.train_loop.stop_training = bool(saved[STOPPED])

    def after_val_epoch(self, runner: Runner, metrics: dict[str, float] | None = None) -> None:
        """Count, stop the training if it is due, and note the count for the next checkpoint.

        Raises:
            UserError: validation has no metric of that name.
        """
        if self.monitor not in (metrics or {}):
            raise UserError(
                f"EarlyStoppingHook: monitor='{self.monitor}' is no metric in validation; "
                f'{nearest(self.monitor, metrics or {})}'
            )
        super().after_val_epoch(runner, metrics)
        state = {'waited': self.wait_count, 'best': float(self.best_score), STOPPED: runner.train_loop.stop_training}
        runner.message_hub.update_info(WAITED, state)
