"""Make the files of this folder from the original golden values: `python -m tests.golden.make`.

The originals are whole arrays, 6 MB. They lie beside the repository in `shared/golden`, published metrics in
`shared/facts`.
"""

import gzip
import json
import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from tests.golden import EARLIER, GOLDEN, STRIDE, condense

ORIGINALS = GOLDEN.parents[2] / 'shared' / 'golden'
DATA, FACTS = ORIGINALS.parent / 'data', ORIGINALS.parent / 'facts'

FORWARDS = (
    'cpn50_256x192', 'hrnet_w32_256x192', 'hrnet_w32_mpii_256x256', 'hrnet_w48_256x192', 'mmpose_hourglass52_256x256',
    'mmpose_hourglass52x2_256x256', 'mmpose_hrnet_w32_256x192', 'newell_hourglass8_256x256', 'pose_resnet50_256x192',
)  # fmt: skip
# Of arrays in which rows do not depend on one another, two of the 64 are stored.
ROWS = [9, 40]
MPII_TRUTH = 'mpii_gt_valid.mat'
KEYS = (
    'cls_hrnet_w18', 'cls_hrnet_w32', 'cpn50_256x192', 'hrnet_w32_256x192', 'hrnet_w48_256x192',
    'mmpose_hourglass52_256x256', 'mmpose_hourglass52x2_256x256', 'mmpose_hrnet_w32_256x192',
    'newell_hourglass8_256x256', 'pose_resnet50_256x192',
)  # fmt: skip


def arrays(name: str) -> dict[str, np.ndarray]:
    """Return the arrays of an original file."""
    with np.load(ORIGINALS / name) as content:
        return dict(content)


def content(name: str | Path) -> Any:
    """Return the content of an original JSON file."""
    return json.loads((ORIGINALS / name).read_text())


def condensed(name: str) -> dict[str, np.ndarray]:
    """Return a forward's heatmaps, condensed, and some cells of those of earlier outputs."""
    found = arrays(name)
    earlier = {key: found[key].reshape(-1)[::STRIDE] for key in EARLIER if key in found}
    return condense(found['heatmaps']) | earlier


