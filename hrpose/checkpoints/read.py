"""Read a checkpoint so that nothing in it runs or reaches into memory, neither its pickle nor its texts."""

from pathlib import Path
from typing import Any

import torch

from hrpose.checkpoints.containers import read_archive, read_row
from hrpose.checkpoints.names import locate
from hrpose.checkpoints.safetensors_file import SUFFIX, read_safetensors
from hrpose.checkpoints.unpickle import RefusedError
from hrpose.errors import UserError
from hrpose.hardware import available_memory

# How files of torch.save begin: an archive, or a bare pickle before PyTorch 1.6.
_ZIP, _PICKLE = b'PK', b'\x80'

# Text that mmengine would execute when it resumes, or that a tool could take for a config.
_CONFIG_TEXTS = ('config', 'cfg')


def read_checkpoint(given: str | Path, map_location: str | torch.device | None = 'cpu') -> dict[str, Any]:
    """Return a checkpoint's content: tensors, arrays and plain values; config texts are taken out.

    Args:
        given: a path, the name of published weights, or an http(s) address; see `hrpose.checkpoints.locate`. A file
            named .safetensors is of that format, any other of PyTorch's.
        map_location: the device that the tensors go to; None is the CPU.

    Raises:
        UserError: no such file, not a checkpoint, or one that asks for more than weights and plain values.
    """
    path, device = locate(given), torch.device(map_location or 'cpu')
    size, free = path.stat().st_size, available_memory()
    if size > free:
        raise UserError(
            f'{path}: has {size >> 20} MiB, but {free >> 20} MiB of memory are free; free some, or use another machine'
        )
    content = read_safetensors(path, device) if path.suffix == SUFFIX else _content(path, device)
    if not isinstance(content, dict):
        raise UserError(f'{path}: holds a {type(content).__name__}, not a dict of weights; give a checkpoint')
    meta = content.get('meta')
    if isinstance(meta, dict):
        content['meta'] = {key: value for key, value in meta.items() if key not in _CONFIG_TEXTS}
    return content


def _content(path: Path, device: torch.device) -> Any:
    size = path.stat().st_size
    with open(path, 'rb') as file:
        start = file.read(2)
        if start != _ZIP and start[:1] != _PICKLE:
            raise UserError(
                f'{path}: not a PyTorch checkpoint ({size} bytes of something else); '
                f'a file of the safetensors format has to be named {SUFFIX}'
            )
        file.seek(0)
        try:
            return (read_archive if start == _ZIP else read_row)(file, size, device)
        except RefusedError as error:
            raise UserError(
                f'{path}: refused, since loading it could run code from a stranger or crash: it asks for {error}; '
                'give a file that holds weights and plain values only'
            ) from error
        except Exception as error:  # a stranger's file can make the reader raise anything
            raise UserError(
                f'{path}: not a readable checkpoint, perhaps cut short ({type(error).__name__}: {error!s:.200}); '
                'copy or download it again'
            ) from error
