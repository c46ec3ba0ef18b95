"""What the GPU check measures with, and the JSON file that it writes."""

import json
import os
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch


@dataclass(frozen=True)
class Case:
    """The machine and the sizes of one check.

    Attributes:
        device: that is checked.
        small: take small networks, batches and counts: a rehearsal on a CPU.
        root: the repository.
        scratch: folder for generated data and work folders.
        crops: folder with packed crops of photographs (`tools/analysis/gpu_wheels.sh` makes it), or None.
        ends: `time.monotonic()` at which the check has to be over.
        learning_seconds: that the network may learn, at most.
        golden: what tests/golden/__init__.py of this checkout defines.
        against_mmpose: measure mmpose in turn.
    """

    device: torch.device
    small: bool
    root: Path
    scratch: Path
    crops: Path | None
    ends: float
    learning_seconds: float
    golden: Any
    against_mmpose: bool

    @property
    def seconds_left(self) -> float:
        """Until the check has to be over."""
        return self.ends - time.monotonic()


@dataclass
class Report:
    """A JSON file of values by part, written anew with each value, so that an interrupted check keeps what it knows.

    Attributes:
        path: the file; what it holds already is kept.
        content: {part: {name: value}}.
    """

    path: Path
    content: dict[str, dict[str, Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.path.is_file():
            self.content = json.loads(self.path.read_text())

    def has(self, part: str, name: str) -> bool:
        """Say whether a value is known, from this check or an interrupted one before it."""
        return name in self.content.get(part, {})

    def add(self, part: str, name: str, value: Any) -> None:
        """Write a value and print it."""
        self.content.setdefault(part, {})[name] = value
        scratch = self.path.with_suffix('.tmp')
        scratch.write_text(json.dumps(self.content, indent=1) + '\n')
        os.replace(scratch, self.path)
        print(f'{part}: {name}: {_short(value)}', flush=True)


def as_tables(content: dict[str, dict[str, Any]]) -> str:
    """Return the values of a report as Markdown: correctness, speed by side, feeding, learning."""
    lines = [_row('network and precision', 'error to float64', 'error to golden values'), _row(*['---'] * 3)]
    for name, value in content.get('correct', {}).items():
        if isinstance(value, dict) and 'relative_error' in value:
            golden = f'{value["golden_error"]:.1e}' if 'golden_error' in value else ''
            lines.append(_row(name, f'{value["relative_error"]:.1e}', golden))
    lines += ['', _row('stage', 'side', 'ms a person', 'least to most', 'times mmpose', 'peak MiB'), _row(*['---'] * 6)]
    for part in ('speed', 'compiled'):
        for stage, sides in content.get(part, {}).items():
            lines += _sides(stage, sides)
    lines += ['', _row('source', 'people a second, read', 'read and trained', 'time waiting'), _row(*['---'] * 4)]
    for source, fed in content.get('feeding', {}).items():
        if isinstance(fed, dict):
            read, trained = fed['people_a_second_read'], fed['people_a_second_trained']
            lines.append(_row(source, f'{read:.0f}', f'{trained:.0f}', f'{fed["share_waiting"]:.0%}'))
    return '\n'.join(lines)


def _sides(stage: str, sides: Any) -> list[str]:
    entries = sides.items() if isinstance(sides, dict) else ()
    timed = {side: each for side, each in entries if isinstance(each, dict) and 'ms_a_person' in each}
    peer = next((each['ms_a_person'] for side, each in timed.items() if side.startswith('mmpose')), None)
    rows = []
    for side, each in timed.items():
        times = f'{peer / each["ms_a_person"]:.2f}' if peer and not side.startswith('mmpose') else ''
        span = f'{each["least"]:.3f} to {each["most"]:.3f}'
        peak = f'{each["peak_mib"]:.0f}' if each['peak_mib'] else ''
        rows.append(_row(stage, side, f'{each["ms_a_person"]:.3f}', span, times, peak))
    return rows


def _row(*cells: str) -> str:
    return f'| {" | ".join(cells)} |'


def _short(value: Any) -> str:
    if isinstance(value, float):
        return f'{value:.4g}'
    if isinstance(value, dict):
        return ', '.join(f'{key} {_short(each)}' for key, each in value.items() if not isinstance(each, list))
    return str(value)
