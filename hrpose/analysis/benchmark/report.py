"""A benchmark: each stage measured, as a table for people and as JSON for programs."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from importlib.util import find_spec
from typing import Any

import torch
from mmengine.config import Config

from hrpose.analysis.benchmark import memory
from hrpose.analysis.benchmark.chain import WHOLE
from hrpose.analysis.benchmark.measure import Timing, best_rate, measure
from hrpose.analysis.benchmark.stages import CHAIN, DETECTOR_STAGES, NAME, STAGES, VARIANTS, Bench
from hrpose.errors import UserError, nearest
from hrpose.evaluation.metrics.base import Cell, format_table
from hrpose.hardware import PRECISIONS

Timings = Mapping[str, Mapping[str, Timing]]


def stages_of(words: str | None) -> list[str]:
    """Return the stages in `words`, separated by commas; without words, all whose packages are installed.

    Raises:
        UserError: a stage is unknown.
    """
    if words is not None:
        stages = [name for name in words.split(',') if name]
        if unknown := [name for name in stages if name not in STAGES]:
            raise UserError(f"--stages: there is no stage '{unknown[0]}'; {nearest(unknown[0], STAGES)}")
        return stages
    if find_spec('mmdet') is not None:
        return list(STAGES)
    print(f'not measured: {", ".join(DETECTOR_STAGES)}, for which mmdet is not installed (see docs/detection.md)')
    return [stage for stage in STAGES if stage not in DETECTOR_STAGES]


def run_benchmark(
    bench: Bench,
    stages: Sequence[str],
    *,
    against: str | None = None,
    repeats: int = 7,
    batches: Sequence[int] = (),
    load: Callable[[], Config] | None = None,
) -> tuple[Timings, str | None]:
    """Measure stages of `bench`, in turn with mmpose where `against` is 'mmpose'.

    Args:
        bench: builds hrpose's works.
        stages: names in `STAGES`.
        against: 'mmpose' or None.
        repeats: rounds of which the median counts.
        batches: of these the memory of training and prediction is measured too, in other processes.
        load: returns the config there; needed for `batches`.

    Returns:
        The timings, stage -> side -> timing, and the name of mmpose's side, if there is one.
    """
    peer = None
    if against == 'mmpose':
        from hrpose.analysis.benchmark.mmpose_side import MmposeBench, import_mmpose

        peer = MmposeBench(bench, import_mmpose())
    timings = {}
    for stage in stages:
        print(f'measuring {stage} …', flush=True)
        works = {**(peer.works(stage) if peer else {}), **bench.works(stage)}
        timings[stage] = measure(works, bench.device, repeats=repeats)
        if batches and load and stage in memory.STAGES:
            settings: dict[str, Any] = dict(variants=bench.variants, peer=peer.name if peer else None)
            peaks = memory.peaks_of(stage, load, bench.device, batches=batches, **settings)
            for side, found in peaks.items():
                timings[stage][side] = replace(timings[stage][side], memory=found)
        print(
            '  ' + ', '.join(f'{side} {1e3 * timing.median:.3f} ms a person' for side, timing in timings[stage].items())
        )
    return timings, peer.name if peer else None


def best_rates(timings: Timings, device: torch.device) -> dict[str, float]:
    """Return, for each network that was measured, the best rate of this machine in its precision."""
    sides = {side for stage in timings.values() for side, timing in stage.items() if timing.rate}
    precisions = {f'{NAME} {variant}': options.get('precision', 'fp32') for variant, options in VARIANTS.items()}
    rates = {name: best_rate(device, PRECISIONS[name]) for name in {precisions[side] for side in sides}}
    return {side: rates[precisions[side]] for side in sides}


def as_table(timings: Timings, peer: str | None, best: Mapping[str, float]) -> str:
    """Return a row for each stage and side: milliseconds and people a second at the median, and comparisons.

    Args:
        timings: stage -> side -> timing; the chain, if there is one, becomes a table of its own.
        peer: the side that the others are compared with, if there is one.
        best: side of a network -> best rate in its precision.
    """
    batches = sorted({batch for sides in timings.values() for timing in sides.values() for batch in timing.memory})
    rows: list[list[Cell]] = []
    for stage, sides in timings.items():
        base = sides.get(peer) if peer else None
        for side, timing in sides.items() if stage != CHAIN else ():
            share = 100 * timing.rate / best[side] if timing.rate and side in best else None
            faster = base.median / timing.median if base and side != peer else None
            spread = f'{1e3 * min(timing.seconds):.3f} to {1e3 * max(timing.seconds):.3f}'
            speed: list[Cell] = [1e3 * timing.median, spread, 1 / timing.median, faster, share]
            rows.append([stage, side, *speed, *_memory_cells(timing, batches)])
    columns = ['stage', 'side', 'ms a person', 'least to most', 'people a second', f'times {peer or "a peer"}']
    peaks = [*(f'peak MiB at {batch}' for batch in batches), 'MiB before'] if batches else ['peak MiB']
    table = format_table([*columns, '% of the best rate', *peaks], rows)
    return f'{table}\n\n{as_chain(timings[CHAIN])}' if CHAIN in timings else table


def _memory_cells(timing: Timing, batches: Sequence[int]) -> list[Cell]:
    """Return the peak at each batch in whole MiB and the least before; without batches, the peak of the timed runs."""
    if not batches:
        return [timing.peak_mib]
    found = timing.memory
    peaks: list[Cell] = [round(found[batch].peak) if batch in found else None for batch in batches]
    return [*peaks, round(min(each.before for each in found.values())) if found else None]


def as_chain(steps: Mapping[str, Timing]) -> str:
    """Return a row for each step from file to drawing with its share of their sum, then the sum and the whole."""
    parts = {name: timing.median for name, timing in steps.items() if name != WHOLE}
    total, whole = sum(parts.values()), steps[WHOLE]
    rows: list[list[Cell]] = [
        [name, 1e3 * seconds * whole.people_per_image, 1e3 * seconds, 100 * seconds / total]
        for name, seconds in [*parts.items(), ('sum', total), (WHOLE, whole.median)]
    ]
    return format_table(['from file to drawing', 'ms an image', 'ms a person', '% of the sum'], rows)


def as_json(timings: Timings, peer: str | None, machine: Mapping[str, Any]) -> dict[str, Any]:
    """Return `{stage: {'median_s_per_person': …, 'sides': …}, …, 'machine': …, 'peer': …}`.

    The median of a stage is that of hrpose's first side, the default (of the chain, the whole); `sides` has them all.
    """
    content: dict[str, Any] = {}
    for stage, sides in timings.items():
        own = next(timing for side, timing in sides.items() if side != peer)
        content[stage] = {'median_s_per_person': own.median, 'sides': {k: _plain(v) for k, v in sides.items()}}
    return content | {'machine': dict(machine), 'peer': peer}


def _plain(timing: Timing) -> dict[str, Any]:
    medians = {'median_s_per_person': timing.median, 'median_s_per_image': timing.per_image}
    ends = {'least_s_per_person': min(timing.seconds), 'most_s_per_person': max(timing.seconds)}
    others = {'repeats': len(timing.seconds), 'peak_mib': timing.peak_mib, 'operations_per_s': timing.rate or None}
    by_batch = {str(batch): asdict(found) for batch, found in timing.memory.items()}
    return {**medians, **ends, **others, 'memory_mib_by_batch': by_batch}
