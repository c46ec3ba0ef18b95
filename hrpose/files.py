"""Write files and folders so that they are complete or absent."""

import errno
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


# Errors of a disk that takes no more, or takes nothing.
UNWRITABLE = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.EFBIG)


class GrowingFile:
    """A file that is complete after every addition, also after one that the disk refuses.

    Args:
        path: of the file, which is replaced.
        start: what it begins with.
        end: what always stands at its end; the next addition overwrites it.

    Raises:
        UserError: it cannot be written.
    """

    def __init__(self, path: Path, start: bytes = b'', end: bytes = b'') -> None:
        self.path, self._end, self._size = path, end, 0
        self._file = path.open('wb', buffering=0)
        self.add(start)

    def add(self, text: bytes) -> None:
        """Write `text` before the end; raise `UserError` if the disk refuses, and stay as before."""
        try:
            self._write(text + self._end)
        except OSError as error:
            self._write(self._end)
            self._file.truncate()
            raise UserError(
                f'{printable(str(self.path))}: cannot be written ({error.strerror}); free some space and run it again; '
                'what the file holds is complete'
            ) from error
        self._size += len(text)

    def _write(self, text: bytes) -> None:
        """Write `text` from the end of the additions on."""
        self._file.seek(self._size)
        while text:
            text = text[self._file.write(text) :]

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def write_or_remove(path: Path, content: bytes) -> None:
    """Write a file; if the disk refuses, remove it and raise `UserError`."""
    try:
        path.write_bytes(content)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            path.unlink(missing_ok=True)
        raise UserError(
            f'{printable(str(path))}: cannot be written ({error.strerror}); free some space, or write to another place'
        ) from error


def expanded(path: str | Path) -> Path:
    """Return a path with `~` or `~user` replaced by the home folder; raise `UserError` if there is no such user."""
    try:
        return Path(path).expanduser()
    except RuntimeError as error:
        raise UserError(f'{printable(str(path))}: there is no such user; write ./~… for a file of that name') from error
