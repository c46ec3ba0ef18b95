"""Fit recognised weights into a model, and say in one line what was loaded, dropped and left to initialisation."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mmengine.logging import print_log
from torch import nn

from hrpose.checkpoints.families import Recognised, recognise
from hrpose.checkpoints.table import trained_codec
from hrpose.errors import UserError, printable

# How many batches a normalisation has seen: no weight, and absent from files of PyTorch before 0.4.1.
_COUNTER = 'num_batches_tracked'


@dataclass
class Fit:
    """How a checkpoint's weights fitted a model, by hrpose's names."""

    loaded: list[str] = field(default_factory=list)
    other_shape: list[str] = field(default_factory=list)  # in both, but of different shapes
    missing: list[str] = field(default_factory=list)  # only in the model
    unused: list[str] = field(default_factory=list)  # only in the file
    dropped: list[str] = field(default_factory=list)  # of parts that the model lacks, such as a classifier

    @property
    def share(self) -> float:
        """The part of the model's weights that were loaded, 0 to 1."""
        return len(self.loaded) / max(len(self.loaded) + len(self.other_shape) + len(self.missing), 1)

    def __str__(self) -> str:
        total = len(self.loaded) + len(self.other_shape) + len(self.missing)
        # Rounded down: 100% is all of them.
        parts = [f'{len(self.loaded)} of {total} weights ({int(100 * self.share)}%) matched']
        left = [_count(self.other_shape, 'of another shape'), _count(self.missing, 'not in the file')]
        parts_dropped = list(dict.fromkeys(name.split('.')[0] for name in self.dropped))
        dropped = [_count(parts_dropped, 'of other parts', of=self.dropped)]
        dropped += [_count(self.unused, 'not in this model')]
        for what, counts in (('left to initialisation', left), ('dropped', dropped)):
            if any(counts):
                parts.append(f'{what}: {", ".join(filter(None, counts))}')
        return '; '.join(parts)


def _count(names: Sequence[str], what: str, *, of: Sequence[str] | None = None) -> str:
    """Return for instance '5 of another shape (a, b, c, …)', or nothing for no names."""
    more = ', …' if len(names) > 3 else ''
    return (
        f'{len(names if of is None else of)} {what} ({printable(", ".join(name[:100] for name in names[:3]))}{more})'
        if names
        else ''
    )


def load_weights(model: nn.Module, checkpoint: Mapping[str, Any] | Recognised, *, name: str, complete: bool) -> Fit:
    """Copy a checkpoint's weights into `model` where names and shapes agree; log in one line what happened.

    A model whose weights are then complete takes the checkpoint's calibration too, if it can (`take_calibration`).

    Args:
        model: changed in place.
        checkpoint: a checkpoint's content, or the weights themselves, in any layout of `FAMILIES`; or recognised ones.
        name: of the file, for messages.
        complete: every weight of the model has to be found (testing, resuming), or only some (fine-tuning).

    Raises:
        UserError: nothing fits, or not everything although `complete`, or the calibration cannot be read.
    """
    found = checkpoint if isinstance(checkpoint, Recognised) else recognise(checkpoint)
    own = model.state_dict()
    unused = [key for key in found.weights if key not in own]
    extras = [key for key in unused if key.startswith(found.family.extras)]
    fit = Fit(unused=[key for key in unused if key not in extras], dropped=[*found.dropped, *extras])
    for key, value in own.items():
        given = found.weights.get(key)
        if given is None and key.endswith(_COUNTER):
            continue
        place = fit.missing if given is None else fit.loaded if given.shape == value.shape else fit.other_shape
        place.append(key)
    if not fit.loaded or (complete and (fit.other_shape or fit.missing)):
        advice = 'give the config that it was trained with'
        if fit.loaded and found.family.is_backbone:
            advice = 'it holds a backbone only: start a training from it, by load_from or the init_cfg of a backbone'
        raise UserError(f'{name}: does not fit this model: {fit} (recognised as {found.family.name}); {advice}')
    model.load_state_dict({key: found.weights[key] for key in fit.loaded}, strict=False)
    if complete and (take := getattr(model, 'take_calibration', None)):
        take(found.calibration, name)
    note = _order_note(model, found) + _codec_note(model, name)
    # Half a fit is seldom meant: a wider network's file, for instance, shares only its stem.
    level = logging.INFO if fit.share >= 0.5 and not note else logging.WARNING
    codec = trained_codec(name)
    origin = f'{found.family.name}, trained for {codec}' if codec else found.family.name
    print_log(f'{name} ({origin}): {fit}{note}', logger='current', level=level)
    return fit


def _codec_note(model: nn.Module, name: str) -> str:
    """Return what to change if published weights were trained for another codec than the model's head has."""
    ours, theirs = getattr(getattr(model, 'head', None), 'codec', None), trained_codec(name)
    if ours is None or theirs in ('', type(ours).__name__):
        return ''
    return (
        f'; these weights were trained for {theirs}, but this model has {type(ours).__name__}; for their metrics add '
        f'--cfg-options codec.type={theirs}'
    )


def _order_note(model: nn.Module, found: Recognised) -> str:
    """Return what to change if the published networks of a layout take channels in another order than `model`."""
    ours, theirs = getattr(getattr(model, 'data_preprocessor', None), 'channel_order', None), found.channel_order
    if None in (ours, theirs) or ours == theirs:
        return ''
    return (
        f'; the published networks of this layout take {theirs} images, but this model gets {ours}; for their metrics '
        f'add --cfg-options model.data_preprocessor.channel_order={theirs}'
    )
