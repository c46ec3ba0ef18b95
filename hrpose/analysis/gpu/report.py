"""The settings of a GPU check, and its results as a JSON file and as tables."""

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config

from hrpose.config import load_config, parse_options
from hrpose.files import whole


@dataclass(frozen=True)
class Case:
    """The machine and the limits of one check."""

    device: torch.device  # device to check
    small: bool  # whether to use small networks, batches and counts, for a rehearsal on a CPU
    root: Path  # the repository
    scratch: Path  # folder for generated data and work dirs
    crops: Path | None  # folder of packed photographs from tools/analysis/gpu_wheels.sh
    ends: float  # value of `time.monotonic()` at which the check has to end
    learning_seconds: float  # most seconds for the part 'learning'
    golden: Any  # the names in tests/golden/__init__.py
    against_mmpose: bool  # whether to measure mmpose too

    @property
    def seconds_left(self) -> float:
        """Seconds until the check has to end."""
        return self.ends - time.monotonic()

    def command(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run a script of the repository and collect its output; stop it when the check has to end."""
        return subprocess.run(
            [sys.executable, *words],
            cwd=self.root,
            env={**os.environ, 'PYTHONPATH': os.pathsep.join([str(self.root), *sys.path])},
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=max(5.0, self.seconds_left),
        )

    def synthetic_options(self) -> list[str]:
        """Return the options by which a COCO config uses generated people; the first call generates them."""
        folder = self.scratch / 'synthetic'
        if not (folder / 'annotations').is_dir():
            train, val = ('8', '4') if self.small else ('320', '160')
            sizes = ['--train', train, '--val', val, '--workers', str(os.cpu_count())]
            self.command('tools/data/make_synthetic.py', str(folder), *sizes)
        options = [f'data_root={folder}']
        for split in ('train', 'val'):
            dataset = f'{split}_dataloader.dataset'
            options.append(f'{dataset}.ann_file=annotations/person_keypoints_{split}.json')
            options.append(f'{dataset}.data_prefix.img={split}')
        return options

    def synthetic_config(self, name: str) -> Config:
        """Return the config of that name with generated people as its data."""
        return load_config(name, parse_options(self.synthetic_options()))


@dataclass
class Report:
    """The values of each part, in a JSON file that is written again after each value.

    An interrupted check loses nothing: the next one reads the file.
    """

    path: Path  # the JSON file
    content: dict[str, dict[str, Any]] = field(default_factory=dict)  # part -> name -> value

    def __post_init__(self) -> None:
        if self.path.is_file():
            self.content = json.loads(self.path.read_text())

    def has(self, part: str, name: str) -> bool:
        """Return whether this check or an earlier one has measured a value."""
        return name in self.content.get(part, {})

    def add(self, part: str, name: str, value: Any) -> None:
        """Write and print a value."""
        self.content.setdefault(part, {})[name] = value
        with whole(self.path) as file:
            file.write_text(json.dumps(self.content, indent=1) + '\n')
        print(f'{part}: {name}: {_short(value)}', flush=True)


def as_tables(content: dict[str, dict[str, Any]]) -> str:
    """Return Markdown tables of correctness, speed and data loading."""
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
