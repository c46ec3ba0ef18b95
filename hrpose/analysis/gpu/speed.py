"""Time training steps and inference of hrpose in fp32, bf16 and compiled, in turn with mmpose's stock networks."""

import gc
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import torch

from hrpose.analysis.benchmark.measure import Work, best_rate, measure
from hrpose.analysis.benchmark.mmpose_side import MmposeBench, import_mmpose
from hrpose.analysis.benchmark.stages import Bench
from hrpose.analysis.gpu.report import Case, Report

W32, W48 = 'hrnet_w32_coco_256x192', 'hrnet_w48_coco_256x192'
# (network, stage, batch size), the most important first.
PLAN = (
    (W32, 'train', 64),
    (W32, 'predict', 1),
    (W32, 'predict', 32),
    (W32, 'train', 256),
    (W48, 'train', 64),
    (W32, 'predict', 256),
    (W48, 'predict', 1),
    (W48, 'predict', 32),
    (W48, 'train', 256),
    (W48, 'predict', 256),
)
# Each of these compiles for a minute or more and cannot be interrupted, so they are the last part.
COMPILED = ((W32, 'train', 64), (W32, 'predict', 1), (W32, 'predict', 32))
SMALL = ((W32, 'train', 2), (W32, 'predict', 1))
VARIANTS = ('fp32', 'bf16', 'fp32 graphs', 'bf16 graphs')
COMPILED_VARIANTS = {'predict': ('bf16 compiled',), 'train': ('bf16 compiled', 'bf16 compiled graphs')}
KERNELS = 10


def run(case: Case, report: Report) -> None:
    """Time the plan as far as the time allows, and list the slowest kernels of a training step."""
    for precision, dtype in {} if case.small else {'fp32': torch.float32, 'bf16': torch.bfloat16}.items():
        if not report.has('speed', f'best rate {precision}'):
            report.add('speed', f'best rate {precision}', {'TFLOP/s': best_rate(case.device, dtype) / 1e12})
    peer = import_mmpose() if case.against_mmpose else None
    kept = 30 + (case.learning_seconds + 60 if case.crops else 0)  # seconds for the parts that follow
    for network, stage, batch in SMALL if case.small else PLAN:
        name = f'{network} {stage} batch {batch}'
        if report.has('speed', name) or case.seconds_left < kept:
            continue
        bench = Bench(case.synthetic_config(network), case.device, batch, batch, VARIANTS)
        report.add('speed', name, _measured(case, stage, [bench, MmposeBench(bench, peer)] if peer else [bench]))
        del bench
        _empty(case.device)
        if (network, stage, batch) == PLAN[0]:
            report.add('speed', f'{name} kernels', _kernels(case, network, batch))


def run_compiled(case: Case, report: Report) -> None:
    """Time compiled networks in bf16, and measure the seconds with compiling."""
    for network, stage, batch in SMALL[1:] if case.small else COMPILED:
        name = f'{network} {stage} batch {batch} compiled'
        if not report.has('compiled', name) and case.seconds_left > 30:
            bench = Bench(case.synthetic_config(network), case.device, batch, batch, COMPILED_VARIANTS[stage])
            began = time.monotonic()
            timings = _measured(case, stage, [bench])
            report.add('compiled', name, {**timings, 'seconds_in_all': time.monotonic() - began})
            del bench
            _empty(case.device)


def _measured(case: Case, stage: str, sides: list[Any]) -> dict[str, Any]:
    """Return milliseconds a person (median, least, most), people a second, peak memory (MiB) and TFLOP/s, by side."""
    works: dict[str, Work] = {}
    memory: dict[str, float | None] = {}
    for side in sides:
        for name, build in _builders(side, stage):
            before = _allocated(case.device)
            works[name] = build()
            memory[name] = _peak(case.device, works[name]) - before if case.device.type == 'cuda' else None
    found = measure(works, case.device, repeats=2 if case.small else 15, warm_up=1 if case.small else 3)
    return {
        name: {
            'ms_a_person': 1e3 * timing.median,
            'least': 1e3 * min(timing.seconds),
            'most': 1e3 * max(timing.seconds),
            'people_a_second': 1 / timing.median,
            'peak_mib': memory[name],
            'TFLOP/s': timing.rate / 1e12,
        }
        for name, timing in found.items()
    }


def _builders(side: Any, stage: str) -> list[tuple[str, Callable[[], Work]]]:
    """Return the names of a side's works with functions that build them, so that each one's memory can be measured."""
    if isinstance(side, MmposeBench):
        return [(side.name, lambda: side.works(stage)[side.name])]
    return [(f'hrpose {variant}', partial(getattr(side, f'_{stage}'), variant)) for variant in side.variants]


def _allocated(device: torch.device) -> float:
    return torch.cuda.memory_allocated(device) / 2**20 if device.type == 'cuda' else 0.0


def _peak(device: torch.device, work: Work) -> float:
    """Return the peak memory (MiB) of the second run of `work`; the first one creates the optimizer's state."""
    work.run()
    torch.cuda.reset_peak_memory_stats(device)
    work.run()
    return torch.cuda.max_memory_allocated(device) / 2**20


def _empty(device: torch.device) -> None:
    gc.collect()
    if device.type == 'cuda':
        torch.cuda.empty_cache()


def _kernels(case: Case, network: str, batch: int) -> list[dict[str, Any]]:
    """Return the kernels that take the most time in a training step in bf16."""
    from torch.profiler import ProfilerActivity, profile

    work = Bench(case.synthetic_config(network), case.device, batch, batch, ('bf16',))._train('bf16')
    for _ in range(3):
        work.run()
    with profile(activities=[ProfilerActivity.CUDA]) as profiled:
        work.run()
        torch.cuda.synchronize()
    events = sorted(profiled.key_averages(), key=lambda event: -event.self_device_time_total)
    total = sum(event.self_device_time_total for event in events) or 1
    return [
        {'kernel': event.key[:120], 'calls': event.count, 'share': round(event.self_device_time_total / total, 4)}
        for event in events[:KERNELS]
    ]
