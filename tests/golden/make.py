"""Make the files of this folder from the original golden values: `python -m tests.golden.make`.

The originals are whole arrays, 6 MB, and lie beside the repository in `shared/golden`.
"""

import gzip
import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from tests.golden import GOLDEN, condense

ORIGINALS = GOLDEN.parents[2] / 'shared' / 'golden'

FORWARDS = ('hrnet_w32_256x192', 'hrnet_w32_mpii_256x256', 'hrnet_w48_256x192', 'mmpose_hrnet_w32_256x192')
KEYS = (
    'cls_hrnet_w18', 'hrnet_w32_256x192', 'hrnet_w48_256x192', 'mmpose_hourglass52_256x256', 'mmpose_hrnet_w32_256x192',
    'pose_resnet50_256x192',
)  # fmt: skip


def arrays(name: str) -> dict[str, np.ndarray]:
    """Return the arrays of an original file."""
    with np.load(ORIGINALS / name) as content:
        return dict(content)


def content(name: str) -> Any:
    """Return the content of an original JSON file."""
    return json.loads((ORIGINALS / name).read_text())


def condensed(name: str) -> dict[str, np.ndarray]:
    """Return a forward's heatmaps, condensed."""
    return condense(arrays(name)['heatmaps'])


def makers() -> dict[str, Callable[[], Any]]:
    """Return, by the name that `golden` takes, what makes a file's content: arrays by name, or JSON."""
    sequences = [f'posetrack/{path.parent.name}/{path.name}' for path in (ORIGINALS / 'posetrack').glob('*/*.json')]
    return {
        **{f'{name}_forward.npz': partial(condensed, f'{name}_forward.npz') for name in FORWARDS},
        **{name: partial(content, name) for name in [f'{network}_keys.json' for network in KEYS]},
        **{name: partial(content, name) for name in ['posetrack/expected.json', *sequences]},
    }


def write(folder: Path) -> None:
    """Write all files into `folder`; the same content gives the same bytes."""
    for name, make in makers().items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix == '.npz':
            np.savez_compressed(path, **make())
        else:
            text = json.dumps(make(), separators=(',', ':'))
            path.with_name(f'{path.name}.gz').write_bytes(gzip.compress(text.encode(), 9, mtime=0))


if __name__ == '__main__':
    write(GOLDEN)
