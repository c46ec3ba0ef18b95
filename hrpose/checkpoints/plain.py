"""What a training saves, as tensors and plain values only, and the way back when it is resumed.

Any tool reads such a file by `torch.load(path, weights_only=True)`, with nothing allowed beside.
"""

from collections import Counter, OrderedDict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.logging import HistoryBuffer

from hrpose.checkpoints.unpickle import MAX_DEPTH
from hrpose.errors import UserError

_HISTORY = ('log_history', 'count_history', 'max_length')
_SCALARS: tuple[Any, ...] = (bool, int, float, str, bytes)


def plain_checkpoint(checkpoint: Mapping[str, Any]) -> dict[str, Any]:
    """Return a checkpoint's content as tensors and plain values; tensors are not copied.

    Raises:
        UserError: a value is something else; it names the place.
    """
    content = dict(checkpoint)
    if 'param_schedulers' in content:
        content['param_schedulers'] = _without_functions(content['param_schedulers'])
    return {key: _plain(value, f'checkpoint[{key!r}]', 0) for key, value in content.items()}


def _without_functions(states: Any) -> Any:
    """Leave out what schedulers compute with: a resumed training has it from its config."""
    if isinstance(states, list):
        return [_without_functions(state) for state in states]
    if isinstance(states, Mapping):
        return {key: _without_functions(value) for key, value in states.items() if not callable(value)}
    return states


def _plain(value: Any, place: str, depth: int) -> Any:
    if depth > MAX_DEPTH:
        raise UserError(f'{place}: nested deeper than {MAX_DEPTH}; save less there')
    inner = depth + 1
    match value:
        case None | torch.Tensor() | torch.dtype() | torch.device() | torch.Size():
            return value
        case np.generic():
            return _plain(value.item(), place, inner)
        case bool() | int() | float() | str() | bytes():
            return next(kind for kind in _SCALARS if isinstance(value, kind))(value)
        case np.ndarray():
            if value.dtype.kind in 'biuf' and value.dtype.itemsize <= 8:
                return torch.from_numpy(np.array(value, value.dtype.newbyteorder('='), order='C'))
            return _plain(value.tolist(), place, inner)
        case Path():
            return str(value)
        case HistoryBuffer():
            return _plain(dict(zip(_HISTORY, (*value.data, value.max_length), strict=True)), place, inner)
        case Mapping():
            pairs = {_plain(key, place, inner): _plain(each, f'{place}[{key!r}]', inner) for key, each in value.items()}
            if type(value) is not OrderedDict:
                return pairs
            ordered = OrderedDict(pairs)
            if hasattr(value, '_metadata'):  # the versions of modules
                ordered._metadata = _plain(value._metadata, f'{place}._metadata', inner)  # type: ignore[attr-defined]
            return ordered
        case list() | tuple() | set() | frozenset():
            items = [_plain(each, f'{place}[{index}]', inner) for index, each in enumerate(value)]
            return items if isinstance(value, list) else tuple(items) if isinstance(value, tuple) else set(items)
    raise UserError(
        f'{place}: a {type(value).__module__}.{type(value).__qualname__} cannot be saved in a checkpoint, which holds '
        'tensors and plain values only; let the part that puts it there save its numbers'
    )


def resumable(content: Mapping[str, Any]) -> dict[str, Any]:
    """Return a saved training's content with its history and milestones as mmengine has them.

    Raises:
        TypeError, ValueError: what stands in their place is something else.
    """
    content = dict(content)
    hub = dict(content['message_hub'])
    scalars = {key: _history(value) for key, value in hub.get('log_scalars', {}).items()}
    content['message_hub'] = {**hub, 'log_scalars': scalars}
    if 'param_schedulers' in content:
        content['param_schedulers'] = _with_milestones(content['param_schedulers'])
    return content


def _with_milestones(states: Any) -> Any:
    if isinstance(states, list):
        return [_with_milestones(state) for state in states]
    if not isinstance(states, Mapping):
        return states
    return {
        key: Counter(value) if key == 'milestones' and isinstance(value, Mapping) else _with_milestones(value)
        for key, value in states.items()
    }


def _history(value: Any) -> Any:
    if not isinstance(value, Mapping) or set(value) != set(_HISTORY):
        return value  # a training of before wrote a HistoryBuffer
    values, counts = (value[name].cpu().numpy() for name in _HISTORY[:2])
    return history_buffer(values, counts, value['max_length'])


def history_buffer(values: np.ndarray, counts: np.ndarray, max_length: int) -> HistoryBuffer:
    """Return mmengine's history of `values` (N,), each a mean over `counts` (N,)."""
    if values.ndim != 1 or values.shape != counts.shape or type(max_length) is not int or max_length < 0:
        raise ValueError('a HistoryBuffer without arrays of numbers')
    history = HistoryBuffer(max_length=max_length)
    history._log_history, history._count_history = values, counts
    return history
