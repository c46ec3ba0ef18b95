"""A work dir: one training at a time, files that are whole or not there, and the checkpoint to go on from."""

import errno
import fcntl
import os
import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from hrpose.errors import UserError

LOCK_FILE = '.training'
LAST_CHECKPOINT = 'last_checkpoint'  # mmengine's name
PART = '.part'


def take_work_dir(work_dir: str | Path) -> IO[str]:
    """Reserve a work dir for this process's training, until the returned file is closed or the process ends.

    The lock is the system's, so a killed training leaves none behind. It is of a kind that processes forked from this
    one do not inherit: loader workers may outlive it by seconds.

    Raises:
        UserError: another training has it; says which. Or the folder cannot be written.
    """
    path = Path(work_dir) / LOCK_FILE
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open('a+')
    except OSError as error:
        raise UserError(
            f'the work dir {work_dir} cannot be written: {error.strerror}; --work-dir names another'
        ) from error
    try:
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        file.seek(0)
        owner = file.read().strip() or 'unknown process'
        file.close()
        if error.errno not in (errno.EACCES, errno.EAGAIN):
            raise UserError(f'the work dir {work_dir} cannot be locked: {error.strerror}') from error
        raise UserError(
            f'another training ({owner}) writes to {work_dir}; end it, or give this one a folder of its own: --work-dir'
        ) from error
    file.truncate(0)
    file.write(f'process {os.getpid()} on {socket.gethostname()}')
    file.flush()
    return file


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """Give the name of a file to write in place of `path`; afterwards it becomes `path`, in one step, whole on disk.

    If writing fails, what was written is removed and `path` stays as it was.
    """
    part = path.with_name(path.name + PART)
    try:
        yield part
        with part.open('rb') as written:
            os.fsync(written.fileno())
        part.replace(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def remove_parts(folder: Path) -> None:
    """Remove what trainings that were killed while saving left behind."""
    for part in folder.glob(f'*.pth{PART}'):
        part.unlink(missing_ok=True)


def latest_checkpoint(work_dir: str | Path) -> Path | None:
    """Return the checkpoint that a training in `work_dir` goes on from, None if there is none.

    It is the one that `last_checkpoint` names, or one of a later epoch (or iteration) that was written after that file:
    the training was killed in between. If the named file is not there, it is the one written last.
    """
    folder, note = Path(work_dir), Path(work_dir) / LAST_CHECKPOINT
    saved = {path: int(number) for path, number in _numbered(folder)}
    if not note.is_file():
        return max(saved, key=lambda path: path.stat().st_mtime_ns, default=None)
    named = Path(note.read_text().strip())
    if not named.is_file():
        named = folder / named.name  # the work dir was moved
    if not named.is_file():
        return max(saved, key=lambda path: path.stat().st_mtime_ns, default=None)
    written = note.stat().st_mtime_ns
    later = [path for path in saved if saved[path] > _number(named) and path.stat().st_mtime_ns >= written]
    return max(later, key=saved.__getitem__, default=named)


def _numbered(folder: Path) -> Iterator[tuple[Path, str]]:
    for path in folder.glob('*.pth'):
        if found := re.fullmatch(r'(?:epoch|iter)_(\d+)', path.stem):
            yield path, found[1]


def _number(path: Path) -> int:
    found = re.search(r'(\d+)$', path.stem)
    return int(found[1]) if found else -1
