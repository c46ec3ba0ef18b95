"""Write files and folders so that they are complete or absent."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hrpose.errors import UserError, printable

PART = '.part'  # the suffix of a file that is not complete yet


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """Give the name of a file to write instead of `path`; it replaces `path` in one step once it is on disk.

    The folder is made. If writing fails, that file is removed and `path` stays as it was.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f'.{path.name}.{os.getpid()}{PART}')
    try:
        yield part
        with part.open('rb') as written:
            os.fsync(written.fileno())
        part.replace(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


@contextmanager
def whole_folder(folder: Path) -> Iterator[Path]:
    """Give a folder to fill instead of `folder`, which it replaces once it is complete.

    If filling it fails, it is removed and `folder` stays as it was.
    """
    part = folder.with_name(f'.{folder.name}.{os.getpid()}{PART}')
    part.mkdir(parents=True)
    try:
        yield part
        if folder.is_dir():
            shutil.rmtree(folder)
        part.replace(folder)
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise


def expanded(path: str | Path) -> Path:
    """Return a path with `~` or `~user` replaced by the home folder; raise `UserError` if there is no such user."""
    try:
        return Path(path).expanduser()
    except RuntimeError as error:
        raise UserError(f'{printable(str(path))}: there is no such user; write ./~… for a file of that name') from error
