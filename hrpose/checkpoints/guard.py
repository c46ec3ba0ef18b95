"""Make mmengine's own ways to weights the safe ones: its checkpoint loader, and `init_cfg` of type 'Pretrained'."""

from dataclasses import replace
from typing import Any

from mmengine.model.weight_init import PretrainedInit, update_init_info
from mmengine.registry import WEIGHT_INITIALIZERS
from mmengine.runner.checkpoint import CheckpointLoader
from torch import nn

from hrpose.checkpoints.families import Recognised, recognise
from hrpose.checkpoints.fit import load_weights
from hrpose.checkpoints.read import read_checkpoint
from hrpose.errors import UserError


class Pretrained(PretrainedInit):
    """`init_cfg=dict(type='Pretrained', checkpoint=…)`: read safely, recognised by content, the right part taken.

    Args:
        checkpoint: a path, the name of published weights, or an http(s) address.
        prefix: of the weights to take, under hrpose's names. Unless given, a whole model takes all, and a part of one
            takes 'backbone.'.
        map_location: where the tensors are read to.
    """

    def __call__(self, module: nn.Module) -> None:
        """Load the weights into `module`; raise `UserError` if none fits."""
        found = recognise(read_checkpoint(self.checkpoint, self.map_location))
        name = f'{type(module).__name__} from {self.checkpoint}'
        load_weights(module, _fitting_part(found, module, self.prefix, name), name=name, complete=False)
        if hasattr(module, '_params_init_info'):
            update_init_info(module, init_info=self._get_init_info())


def _fitting_part(found: Recognised, module: nn.Module, prefix: str | None, name: str) -> Recognised:
    """Return the weights that are meant for `module`, named as there; the others are among the dropped."""
    if prefix is None and any(key.startswith('backbone.') for key in module.state_dict()):
        return found
    beginning = f'{prefix or "backbone"}'.rstrip('.') + '.'
    own = {key: value for key, value in found.weights.items() if key.startswith(beginning)}
    if not own and prefix is not None:
        raise UserError(f"{name}: no weight's name begins with the prefix '{beginning}'; give another, or none")
    if not own:
        return found
    dropped = (*found.dropped, *(key for key in found.weights if key not in own))
    return replace(found, weights={key.removeprefix(beginning): own[key] for key in own}, dropped=dropped)


def _load_for_mmengine(filename: str, map_location: Any = None, **_: Any) -> dict[str, Any]:
    return read_checkpoint(filename, map_location)


def guard_mmengine() -> None:
    """Make every way into mmengine's `CheckpointLoader`, and its 'Pretrained', go through `read_checkpoint`."""
    for prefix in list(CheckpointLoader._schemes):
        CheckpointLoader.register_scheme(prefix, loader=_load_for_mmengine, force=True)
    # In mmengine's own registry: modules initialise themselves from there, whatever the scope of their config.
    WEIGHT_INITIALIZERS.register_module(name='Pretrained', module=Pretrained, force=True)
