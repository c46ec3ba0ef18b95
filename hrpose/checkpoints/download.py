"""Download a file once, verify its hash, and resume after a broken connection."""

import fcntl
import hashlib
import os
from collections.abc import Sequence
from http.client import HTTPException
from pathlib import Path
from urllib.error import HTTPError

from mmengine.logging import print_log
from tqdm import tqdm

from hrpose.checkpoints.connection import open_address
from hrpose.errors import UserError, printable, shown
from hrpose.version import __version__

CHUNK = 1 << 20  # most bytes read at a time
TIMEOUT = 30.0  # seconds without an answer
TRIES = 5  # at one address, while each try adds to the file


def begins_with(path: Path, sha256: str) -> bool:
    """Say whether the SHA-256 of a file, in hex, begins with `sha256`."""
    found = hashlib.sha256()
    with open(path, 'rb') as file:
        while chunk := file.read(CHUNK):
            found.update(chunk)
    return found.hexdigest().startswith(sha256)


def download(path: Path, addresses: Sequence[str], *, sha256: str | None) -> None:
    """Download `path` from the first of `addresses` that has it, unless it is there.

    Until it is complete and verified, the file is called `<path>.part`; a later call continues it. Only one process at
    a time downloads into a folder; the others wait.

    Args:
        path: the file to write; its folder is made.
        addresses: http(s) addresses, tried in turn.
        sha256: the first digits of the hash in hex. None if nobody published one; nothing is resumed then, because a
            mixture of two versions would go unnoticed.

    Raises:
        UserError: no address gave the file. The message has each reason, and the place for a copy from elsewhere.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + '.part')
    reasons = []
    with open(path.parent / '.lock', 'w') as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if path.is_file():
            return
        for address in addresses:
            print_log(f'downloading {shown(address)} to {path.parent}', logger='current')
            reason = _fetch(address, part, sha256)
            if reason is None:
                os.replace(part, path)
                return
            reasons.append(f'{shown(address)} ({reason})')
    raise UserError(
        f'{path.name}: cannot be downloaded from {", ".join(reasons)}; without a connection, get it on another machine '
        f'and put it at {path}'
    )


def _fetch(address: str, part: Path, sha256: str | None) -> str | None:
    """Download `part` from one address; return why that failed, or None once it is complete and verified."""
    reason = 'the connection broke again and again'
    for _ in range(TRIES):
        if sha256 is None:
            part.unlink(missing_ok=True)
        start = _size(part)
        try:
            _transfer(address, part, start)
        except (OSError, HTTPException, ValueError) as error:
            reason = _sentence(error)
            if _size(part) == start:
                return reason
            continue
        if sha256 is None or begins_with(part, sha256):
            return None
        part.unlink()
        reason = f'what it gives has another SHA-256 than {sha256}…'
        # A file continued from an older part is downloaded anew; one that came in one piece would be no better.
        if start == 0:
            return reason
    return reason


def _transfer(address: str, part: Path, start: int) -> None:
    """Append to `part` the bytes from `start` on; overwrite it if the server cannot resume.

    Raises:
        OSError, HTTPException, ValueError: no answer, an HTTP error, a wrong address, or a broken or slow connection.
    """
    headers = {'User-Agent': f'hrpose/{__version__}'} | ({'Range': f'bytes={start}-'} if start else {})
    try:
        response = open_address(address, headers, timeout=TIMEOUT)
    except HTTPError as error:
        if start and error.code == 416:  # no bytes beyond `start`; the hash says whether the file is complete
            part.touch()
            return
        raise
    with response:
        resumed = response.status == 206
        done = start if resumed else 0
        length = response.headers.get('Content-Length')
        total = done + int(length) if length else None
        bar = tqdm(
            desc=part.stem, total=total, initial=done, unit='B', unit_scale=True, disable=None, dynamic_ncols=True
        )  # `disable=None`: only on a terminal
        with bar, open(part, 'ab' if resumed else 'wb') as file:
            while chunk := response.read1(CHUNK):  # a part that has arrived stays if the connection then breaks
                file.write(chunk)
                done += len(chunk)
                bar.update(len(chunk))
        if total is not None and done < total:
            raise ConnectionError(f'the connection broke after {done} of {total} bytes')


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0


def _sentence(error: Exception) -> str:
    if isinstance(error, HTTPError):
        return printable(f'the server answers {error.code} {error.reason:.200}')
    reason = getattr(error, 'reason', error)
    return printable(str(getattr(reason, 'strerror', None) or reason or type(error).__name__)[:200])
