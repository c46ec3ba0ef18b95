"""Weights as safetensors: tensors by name, and what hrpose notes beside them as JSON in the file's metadata."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import safetensors
import torch
from safetensors.torch import save_file
from torch import Tensor

from hrpose.checkpoints.unpickle import require_plain
from hrpose.errors import UserError

SUFFIX = '.safetensors'
_META = 'hrpose'


def read_safetensors(path: Path, device: torch.device) -> dict[str, Any]:
    """Return a file's weights and notes as a checkpoint has them: `state_dict` and `meta`.

    Raises:
        UserError: the file is damaged, or is something else.
    """
    try:
        with safetensors.safe_open(path, framework='pt', device=str(device)) as file:
            weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            meta = json.loads((file.metadata() or {}).get(_META, '{}'))
        require_plain(meta)
    except Exception as error:  # a stranger's file can make the reader raise anything
        raise UserError(
            f'{path}: not a readable safetensors file, perhaps cut short ({type(error).__name__}: {error!s:.200}); '
            'copy or download it again'
        ) from error
    for value in weights.values():
        if value.dtype is torch.bool:  # a byte that is neither 0 nor 1 has no meaning to a library
            value.view(torch.uint8).clamp_(max=1)
    return {'state_dict': weights, 'meta': meta}


def write_safetensors(content: Mapping[str, Any], path: Path) -> None:
    """Write a checkpoint's `state_dict` and `meta`, of plain values; the notes' tuples, sets and tensors become lists.

    Raises:
        UserError: tensors that share memory, which would be written again and again; notes that are no JSON.
    """
    weights: Mapping[str, Tensor] = content['state_dict']
    storages = {value.untyped_storage().data_ptr(): value.untyped_storage().nbytes() for value in weights.values()}
    if sum(value.nbytes for value in weights.values()) > 2 * sum(storages.values()):
        raise UserError(f'{path}: its tensors share memory, which safetensors cannot hold; write a .pth file instead')
    try:
        notes = json.dumps(content['meta'], default=_as_list)
    except (TypeError, ValueError) as error:
        raise UserError(f'{path}: its meta cannot be written as JSON ({error}); write a .pth file instead') from error
    # Each in memory of its own and in plain order, as the format demands.
    tensors = {name: value.detach().clone(memory_format=torch.contiguous_format) for name, value in weights.items()}
    save_file(tensors, path, {'format': 'pt', _META: notes})


def _as_list(value: Any) -> Any:
    if isinstance(value, Tensor):
        return value.tolist()
    if isinstance(value, set):
        return sorted(value, key=str)
    raise TypeError(f'JSON has no {type(value).__name__}')
