"""Reading checkpoints without running anything in them, and fitting their weights into a model."""

import pickle
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.logging import HistoryBuffer, print_log
from mmengine.runner.checkpoint import CheckpointLoader
from numpy._core.multiarray import _reconstruct, scalar  # type: ignore[import-not-found, unused-ignore]
from torch import Tensor, nn

from hrpose.errors import UserError


def _buffer_method(owner: Any, name: str) -> Any:
    """Stand in for `getattr`: a pickled `HistoryBuffer` names its own four methods through it, and nothing else may."""
    if owner is not HistoryBuffer or name not in ('min', 'max', 'current', 'mean'):
        raise pickle.UnpicklingError(f'Unsupported global: GLOBAL getattr of {name} was not allowed')
    return getattr(owner, name)


# What mmengine's own checkpoints hold beside tensors: the logged history, as NumPy arrays. Nothing here can call code.
_ALLOWED: list[Any] = [
    HistoryBuffer,
    np.ndarray,
    np.dtype,
    _reconstruct,
    scalar,
    *{type(np.dtype(kind)) for kind in (np.float32, np.float64, np.int32, np.int64, np.uint32, np.bool_)},
    (_buffer_method, 'builtins.getattr'),
]

# How files of torch.save begin: an archive, or a bare pickle before PyTorch 1.6.
_ZIP, _PICKLE = b'PK', b'\x80'

# Text that mmengine would execute when it resumes, or that a tool could take for a config.
_CONFIG_TEXTS = ('config', 'cfg')


def read_checkpoint(path: str | Path, map_location: Any = 'cpu') -> dict[str, Any]:
    """Return a checkpoint's content, read by PyTorch's safe loader only; config texts are taken out.

    Raises:
        UserError: no such file, not a checkpoint, or one that would run code on loading.
    """
    if '://' in str(path):
        raise UserError(f'{path}: checkpoints are read from local files; download it first and give its path')
    if not Path(path).is_file():
        raise UserError(f'there is no checkpoint {path}')
    with open(path, 'rb') as file:
        start = file.read(2)
    if start != _ZIP and start[:1] != _PICKLE:
        raise UserError(f'{path} is no PyTorch checkpoint ({Path(path).stat().st_size} bytes of something else)')
    try:
        with torch.serialization.safe_globals(_ALLOWED):
            content = torch.load(path, map_location=map_location, weights_only=True)
    except pickle.UnpicklingError as error:
        found = re.search(r'GLOBAL .*? was not', str(error))
        reason = f'it asks for {found[0][7:-8]}' if found else str(error).split('\n')[-1]
        raise UserError(
            f'{path} is refused: it holds more than weights, and loading it could run code from a stranger: {reason}'
        ) from error
    except (RuntimeError, EOFError, OSError, ValueError, KeyError) as error:
        raise UserError(f'{path} is no readable checkpoint (cut short, perhaps): {error}') from error
    if not isinstance(content, dict):
        raise UserError(f'{path} is no checkpoint: it holds a {type(content).__name__}, not a dict of weights')
    meta = content.get('meta')
    if isinstance(meta, dict):
        content['meta'] = {key: value for key, value in meta.items() if key not in _CONFIG_TEXTS}
    return content


def _load_for_mmengine(filename: str, map_location: Any = None, **_: Any) -> dict[str, Any]:
    return read_checkpoint(filename, map_location)


def guard_mmengine() -> None:
    """Make every way into mmengine's `CheckpointLoader` go through `read_checkpoint`."""
    for prefix in list(CheckpointLoader._schemes):
        CheckpointLoader.register_scheme(prefix, loader=_load_for_mmengine, force=True)


@dataclass
class Fit:
    """How a checkpoint's weights fitted a model: names of the model's weights, or the file's for `unused`."""

    loaded: list[str] = field(default_factory=list)
    other_shape: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    unused: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        total = len(self.loaded) + len(self.other_shape) + len(self.missing)
        parts = [f'{len(self.loaded)} of {total} weights ({100 * len(self.loaded) / max(total, 1):.0f}%) matched']
        for names, what in (
            (self.other_shape, 'of another shape'),
            (self.missing, 'not in the file'),
            (self.unused, 'of the file not used'),
        ):
            if names:
                parts.append(f'{len(names)} {what} ({", ".join(names[:3])}{", …" if len(names) > 3 else ""})')
        return '; '.join(parts)


def load_weights(model: nn.Module, checkpoint: Mapping[str, Any], *, name: str, complete: bool) -> Fit:
    """Copy a checkpoint's weights into `model` where names and shapes agree; say in one line what happened.

    Args:
        model: changed in place.
        checkpoint: a content with `state_dict`, or the weights themselves.
        name: of the file, for messages.
        complete: every weight of the model has to be found (testing, resuming), or only some (fine-tuning).

    Raises:
        UserError: nothing fits, or not everything although `complete`.
    """
    weights = state_dict_of(checkpoint)
    own = model.state_dict()
    fit = Fit()
    for key, value in own.items():
        given = weights.get(key)
        place = fit.missing if given is None else fit.loaded if given.shape == value.shape else fit.other_shape
        place.append(key)
    # mmpose's files also hold the normalisation, which a config decides here.
    fit.unused = [key for key in weights if key not in own and not key.startswith('data_preprocessor.')]
    if not fit.loaded:
        raise UserError(f'{name} does not fit this model: {fit}')
    if complete and (fit.other_shape or fit.missing):
        raise UserError(f"{name} is not this config's: {fit}. Give the config that it was trained with")
    model.load_state_dict({key: weights[key] for key in fit.loaded}, strict=False)
    print_log(f'{name}: {fit}', logger='current')
    return fit


def state_dict_of(checkpoint: Mapping[str, Any]) -> dict[str, Tensor]:
    """Return the tensors by name, without the `module.` that a distributed model puts before them."""
    nested = checkpoint.get('state_dict', checkpoint)
    return {key.removeprefix('module.'): value for key, value in nested.items() if isinstance(value, Tensor)}
