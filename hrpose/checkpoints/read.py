"""Read a checkpoint by PyTorch's safe loader only: nothing in the file runs, neither its pickle nor its texts."""

import pickle
import re
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.logging import HistoryBuffer
from numpy._core.multiarray import _reconstruct, scalar  # type: ignore[import-not-found, unused-ignore]

from hrpose.checkpoints.names import locate
from hrpose.errors import UserError


def _buffer_method(owner: Any, name: str) -> Any:
    """Stand in for `getattr`: a pickled `HistoryBuffer` names its own four methods through it, and nothing else may."""
    if owner is not HistoryBuffer or name not in ('min', 'max', 'current', 'mean'):
        raise pickle.UnpicklingError(f'Unsupported global: GLOBAL getattr of {name} was not allowed')
    return getattr(owner, name)


_INTEGERS = [f'{sign}int{bits}' for sign in ('', 'u') for bits in (8, 16, 32, 64)]

# What checkpoints of this family of code bases hold beside tensors: the logged history and a data set's metainfo, as
# NumPy arrays of plain numbers. Nothing here can call code.
_ALLOWED: list[Any] = [
    HistoryBuffer,
    np.ndarray,
    np.dtype,
    _reconstruct,
    scalar,
    # Files written under NumPy 1 know these two by their former address.
    (_reconstruct, 'numpy.core.multiarray._reconstruct'),
    (scalar, 'numpy.core.multiarray.scalar'),
    *{type(np.dtype(kind)) for kind in ('bool', *_INTEGERS, 'float16', 'float32', 'float64')},
    (_buffer_method, 'builtins.getattr'),
]

# How files of torch.save begin: an archive, or a bare pickle before PyTorch 1.6.
_ZIP, _PICKLE = b'PK', b'\x80'

# Text that mmengine would execute when it resumes, or that a tool could take for a config.
_CONFIG_TEXTS = ('config', 'cfg')


def read_checkpoint(given: str | Path, map_location: Any = 'cpu') -> dict[str, Any]:
    """Return a checkpoint's content, read by PyTorch's safe loader only; config texts are taken out.

    Args:
        given: a path, the name of published weights, or an http(s) address; see `hrpose.checkpoints.locate`.
        map_location: where the tensors go, as `torch.load` takes it.

    Raises:
        UserError: no such file, not a checkpoint, or one that would run code on loading.
    """
    path = locate(given)
    with open(path, 'rb') as file:
        start = file.read(2)
    if start != _ZIP and start[:1] != _PICKLE:
        raise UserError(f'{path} is no PyTorch checkpoint ({path.stat().st_size} bytes of something else)')
    try:
        with torch.serialization.safe_globals(_ALLOWED):
            content = torch.load(path, map_location=map_location, weights_only=True)
    except pickle.UnpicklingError as error:
        raise UserError(
            f'{path} is refused: it holds more than weights, and loading it could run code from a stranger: '
            f'{_reason(error)}'
        ) from error
    except Exception as error:  # the file is a stranger's: whatever it makes the reader raise is a sentence
        raise UserError(f'{path} is no readable checkpoint (cut short, perhaps): {error}') from error
    if not isinstance(content, dict):
        raise UserError(f'{path} is no checkpoint: it holds a {type(content).__name__}, not a dict of weights')
    meta = content.get('meta')
    if isinstance(meta, dict):
        content['meta'] = {key: value for key, value in meta.items() if key not in _CONFIG_TEXTS}
    return content


def _reason(error: Exception) -> str:
    """Return what the file asks for, out of PyTorch's long advice on how to allow it."""
    found = re.search(r'GLOBAL (getattr of \S+|\S+)', str(error))
    return f'it asks for {found[1]}' if found else str(error).strip().split('\n')[-1]
