"""Timings as a table for people and as JSON for programs."""

from collections.abc import Mapping
from typing import Any

from hrpose.benchmark.timing import Timing
from hrpose.evaluation.tables import Cell, format_table

Timings = Mapping[str, Mapping[str, Timing]]


def as_table(timings: Timings, peer: str | None, best_rates: Mapping[str, float]) -> str:
    """Return a row for each stage and side: milliseconds and people a second at the median, and what they compare to.

    Args:
        timings: stage -> side -> timing.
        peer: the side that the others are compared with, if there is one.
        best_rates: side of a network -> operations a second that a matrix product reaches in its precision.
    """
    rows: list[list[Cell]] = []
    for stage, sides in timings.items():
        base = sides.get(peer) if peer else None
        for side, timing in sides.items():
            share = 100 * timing.rate / best_rates[side] if timing.rate and side in best_rates else None
            faster = base.median / timing.median if base and side != peer else None
            spread = f'{1e3 * min(timing.seconds):.3f} to {1e3 * max(timing.seconds):.3f}'
            rows.append([stage, side, 1e3 * timing.median, spread, 1 / timing.median, faster, share, timing.peak_mib])
    columns = ['stage', 'side', 'ms a person', 'least to most', 'people a second', f'times {peer or "a peer"}']
    return format_table([*columns, '% of a matrix product', 'peak MiB'], rows)


def as_json(timings: Timings, peer: str | None, machine: Mapping[str, Any]) -> dict[str, Any]:
    """Return `{stage: {'median_s_per_person': …, 'sides': …}, …, 'machine': …}`.

    A stage's own figure is that of hrpose's first side, which is the default; `sides` has every side's, the peer's too.
    """
    content: dict[str, Any] = {}
    for stage, sides in timings.items():
        own = next(timing for side, timing in sides.items() if side != peer)
        content[stage] = {'median_s_per_person': own.median, 'sides': {k: _plain(v) for k, v in sides.items()}}
    return content | {'machine': dict(machine), 'peer': peer}


def _plain(timing: Timing) -> dict[str, Any]:
    return {
        'median_s_per_person': timing.median,
        'least_s_per_person': min(timing.seconds),
        'most_s_per_person': max(timing.seconds),
        'repeats': len(timing.seconds),
        'peak_mib': timing.peak_mib,
        'operations_per_s': timing.rate or None,
    }
