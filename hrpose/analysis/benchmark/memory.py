"""Peak memory of a training step and of a prediction; each side and batch has a process of its own."""

import contextlib
from collections.abc import Callable, Sequence
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope

from hrpose.analysis.benchmark.measure import Memory
from hrpose.analysis.benchmark.stages import NAME, Bench
from hrpose.analysis.comparison import peak_memory
from hrpose.hardware import keep_freed_memory

STAGES = ('train', 'predict')
RUNS = 3  # the first one plans convolutions and creates the optimizer's state

Peaks = dict[str, dict[int, Memory]]


def peaks_of(
    stage: str,
    load: Callable[[], Config],
    device: torch.device,
    *,
    batches: Sequence[int],
    variants: Sequence[str],
    peer: str | None = None,
) -> Peaks:
    """Return side -> batch -> memory of a stage.

    Args:
        stage: one of `STAGES`.
        load: returns the linked config; it is called in every process, and so has to be picklable.
        device: of the networks.
        batches: people in a step.
        variants: of hrpose's network, names in `stages.VARIANTS`.
        peer: name of mmpose's side, if it is measured too.
    """
    sides = {**({peer: None} if peer else {}), **{f'{NAME} {variant}': variant for variant in variants}}
    found: Peaks = {side: {} for side in sides}
    for batch in batches:
        for side, variant in sides.items():
            # spawn: a forked process would begin with the memory of this one
            with get_context('spawn').Pool(1) as pool:
                found[side][batch] = pool.apply(_measured, (stage, load, str(device), batch, variant))
    return found


def _measured(stage: str, load: Callable[[], Config], device: str, batch: int, variant: str | None) -> Memory:
    """Build the work of one side in this process, mmpose's if `variant` is None, and run it."""
    from hrpose.analysis.benchmark.mmpose_side import MmposeBench, import_mmpose

    init_default_scope('hrpose')
    place = torch.device(device)
    if place.type == 'cpu' and variant is not None:
        keep_freed_memory()  # as hrpose's commands do; mmpose leaves it to glibc
    bench = Bench(load(), place, batch, variants=(variant or 'fp32',))
    build = bench.works if variant else MmposeBench(bench, import_mmpose()).works
    return peak_while(partial(_run, build, stage), place)


def _run(build: Callable[[str], dict], stage: str) -> Callable[[], None]:
    (work,) = build(stage).values()

    def run() -> None:
        for _ in range(RUNS):
            work.run()

    return run


def peak_while(build: Callable[[], Callable[[], object]], device: torch.device) -> Memory:
    """Return the most memory that this process holds while the call that `build` returns runs, and before `build`."""
    before = _resident() if device.type == 'cpu' else 0.0
    run = build()
    if device.type == 'cuda':
        torch.cuda.reset_peak_memory_stats(device)
        run()
        return Memory(torch.cuda.max_memory_allocated(device) / 2**20, before)
    with contextlib.suppress(OSError):  # not Linux: the peak then includes building
        Path('/proc/self/clear_refs').write_text('5')  # sets VmHWM to VmRSS, see proc(5)
    run()
    return Memory(_status('VmHWM') or peak_memory() / 2**20, before)


def _resident() -> float:
    """Return the resident memory of this process, MiB."""
    return _status('VmRSS') or peak_memory() / 2**20


def _status(name: str) -> float | None:
    """Return a value of /proc/self/status in MiB; None where there is no such file."""
    with contextlib.suppress(OSError), open('/proc/self/status') as lines:
        return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(f'{name}:'))
    return None
