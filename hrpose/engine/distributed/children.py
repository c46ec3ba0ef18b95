"""Child processes that run one command together: if one fails, or on Ctrl-C, all of them end."""

import os
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress

# Seconds that a child has to tidy up before it is killed.
GRACE = 30.0
_PAUSE = 0.1
_STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def run_together(command: Sequence[str], environments: Sequence[Mapping[str, str]]) -> tuple[int, int] | None:
    """Run `command` once in each environment until all have ended; the first that fails ends the others.

    Each child leads a process group of its own: a signal reaches its loader workers too, and Ctrl-C in a terminal
    reaches this process alone, which passes it on. A second one kills them.

    Returns:
        position and exit status of the first child that failed, minus the signal's number if one killed it; None if
        none failed.

    Raises:
        KeyboardInterrupt: this process was asked to stop, and every child has ended.
    """
    with _noted_signals() as asked:
        children: list[subprocess.Popen[bytes]] = []
        failed = None
        try:
            for environment in environments:
                children.append(subprocess.Popen(command, env=environment, start_new_session=True))
            failed = _first_failure(children, asked)
        finally:
            if asked or failed or len(children) < len(environments):
                _end(children, asked)
        for child in children:
            child.wait()
    if asked:
        raise KeyboardInterrupt
    return failed


@contextmanager
def _noted_signals() -> Iterator[list[int]]:
    """Collect the signals that ask this process to stop, in place of stopping it."""
    asked: list[int] = []
    before = {number: signal.signal(number, lambda number, _: asked.append(number)) for number in _STOPPING}
    try:
        yield asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _first_failure(children: Sequence[subprocess.Popen[bytes]], asked: Sequence[int]) -> tuple[int, int] | None:
    """Wait until a child fails, all have ended well, or this process is asked to stop."""
    while not asked:
        statuses = [_status(child) for child in children]
        if failed := [(position, status) for position, status in enumerate(statuses) if status]:
            # A child that is killed takes others with it before the next look.
            return min(failed, key=lambda one: (one[1] != -signal.SIGKILL, one[0]))
        if None not in statuses:
            return None
        time.sleep(_PAUSE)
    return None


def _status(child: subprocess.Popen[bytes]) -> int | None:
    """Return a child's exit status as `Popen.poll` does, but leave it a zombie: its process group keeps its number."""
    ended = os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    if ended is None:
        return None
    return ended.si_status if ended.si_code == os.CLD_EXITED else -ended.si_status


def _end(children: Sequence[subprocess.Popen[bytes]], asked: Sequence[int]) -> None:
    """Ask all children to end; kill those that have not after `GRACE` seconds, or when asked a second time."""
    _send(children, asked[0] if asked else signal.SIGTERM)
    end = time.monotonic() + GRACE
    while time.monotonic() < end and len(asked) < 2 and None in map(_status, children):
        time.sleep(_PAUSE)
    _send(children, signal.SIGKILL)


def _send(children: Sequence[subprocess.Popen[bytes]], number: int) -> None:
    for child in children:
        with suppress(ProcessLookupError):
            os.killpg(child.pid, number)
