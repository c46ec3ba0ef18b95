"""Whether backbone, neck and head fit each other, found out when an estimator is built.

hrpose's own parts state their channels, and tests hold them to it. Anybody else's are tried once on an empty image of
the codec's input size, in eval mode and without gradients, so that a mistake ends in a sentence before data are read.
"""

import os
import traceback
from collections.abc import Callable, Mapping, Sequence
from itertools import chain
from typing import Any

import torch
from torch import Tensor, nn

from hrpose.errors import UserError
from hrpose.registry import MODELS


def fit_head(head: Mapping[str, Any], parts: Sequence[nn.Module], extract: Callable[[Tensor], Any]) -> dict[str, Any]:
    """Return the head's config with `in_channels`, the channels of the finest feature map.

    Args:
        head: config; a stated `in_channels` has to agree.
        parts: backbone, and neck if there is one; the last one's maps are the head's.
        extract: images (B, 3, H, W) -> what the last part gives.

    Raises:
        UserError: two numbers of channels that differ (both are named), or a part that gives no list of maps.
    """
    head, last = dict(head), parts[-1]
    channels = stated_channels(last)
    size = _input_size(head.get('codec'))
    if size is not None and not all(map(is_own, parts)):
        channels = _agreed(last, channels, _measured_channels(last, _try(extract, parts, size)))
    if channels is None:
        return head
    if head.setdefault('in_channels', channels[0]) != channels[0]:
        raise UserError(
            f'model.head.in_channels is {head["in_channels"]}, but {name_of(last)} gives {channels[0]} channels: '
            f'leave it out and it follows, or write head=dict(in_channels={channels[0]})'
        )
    return head


def check_heatmaps(head: nn.Module, parts: Sequence[nn.Module], extract: Callable[[Tensor], Any]) -> None:
    """Complain if heatmaps come out in another size than the codec's; hrpose's own parts are left alone.

    Raises:
        UserError: names both sizes, (w, h) in cells.
    """
    size = _input_size(getattr(head, 'codec', None))
    if size is None or all(map(is_own, [*parts, head])):
        return
    heatmaps = _try(lambda images: head(extract(images)), [*parts, head], size)
    wanted = tuple(getattr(head.codec, 'heatmap_size', ()))
    if not isinstance(heatmaps, Tensor) or heatmaps.ndim != 4 or not wanted:
        return  # another kind of head than heatmaps: its own affair
    height, width = heatmaps.shape[-2:]
    if (width, height) != wanted:
        raise UserError(
            f'{name_of(parts[-1])} and {name_of(head)} give heatmaps of {(width, height)} cells (w, h) for an input of '
            f'{size} px, but codec.heatmap_size is {wanted}: write codec = dict(heatmap_size={(width, height)}), or '
            'give the first feature map another stride'
        )


def check_input_size(head: nn.Module, backbone: nn.Module) -> None:
    """Complain if the input does not divide into the backbone's coarsest cells."""
    multiple, size = getattr(backbone, 'input_multiple', 1), getattr(getattr(head, 'codec', None), 'input_size', ())
    if any(side % multiple for side in size):
        raise UserError(f'codec.input_size is {size}, but {name_of(backbone)} takes multiples of {multiple}')


def stated_channels(part: nn.Module) -> tuple[int, ...] | None:
    """Return the channels of a part's feature maps, finest first, as its `out_channels` says; None if it does not."""
    # What another toolbox's part calls out_channels may be something else (mmdet's EfficientNet: of its last layer).
    channels = getattr(part, 'out_channels', None) if type(part) in MODELS.module_dict.values() else None
    return (channels,) if isinstance(channels, int) else None if channels is None else tuple(channels)


def is_own(part: nn.Module) -> bool:
    """Say whether a part is hrpose's own, not a plug-in's or another toolbox's."""
    return type(part).__module__.startswith('hrpose.')


def name_of(part: nn.Module) -> str:
    """Return what a message calls a part."""
    return type(part).__name__


def _agreed(part: nn.Module, stated: tuple[int, ...] | None, found: tuple[int, ...]) -> tuple[int, ...]:
    if stated not in (None, found):
        raise UserError(
            f'{name_of(part)} states out_channels = {stated}, but its feature maps have {found} channels: '
            f'write self.out_channels = {found} in its __init__'
        )
    return found


def _input_size(codec: Any) -> tuple[int, int] | None:
    size = codec.get('input_size') if isinstance(codec, Mapping) else getattr(codec, 'input_size', None)
    return None if size is None else tuple(size)


def _measured_channels(part: nn.Module, features: Any) -> tuple[int, ...]:
    maps_are_there = isinstance(features, list | tuple) and features
    if not maps_are_there or not all(isinstance(each, Tensor) and each.ndim == 4 for each in features):
        raise UserError(
            f'{name_of(part)} gives {_kind(features)}, but a list of feature maps (B, C, h, w) is wanted, finest '
            'first: for a single map, return [features]'
        )
    return tuple(each.shape[1] for each in features)


def _kind(features: Any) -> str:
    if isinstance(features, Tensor):
        return f'one tensor {tuple(features.shape)}'
    if isinstance(features, list | tuple) and features:
        return f'a {type(features).__name__} of {_kind(features[0])}'
    return f'a {type(features).__name__}'


@torch.no_grad()
def _try(run: Callable[[Tensor], Any], parts: Sequence[nn.Module], size: tuple[int, int]) -> Any:
    """Return what `run` makes of an empty image; the parts are in eval mode meanwhile, so nothing in them moves."""
    weight = next(chain.from_iterable(part.parameters() for part in parts), torch.zeros(()))
    width, height = size
    modes = [part.training for part in parts]
    for part in parts:
        part.eval()
    try:
        return run(weight.new_zeros(1, 3, height, width))
    except UserError:
        raise
    except Exception as error:  # somebody else's forward: whatever it raises says that the parts do not fit
        names = ', '.join(map(name_of, parts))
        raise UserError(
            f'{names}: no pass is possible with an input of {width} x {height} px (w x h): {type(error).__name__}: '
            f'{str(error).splitlines()[0] if str(error) else ""} ({_place(error)})'
        ) from error
    finally:
        for part, training in zip(parts, modes, strict=True):
            part.train(training)


def _place(error: Exception) -> str:
    """Return the file and line that an error comes from, PyTorch's own left out."""
    frames = traceback.extract_tb(error.__traceback__)
    outside = [frame for frame in frames if f'{os.sep}torch{os.sep}' not in frame.filename] or frames
    return f'{outside[-1].filename}, line {outside[-1].lineno}'
