"""Statistics of batch normalisation, which each process gathers of its own share of the data, made one."""

from collections.abc import Iterator

import torch
from mmengine.dist import all_reduce
from mmengine.hooks import EMAHook, Hook
from mmengine.runner import Runner
from torch import Tensor

from hrpose.registry import HOOKS


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
