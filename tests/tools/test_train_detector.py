"""The tools train and test mmdet's detectors too, from configs in configs/detection/."""

import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from mmengine.registry import DefaultScope, init_default_scope

from hrpose.apis import init_model
from hrpose.apis.detector import PersonDetector
from hrpose.config import link, load_config
from tests.checkpoints.cases import saved, small_model
from tests.config.cases import as_dict

pytest.importorskip('mmdet')

ROOT = Path(__file__).resolve().parents[2]
CONFIGS = sorted((ROOT / 'configs' / 'detection').glob('*.py'))
NANO = ROOT / 'configs/detection/rtmdet_nano_synthetic_224x224.py'
FASTER_RCNN = ROOT / 'configs/detection/faster_rcnn_hrnet_w16_synthetic_224x224.py'


@pytest.fixture
def nano(request, tiny_coco, tmp_path) -> Iterator[Path]:
    """A config for one epoch of the small RTMDet, or of the config `param`, on four drawn people in this process."""
    data = tiny_coco(images=4)
    dataset = dict(data_root=str(data.root), ann_file=data.ann_file.name, data_prefix=dict(img=data.images.name))
    loader = dict(num_workers=0, persistent_workers=False, batch_size=2, dataset=dataset)
    lines = [f'_base_ = [{str(getattr(request, "param", NANO))!r}]', 'train_cfg = dict(max_epochs=1, val_interval=1)']
    lines += [f'{phase}_dataloader = {loader!r}' for phase in ('train', 'val', 'test')]
    lines += [f'{phase}_evaluator = dict(ann_file={str(data.ann_file)!r})' for phase in ('val', 'test')]
    # A unique name: mmengine keeps one logger for each.
    path = tmp_path / f'nano_{time.time_ns()}.py'
    path.write_text('\n'.join([*lines, 'default_hooks = dict(logger=dict(interval=1))']) + '\n')
    yield path
    # A runner leaves its scope behind, as tests of pose networks expect theirs.
    init_default_scope('hrpose')


@pytest.mark.parametrize('path', CONFIGS, ids=lambda path: path.stem)
def test_linking_does_not_change_a_detectors_config(path):
    cfg = load_config(path)
    assert as_dict(link(cfg)) == as_dict(cfg)
    assert cfg.default_scope == 'mmdet'


def test_a_detector_trains_tests_and_finds_people(nano, tmp_path, call):
    status, output = call('train', nano, '--amp', '--work-dir', tmp_path / 'run')
    assert status == 0, output[-3000:]
    assert 'effective batch 2 (2 a process x 1 x 1 accumulated)' in output
    checkpoint = tmp_path / 'run' / 'epoch_1.pth'
    status, output = call('test', nano, checkpoint, '--work-dir', tmp_path / 'test')
    assert status == 0, output[-3000:]
    assert '(one-stage detector of mmdet): 476 of 476 weights (100%) matched' in output
    assert re.search(r'coco/bbox_mAP_50: [\d.-]+', output)
    detector = PersonDetector(nano, checkpoint, score_threshold=0)
    assert detector.model.dataset_meta == {'classes': ('person',)}
    assert len(detector([tmp_path / 'tiny' / 'train' / '000.jpg'])) == 1


@pytest.mark.parametrize('nano', [FASTER_RCNN], indirect=True, ids=['faster_rcnn'])
def test_hrnet_in_a_two_stage_detector_trains_and_tests(nano, tmp_path, call):
    status, output = call('train', nano, '--work-dir', tmp_path / 'run')
    assert status == 0, output[-3000:]
    assert re.search(r'loss_rpn_cls: [\d.]+ .*loss_bbox: [\d.]+', output)
    status, output = call('test', nano, tmp_path / 'run' / 'epoch_1.pth', '--work-dir', tmp_path / 'test')
    assert status == 0, output[-3000:]
    assert re.search(r'\(two-stage detector of mmdet\): (\d+) of \1 weights \(100%\) matched', output)
    assert re.search(r'coco/bbox_mAP_50: [\d.-]+', output)


def test_a_resumed_training_continues(nano, tmp_path, call):
    assert call('train', nano, '--work-dir', tmp_path / 'run')[0] == 0
    words = ['--resume', '--work-dir', tmp_path / 'run', '--cfg-options', 'train_cfg.max_epochs=2']
    status, output = call('train', nano, *words)
    assert status == 0, output[-3000:]
    assert (tmp_path / 'run' / 'epoch_2.pth').is_file()
    assert len(list((tmp_path / 'run').glob('epoch_*.pth'))) == 2


@pytest.mark.parametrize(
    ('option', 'reason'),
    [
        ('model.backbone.type=CSPNext', 'CSPNeXt'),
        ('train_dataloader.dataset.ann_file=nothing.json', 'nothing.json'),
        ('load_from=/nowhere/a.pth', 'checkpoint /nowhere/a.pth: no such file'),
    ],
)
def test_a_mistake_in_training_is_one_message(option, reason, nano, tmp_path, call):
    status, output = call('train', nano, '--work-dir', tmp_path / 'run', '--cfg-options', option)
    assert (status, 'Traceback' in output, output.count('error: ')) == (2, False, 1), output[-3000:]
    assert reason in output


def test_weights_of_a_pose_network_are_refused(nano, tmp_path, call):
    pose = saved(small_model().state_dict(), tmp_path / 'pose.pth')
    status, output = call('test', nano, pose, '--work-dir', tmp_path / 'test')
    assert status == 2 and 'does not fit this model' in output


def test_a_pose_network_can_be_built_after_a_detector(repository):
    with DefaultScope.overwrite_default_scope('mmdet'):
        assert type(init_model(repository / 'configs/hrnet_w16_synthetic_128x96.py')).__name__ == 'TopdownPoseEstimator'