def around_peaks(heatmaps: np.ndarray, reach: int = 1) -> np.ndarray:
    """Return (N, K, H, W) bool: the cells up to `reach` rows and columns from the first peak of each heatmap."""
    (height, width), peaks = heatmaps.shape[-2:], heatmaps.reshape(*heatmaps.shape[:2], -1).argmax(axis=-1)
    rows = np.abs(np.arange(height) - peaks[..., None] // width) <= reach
    columns = np.abs(np.arange(width) - peaks[..., None] % width) <= reach
    return rows[..., None] & columns[..., None, :]


def decode() -> dict[str, np.ndarray]:
    """Return the decoding, with cells of its input rounded down to eighths where the official code reads none."""
    found = arrays('decode.npz')
    heatmaps = found['heatmaps']
    coarse = np.floor(heatmaps * 8) / 8
    return found | {'heatmaps': np.where(around_peaks(heatmaps), heatmaps, coarse).astype(np.float32)}


def encoded(name: str) -> dict[str, np.ndarray]:
    """Return a codec's targets, condensed, and its decoding, whose input is zero beyond 7 cells of each peak."""
    found = arrays(name)
    near = around_peaks(found['decode_input'], 7)
    targets = condense(found.pop('heatmaps'))
    return found | targets | {'decode_input': np.where(near, found['decode_input'], np.float32(0))}


def flip_average() -> dict[str, np.ndarray]:
    """Return two rows of the heatmaps and of their averages."""
    return {name: value[..., ROWS, :] for name, value in arrays('flip_average.npz').items()}


def mse_loss() -> dict[str, np.ndarray]:
    """Return the loss, the root mean square error of each heatmap (1, K), and the gradient of two rows."""
    found = arrays('mse_loss.npz')
    error = found['prediction'].astype(np.float64) - found['target']
    rows = {name: found[name][..., ROWS, :] for name in ('prediction', 'target', 'official_grad')}
    return found | rows | {'rmse': np.sqrt(np.mean(error**2, axis=(-2, -1)))}


def rescored() -> dict[str, np.ndarray]:
    """Return the scores of 118 people by joint (118, 17) and by box (118,), and the official ones after NMS (78,)."""
    found, left = arrays('coco_eval.npz'), content('coco_eval.json')['scores']
    return {'joints': found['keypoints'][..., 2], 'boxes': found['box_score'], 'left': np.array(left)}


def published() -> dict[str, dict[str, list[str]]]:
    """Return the rows of the papers' tables by data set: name (and input size) to parameters and metrics."""
    text = (FACTS / 'published.md').read_text()
    coco = re.findall(r'^\| (\S+(?: R\d+)?) \| (\d+x\d+) \| (\S+) \| (\S+) \| (.+) \|$', text, re.M)
    mpii = re.findall(r'^\| (\S+(?: R\d+)?) \| (\d\d\.\d .+) \|$', text, re.M)
    return {
        'coco': {f'{name} {size}': [*cost, *metrics.split()] for name, size, *cost, metrics in coco},
        'mpii': {name: metrics.replace(',', '').split() for name, metrics in mpii},
    }


def categories() -> dict[str, dict[str, list]]:
    """Return, by data set, the joints and limbs that the annotations of its release name."""
    files = {
        'coco': 'coco/test_coco.json',
        'crowdpose': 'crowdpose/test_crowdpose.json',
        'lspet': 'lspet/annotations/lspet_val.json',
        'posetrack18': 'posetrack18/annotations/test_posetrack18_val.json',
    }
    found = {name: content(DATA / file)['categories'][0] for name, file in files.items()}
    return {name: {key: entry[key] for key in ('keypoints', 'skeleton')} for name, entry in found.items()}


def makers() -> dict[str, Callable[[], Any]]:
    """Return, by name without `.gz`, what makes a file's content: arrays by name, JSON, or bytes."""
    sequences = [f'posetrack/{path.parent.name}/{path.name}' for path in (ORIGINALS / 'posetrack').glob('*/*.json')]
    whole = [
        'affine_192x256.npz',
        'mpii_eval.npz',
        *(f'cls_hrnet_{arch}_forward.npz' for arch in ('w18', 'w32')),
        *(f'msra_encode_{size}.npz' for size in ('192x256_s2', '256x256_s2', '288x384_s3')),
    ]
    return {
        'categories.json': categories,
        'coco_scores.npz': rescored,
        'decode.npz': decode,
        'flip_average.npz': flip_average,
        MPII_TRUTH: (ORIGINALS / MPII_TRUTH).read_bytes,
        'mse_loss.npz': mse_loss,
        'published.json': published,
        'weights.json': partial(content, FACTS / 'weights.json'),
        **{name: partial(arrays, name) for name in whole},
        **{name: partial(encoded, name) for name in ('dark_codec.npz', 'udp_codec.npz')},
        **{f'{name}_forward.npz': partial(condensed, f'{name}_forward.npz') for name in FORWARDS},
        **{name: partial(content, name) for name in [f'{network}_keys.json' for network in KEYS]},
        **{
            name: partial(content, name)
            for name in ['mpii_eval.json', 'oks_nms.json', 'posetrack/expected.json', *sequences]
        },
    }


def compact(content: Any) -> bytes:
    """Return JSON without spaces."""
    return json.dumps(content, separators=(',', ':')).encode()


def write(folder: Path) -> None:
    """Write all files into `folder`; the same content gives the same bytes."""
    for name, make in makers().items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix == '.npz':
            np.savez_compressed(path, **make())
        elif path.suffix == '.mat':
            path.write_bytes(make())
        else:
            path.with_name(f'{path.name}.gz').write_bytes(gzip.compress(compact(make()), 9, mtime=0))


if __name__ == '__main__':
    write(GOLDEN)
