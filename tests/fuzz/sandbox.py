"""A process of its own for hostile input: it may hang, crash or reach for what is not its own; the test goes on.

The process is watched by Python's audit events: a file opened for writing, made, moved or removed outside the work
dir and the temporary folder, a program started or a connection made, is prevented, and fails the case whatever came of
it.
"""

import faulthandler
import multiprocessing
import os
import resource
import signal
import sys
import tempfile
import traceback
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2

from hrpose.cli.run import message_of
from hrpose.errors import UserError

Case = Callable[[bytes], object]

SECONDS = 20
# Room beside what the process has at its start. An image of the most pixels that OpenCV reads, 2^30, does not fit.
MEMORY = 2 * 2**30

_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
# Audit events, and how many of their first arguments are paths that the call changes.
_CHANGES = {
    **dict.fromkeys(('os.mkdir', 'os.rmdir', 'os.remove', 'os.truncate', 'os.chmod', 'os.chown', 'os.utime'), 1),
    **dict.fromkeys(('os.rename', 'os.link', 'os.symlink', 'shutil.move'), 2),
    **dict.fromkeys(('shutil.rmtree', 'shutil.unpack_archive', 'shutil.make_archive', 'os.setxattr'), 1),
}
_REACHES_OUT = (
    *('os.system', 'os.exec', 'os.forkpty', 'os.posix_spawn', 'os.spawn', 'os.startfile', 'pty.spawn'),
    *('subprocess.Popen', 'socket.connect', 'socket.bind', 'socket.getaddrinfo', 'os.kill', 'os.putenv'),
)


class Fault(AssertionError):
    """What hostile input must not do."""


class Watch:
    """Notes and prevents what this process does outside some folders. It cannot be taken off again."""

    def __init__(self, allowed: tuple[Path, ...]) -> None:
        self.acts: list[str] = []
        self._allowed = tuple(f'{folder.resolve()}{os.sep}' for folder in allowed)
        self._is_looking = False
        sys.addaudithook(self._look)

    @contextmanager
    def on(self) -> Iterator[None]:
        """Look, inside the block."""
        self.acts, self._is_looking = [], True
        try:
            yield
        finally:
            self._is_looking = False

    def _look(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self._is_looking:
            return
        if event == 'open':
            path, mode, flags = arguments
            changed = (path,) if (flags or 0) & _WRITING or set(mode or '') & set('wax+') else ()
        elif event in _CHANGES:
            changed = arguments[: _CHANGES[event]]
            if event in ('os.remove', 'os.rmdir') and arguments[1] >= 0:  # a name in an open folder
                changed = (os.path.join(os.readlink(f'/proc/self/fd/{arguments[1]}'), os.fsdecode(changed[0])),)
        elif event in _REACHES_OUT:
            self._refuse(f'{event} {arguments!r:.200}')
            return
        else:
            return
        for path in changed:
            if not isinstance(path, int) and not self._is_allowed(os.fsdecode(path)):
                self._refuse(f'{event} {path!r}')

    def _is_allowed(self, path: str) -> bool:
        return path == os.devnull or f'{os.path.realpath(path)}{os.sep}'.startswith(self._allowed)

    def _refuse(self, act: str) -> None:
        self.acts.append(act)
        raise PermissionError(f'prevented by the test: {act}')


class Sandbox:
    """Runs a case on one input after the other in a process of its own, which is started again after a fault.

    Args:
        make: called in that process with the work dir; returns the case.
        whole: an input that the case takes; tried once before anybody watches, as much is imported late.
        folder: of the test; the process works in `folder/here`, where nothing may be written, and its work dir is
            `folder/work`.
    """

    def __init__(self, make: Callable[[Path], Case], whole: bytes, folder: Path) -> None:
        self.make, self.whole, self.folder = make, whole, folder
        for name in ('here', 'work', 'temporary'):
            (folder / name).mkdir(parents=True)
        self._process: Any = None

    def run(self, content: bytes) -> str:
        """Run the case on `content`; returns 'taken' or 'refused', or raises `Fault`."""
        if self._process is None:
            self._start()
        try:
            self._pipe.send_bytes(content)
            if not self._pipe.poll(SECONDS):
                self.close()
                raise Fault(f'it hangs: no end after {SECONDS} s')
            outcome, told = self._pipe.recv()
        except (EOFError, ConnectionError) as error:
            self._process.join()
            code = self._process.exitcode
            self.close()
            raise Fault(f'the interpreter crashed: exit status {code}') from error
        if outcome == 'fault':
            raise Fault(told)
        return outcome

    def close(self) -> None:
        """End the process."""
        if self._process is not None:
            self._process.kill()
            self._process.join()
            self._pipe.close()
            self._process = None

    def _start(self) -> None:
        context = multiprocessing.get_context('fork')
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(self.make, self.whole, self.folder, theirs))
        self._process.start()
        theirs.close()


def _serve(make: Callable[[Path], Case], whole: bytes, folder: Path, pipe: Any) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    faulthandler.disable()
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1), os.dup2(nowhere, 2)  # what libraries print, thousands of times
    os.chdir(folder / 'here')
    tempfile.tempdir = str(folder / 'temporary')
    sys.dont_write_bytecode = True
    cv2.setNumThreads(0)  # its threads did not come along
    case = make(folder / 'work')
    _outcome(case, whole)
    watch = Watch((folder / 'work', folder / 'temporary'))
    _limit_memory()
    while True:
        try:
            content = pipe.recv_bytes()
        except EOFError:
            return
        with warnings.catch_warnings(), watch.on():
            warnings.simplefilter('ignore')
            outcome = _outcome(case, content)
        pipe.send(('fault', f'it reached outside: {watch.acts}') if watch.acts else outcome)


def _limit_memory() -> None:
    pages = int(Path('/proc/self/statm').read_text().split()[0])
    resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + MEMORY, resource.RLIM_INFINITY))


def _outcome(case: Case, content: bytes) -> tuple[str, str]:
    try:
        case(content)
    except UserError as error:
        message = message_of(error)
        return ('refused', message) if message else ('fault', 'an empty message')
    except SystemExit as left:  # of a command, which has told what was wrong
        return ('refused', '') if left.code == 2 else ('fault', f'left with {left.code}')
    except BaseException as error:
        place = [f'{frame.name} ({Path(frame.filename).name}:{frame.lineno})' for frame in _frames(error)[-5:]]
        return 'fault', f'a traceback: {type(error).__name__}: {str(error)[:300]} in {" > ".join(place)}'
    return 'taken', ''


def _frames(error: BaseException) -> list[traceback.FrameSummary]:
    return list(traceback.extract_tb(error.__traceback__))
