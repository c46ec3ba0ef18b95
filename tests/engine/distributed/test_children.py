"""Processes that run together: how their ends are told, and that none stays behind."""

import os
import signal
import sys
import threading
import time

import pytest

from hrpose.engine.distributed import children
from hrpose.engine.distributed.children import run_together
from tests.tools.scripts import wait_until

SLEEP = 'import time; time.sleep(100)'


def run(*codes: str) -> tuple[int, int] | None:
    """Run each code in a child of its own."""
    environments = [{**os.environ, 'CODE': code} for code in codes]
    return run_together([sys.executable, '-c', 'import os; exec(os.environ["CODE"])'], environments)


def test_children_that_all_end_well_are_no_failure():
    assert run('pass', 'import time; time.sleep(0.3)') is None


def test_the_first_failure_is_returned_and_ends_the_others(tmp_path):
    note = f'import os, pathlib; pathlib.Path({str(tmp_path / "pid")!r}).write_text(str(os.getpid())); '
    wait = f'import pathlib, time\nwhile not pathlib.Path({str(tmp_path / "pid")!r}).exists(): time.sleep(0.01)\n'
    assert run(note + SLEEP, f'{wait}raise SystemExit(3)') == (1, 3)
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / 'pid').read_text()), 0)


def test_a_killed_child_comes_before_those_that_it_takes_along(monkeypatch):
    monkeypatch.setattr(children, '_PAUSE', 1.0)
    kill = 'import os, signal; os.kill(os.getpid(), signal.SIGKILL)'
    assert run('raise SystemExit(2)', kill) == (1, -signal.SIGKILL)


def test_what_a_failed_child_started_ends_too(tmp_path):
    start = f'import subprocess, sys; other = subprocess.Popen([sys.executable, "-c", {SLEEP!r}])\n'
    note = f'import pathlib; pathlib.Path({str(tmp_path / "pid")!r}).write_text(str(other.pid))\nraise SystemExit(1)'
    assert run(start + note) == (0, 1)
    process = int((tmp_path / 'pid').read_text())
    assert wait_until(lambda: not alive(process), 5)


def alive(process: int) -> bool:
    try:
        with open(f'/proc/{process}/stat') as stat:
            return stat.read().rsplit(')', 1)[1].split()[0] != 'Z'
    except FileNotFoundError:
        return False


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM])
def test_a_signal_is_passed_on_and_becomes_keyboard_interrupt(number, tmp_path):
    send_when_ready(tmp_path / 'ready', [number])
    handler = f'import signal, sys, pathlib; signal.signal({int(number)}, lambda *_: (print("tidied"), sys.exit(0)))\n'
    with pytest.raises(KeyboardInterrupt):
        run(f'{handler}pathlib.Path({str(tmp_path / "ready")!r}).touch()\n{SLEEP}')
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


def test_a_second_signal_kills_a_child_that_does_not_end(tmp_path):
    send_when_ready(tmp_path / 'ready', [signal.SIGINT, signal.SIGINT])
    deaf = 'import signal, time, pathlib; signal.signal(signal.SIGINT, signal.SIG_IGN)\n'
    ready, late = (f'pathlib.Path({str(tmp_path / name)!r}).touch()' for name in ('ready', 'late'))
    with pytest.raises(KeyboardInterrupt):
        run(f'{deaf}{ready}\ntime.sleep(20)\n{late}')
    assert not (tmp_path / 'late').exists()


def send_when_ready(ready, numbers) -> None:
    """Send signals to this process once `ready` is there."""

    def send() -> None:
        assert wait_until(ready.exists, 20)
        for number in numbers:
            os.kill(os.getpid(), number)
            time.sleep(0.5)

    threading.Thread(target=send, daemon=True).start()
