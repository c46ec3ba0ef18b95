"""Time several ways of doing one thing, in turn, so that a machine whose speed drifts treats them alike."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from statistics import median
from typing import Any

import cv2
import torch

from hrpose.hardware import keep_freed_memory, leave_memory_to_glibc


@dataclass(frozen=True)
class Work:
    """One way of doing a stage's work.

    Attributes:
        run: does it once.
        people: that one run deals with.
        multiply_adds: of one run, where it is a network's; else 0.
        dtype: that a network computes in.
        alone: on one core, as one loader worker does.
        images: that these people are on, where whole images are what the work is about; else 0.
        keeps_memory: on a CPU, as hrpose's commands do; a peer's work leaves freed memory to glibc, as the peer does.
    """

    run: Callable[[], Any]
    people: int
    multiply_adds: float = 0.0
    dtype: torch.dtype = torch.float32
    alone: bool = False
    images: int = 0
    keeps_memory: bool = True


@dataclass(frozen=True)
class Timing:
    """What came of a `Work`.

    Attributes:
        seconds: of one person, of each repeat.
        peak_mib: most memory that was allocated on a GPU during it, MiB; None on a CPU.
        rate: floating point operations a second, at the median, of a network; 0 elsewhere.
        people_per_image: where the work is about whole images; else 0.
    """

    seconds: tuple[float, ...]
    peak_mib: float | None = None
    rate: float = 0.0
    people_per_image: float = 0.0

    @property
    def median(self) -> float:
        """Seconds a person."""
        return median(self.seconds)

    @property
    def per_image(self) -> float | None:
        """Seconds an image, at the median, where the work is about whole images."""
        return self.median * self.people_per_image or None


def measure(works: Mapping[str, Work], device: torch.device, *, repeats: int, warm_up: int = 2) -> dict[str, Timing]:
    """Return the timings of `works` by side: `repeats` rounds, in each of which every side runs once.

    Args:
        works: by the side's name.
        device: on which the networks are; its queue is emptied before a clock is read.
        repeats: rounds that count.
        warm_up: runs of each side before, which do not count: caches fill, compilers compile.
    """
    is_mixed = device.type == 'cpu' and len({work.keeps_memory for work in works.values()}) > 1
    for work in works.values():
        _set_memory(work, device)
        for _ in range(warm_up):
            _seconds(work, device)
    seconds: dict[str, list[float]] = {side: [] for side in works}
    peaks: dict[str, float | None] = dict.fromkeys(works)
    for _ in range(repeats):
        for side, work in works.items():
            if device.type == 'cuda':
                torch.cuda.reset_peak_memory_stats(device)
            if is_mixed:
                _set_memory(work, device)
                _seconds(work, device)  # the heap is that of the side before
            seconds[side].append(_seconds(work, device) / work.people)
            if device.type == 'cuda':
                peaks[side] = torch.cuda.max_memory_allocated(device) / 2**20
    return {side: _timing(works[side], seconds[side], peaks[side]) for side in works}


def _timing(work: Work, seconds: list[float], peak: float | None) -> Timing:
    rate = 2 * work.multiply_adds / (median(seconds) * work.people)
    return Timing(tuple(seconds), peak, rate, work.people / work.images if work.images else 0.0)


def _set_memory(work: Work, device: torch.device) -> None:
    if device.type == 'cpu':
        (keep_freed_memory if work.keeps_memory else leave_memory_to_glibc)()


def _seconds(work: Work, device: torch.device) -> float:
    with _threads(1) if work.alone else _threads(torch.get_num_threads()):
        _wait(device)
        began = time.perf_counter()
        work.run()
        _wait(device)
        return time.perf_counter() - began


def _wait(device: torch.device) -> None:
    if device.type == 'cuda':
        torch.cuda.synchronize(device)


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
