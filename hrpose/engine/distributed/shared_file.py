"""Give all processes the file of process 0, also on machines that do not share its disk."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from mmengine.dist import all_gather_object, broadcast, broadcast_object_list
from mmengine.logging import print_log

from hrpose.files import expanded

# Bytes sent at once; with NCCL they pass through the memory of the GPU.
CHUNK = 64 << 20


@contextmanager
def as_first_process_has_it(filename: str) -> Iterator[str]:
    """Give the name of a file with the content that `filename` has in process 0; all processes have to call this.

    On a shared disk that is `filename` itself. A process without this file receives a copy, which is removed after the
    block. If process 0 has no such file (a name of published weights, an address, a mistake), all get `filename` back.
    """
    path = expanded(filename)
    # A shared file has the same time everywhere; an equal copy with another time is sent needlessly.
    own = (path.stat().st_size, path.stat().st_mtime_ns) if path.is_file() else None
    found = all_gather_object(own)
    lacking = sum(other != found[0] for other in found)
    if found[0] is None or not lacking:
        yield filename
        return
    print_log(f'{filename}: process 0 sends it to {lacking} processes that do not have it', logger='current')
    with TemporaryDirectory() as folder:
        copy = Path(folder) / path.name
        _send(path, copy, found[0][0], keep=own != found[0])
        yield str(copy if own != found[0] else path)


def _send(source: Path, copy: Path, size: int, *, keep: bool) -> None:
    """Send `size` bytes of `source` from process 0 to all; processes with `keep` write them to `copy`."""
    content = (
        torch.empty(size, dtype=torch.uint8) if keep else torch.from_file(str(source), size=size, dtype=torch.uint8)
    )
    for chunk in content.split(CHUNK):
        broadcast(chunk)
    if keep:
        content.numpy().tofile(copy)


def agreed(*values: object) -> list:
    """Return the values of process 0 in every process; all processes have to call this."""
    given = list(values)
    broadcast_object_list(given)
    return given
