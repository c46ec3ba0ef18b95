"""Fixtures that every test may use."""

import json
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import cv2
import numpy as np
import pytest
import torch

from hrpose.plugins.openmmlab import prepare_openmmlab
from tests.drawn import draw_samples

ROOT = Path(__file__).resolve().parents[1]
REAL_DATA = ROOT.parent / 'shared' / 'data'

# As every command does first, so that no test depends on which one ran before it.
prepare_openmmlab()
torch.set_num_threads(1)
# Tests fork: a forked process in which mmengine sets OpenCV's threads would wait for those of its parent for ever.
cv2.setNumThreads(1)


@pytest.fixture(scope='session')
def repository() -> Path:
    """The root of this repository."""
    return ROOT


@pytest.fixture(scope='session')
def drawn_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Drawn samples of COCO, MPII, CrowdPose, PoseTrack18 and LSP (see `tests.drawn`)."""
    return draw_samples(tmp_path_factory.mktemp('samples'))


@pytest.fixture(scope='module', params=['drawn', *(['real'] if REAL_DATA.is_dir() else [])])
def sample_data(request: pytest.FixtureRequest) -> Path:
    """The drawn samples; where real ones lie beside the repository, a second run of the test on those."""
    return request.getfixturevalue('drawn_data') if request.param == 'drawn' else REAL_DATA


@pytest.fixture(scope='session')
def real_data() -> Path:
    """The real samples, for values that hold on these photographs alone."""
    if not REAL_DATA.is_dir():
        pytest.skip('needs real photographs beside the repository (shared/data)')
    return REAL_DATA


@pytest.fixture(scope='session', autouse=True)
def cpu_by_default() -> Iterator[None]:
    """Let 'auto' mean the CPU on machines with a GPU too, where tests that compare numbers expect it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr('hrpose.apis.model.auto_device', lambda: 'cpu')
        yield


@pytest.fixture(autouse=True)
def signals_as_before() -> Iterator[None]:
    """Give signals back their handlers: a command that is stopped ignores them on its way out, in this process too."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in before.items():
        if signal.getsignal(number) != handler:
            signal.signal(number, handler)


@pytest.fixture
def rng() -> np.random.Generator:
    """A seeded generator, the same in every test."""
    return np.random.default_rng(0)


@dataclass(frozen=True)
class TinyCoco:
    """A data set of a few drawn people in COCO's layout: where it is, and what its JSON says."""

    root: Path
    ann_file: Path
    images: Path
    content: dict[str, Any]
    joints: int

    @property
    def metainfo(self) -> dict[str, Any]:
        """The joints, as a config gives them."""
        return {'dataset_name': 'tiny', 'keypoint_names': tuple(joint_names(self.joints))}

    @property
    def arguments(self) -> dict[str, Any]:
        """What a `CocoDataset` of it takes."""
        return {
            'ann_file': str(self.ann_file),
            'data_prefix': {'img': str(self.images)},
            'metainfo': self.metainfo,
        }


def joint_names(count: int) -> list[str]:
    """Return names of `count` joints, one in the middle and pairs of left and right."""
    pairs = [f'{side}_{letter}' for letter in 'abcdefghijklmnop' for side in ('left', 'right')]
    middle = ['nose'] if count % 2 else ['nose', 'neck']
    return [*middle, *pairs][:count]


def draw_person(rng: np.random.Generator, joints: int) -> tuple[np.ndarray, np.ndarray, list[float]]:
    """Return a noisy image (60, 80, 3), the joints (K, 3) of the rectangle in it, and its box xywh, in image px."""
    image = rng.integers(0, 80, (60, 80, 3), dtype=np.uint8)
    x, y = rng.integers(5, 25, 2).tolist()
    image[y : y + 30, x : x + 40] += 100
    points = np.column_stack([rng.integers(x, x + 40, joints), rng.integers(y, y + 30, joints)])
    for column, row in points:
        image[row - 1 : row + 2, column - 1 : column + 2] = 255
    return image, np.column_stack([points, np.full(joints, 2)]), [float(x), float(y), 40.0, 30.0]


