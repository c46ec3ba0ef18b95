"""Download a file once: verified by its hash, whole or not at all, going on where a broken connection stopped."""

import fcntl
import hashlib
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from http.client import HTTPException
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from mmengine.logging import print_log

from hrpose.errors import UserError
from hrpose.version import __version__

CHUNK = 1 << 20  # bytes at a time, at most
TIMEOUT = 30.0  # seconds without an answer
TRIES = 5  # of one address, as long as each brings something


def begins_with(path: Path, sha256: str) -> bool:
    """Say whether the SHA-256 of a file, in hex, begins with `sha256`."""
    with open(path, 'rb') as file:
        return hashlib.file_digest(file, 'sha256').hexdigest().startswith(sha256)


def download(path: Path, addresses: Sequence[str], *, sha256: str | None) -> None:
    """Fetch `path` from the first of `addresses` that gives it.

    Until it is whole and verified, the file is `<path>.part`; a later call goes on from there. Processes that want the
    same folder's files at once wait for one another, and find the file there.

    Args:
        path: where it shall lie; its folder is made.
        addresses: http(s), tried in turn.
        sha256: the beginning of the hash in hex; None where nobody published one, and then nothing is resumed,
            because two versions joined would go unnoticed.

    Raises:
        UserError: no address gave the file; says why for each, and where to put it by hand.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + '.part')
    reasons = []
    with _alone_in(path.parent):
        if path.is_file():
            return
        for address in addresses:
            print_log(f'downloading {address} to {path.parent}', logger='current')
            reason = _fetch(address, part, sha256)
            if reason is None:
                os.replace(part, path)
                return
            reasons.append(f'{address} ({reason})')
    raise UserError(
        f'{path.name} could not be downloaded from {"; ".join(reasons)}. '
        f'Without a connection: get it elsewhere from there and put it at {path}'
    )


@contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    """Wait until no other process downloads into `folder`."""
    with open(folder / '.lock', 'w') as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _fetch(address: str, part: Path, sha256: str | None) -> str | None:
    """Fill `part` from one address; returns why that failed, or None when it is whole and verified."""
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
        # What was joined to an older piece is fetched anew, once; what came in one piece is the server's own.
        if start == 0:
            return reason
    return reason


def _transfer(address: str, part: Path, start: int) -> None:
    """Append to `part` what `address` has from byte `start` on, or write it all where the server cannot resume.

    Raises:
        OSError, HTTPException, ValueError: no answer, an error as the answer, an address that is none, or a break.
    """
    headers = {'User-Agent': f'hrpose/{__version__}'} | ({'Range': f'bytes={start}-'} if start else {})
    try:
        response = urlopen(Request(address, headers=headers), timeout=TIMEOUT)
    except HTTPError as error:
        if start and error.code == 416:  # nothing lies beyond: the hash tells whether it was whole
            part.touch()
            return
        raise
    with response:
        resumed = response.status == 206
        done = start if resumed else 0
        length = response.headers.get('Content-Length')
        total = done + int(length) if length else None
        show = _progress(part.stem, total)
        with open(part, 'ab' if resumed else 'wb') as file:
            while chunk := response.read1(CHUNK):  # what has come is kept, should the rest stay away
                file.write(chunk)
                done += len(chunk)
                show(done)
        if total is not None and done < total:
            raise ConnectionError(f'the connection broke after {done} of {total} bytes')


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0


def _sentence(error: Exception) -> str:
    if isinstance(error, HTTPError):
        return f'the server answers {error.code} {error.reason}'
    reason = getattr(error, 'reason', error)
    return str(getattr(reason, 'strerror', None) or reason or type(error).__name__)


def _progress(name: str, total: int | None) -> Callable[[int], None]:
    """Return what draws how many bytes have come, a few times a second, if a person is watching."""
    last = 0.0

    def show(done: int) -> None:
        nonlocal last
        finished = done == total
        if not sys.stderr.isatty() or (time.monotonic() - last < 0.2 and not finished):
            return
        last = time.monotonic()
        share = f'{100 * done / total:3.0f}% of {total / 1e6:.1f} MB' if total else f'{done / 1e6:.1f} MB'
        bar = '#' * int(30 * done / total) if total else ''
        print(f'\r{name} [{bar:30}] {share}', end='\n' if finished else '', file=sys.stderr, flush=True)

    return show
