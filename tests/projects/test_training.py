"""Every config in projects/ trains by tools/train.py, on the embedded data set."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy.io import savemat

from hrpose.datasets.metainfo import resolve
from hrpose.synthetic import annotation_file, make_dataset
from tests.tools.conftest import call  # noqa: F401

ROOT = Path(__file__).resolve().parents[2]
CONFIGS = sorted(ROOT.glob('projects/*/configs/*.py'))
SYNTHETIC = [path for path in CONFIGS if 'synthetic' in path.name]
ONE_EPOCH = ['train_cfg.max_epochs=1', 'train_cfg.val_interval=1', 'train_dataloader.batch_size=4',
             *(f'{loader}_dataloader.num_workers=0' for loader in ('train', 'val'))]  # fmt: skip


@pytest.fixture(scope='session')
def embedded(tmp_path_factory) -> Path:
    """A few images of the embedded data set."""
    folder = tmp_path_factory.mktemp('embedded') / 'synthetic'
    make_dataset(folder, train=4, val=2, seed=0, workers=1)
    return folder


@pytest.fixture
def release(embedded, tmp_path) -> Path:
    """The embedded people as Leeds Sports Pose Extended publishes its own: joints.mat and numbered images."""
    content = json.loads(annotation_file(embedded, 'train').read_text())
    people = {person['image_id']: person for person in content['annotations'] if person['num_keypoints'] >= 10}
    names = {image['id']: image['file_name'] for image in content['images']}
    joints = np.zeros((14, 3, len(people)))
    place = {name: index for index, name in enumerate(resolve('coco')['keypoint_names'])}
    (tmp_path / 'images').mkdir()
    for index, (image, person) in enumerate(people.items()):
        coco = np.reshape(person['keypoints'], (17, 3)).astype(float)
        shoulders = coco[[place['left_shoulder'], place['right_shoulder']]].mean(axis=0)
        for joint, name in enumerate(resolve('lsp')['keypoint_names']):
            joints[joint, :, index] = coco[place[name]] if name in place else shoulders
        shutil.copy(embedded / 'train' / names[image], tmp_path / 'images' / f'im{index + 1:05d}.jpg')
    savemat(tmp_path / 'joints.mat', {'joints': joints})
    return tmp_path


def test_every_project_has_a_config_a_readme_and_a_test():
    folders = [path for path in ROOT.glob('projects/*') if path.is_dir() and path.name != '__pycache__']
    assert {path.parents[1] for path in CONFIGS} == set(folders)
    for folder in folders:
        assert (folder / 'README.md').is_file() and list(folder.glob('test_*.py')), folder


def data_of(config: Path, folder: Path) -> list[str]:
    """Return the options that point a config to the embedded data; a detector's has a test, too."""
    return [f'data_root={folder}', *(['test_dataloader=None'] if 'rtmdet' in config.name else [])]


@pytest.mark.parametrize('config', SYNTHETIC, ids=lambda path: path.stem)
def test_a_projects_config_trains_and_is_evaluated(config, embedded, tmp_path, call):  # noqa: F811
    words = ['--work-dir', tmp_path, '--cfg-options', *data_of(config, embedded), *ONE_EPOCH]
    status, output = call('train', config, *words)
    assert status == 0, output[-3000:]
    assert (tmp_path / 'epoch_1.pth').is_file()
    assert re.search(r'(coco/AP|coco/bbox_mAP): -?[\d.]+', output)


def test_leeds_trains_from_its_release_and_its_saved_config_tests(release, tmp_path, call):  # noqa: F811
    config = ROOT / 'projects' / 'lsp_extended' / 'configs' / 'lsp_extended_hrnet_w16_128x128.py'
    parts = [f'{loader}_dataloader.dataset.images=(1,2)' for loader in ('train', 'val')]
    words = ['--cfg-options', f'data_root={release}', *ONE_EPOCH, *parts]
    status, output = call('train', config, '--work-dir', tmp_path / 'run', *words)
    assert status == 0, output[-3000:]
    assert re.search(r'pck/PCK@0.2: [\d.]+', output)
    saved = tmp_path / 'run' / config.name
    status, output = call('test', saved, tmp_path / 'run' / 'epoch_1.pth', '--work-dir', tmp_path / 'test')
    assert (status, 'pck/PCK@0.2' in output) == (0, True)


@pytest.mark.slow  # PyTorch's start, and mmengine's formatting of the config
def test_a_project_trains_in_a_process_of_its_own_from_any_folder(embedded, tmp_path):
    config = ROOT / 'projects' / 'subpixel_heatmap' / 'configs' / 'subpixel_hrnet_w16_synthetic_128x96.py'
    options = [f'data_root={embedded}', *ONE_EPOCH, 'val_dataloader=None']
    command = [sys.executable, ROOT / 'tools' / 'train.py', config, '--cfg-options', *options]
    done = subprocess.run(list(map(str, command)), cwd=tmp_path, text=True, capture_output=True, timeout=300)
    assert done.returncode == 0, done.stderr[-3000:]
    assert (tmp_path / 'work_dirs' / config.stem / 'epoch_1.pth').is_file()
