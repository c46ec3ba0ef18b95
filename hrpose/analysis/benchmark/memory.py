"""The most memory that a call needs, above what its process had before."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from hrpose.errors import UserError


def peak_mib(run: Callable[[], Any], device: torch.device) -> float:
    """Call `run` and return the most memory that was in use meanwhile, less what was in use before, in MiB.

    On a GPU this is PyTorch's allocated memory. On a CPU it is the process's resident memory: a fresh process tells it
    exactly if it gives freed memory back (`give_freed_memory_back`), since an older one may serve the call from memory
    that it has kept.

    Raises:
        UserError: on a CPU, a system without Linux's /proc/self.
    """
    if device.type == 'cuda':
        torch.cuda.reset_peak_memory_stats(device)
        before = torch.cuda.memory_allocated(device)
        run()
        return (torch.cuda.max_memory_allocated(device) - before) / 2**20
    try:
        Path('/proc/self/clear_refs').write_text('5')  # the peak is what is resident now: proc(5)
    except OSError as error:
        raise UserError(f'this measurement of memory needs Linux: {error}') from error
    before = _status('VmRSS')
    run()
    return (_status('VmHWM') - before) / 2**10


def _status(name: str) -> int:
    """Return a number of /proc/self/status, in KiB."""
    lines = Path('/proc/self/status').read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f'{name}:'))
