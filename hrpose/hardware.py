"""What the machine at hand computes in: for logs, the demo and measurements. How its memory is kept between steps."""

import contextlib
import ctypes
import os
import platform

import torch

# glibc's malloc.h: numbers of mallopt(3).
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
_MOST_OF_OLD_GLIBC = 2**25
# What a user sets to say it in another way.
_MALLOC_SETTINGS = ('GLIBC_TUNABLES', 'MALLOC_MMAP_THRESHOLD_', 'MALLOC_TRIM_THRESHOLD_')

PRECISIONS = {'fp32': torch.float32, 'bf16': torch.bfloat16, 'fp16': torch.float16}


def has_bf16(device: str | torch.device = 'cpu') -> bool:
    """Say whether `device` multiplies matrices in bf16 by instructions of its own, rather than by emulation."""
    if torch.device(device).type == 'cuda':
        return torch.cuda.get_device_capability(device)[0] >= 8  # Ampere and later
    able = torch.cpu.get_capabilities()
    return bool(able.get('avx512_bf16') or able.get('amx_bf16') or able.get('bf16'))


def describe_machine(device: str | torch.device = 'cpu') -> dict[str, str | int | bool]:
    """Return what a measurement on `device` should be told with: processor, cores, memory, versions."""
    device = torch.device(device)
    found: dict[str, str | int | bool] = {
        'processor': processor_name(),
        'threads': torch.get_num_threads(),
        'bf16': has_bf16(device),
        'python': platform.python_version(),
        'torch': torch.__version__,
    }
    if device.type == 'cuda':
        card = torch.cuda.get_device_properties(device)
        found |= {'gpu': card.name, 'gpu_memory_mib': card.total_memory >> 20}
    return found


def processor_name() -> str:
    """Return the processor's name as the system tells it, with its widest vector instructions as PyTorch sees them."""
    name = platform.processor() or platform.machine()
    try:
        with open('/proc/cpuinfo') as lines:
            name = next((line.split(':', 1)[1].strip() for line in lines if line.startswith('model name')), name)
    except OSError:
        pass
    return f'{name} ({torch.backends.cpu.get_cpu_capability()})'


def keep_freed_memory() -> None:
    """Let this process keep freed blocks of up to 1 GiB for its next ones, instead of giving them back to the system.

    glibc fetches each block above 32 MiB from the system and gives it back when it is freed; a network on a CPU frees
    and fetches a few hundred such a step, and the system clears every page anew. Measured on HRNet-W32 at 256x192 with
    one thread in batches of 8: 25 ms a person of system time in prediction and 64 ms in training became 0.2 and 2.3,
    where all of it takes about 170 and 330. In return resident memory stays at its peak, of the whole process: so
    `PoseRunner` and the commands call it, and nothing that is only imported. Where the environment has settings of
    malloc's, or the C library is another, nothing happens.
    """
    if not any(name in os.environ for name in _MALLOC_SETTINGS):
        _set_malloc(kept_block=2**30, kept_top=2**31 - 1)


def leave_memory_to_glibc() -> None:
    """Let this process do with freed memory what glibc's own rule ends in: blocks above 32 MiB are the system's.

    For a peer's side of a measurement, after `keep_freed_memory`.
    """
    _set_malloc(kept_block=2**25, kept_top=2**26)


def give_freed_memory_back() -> None:
    """Let this process return freed blocks of 64 KiB and more at once, so that resident memory is memory in use.

    It costs time: for processes whose memory is measured.
    """
    _set_malloc(kept_block=2**16, kept_top=2**17)


def _set_malloc(*, kept_block: int, kept_top: int) -> None:
    """Set, in bytes, from which size on blocks are mapped from the system, and what may be free at the heap's end."""
    with contextlib.suppress(AttributeError, OSError, TypeError):  # no glibc
        library = ctypes.CDLL(None)
        # Older ones take 32 MiB at most. Where none is taken, the other setting alone would do harm: it ends glibc's
        # own rule for this one.
        if library.mallopt(_MMAP_THRESHOLD, ctypes.c_int(kept_block)) or library.mallopt(
            _MMAP_THRESHOLD, ctypes.c_int(min(kept_block, _MOST_OF_OLD_GLIBC))
        ):
            library.mallopt(_TRIM_THRESHOLD, ctypes.c_int(kept_top))
