"""What the doctor found: which fault, how bad, where, what it means and what to do."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

Severity = Literal['error', 'warning', 'note']
SEVERITIES: tuple[Severity, ...] = ('error', 'warning', 'note')

NAMED = 3  # how many places an explanation names; the count says how many there are


@dataclass(frozen=True)
class Finding:
    """One fault of a data set.

    fault: its short name; severity: 'error' spoils a training or a figure, 'warning' may, 'note' is how things are;
    place: file, field or annotations; explanation and advice: sentences; people: rows of the `People` to look at.
    """

    fault: str
    severity: Severity
    place: str
    explanation: str
    advice: str
    people: tuple[int, ...] = ()

    def __str__(self) -> str:
        return f'{self.severity:7} {self.fault}, {self.place}\n        {self.explanation}\n        -> {self.advice}'


def by_severity(findings: Iterable[Finding]) -> list[Finding]:
    """Return the findings, errors first, else in their order."""
    return sorted(findings, key=lambda finding: SEVERITIES.index(finding.severity))


def some_of(values: Sequence[Any] | np.ndarray) -> str:
    """Return the first few values as text: '7, 8, 9, … (12 in all)'."""
    texts = ', '.join(str(value) for value in values[:NAMED])
    return texts if len(values) <= NAMED else f'{texts}, … ({len(values)} in all)'


def rows_of(mask: np.ndarray) -> tuple[int, ...]:
    """Return the indices at which a mask (N,) is true."""
    return tuple(int(row) for row in np.flatnonzero(mask))
