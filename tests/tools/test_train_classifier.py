"""A classifier is trained by the tools, and a pose network starts from its backbone."""

import re
import time
from pathlib import Path

import pytest
import torch

from hrpose.config import load_config
from hrpose.registry import MODELS
from tests.config.cases import as_dict
from tests.tools.scripts import run_program
from tools.data.make_shapes import CLASSES, make_shapes

ROOT = Path(__file__).resolve().parents[2]
CONFIGS = sorted((ROOT / 'configs' / 'classification').glob('*.py'))
SHAPES = ROOT / 'configs/classification/hrnet_w16_shapes_64x64.py'


@pytest.fixture
def shapes(tmp_path) -> Path:
    """A config for one epoch on a few shapes, in this process and with a name of its own."""
    make_shapes(tmp_path / 'shapes', train=4, val=2)
    lines = [f'_base_ = [{str(SHAPES)!r}]', f'data_root = "{tmp_path}/shapes"', 'train_cfg = dict(max_epochs=1)']
    for split in ('train', 'val'):
        lines.append(f'{split}_dataloader = dict(num_workers=0, batch_size=8)')
    path = tmp_path / f'shapes_{time.time_ns()}.py'
    path.write_text('\n'.join(lines) + '\n')
    return path


@pytest.mark.parametrize('path', [path for path in CONFIGS if 'imagenet' in path.stem], ids=lambda path: path.stem)
def test_an_imagenet_config_states_the_published_recipe(path):
    cfg = as_dict(load_config(path))
    arch = path.stem.split('_')[1]
    assert (cfg['model']['backbone']['arch'], cfg['model']['num_classes']) == (arch, 1000)
    optimizer = dict(type='SGD', lr=0.05, momentum=0.9, nesterov=True, weight_decay=1e-4, fused=True)
    assert cfg['optim_wrapper']['optimizer'] == optimizer
    assert (cfg['train_dataloader']['batch_size'], cfg['auto_scale_lr']['base_batch_size']) == (32, 128)
    assert cfg['train_cfg']['max_epochs'] == 100
    (steps,) = cfg['param_scheduler']
    assert (steps['type'], steps['milestones'], steps['gamma']) == ('MultiStepLR', [30, 60, 90], 0.1)
    crops = [cfg[f'{split}_dataloader']['dataset']['pipeline'][1] for split in ('train', 'val')]
    assert crops == [dict(type='RandomResizedCrop', size=224), dict(type='ResizeCenterCrop', shorter=256, size=224)]


def test_a_pose_network_starts_from_a_trained_classifier(shapes, tiny_coco, tiny_config, tmp_path, call):
    status, output = call('train', shapes, '--work-dir', tmp_path / 'classifier')
    assert status == 0, output[-3000:]
    assert re.search(r'accuracy/top1: [\d.]+', output)
    checkpoint = tmp_path / 'classifier' / 'epoch_1.pth'

    start = ['model.backbone.init_cfg.type=Pretrained', f'model.backbone.init_cfg.checkpoint={checkpoint}']
    pose = tiny_config(tiny_coco(images=2))
    status, output = call('train', pose, '--work-dir', tmp_path / 'pose', '--cfg-options', *start)
    assert status == 0, output[-3000:]
    (line,) = re.findall(rf'HRNet from {checkpoint} .*', output)
    assert '(100%) matched; dropped: ' in line
    assert 'of other parts (neck, classifier)' in line
    assert 'not in this model (stage4.0.fuse_layers.1.' in line

    backbone = MODELS.build(
        dict(type='HRNet', arch='w16_small', init_cfg=dict(type='Pretrained', checkpoint=checkpoint))
    )
    backbone.init_weights()
    trained = torch.load(checkpoint, weights_only=True)['state_dict']
    assert all(torch.equal(value, trained[f'backbone.{key}']) for key, value in backbone.state_dict().items())


def test_a_trained_classifier_is_tested_and_resumed(shapes, tmp_path, call):
    assert call('train', shapes, '--work-dir', tmp_path / 'run')[0] == 0
    checkpoint = tmp_path / 'run' / 'epoch_1.pth'
    status, output = call('test', shapes, checkpoint, '--work-dir', tmp_path / 'test')
    assert status == 0 and re.search(r'accuracy/top1: [\d.]+', output), output[-3000:]
    words = ['--resume', '--work-dir', tmp_path / 'run', '--cfg-options', 'train_cfg.max_epochs=2']
    status, output = call('train', shapes, *words)
    assert status == 0 and (tmp_path / 'run' / 'epoch_2.pth').is_file(), output[-3000:]


def test_a_missing_folder_is_one_message(tmp_path, call):
    status, output = call('train', SHAPES, '--work-dir', tmp_path / 'run', '--cfg-options', f'data_root={tmp_path}')
    assert (status, output.count('error: '), 'Traceback' in output) == (2, 1, False)
    assert f'{tmp_path}/train does not exist' in output


@pytest.mark.slow
def test_the_shapes_are_learnt(tmp_path):
    data = tmp_path / 'shapes'
    assert run_program('tools/data/make_shapes.py', data).returncode == 0
    assert len(list(data.glob('train/*/*.png'))) == 200 * len(CLASSES)
    done = run_program(
        'tools/train.py', SHAPES, '--work-dir', tmp_path / 'run', '--cfg-options', f'data_root={data}', seconds=1800
    )
    assert done.returncode == 0, done.stdout[-3000:]
    assert max(map(float, re.findall(r'accuracy/top1: ([\d.]+)', done.stdout))) >= 90