def spoil(path: Path, how: str) -> None:
    """Make an image file one that cannot be read: 'missing', 'truncated', 'empty' or 'text'."""
    if how == 'missing':
        path.unlink()
        return
    content = path.read_bytes()
    path.write_bytes({'truncated': content[: len(content) * 2 // 3], 'empty': b'', 'text': b'not an image'}[how])


@pytest.fixture
def tiny_coco(tmp_path: Path) -> Callable[..., TinyCoco]:
    """A factory of small data sets, one person an image.

    Options: `joints` a person; `images`, how many; `name` of the JSON and its folder; `broken`, how to spoil which
    image (see `spoil`); `edit`, called with the JSON's content before it is written; `suffix` of the image files.
    """

    def make(
        *,
        joints: int = 5,
        images: int = 4,
        name: str = 'train',
        broken: Mapping[int, str] = MappingProxyType({}),
        edit: Callable[[dict[str, Any]], object] = lambda content: None,
        suffix: str = '.jpg',
    ) -> TinyCoco:
        root, folder = tmp_path / 'tiny', tmp_path / 'tiny' / name
        folder.mkdir(parents=True)
        rng = np.random.default_rng(0)
        content: dict[str, Any] = {'images': [], 'annotations': []}
        content['categories'] = [{'id': 1, 'name': 'person', 'keypoints': joint_names(joints)}]
        for index in range(images):
            image, points, box = draw_person(rng, joints)
            path = folder / f'{index:03d}{suffix}'
            cv2.imwrite(str(path), image)
            content['images'].append({'id': index, 'file_name': path.name, 'width': 80, 'height': 60})
            person = {'id': 100 + index, 'image_id': index, 'category_id': 1, 'iscrowd': 0, 'num_keypoints': joints}
            content['annotations'].append(
                {**person, 'bbox': box, 'area': box[2] * box[3], 'keypoints': points.ravel().tolist()}
            )
        for index, how in broken.items():
            spoil(folder / f'{index:03d}{suffix}', how)
        edit(content)
        ann_file = root / f'{name}.json'
        ann_file.write_text(json.dumps(content))
        return TinyCoco(root, ann_file, folder, content, joints)

    return make


def loader_of(data: TinyCoco) -> dict[str, Any]:
    """Return what a config overrides in a data loader to read `data` in this process, in pairs."""
    dataset = {'ann_file': data.ann_file.name, 'data_prefix': {'img': data.images.name}}
    return {'batch_size': 2, 'num_workers': 0, 'persistent_workers': False, 'dataset': dataset}


@pytest.fixture
def messages(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is logged about the fit of weights."""
    lines: list[str] = []
    monkeypatch.setattr('hrpose.checkpoints.fit.print_log', lambda message, **_: lines.append(message))
    return lines


@pytest.fixture
def tiny_config(tmp_path: Path) -> Callable[..., Path]:
    """A factory of config files a user could write: w16_small at 64x64 on tiny data sets, plus `extra` lines.

    Each file has a name of its own: mmengine keeps one logger and one visualizer for each name and second.
    """

    def make(train: TinyCoco, val: TinyCoco | None = None, *, extra: str = '') -> Path:
        lines = [
            f"_base_ = ['{ROOT}/configs/_base_/runtime.py', '{ROOT}/configs/_base_/coco.py']",
            f'metainfo = {train.metainfo!r}',
            f'data_root = {str(train.root)!r}',
            "codec = dict(type='MSRAHeatmap', input_size=(64, 64), sigma=1.5)",
            "model = dict(type='TopdownPoseEstimator', backbone=dict(type='HRNet', arch='w16_small'),",
            "             head=dict(type='HeatmapHead'))",
            f'train_dataloader = {loader_of(train)!r}',
            f'val_dataloader = {loader_of(val or train)!r}',
            'train_cfg = dict(max_epochs=1, val_interval=1)',
            "optim_wrapper = dict(optimizer=dict(type='Adam', lr=1e-3))",
            'default_hooks = dict(checkpoint=dict(interval=1), logger=dict(interval=1))',
            'auto_scale_lr = dict(base_batch_size=32)',
            extra,
        ]
        path = tmp_path / f'tiny_{time.time_ns()}.py'
        path.write_text('\n'.join(lines) + '\n')
        return path

    return make
