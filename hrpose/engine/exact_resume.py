"""What else an interrupted training needs to go on as if it had not been: its random numbers, its pending gradients."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from mmengine.dist import all_reduce
from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from mmengine.runner import Runner
from torch import Tensor, nn

from hrpose.registry import HOOKS

PENDING = 'pending_gradients'


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
