"""Reading annotation files in JSON and MATLAB's format. An unreadable one is a `UserError` that names the file."""

import json
import os
from collections.abc import Callable
from functools import partial
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from hrpose.errors import UserError


def read_json(path: str) -> Any:
    """Return the content of a JSON file.

    Raises:
        UserError: the file cannot be read or is not JSON; the message names file and position.
    """
    try:
        return json.loads(Path(path).read_bytes())
    # Not JSON, not UTF-8, or a number with more digits than Python converts.
    except ValueError as error:
        raise UserError(f'{path}: not valid JSON: {error}') from error
    except RecursionError as error:
        raise UserError(f'{path}: nested too deeply') from error
    except OSError as error:
        raise UserError(f'{path}: cannot be read: {error.strerror}') from error


def read_coco_json(path: str) -> dict[str, Any]:
    """Return the content of a COCO file, checked to be a mapping that lists images; join the files of a folder.

    Raises:
        UserError: not JSON, or not in COCO's layout.
    """
    if Path(path).is_dir():
        return _joined([read_coco_json(str(file)) for file in sorted(Path(path).glob('*.json'))], path)
    content = read_json(path)
    if not isinstance(content, dict) or not isinstance(content.get('images'), list):
        raise UserError(f"{path}: not a COCO keypoint file, which has lists 'images', 'annotations' and 'categories'")
    return content


def _joined(contents: list[dict[str, Any]], folder: str) -> dict[str, Any]:
    """Return the images and annotations of all files, with the categories of the first one."""
    if not contents:
        raise UserError(f'{folder}: this folder has no .json file')
    parts = ('images', 'annotations')
    joined = {part: [entry for content in contents for entry in content.get(part) or []] for part in parts}
    return {'categories': contents[0].get('categories') or [], **joined}


def read_matlab(path: str | os.PathLike[str], **options: Any) -> dict[str, Any]:
    """Return the variables of a MATLAB file as `scipy.io.loadmat(path, **options)` does.

    SciPy's reader crashes the interpreter on about one in fifty damaged files, so it runs in a process of its own.

    Raises:
        UserError: there is no such file, or it cannot be read; the message names it.
    """
    if not os.path.isfile(path):
        raise UserError(f'{path}: there is no such MATLAB file')
    from scipy.io import loadmat  # before the fork: another thread could hold the lock on imports there

    fork = get_context('fork')
    receiver, sender = fork.Pipe(duplex=False)
    process = fork.Process(target=_send, args=(sender, partial(loadmat, path, **options)))
    process.start()
    sender.close()
    try:
        content = receiver.recv()
    except EOFError:
        content = "SciPy's reader crashed on it"
    process.join()
    if isinstance(content, str):
        raise UserError(f'{path}: cannot be read as a MATLAB file: {content}')
    return content


def _send(sender: Connection, read: Callable[[], dict[str, Any]]) -> None:
    """Send what `read` returns, or the error that it raises as text."""
    try:
        sender.send(read())
    except Exception as error:  # a damaged file can make the reader raise anything
        sender.send(f'{type(error).__name__}: {error}')
