"""Parts of a network that learn in another way than the rest: not at all, or at a rate of their own."""

from collections.abc import Iterable, Sequence
from typing import Any

from mmengine.hooks import Hook
from mmengine.runner import Runner
from torch import nn

from hrpose.errors import UserError, nearest
from hrpose.registry import HOOKS


def freeze(model: nn.Module, names: Sequence[str]) -> list[nn.Module]:
    """Take the parts called `names`, for instance 'backbone.layer1', out of training; returns them.

    Raises:
        UserError: a name that no part of the model has.
    """
    if isinstance(names, str):
        raise UserError(f"frozen takes a list of names: frozen = ['{names}']")
    known = dict(model.named_modules())
    for name in names:
        if not name or name not in known:
            raise UserError(f"frozen: the model has no part '{name}'; {nearest(name, known)}")
        known[name].requires_grad_(False)
    return [known[name] for name in names]


@HOOKS.register_module()
class FrozenPartsHook(Hook):
    """Keeps the statistics of normalisation of frozen parts; the loop puts the whole model into training mode."""

    def before_train_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None) -> None:
        """Put the frozen parts back into evaluation mode."""
        for part in getattr(runner, 'frozen_parts', ()):
            if part.training:
                part.eval()


def require_matching_keys(paramwise_cfg: dict[str, Any] | None, names: Iterable[str]) -> None:
    """Raise `UserError` for a rate in `custom_keys` that is for no parameter: mmengine drops it in silence."""
    names = list(names)
    for key in (paramwise_cfg or {}).get('custom_keys', {}):
        if not any(key in name for name in names):
            parts = {'.'.join(name.split('.')[:depth]) for name in names for depth in (1, 2)}
            raise UserError(
                f"optim_wrapper.paramwise_cfg.custom_keys: no weight has '{key}' in its name; {nearest(key, parts)}"
            )
