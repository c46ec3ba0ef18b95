"""The work dir: locked by one training, with a checkpoint to resume from."""

import errno
import fcntl
import os
import re
import socket
from pathlib import Path
from typing import IO

from hrpose.errors import UserError
from hrpose.files import PART

LOCK_FILE = '.training'
LAST_CHECKPOINT = 'last_checkpoint'  # mmengine's name


def take_work_dir(work_dir: str | Path) -> IO[str]:
    """Lock a work dir for this training until the returned file is closed or the process ends.

    The system holds the lock, so a killed training leaves none. Forked processes do not inherit a lock of this kind
    (`lockf`); loader workers may outlive the training by seconds.

    Raises:
        UserError: another training has the work dir, or it cannot be written.
    """
    path = Path(work_dir) / LOCK_FILE
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open('a+')
    except OSError as error:
        raise _refused(work_dir, f'cannot be written ({error.strerror})') from error
    try:
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        file.seek(0)
        owner = file.read().strip() or 'unknown process'
        file.close()
        taken = error.errno in (errno.EACCES, errno.EAGAIN)
        reason = f'another training ({owner}) writes to it' if taken else f'cannot be locked ({error.strerror})'
        raise _refused(work_dir, reason) from error
    try:
        file.truncate(0)
        os.write(file.fileno(), f'process {os.getpid()} on {socket.gethostname()}'.encode())
    except OSError as error:
        file.close()
        raise _refused(work_dir, f'cannot be written ({error.strerror})') from error
    return file


def _refused(work_dir: str | Path, reason: str) -> UserError:
    return UserError(f'work dir {work_dir}: {reason}; choose another with --work-dir')


def remove_parts(folder: Path) -> None:
    """Remove the incomplete files of trainings that were killed while saving."""
    for part in folder.glob(f'*.pth*{PART}'):
        part.unlink(missing_ok=True)


def latest_checkpoint(work_dir: str | Path) -> Path | None:
    """Return the checkpoint from which a training in `work_dir` resumes, None if there is none.

    It is the one that the file `last_checkpoint` names, or one of a later epoch (or iteration) if the training was
    killed before it wrote that file. If the named checkpoint is missing, it is the one written last.
    """
    folder, note = Path(work_dir), Path(work_dir) / LAST_CHECKPOINT
    saved = {path: number for path in folder.glob('*.pth') if (number := _number(r'(?:epoch|iter)_(\d+)', path)) >= 0}
    named = Path(note.read_text().strip()) if note.is_file() else None
    if named and not named.is_file():
        named = folder / named.name  # the work dir was moved
    if not named or not named.is_file():
        return max(saved, key=lambda path: path.stat().st_mtime_ns, default=None)
    last, written = _number(r'.*?(\d+)', named), note.stat().st_mtime_ns
    later = [path for path in saved if saved[path] > last and path.stat().st_mtime_ns >= written]
    return max(later, key=saved.__getitem__, default=named)


def _number(pattern: str, path: Path) -> int:
    """Return the number in a checkpoint's name, -1 if the name is another."""
    found = re.fullmatch(pattern, path.stem)
    return int(found[1]) if found else -1
