"""MATLAB files, read where a damaged one does no harm: SciPy's reader crashes the interpreter on some."""

import os
import pickle
import signal
from collections.abc import Callable
from typing import Any

from hrpose.errors import UserError


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
