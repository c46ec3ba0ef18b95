"""Timings as a table for people and as JSON for programs."""

from collections.abc import Mapping
from typing import Any

from hrpose.analysis.benchmark.chain import WHOLE
from hrpose.analysis.benchmark.timing import Timing
from hrpose.evaluation.metrics.tables import Cell, format_table

Timings = Mapping[str, Mapping[str, Timing]]


def as_table(timings: Timings, peer: str | None, best_rates: Mapping[str, float]) -> str:
    """Return a row for each stage and side: milliseconds and people a second at the median, and what they compare to.

    Args:
        timings: stage -> side -> timing.
        peer: the side that the others are compared with, if there is one.
        best_rates: side of a network -> operations a second of the best large kernel in its precision, see `best_rate`.
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
    return format_table([*columns, '% of the best rate', 'peak MiB'], rows)


def as_chain(steps: Mapping[str, Timing]) -> str:
    """Return a row for each step from a picture's file to the drawing, its share of their sum, and the whole at once.

    Args:
        steps: `Chain`'s, `WHOLE` among them.
    """
    parts = {name: timing for name, timing in steps.items() if name != WHOLE}
    total = sum(timing.median for timing in parts.values())
    rows: list[list[Cell]] = [_chain_row(name, timing.median, timing, total) for name, timing in parts.items()]
    whole = steps[WHOLE]
    rows += [_chain_row('sum', total, whole, total), _chain_row(WHOLE, whole.median, whole, total)]
    return format_table(['from file to drawing', 'ms an image', 'ms a person', '% of the sum'], rows)


def _chain_row(name: str, seconds: float, timing: Timing, total: float) -> list[Cell]:
    return [name, 1e3 * seconds * timing.people_per_image, 1e3 * seconds, 100 * seconds / total]


def as_json(timings: Timings, peer: str | None, machine: Mapping[str, Any]) -> dict[str, Any]:
    """Return `{stage: {'median_s_per_person': …, 'sides': …}, …, 'machine': …}`.

    A stage's own figure is that of hrpose's first side, which is the default (of the chain, the whole); `sides` has
    every side's, the peer's too.
    """
    content: dict[str, Any] = {}
    for stage, sides in timings.items():
        own = next(timing for side, timing in sides.items() if side != peer)
        content[stage] = {'median_s_per_person': own.median, 'sides': {k: _plain(v) for k, v in sides.items()}}
    return content | {'machine': dict(machine), 'peer': peer}


def _plain(timing: Timing) -> dict[str, Any]:
    return {
        'median_s_per_person': timing.median,
        'median_s_per_image': timing.per_image,
        'least_s_per_person': min(timing.seconds),
        'most_s_per_person': max(timing.seconds),
        'repeats': len(timing.seconds),
        'peak_mib': timing.peak_mib,
        'operations_per_s': timing.rate or None,
    }
