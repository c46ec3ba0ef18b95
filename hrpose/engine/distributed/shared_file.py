"""One file for all processes: machines with disks of their own take it from process 0."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from mmengine.dist import all_gather_object, broadcast, broadcast_object_list
from mmengine.logging import print_log

# Bytes that are sent at once: with NCCL they pass through the GPU's memory.
CHUNK = 64 << 20


@contextmanager
def as_first_process_has_it(filename: str) -> Iterator[str]:
    """Give the name of a file that holds what `filename` holds for process 0; every process has to come here.

    Where a disk is shared that is `filename` itself. A process that has another file of that name, or none, is sent
    the content, which is gone after the block. Where process 0 has no such file either (published weights by their
    name, an address, a mistake), each process is left with the name.
    """
    path = Path(filename).expanduser()
    # A shared file has one time for all; a copy with another time is sent once more than needed.
    own = (path.stat().st_size, path.stat().st_mtime_ns) if path.is_file() else None
    found = all_gather_object(own)
    lacking = sum(other != found[0] for other in found)
    if found[0] is None or not lacking:
        yield filename
        return
    print_log(f'{filename} of process 0 goes to {lacking} processes whose machines do not have it', logger='current')
    with TemporaryDirectory() as folder:
        copy = Path(folder) / path.name
        _send(path, copy, found[0][0], keep=own != found[0])
        yield str(copy if own != found[0] else path)


def _send(source: Path, copy: Path, size: int, *, keep: bool) -> None:
    """Send `source` of process 0, `size` bytes, to all; those with `keep` write it to `copy`."""
    content = (
        torch.empty(size, dtype=torch.uint8) if keep else torch.from_file(str(source), size=size, dtype=torch.uint8)
    )
    for chunk in content.split(CHUNK):
        broadcast(chunk)
    if keep:
        content.numpy().tofile(copy)


def agreed(*values: object) -> list:
    """Return what process 0 calls this with, in every process; all have to call it."""
    given = list(values)
    broadcast_object_list(given)
    return given
