"""The optimizer: the batch that one step takes, the learning rate that goes with it, and bf16 on CPUs."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from mmengine.optim import OptimWrapper
from mmengine.runner import Runner
from torch import nn

from hrpose.errors import UserError, nearest
from hrpose.registry import OPTIM_WRAPPERS


@dataclass(frozen=True)
class Batch:
    """How many people one optimizer step sees.

    Attributes:
        per_process: of one process's loader.
        processes: that train together.
        accumulated: batches whose gradients are summed up before a step (`accumulative_counts`).
    """

    per_process: int
    processes: int
    accumulated: int

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
    """Return the batch that the config's learning rate is for, None where it does not say; refuse what is no number."""
    batch = (auto_scale_lr or {}).get('base_batch_size')
    if batch is not None and not (isinstance(batch, int) and batch > 0):
        raise UserError(f'auto_scale_lr.base_batch_size has to be a positive whole number, not {batch!r}')
    return batch


def scale_learning_rate(runner: Runner, auto_scale_lr: dict[str, Any] | None) -> None:
    """Multiply the rates by effective batch over recipe batch (Goyal et al., 2017), where the config asks for it.

    Raises:
        UserError: asked for, without saying which batch the rates are for.
    """
    if not (auto_scale_lr or {}).get('enable', False):
        return
    recipe = recipe_batch(auto_scale_lr)
    if recipe is None:
        raise UserError(
            '--auto-scale-lr: the config does not say which batch size its learning rate is for; '
            'add auto_scale_lr = dict(base_batch_size=…)'
        )
    for group in parameter_groups(runner):
        group['lr'] *= batch_of(runner).size / recipe


def parameter_groups(runner: Runner) -> list[dict[str, Any]]:
    wrapper: Any = runner.optim_wrapper
    wrappers = wrapper.values() if hasattr(wrapper, 'optim_wrappers') else [wrapper]
    return [group for one in wrappers for group in one.optimizer.param_groups]


def require_matching_keys(paramwise_cfg: dict[str, Any] | None, names: Iterable[str]) -> None:
    """Raise `UserError` for a rate in `custom_keys` that is for no parameter: mmengine drops it in silence."""
    names = list(names)
    for key in (paramwise_cfg or {}).get('custom_keys', {}):
        if not any(key in name for name in names):
            parts = {'.'.join(name.split('.')[:depth]) for name in names for depth in (1, 2)}
            raise UserError(
                f"optim_wrapper.paramwise_cfg.custom_keys: no weight has '{key}' in its name; {nearest(key, parts)}"
            )


@OPTIM_WRAPPERS.register_module()
class BF16OptimWrapper(OptimWrapper):
    """mmengine's optimizer wrapper with the forward pass in bf16, on the device that holds the model.

    bf16 has float32's range, so gradients need no scaling; weights and optimizer stay in float32. mmengine's
    `AmpOptimWrapper` runs on accelerators only. Arguments are those of `OptimWrapper`.
    """

    @contextmanager
    def optim_context(self, model: nn.Module) -> Iterator[None]:
        """Run the forward pass inside autocast."""
        device = next(model.parameters()).device.type
        with super().optim_context(model), torch.autocast(device, dtype=torch.bfloat16):
            yield
