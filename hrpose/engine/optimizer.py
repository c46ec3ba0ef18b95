"""The optimizer: the effective batch, the learning rate that fits it, and bf16 on CPUs."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from mmengine.optim import OptimWrapper, OptimWrapperDict
from mmengine.runner import Runner
from torch import nn

from hrpose.errors import UserError, nearest
from hrpose.registry import OPTIM_WRAPPERS


@dataclass(frozen=True)
class Batch:
    """The number of people in one optimizer step."""

    per_process: int  # batch size of the loader of one process
    processes: int  # number of processes that train together
    accumulated: int  # number of batches whose gradients are summed for a step (`accumulative_counts`)

    @property
    def size(self) -> int:
        """The effective batch."""
        return self.per_process * self.processes * self.accumulated

    def __str__(self) -> str:
        return f'{self.size} ({self.per_process} a process x {self.processes} x {self.accumulated} accumulated)'


def batch_of(runner: Runner) -> Batch:
    """Return the batch of a runner whose training loop and optimizer are built."""
    loader = runner.train_dataloader
    per_process = loader.batch_size or getattr(loader.batch_sampler, 'batch_size', 1)
    return Batch(per_process, runner.world_size, getattr(runner.optim_wrapper, '_accumulative_counts', 1))


def recipe_batch(auto_scale_lr: dict[str, Any] | None) -> int | None:
    """Return the batch size that the config's learning rate is for, or None; raise `UserError` for a wrong value."""
    batch = (auto_scale_lr or {}).get('base_batch_size')
    if batch is not None and not (isinstance(batch, int) and batch > 0):
        raise UserError(f'auto_scale_lr.base_batch_size: has to be a whole number of at least 1, not {batch!r}')
    return batch


def scale_learning_rate(runner: Runner, auto_scale_lr: dict[str, Any] | None) -> None:
    """Multiply the learning rates by effective batch / recipe batch (Goyal et al., 2017) if the config enables it.

    Raises:
        UserError: the config enables it, but does not state the batch size of its learning rate.
    """
    if not (auto_scale_lr or {}).get('enable', False):
        return
    recipe = recipe_batch(auto_scale_lr)
    if recipe is None:
        raise UserError(
            '--auto-scale-lr: the config does not state the batch size of its learning rate; add '
            'auto_scale_lr = dict(base_batch_size=…)'
        )
    for group in parameter_groups(runner):
        group['lr'] *= batch_of(runner).size / recipe


def wrappers_of(optim_wrapper: Any) -> list[OptimWrapper]:
    """Return the wrappers in an `OptimWrapperDict`, or the only one."""
    return list(optim_wrapper.values()) if isinstance(optim_wrapper, OptimWrapperDict) else [optim_wrapper]


def parameter_groups(runner: Runner) -> list[dict[str, Any]]:
    """Return the parameter groups of all optimizers of a runner."""
    return [group for wrapper in wrappers_of(runner.optim_wrapper) for group in wrapper.optimizer.param_groups]


def require_matching_keys(paramwise_cfg: dict[str, Any] | None, names: Iterable[str]) -> None:
    """Raise `UserError` for a key of `custom_keys` that matches no parameter; mmengine ignores it silently."""
    names = list(names)
    for key in (paramwise_cfg or {}).get('custom_keys', {}):
        if not any(key in name for name in names):
            parts = {'.'.join(name.split('.')[:depth]) for name in names for depth in (1, 2)}
            raise UserError(
                f"optim_wrapper.paramwise_cfg.custom_keys: '{key}' is in no weight's name; {nearest(key, parts)}"
            )


@OPTIM_WRAPPERS.register_module()
class BF16OptimWrapper(OptimWrapper):
    """An optimizer wrapper that runs the forward pass in bf16, on CPUs too; mmengine's `AmpOptimWrapper` does not.

    bf16 has the range of float32, so gradients need no scaling. Weights and optimizer stay in float32. Arguments are
    those of `OptimWrapper`.
    """

    @contextmanager
    def optim_context(self, model: nn.Module) -> Iterator[None]:
        """Run the forward pass inside autocast."""
        device = next(model.parameters()).device.type
        with super().optim_context(model), torch.autocast(device, dtype=torch.bfloat16):
            yield
