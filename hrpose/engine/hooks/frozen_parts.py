"""Parts of a network that are not trained."""

from collections.abc import Sequence
from typing import Any

from mmengine.hooks import Hook
from mmengine.runner import Runner
from torch import nn

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
