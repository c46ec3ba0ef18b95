"""Describe this machine, for logs and measurements, and set how its C library keeps freed memory."""

import contextlib
import ctypes
import functools
import os
import platform
import time
from pathlib import Path

import torch

# Numbers of mallopt(3), from glibc's malloc.h.
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
_MOST_OF_OLD_GLIBC = 2**25
# Variables by which a user sets malloc.
_MALLOC_SETTINGS = ('GLIBC_TUNABLES', 'MALLOC_MMAP_THRESHOLD_', 'MALLOC_TRIM_THRESHOLD_')

PRECISIONS = {'fp32': torch.float32, 'bf16': torch.bfloat16, 'fp16': torch.float16}


def auto_device() -> str:
    """Return the device that 'auto' means: the GPU if PyTorch has one here, else the CPU."""
    return 'cuda' if torch.cuda.is_available() else 'cpu'


def has_bf16(device: str | torch.device = 'cpu') -> bool:
    """Return whether `device` has instructions for bf16 matrix products."""
    if torch.device(device).type == 'cuda':
        return torch.cuda.get_device_capability(device)[0] >= 8  # Ampere and later
    if not hasattr(torch.cpu, 'get_capabilities'):  # in older releases of PyTorch
        return bool(torch.cpu._is_avx512_bf16_supported())
    able = torch.cpu.get_capabilities()
    return bool(able.get('avx512_bf16') or able.get('amx_bf16') or able.get('bf16'))


@functools.cache
def bf16_is_faster(device: str = 'cpu') -> bool:
    """Return whether networks run faster in bf16 than in fp32 on `device` (a type: 'cpu', 'cuda').

    On a CPU the instructions alone do not tell. Measured on convolutions of HRNet: AVX-512's bf16 takes half the time
    of fp32 on AMD's Zen 4, and twice the time on an Intel Xeon (Emerald Rapids) whose AMX is switched off. So one of
    these convolutions is timed in both, which takes some 20 ms.
    """
    return has_bf16(device) and (device != 'cpu' or convolution_ms(torch.bfloat16) < convolution_ms(torch.float32))


def convolution_ms(dtype: torch.dtype, repeats: int = 6) -> float:
    """Return the shortest time in ms of a 3x3 convolution of 64 channels on 2 maps of 32x24 on the CPU in `dtype`."""
    shapes = (64, 64, 3, 3), (2, 64, 32, 24)
    weight, maps = (torch.zeros(shape, dtype=dtype).to(memory_format=torch.channels_last) for shape in shapes)
    times = []
    with torch.inference_mode():
        for _ in range(repeats):  # the first ones prepare
            begin = time.perf_counter()
            torch.nn.functional.conv2d(maps, weight, padding=1)
            times.append(1e3 * (time.perf_counter() - begin))
    return min(times)


def describe_machine(device: str | torch.device = 'cpu') -> dict[str, str | int | bool]:
    """Return what belongs to a measurement on `device`: processor, threads, memory, versions."""
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
    """Return the processor's name, with the widest vector instructions that PyTorch uses on it."""
    name = platform.processor() or platform.machine()
    try:
        with open('/proc/cpuinfo') as lines:
            name = next((line.split(':', 1)[1].strip() for line in lines if line.startswith('model name')), name)
    except OSError:
        pass
    return f'{name} ({torch.backends.cpu.get_cpu_capability()})'


def available_memory() -> int:
    """Return the bytes of memory that this process may still take, by the system's account and that of its cgroup."""
    bounds = [2**62]
    with contextlib.suppress(OSError, ValueError, StopIteration), open('/proc/meminfo') as lines:
        bounds.append(1024 * int(next(line.split()[1] for line in lines if line.startswith('MemAvailable'))))
    with contextlib.suppress(OSError, ValueError):
        limit, used = (int(Path(f'/sys/fs/cgroup/memory.{name}').read_text()) for name in ('max', 'current'))
        bounds.append(max(limit - used, 0))
    return min(bounds)


def keep_freed_memory() -> None:
    """Make this process reuse freed blocks of up to 1 GiB instead of returning them to the system.

    glibc returns each freed block above 32 MiB to the system, which clears every page before it gives it out again. A
    network on a CPU frees a few hundred such blocks a step. Measured on HRNet-W32 at 256x192, one thread, batches of 8:
    system time a person fell from 25 to 0.2 ms of about 170 ms in prediction, and from 64 to 2.3 ms of about 330 ms in
    training. In return the memory of the process stays at its peak. So only `PoseRunner` and the commands call this.
    Nothing happens if the environment sets malloc, or with another C library.
    """
    if not any(name in os.environ for name in _MALLOC_SETTINGS):
        _set_malloc(kept_block=2**30, kept_top=2**31 - 1)


def leave_memory_to_glibc() -> None:
    """Undo `keep_freed_memory`: make this process return blocks above 32 MiB, as glibc does. For measuring a peer."""
    _set_malloc(kept_block=2**25, kept_top=2**26)


def _set_malloc(*, kept_block: int, kept_top: int) -> None:
    """Set the size in bytes from which malloc maps blocks, and how many bytes may be free at the end of the heap."""
    with contextlib.suppress(AttributeError, OSError, TypeError):  # no glibc
        library = ctypes.CDLL(None)
        # Older glibc takes 32 MiB at most. The second setting alone would do harm: it disables the automatic threshold.
        if library.mallopt(_MMAP_THRESHOLD, ctypes.c_int(kept_block)) or library.mallopt(
            _MMAP_THRESHOLD, ctypes.c_int(min(kept_block, _MOST_OF_OLD_GLIBC))
        ):
            library.mallopt(_TRIM_THRESHOLD, ctypes.c_int(kept_top))
