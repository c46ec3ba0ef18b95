"""Run scripts of tools/ in processes of their own."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ENVIRONMENT = {**os.environ, 'PYTHON': sys.executable, 'PYTHONPATH': str(ROOT), 'OMP_NUM_THREADS': '1'}


def run_script(script: str, *words: object, **environment: str) -> subprocess.CompletedProcess:
    """Run a script of tools/; `stdout` of the result has its stderr too."""
    return subprocess.run(
        [ROOT / 'tools' / script, *map(str, words)],
        env={**ENVIRONMENT, **environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=150,
    )


def run_program(program: str, *words: object, seconds: float = 150) -> subprocess.CompletedProcess:
    """Run a Python program of this repository like `run_script`, for `seconds` at most."""
    return subprocess.run(
        [sys.executable, ROOT / program, *map(str, words)],
        env=ENVIRONMENT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=seconds,
    )


def processes_of(folder: Path) -> list[str]:
    """Return the command lines of all processes that name `folder`."""
    found = []
    for entry in Path('/proc').glob('[0-9]*/cmdline'):
        try:
            line = entry.read_bytes().replace(b'\0', b' ').decode()
        except OSError:
            continue
        if str(folder) in line:
            found.append(f'{entry.parent.name} {line}')
    return found


def wait_until(condition: Callable[[], object], seconds: float) -> bool:
    """Return whether `condition` became true within `seconds`."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.2)
    return False
