"""Parts of a network that are not trained, and batch norm whose statistics stay."""

from collections.abc import Sequence
from typing import Any

from mmengine.hooks import Hook
from mmengine.runner import Runner
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from hrpose.engine.distributed.processes import unwrapped
from hrpose.errors import UserError, nearest
from hrpose.registry import HOOKS


def freeze(model: nn.Module, names: Sequence[str]) -> list[nn.Module]:
    """Freeze the parts called `names`, for instance 'backbone.layer1', and return them.

    Raises:
        UserError: the model has no part of that name.
    """
    if isinstance(names, str):
        raise UserError(f"frozen: has to be a list of names, not a text; write frozen = ['{names}']")
    known = dict(model.named_modules())
    for name in names:
        if not name or name not in known:
            raise UserError(f"frozen: the model has no part '{name}'; {nearest(name, known)}")
        known[name].requires_grad_(False)
    return [known[name] for name in names]


@HOOKS.register_module()
class FrozenPartsHook(Hook):
    """A hook that keeps batch norm's statistics of frozen parts: the loop puts the whole model into training mode."""

    def before_train_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None) -> None:
        """Put the frozen parts back into evaluation mode."""
        for part in getattr(runner, 'frozen_parts', ()):
            if part.training:
                part.eval()


@HOOKS.register_module()
class FixedStatisticsHook(Hook):
    """A hook that keeps batch norm's statistics of parts whose weights are trained, for small batches.

    Args:
        parts: their names, for instance 'backbone'.

    Raises:
        UserError: at the start of the training, if the model has no part of that name.
    """

    def __init__(self, parts: Sequence[str]) -> None:
        self.parts = list(parts)
        self._layers: list[nn.Module] = []

    def before_train(self, runner: Runner) -> None:
        """Find the layers; raise `UserError` for a part that the model does not have."""
        known = dict(unwrapped(runner.model).named_modules())
        if unknown := [name for name in self.parts if name not in known]:
            raise UserError(f"FixedStatisticsHook: the model has no part '{unknown[0]}'; {nearest(unknown[0], known)}")
        modules = (module for name in self.parts for module in known[name].modules())
        self._layers = [module for module in modules if isinstance(module, _BatchNorm)]

    def before_train_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None) -> None:
        """Put the layers back into evaluation mode: the loop puts the whole model into training mode."""
        for layer in self._layers:
            layer.eval()
