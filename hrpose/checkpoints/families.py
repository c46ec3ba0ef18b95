"""Recognise whose layout a checkpoint has by the names in it, and give its weights hrpose's names.

hrpose's names are `backbone.` + the official release's own, `head.final_layer.*` and `head.deconv_layers.*`. A new
layout is one more row of `FAMILIES`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from hrpose.errors import UserError

# Where the weights lie in a file that holds more; the official training file has both.
_NESTS = ('state_dict', 'best_state_dict')

# mmpose's files may hold the normalisation too, which a config decides here.
_PREPROCESSOR = 'data_preprocessor.'


@dataclass(frozen=True)
class Family:
    """One layout of names.

    Attributes:
        name: for messages.
        needs: beginnings, each of which some name in the file has.
        drops: beginnings of what no network of hrpose has.
        renames: beginning -> hrpose's; the first that fits is taken, and a name that none fits stays.
        is_backbone: the file holds no pose head.
        channel_order: of the images that the published networks of this layout were trained on, where it tells.
        extras: beginnings, under hrpose's names, of what a classifier has and a pose network has not.
    """

    name: str
    needs: tuple[str, ...]
    drops: tuple[str, ...] = ()
    renames: tuple[tuple[str, str], ...] = ()
    is_backbone: bool = False
    channel_order: str | None = None
    extras: tuple[str, ...] = ()

    def fits(self, keys: Mapping[str, Any]) -> bool:
        """Say whether a file with these names has this layout."""
        return all(any(key.startswith(need) for key in keys) for need in self.needs)

    def translate(self, key: str) -> str:
        """Return hrpose's name for the file's `key`."""
        fitting = (ours + key.removeprefix(theirs) for theirs, ours in self.renames if key.startswith(theirs))
        return next(fitting, key)


_TO_BACKBONE = (('', 'backbone.'),)

# From the most telling to the least: the first that fits is it.
FAMILIES = (
    Family('one-stage detector of mmdet', needs=('backbone.', 'bbox_head.')),
    Family('two-stage detector of mmdet', needs=('backbone.', 'roi_head.')),
    Family('mmpose 0.x', needs=('backbone.', 'keypoint_head.'), renames=(('keypoint_head.', 'head.'),)),
    Family('mmpose 1.x or hrpose', needs=('backbone.',)),
    Family(
        'official HRNet',
        needs=('stage2.', 'final_layer.weight'),
        renames=(('final_layer.', 'head.final_layer.'), *_TO_BACKBONE),
    ),
    Family(
        'official SimpleBaseline',
        needs=('layer4.', 'deconv_layers.'),
        renames=(
            ('final_layer.', 'head.final_layer.'),
            ('deconv_layers.', 'head.deconv_layers.'),
            *_TO_BACKBONE,
        ),
        channel_order='bgr',
    ),
    Family(
        "Newell's Hourglass",
        needs=('pre.', 'hgs.', 'outs.'),
        renames=(('pre.', 'backbone.pre.'), ('', 'head.')),
    ),
    Family(
        'PyTorch port of CPN',
        needs=('resnet.', 'global_net.', 'refine_net.'),
        renames=(('resnet.', 'backbone.'), ('', 'head.')),
    ),
    Family(
        'HRNet classifier',
        needs=('stage2.', 'incre_modules.'),
        # This `final_layer` widens the classifier's features; a pose network's is the head.
        renames=(
            *((f'{part}.', f'neck.{part}.') for part in ('incre_modules', 'downsamp_modules', 'final_layer')),
            ('classifier.', 'classifier.'),
            *_TO_BACKBONE,
        ),
        is_backbone=True,
        extras=('neck.', 'classifier.'),
    ),
    Family(
        'ImageNet HRNet',
        needs=('conv1.', 'stage2.'),
        drops=('head.', 'classifier.'),
        renames=_TO_BACKBONE,
        is_backbone=True,
    ),
    Family('ImageNet ResNet', needs=('conv1.', 'layer4.'), drops=('fc.',), renames=_TO_BACKBONE, is_backbone=True),
)
UNKNOWN = Family('unknown layout', needs=())


@dataclass(frozen=True)
class Recognised:
    """A checkpoint's weights under hrpose's names.

    Attributes:
        family: whose layout the file has.
        weights: by hrpose's names.
        dropped: the file's names of what no network of hrpose has.
        channel_order: that of the family, or of the one that hrpose converted the file from.
        calibration: what the file's `meta` has under that name, unchecked.
    """

    family: Family
    weights: dict[str, Tensor]
    dropped: tuple[str, ...] = ()
    channel_order: str | None = None
    calibration: Any = None


def recognise(checkpoint: Mapping[str, Any]) -> Recognised:
    """Return the weights of a checkpoint's content under hrpose's names; an unknown layout's names stay."""
    given = state_dict_of(checkpoint)
    family = next((family for family in FAMILIES if family.fits(given)), UNKNOWN)
    drops = (*family.drops, _PREPROCESSOR)
    weights = {family.translate(key): value for key, value in given.items() if not key.startswith(drops)}
    dropped = tuple(key for key in given if key.startswith(drops))
    meta = checkpoint.get('meta')
    notes = meta if isinstance(meta, Mapping) else {}
    origin = next((known for known in FAMILIES if known.name == notes.get('family')), family)
    return Recognised(family, weights, dropped, origin.channel_order, notes.get('calibration'))


def state_dict_of(checkpoint: Mapping[str, Any]) -> dict[str, Tensor]:
    """Return the tensors by name, without the `module.` that a distributed model puts before them.

    Raises:
        UserError: a tensor that cannot be a weight of a network: sparse, quantized, complex …
    """
    nested = next((checkpoint[name] for name in _NESTS if isinstance(checkpoint.get(name), Mapping)), checkpoint)
    tensors = {str(key).removeprefix('module.'): value for key, value in nested.items() if isinstance(value, Tensor)}
    for key, value in tensors.items():
        if value.is_nested or value.layout is not torch.strided or value.is_quantized or value.is_complex():
            kind = 'nested' if value.is_nested else f'{value.dtype}, {value.layout}'
            raise UserError(f'checkpoint: {key:.80} cannot be a weight of a network ({kind}); leave it out')
    return tensors
