"""Check that backbone, neck and head fit each other when an estimator is built.

hrpose's own parts state their channels, and tests hold them to it. Other parts run once on an empty image of the
codec's input size, in eval mode and without gradients, so that a mistake is reported before any data are read.
"""

import os
import traceback
from collections.abc import Callable, Mapping, Sequence
from itertools import chain
from typing import Any

import torch
from torch import Tensor, nn

from hrpose.codecs.base import aligns_corners
from hrpose.errors import UserError
from hrpose.registry import MODELS


def fit_head(head: Mapping[str, Any], parts: Sequence[nn.Module], extract: Callable[[Tensor], Any]) -> dict[str, Any]:
    """Return the head's config with `in_channels`: of its `map_index`, the finest unless given, or of every map.

    Args:
        head: config; `in_channels`, if given, has to agree. A class that `takes_all_maps` gets a tuple.
        parts: backbone, and neck if there is one.
        extract: images (B, 3, H, W) -> the output of the last part, which is the head's input.

    Raises:
        UserError: numbers of channels that differ, or a part whose output is not a list of maps.
    """
    head, last = dict(head), parts[-1]
    channels, size = stated_channels(last), _input_size(head.get('codec'))
    if size is not None and not all(map(is_own, parts)):
        found = _measured_channels(last, _try(extract, parts, size))
        if channels not in (None, found):
            raise UserError(
                f'{name_of(last)} states out_channels = {channels}, but its feature maps have {found} channels; '
                f'write self.out_channels = {found} in its __init__'
            )
        channels = found
    if channels is None:
        return head
    wanted = _taken(head, channels, name_of(last))
    given = head.setdefault('in_channels', wanted)
    if (tuple(given) if isinstance(given, Sequence) else given) != wanted:
        raise UserError(
            f'model.head.in_channels is {given}, but {name_of(last)} gives {wanted} channels; '
            f'leave it out, or write head=dict(in_channels={wanted})'
        )
    return head


def _taken(head: Mapping[str, Any], channels: tuple[int, ...], source: str) -> int | tuple[int, ...]:
    """Return the channels of the maps that a head takes, from those of all maps."""
    kind: Any = head.get('type')
    if getattr(MODELS.get(kind) if isinstance(kind, str) else kind, 'takes_all_maps', False):
        return channels
    index = head.get('map_index', 0)
    if index not in range(len(channels)):
        raise UserError(
            f'model.head.map_index is {index}, but {source} gives {len(channels)} feature maps; '
            f'choose 0 to {len(channels) - 1}, or raise the num_outputs of the backbone'
        )
    return channels[index]


def check_heatmaps(head: nn.Module, parts: Sequence[nn.Module], extract: Callable[[Tensor], Any]) -> None:
    """Raise `UserError` if the heatmaps of parts that are not hrpose's have another size than the codec says."""
    size = _input_size(getattr(head, 'codec', None))
    if size is None or all(map(is_own, [*parts, head])):
        return
    heatmaps = _try(lambda images: head(extract(images)), [*parts, head], size)
    wanted = tuple(getattr(head.codec, 'heatmap_size', ()))
    if not isinstance(heatmaps, Tensor) or heatmaps.ndim != 4 or not wanted:
        return  # not a head of heatmaps
    height, width = heatmaps.shape[-2:]
    if (width, height) != wanted:
        raise UserError(
            f'{name_of(parts[-1])} and {name_of(head)} give heatmaps of {(width, height)} cells (w, h) for an input of '
            f'{size} px, but codec.heatmap_size is {wanted}; write codec = dict(heatmap_size={(width, height)}), or '
            'give the first feature map another stride'
        )


def check_input_size(head: nn.Module, backbone: nn.Module) -> None:
    """Raise `UserError` if the sides of the input are not multiples of the backbone's `input_multiple`."""
    multiple, size = getattr(backbone, 'input_multiple', 1), getattr(getattr(head, 'codec', None), 'input_size', ())
    if any(side % multiple for side in size):
        raise UserError(f'codec.input_size is {size}, but {name_of(backbone)} needs multiples of {multiple}')


def fit_flip_shift(given: bool | None, head: nn.Module) -> bool:
    """Return whether the flip test shifts the mirrored heatmaps: as given, else as the head's codec needs it.

    Raises:
        UserError: a shift where the codec aligns corners.
    """
    codec = getattr(head, 'codec', None)
    if given and aligns_corners(codec):
        raise UserError(
            f'model.flip_shift is True, but {type(codec).__name__} aligns corners, so that heatmaps of the mirrored '
            'input already lie on the grid and a shift would move them a cell away; leave flip_shift out'
        )
    return not aligns_corners(codec) if given is None else given


def stated_channels(part: nn.Module) -> tuple[int, ...] | None:
    """Return the channels of a part's feature maps, finest first, as its `out_channels` states; None if it does not."""
    # In another toolbox out_channels may mean something else (mmdet's EfficientNet: those of its last layer).
    channels = getattr(part, 'out_channels', None) if type(part) in MODELS.module_dict.values() else None
    return (channels,) if isinstance(channels, int) else None if channels is None else tuple(channels)


def is_own(part: nn.Module) -> bool:
    """Return whether a part is hrpose's own, not a plug-in's or another toolbox's."""
    return type(part).__module__.startswith('hrpose.')


def name_of(part: nn.Module) -> str:
    """Return the name of a part for a message."""
    return type(part).__name__


def _input_size(codec: Any) -> tuple[int, int] | None:
    size = codec.get('input_size') if isinstance(codec, Mapping) else getattr(codec, 'input_size', None)
    return None if size is None else tuple(size)


def _measured_channels(part: nn.Module, features: Any) -> tuple[int, ...]:
    is_list = isinstance(features, list | tuple) and len(features) > 0
    if not is_list or not all(isinstance(each, Tensor) and each.ndim == 4 for each in features):
        raise UserError(
            f'{name_of(part)} gives {_kind(features)} instead of a list of feature maps (B, C, h, w), finest first; '
            'for a single map, return [features]'
        )
    return tuple(each.shape[1] for each in features)


def _kind(features: Any) -> str:
    if isinstance(features, Tensor):
        return f'one tensor {tuple(features.shape)}'
    inner = f' of {_kind(features[0])}' if isinstance(features, list | tuple) and features else ''
    return f'a {type(features).__name__}{inner}'


@torch.no_grad()
def _try(run: Callable[[Tensor], Any], parts: Sequence[nn.Module], size: tuple[int, int]) -> Any:
    """Return `run` of an empty image, with `parts` in eval mode, so that nothing in them changes."""
    weight = next(chain.from_iterable(part.parameters() for part in parts), torch.zeros(()))
    width, height = size
    modes = [part.training for part in parts]
    for part in parts:
        part.eval()
    try:
        return run(weight.new_zeros(1, 3, height, width))
    except UserError:
        raise
    except Exception as error:  # code that is not hrpose's may raise anything
        raise UserError(
            f'{", ".join(map(name_of, parts))}: the forward pass fails on an input of {width} x {height} px (w x h): '
            f'{type(error).__name__}: {str(error).partition(chr(10))[0]} ({_place(error)})'
        ) from error
    finally:
        for part, training in zip(parts, modes, strict=True):
            part.train(training)


def _place(error: Exception) -> str:
    """Return the file and the line that an error comes from, outside PyTorch if possible."""
    frames = traceback.extract_tb(error.__traceback__)
    outside = [frame for frame in frames if f'{os.sep}torch{os.sep}' not in frame.filename] or frames
    return f'{outside[-1].filename}, line {outside[-1].lineno}'
