"""Timing of several ways to do one thing, in turn, so that a machine of changing speed treats them alike."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from statistics import median
from typing import Any

import cv2
import torch
from torch import nn

from hrpose.hardware import keep_freed_memory, leave_memory_to_glibc

# Of `best_rate`: (channels, rows and columns) of 3x3 convolutions in batches of 8, and the side of a square matrix.
CONVOLUTIONS = {'cpu': ((64, 64), (256, 32)), 'cuda': ((256, 128), (512, 64))}
MATRIX = {'cpu': 1024, 'cuda': 8192}
BATCH = 8


@dataclass(frozen=True)
class Work:
    """One way of doing the work of a stage."""

    run: Callable[[], Any]  # does it once
    people: int  # in one run
    multiply_adds: float = 0.0  # of one run of a network; else 0
    dtype: torch.dtype = torch.float32  # that a network computes in
    alone: bool = False  # run on one core, as in a loader worker
    images: int = 0  # of these people, where the work is about whole images; else 0
    keeps_memory: bool = True  # keep freed memory on a CPU, as hrpose's commands do; mmpose leaves it to glibc


@dataclass(frozen=True)
class Memory:
    """Memory of a process, MiB: resident on a CPU, allocated on a GPU."""

    peak: float  # the most while the work runs
    before: float  # before network and data are built: libraries


@dataclass(frozen=True)
class Timing:
    """Measurement of a `Work`."""

    seconds: tuple[float, ...]  # a person, of each repeat
    peak_mib: float | None = None  # most memory allocated on a GPU, MiB; None on a CPU
    rate: float = 0.0  # floating point operations a second of a network, at the median; else 0
    people_per_image: float = 0.0  # where the work is about whole images; else 0
    memory: Mapping[int, Memory] = field(default_factory=dict)  # by batch, where it was asked for

    @property
    def median(self) -> float:
        """Seconds a person."""
        return median(self.seconds)

    @property
    def per_image(self) -> float | None:
        """Seconds an image, at the median, where the work is about whole images."""
        return self.median * self.people_per_image or None


def measure(works: Mapping[str, Work], device: torch.device, *, repeats: int, warm_up: int = 2) -> dict[str, Timing]:
    """Return the timing of each of `works`: in each of `repeats` rounds every one runs once.

    Args:
        works: by name.
        device: of the networks; its queue is emptied before a clock is read.
        repeats: rounds that count.
        warm_up: runs of each work before, which fill caches and compile.
    """
    is_mixed = device.type == 'cpu' and len({work.keeps_memory for work in works.values()}) > 1
    for work in works.values():
        _set_memory(work, device)
        for _ in range(warm_up):
            _seconds(work, device)
    seconds: dict[str, list[float]] = {name: [] for name in works}
    peaks: dict[str, float | None] = dict.fromkeys(works)
    for _ in range(repeats):
        for name, work in works.items():
            if device.type == 'cuda':
                torch.cuda.reset_peak_memory_stats(device)
            if is_mixed:
                _set_memory(work, device)
                _seconds(work, device)  # the heap is still as the work before left it
            seconds[name].append(_seconds(work, device) / work.people)
            if device.type == 'cuda':
                peaks[name] = torch.cuda.max_memory_allocated(device) / 2**20
    return {name: _timing(works[name], seconds[name], peaks[name]) for name in works}


def _timing(work: Work, seconds: list[float], peak: float | None) -> Timing:
    rate = 2 * work.multiply_adds / (median(seconds) * work.people)
    return Timing(tuple(seconds), peak, rate, work.people / work.images if work.images else 0.0)


def _set_memory(work: Work, device: torch.device) -> None:
    if device.type == 'cpu':
        (keep_freed_memory if work.keeps_memory else leave_memory_to_glibc)()


def _seconds(work: Work, device: torch.device) -> float:
    """Return the seconds of one run; the queue of a GPU is empty before and after."""
    wait = partial(torch.cuda.synchronize, device) if device.type == 'cuda' else lambda: None
    with _threads(1 if work.alone else torch.get_num_threads()):
        wait()
        began = time.perf_counter()
        work.run()
        wait()
        return time.perf_counter() - began


@contextmanager
def _threads(count: int) -> Iterator[None]:
    """Let PyTorch and OpenCV use `count` threads."""
    before = torch.get_num_threads(), cv2.getNumThreads()
    torch.set_num_threads(count)
    cv2.setNumThreads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before[0])
        cv2.setNumThreads(before[1])


@torch.no_grad()
def best_rate(device: torch.device, dtype: torch.dtype) -> float:
    """Return the floating point operations a second of the best of a few large kernels in `dtype` on this machine.

    They are a matrix product and 3x3 convolutions, channels last. A product alone does not suffice: on a CPU another
    library computes it than the convolutions, and may leave the widest instructions of a processor unused (MKL on an
    AMD EPYC with AVX-512 reaches 0.4 of oneDNN's convolutions in float32).
    """
    rates = []
    for operations, run in _kernels(device, dtype):
        timing = measure({'kernel': Work(run, people=1)}, device, repeats=7)['kernel']
        rates.append(operations / min(timing.seconds))
    return max(rates)


def _kernels(device: torch.device, dtype: torch.dtype) -> Iterator[tuple[float, Callable[[], object]]]:
    """Yield (floating point operations, a call that does them)."""
    kind = 'cuda' if device.type == 'cuda' else 'cpu'
    side = MATRIX[kind]
    a, b = (torch.randn(side, side, device=device).to(dtype) for _ in range(2))
    yield 2.0 * side**3, partial(torch.matmul, a, b)
    for channels, size in CONVOLUTIONS[kind]:
        images = torch.randn(BATCH, channels, size, size, device=device).to(dtype, memory_format=torch.channels_last)
        layer = nn.Conv2d(channels, channels, 3, padding=1, bias=False).to(device, dtype)
        layer = layer.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        yield 2.0 * 9 * channels**2 * BATCH * size**2, partial(layer, images)
