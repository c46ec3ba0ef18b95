"""Reading annotation files in JSON and MATLAB's format. An unreadable one is a `UserError` that names the file."""

import json
import os
import pickle
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hrpose.errors import UserError


def read_json(path: str) -> Any:
    """Return a JSON file's content; a file that is no JSON is a `UserError` naming the place."""
    try:
        return json.loads(Path(path).read_bytes())
    # No place in the text, no UTF-8, or a number with more digits than Python converts.
    except ValueError as error:
        raise UserError(f'{path} is no valid JSON: {error}') from error
    except RecursionError as error:
        raise UserError(f'{path} is nested too deep to be read') from error
    except OSError as error:
        raise UserError(f'{path} cannot be read: {error.strerror}') from error


def read_coco_json(path: str) -> dict[str, Any]:
    """Return a COCO file's content, checked to be a mapping that lists images; a folder's files come as one.

    Raises:
        UserError: what is there is no JSON, or not in COCO's layout.
    """
    if Path(path).is_dir():
        return _joined([read_coco_json(str(file)) for file in sorted(Path(path).glob('*.json'))], path)
    content = read_json(path)
    if not isinstance(content, dict) or not isinstance(content.get('images'), list):
        raise UserError(f"{path} is no COCO key point file: it needs 'images', 'annotations' and 'categories' lists")
    return content


def _joined(contents: list[dict[str, Any]], folder: str) -> dict[str, Any]:
    """Return the images and annotations of all files under the first one's categories."""
    if not contents:
        raise UserError(f'the folder {folder} holds no .json file')
    parts = ('images', 'annotations')
    joined = {part: [entry for content in contents for entry in content.get(part) or []] for part in parts}
    return {'categories': contents[0].get('categories') or [], **joined}


def read_matlab(path: str | os.PathLike[str], **options: Any) -> dict[str, Any]:
    """Return the variables of a MATLAB file as `scipy.io.loadmat` does; `options` are its own.

    It runs in a copy of this process, which costs 20 ms and a copy of what was read.

    Raises:
        UserError: no such file, or one that cannot be read; names it.
    """
    if not os.path.isfile(path):
        raise UserError(f'there is no MATLAB file {path}')
    from scipy.io import loadmat  # before the copy is made: in it, another thread's lock on imports would stay

    outcome, told = _apart(lambda: loadmat(path, **options))
    if outcome == 'done':
        return told
    raise UserError(f'{path} is no readable MATLAB file: {told}')


def _apart(work: Callable[[], Any]) -> tuple[str, Any]:
    """Return ('done', result), or ('failed', reason), of `work` in a copy of this process."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.close(reader)
            with os.fdopen(writer, 'wb') as pipe:
                pipe.write(_answer(work))
        finally:
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader, 'rb') as pipe:
        answer = pipe.read()
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        return 'failed', f'reading it crashed ({signal.Signals(os.WTERMSIG(status)).name})'
    return pickle.loads(answer) if answer else ('failed', 'reading it ended too soon')


def _answer(work: Callable[[], Any]) -> bytes:
    try:
        return pickle.dumps(('done', work()))
    except BaseException as error:  # the file is a stranger's: whatever it makes the reader raise is a reason
        return pickle.dumps(('failed', f'{type(error).__name__}: {error}'))
