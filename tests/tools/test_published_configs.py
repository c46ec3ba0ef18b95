"""The published configs on samples laid out as the releases are: a tiny network trains, and is tested again."""

import json
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch

from hrpose.apis import init_model
from hrpose.config import load_config, parse_options
from tests.evaluation.cases import write_mpii_truth

ROOT = Path(__file__).resolve().parents[2]

TINY = (
    'model.backbone.arch=w16_small', 'codec.input_size=(64,64)', 'train_cfg.max_epochs=1', 'train_cfg.val_interval=1',
    'default_hooks.checkpoint.interval=1', 'load_from=None', 'train_dataloader.batch_size=4',
    'train_dataloader.num_workers=0', 'val_dataloader.num_workers=0',
)  # fmt: skip


def link_files(root: Path, files: dict[str, Path]) -> Path:
    """Make `root` a data set whose paths are links to `files`; returns it."""
    for name, target in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).symlink_to(target)
    return root


def lay_out_coco(data: Path, root: Path) -> Path:
    annotations = {f'annotations/person_keypoints_{split}2017.json': data / 'coco/test_coco.json' for split in SPLITS}
    return link_files(root, annotations | {f'{split}2017': data / 'coco' for split in SPLITS})


def lay_out_crowdpose(data: Path, root: Path) -> Path:
    names = ('trainval', 'test')
    annotations = {f'annotations/crowdpose_{n}.json': data / 'crowdpose/test_crowdpose.json' for n in names}
    return link_files(root, annotations | {'images': data / 'crowdpose'})


def lay_out_posetrack18(data: Path, root: Path) -> Path:
    folder = data / 'posetrack18'
    files = {f'annotations/{split}': folder / 'annotations/val' for split in SPLITS}
    return link_files(root, files | {'images': folder / 'images'})


def lay_out_mpii(data: Path, root: Path) -> Path:
    """Lay out MPII, with a `gt_valid.mat` made from its JSON."""
    people = json.loads((data / 'mpii/test_mpii.json').read_text())
    annotations = {f'annot/{split}.json': data / 'mpii/test_mpii.json' for split in ('train', 'valid')}
    link_files(root, annotations | {'images': data / 'mpii'})
    write_mpii_truth(root / 'annot/gt_valid.mat', people, head=(60, 80))
    return root


SPLITS = ('train', 'val')
# The layout, the config, people on whom it is tested, joints, and metrics that the test has to print.
SAMPLES = {
    'coco': (lay_out_coco, 'hrnet_w32_coco_256x192', 12, 17, ('coco/AP', 'coco/ARL')),
    'crowdpose': (lay_out_crowdpose, 'hrnet_w32_crowdpose_256x192', 4, 14, ('crowdpose/AP', 'crowdpose/AP_hard')),
    'mpii': (lay_out_mpii, 'hrnet_w32_mpii_256x256', 5, 16, ('mpii/Mean', 'mpii/Mean@0.1_exact')),
    'posetrack18': (
        lay_out_posetrack18, 'hrnet_w32_posetrack18_256x192', 14, 17, ('posetrack18/Mean', 'coco/AP'),
    ),
}  # fmt: skip


@pytest.mark.parametrize('name', SAMPLES)
def test_a_published_config_trains_and_tests(name, sample_data, tmp_path, call):
    lay_out, config, people, joints, metrics = SAMPLES[name]
    data_root = lay_out(sample_data, tmp_path / 'data')
    config_file, options = ROOT / 'configs' / f'{config}.py', [f'data_root={data_root}', *TINY]

    status, output = call('train', config_file, '--work-dir', tmp_path / 'run', '--cfg-options', *options)
    assert status == 0, output[-3000:]
    assert f'{people} people from' in output
    # The metric that the best checkpoint is chosen by is the first.
    assert list((tmp_path / 'run').glob(f'best_{metrics[0].replace("/", "_")}_epoch_1.pth'))

    words = ['--work-dir', tmp_path / 'test', '--dump', tmp_path / 'found.pkl', '--cfg-options', *options]
    status, output = call('test', config_file, tmp_path / 'run' / 'epoch_1.pth', *words)
    assert status == 0, output[-3000:]
    assert '(100%) matched' in output and all(f'{metric}: ' in output for metric in metrics)
    found = pickle.loads((tmp_path / 'found.pkl').read_bytes())
    assert [np.shape(sample['pred_instances']['keypoints']) for sample in found] == [(1, joints, 2)] * people


@pytest.mark.parametrize(
    ('name', 'file', 'boxes', 'images'),
    [
        ('crowdpose', 'crowdpose/test_crowdpose_det_AP_40.json', 6, 2),
        ('posetrack18', 'posetrack18/annotations/test_posetrack18_human_detections.json', 278, 3),
    ],
)
def test_detected_people_are_tested_too(name, file, boxes, images, sample_data, tmp_path, call):
    lay_out, config, _, joints, metrics = SAMPLES[name]
    config_file, detections = ROOT / 'configs' / f'{config}.py', sample_data / file
    assert len(json.loads(detections.read_text())) == boxes
    options = [f'data_root={lay_out(sample_data, tmp_path / "data")}', *TINY]
    torch.save(init_model(load_config(config_file, parse_options(options))).state_dict(), tmp_path / 'fresh.pth')
    options += [f'test_dataloader.dataset.bbox_file={detections}', 'test_dataloader.dataset.bbox_threshold=0.4']
    options += ['test_dataloader.num_workers=0']
    words = ['--work-dir', tmp_path / 'test', '--dump', tmp_path / 'found.pkl', '--cfg-options', *options]
    status, output = call('test', config_file, tmp_path / 'fresh.pth', *words)
    assert status == 0, output[-3000:]
    assert all(f'{metric}: ' in output for metric in metrics)
    found = pickle.loads((tmp_path / 'found.pkl').read_bytes())
    assert len({sample['img_id'] for sample in found}) == images
    assert np.shape(found[0]['pred_instances']['keypoints']) == (1, joints, 2)
