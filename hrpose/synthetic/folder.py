"""Folders of generated data: filled once, never half, and only with what this package wrote before."""

import json
import multiprocessing
import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import cv2

from hrpose.errors import UserError
from hrpose.files import write_or_remove

Result = TypeVar('Result')

STAMP = 'synthetic.json'
LICENSE = {'id': 1, 'name': 'CC0', 'url': 'https://creativecommons.org/publicdomain/zero/1.0/'}
# What an earlier request may have left.
_PATTERNS = (
    'train/*.jpg', 'val/*.jpg', 'annotations/person_keypoints_*.json',
    'images/*/*_synthetic/*.jpg', 'annotations/*/*_synthetic.json',
)  # fmt: skip


def check_request(request: dict[str, int], workers: int, unit: str = 'image') -> None:
    """Raise `UserError` for counts, a seed or a number of workers with which nothing can be made."""
    train, val, seed = (request[name] for name in ('train', 'val', 'seed'))
    if train < 0 or val < 0 or train + val == 0:
        raise UserError(f'--train {train} --val {val}: ask for at least one {unit} in all, and none below 0')
    if seed < 0:
        raise UserError(f'--seed {seed}: has to be 0 or more')
    if workers < 1:
        raise UserError(f'--workers {workers}: has to be 1 or more')


def fill(
    out: Path, request: dict[str, int], files: Iterable[Path], write: Callable[[], None], *, overwrite: bool
) -> bool:
    """Write a data set to a folder, unless a finished run of the same request did.

    Args:
        out: the folder.
        request: what the content depends on.
        files: paths that a finished run leaves.
        write: writes the content.
        overwrite: whether to replace the data set of another request.

    Returns:
        Whether anything was written.

    Raises:
        UserError: the folder has other content.
    """
    if _stamp(out) == {**request, 'complete': True} and all(file.is_file() for file in files):
        return False
    _make_room(out, request, overwrite)
    write_json(out / STAMP, {**request, 'complete': False})
    write()
    write_json(out / STAMP, {**request, 'complete': True})
    return True


def in_processes(job: Callable[[int], Result], count: int, workers: int, *, together: int) -> Iterator[Result]:
    """Yield the results of `job` for 0 to `count` - 1, in order; each of `workers` processes takes `together`."""
    workers = min(workers, max(count, 1))
    if workers == 1:
        yield from map(job, range(count))
        return
    # Not forked: a fork of a process in which OpenCV or PyTorch has started threads may hang.
    context = multiprocessing.get_context('spawn')
    with context.Pool(workers, initializer=cv2.setNumThreads, initargs=(1,)) as pool:
        yield from pool.imap(job, range(count), chunksize=together)


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Write compact JSON at once."""
    write_bytes(path, json.dumps(content, separators=(',', ':')).encode())


def write_bytes(path: Path, data: bytes) -> None:
    """Write a file at once: an interrupted call leaves no part of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + '.part')
    write_or_remove(part, data)
    os.replace(part, path)


def _stamp(out: Path) -> dict[str, Any] | None:
    """Return the request that a folder was made with, or None if it is not such a folder."""
    try:
        stamp = json.loads((out / STAMP).read_text())
    except (OSError, ValueError):
        return None
    return stamp if isinstance(stamp, dict) else None


def _make_room(out: Path, request: dict[str, int], overwrite: bool) -> None:
    """Make the folder, without the files of an earlier request."""
    if out.exists() and not out.is_dir():
        raise UserError(f'{out}: is a file; name a folder to write the data set to')
    stamp = _stamp(out)
    if out.is_dir() and any(out.iterdir()) and stamp is None:
        raise UserError(f'{out}: has files that are not from this command; name another folder')
    if stamp is not None and {**stamp, 'complete': True} != {**request, 'complete': True} and not overwrite:
        held = ', '.join(f'{key} {value}' for key, value in stamp.items() if key != 'complete')
        raise UserError(f'{out}: has a data set made with {held}; name another folder, or replace it by --overwrite')
    out.mkdir(parents=True, exist_ok=True)
    for pattern in _PATTERNS:
        for old in out.glob(pattern):
            old.unlink()
