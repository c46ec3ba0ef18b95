"""A config puts mmdet's parts into a pose network, and HRNet into an mmdet detector."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from mmengine.registry import MODELS as ROOT_MODELS
from mmengine.registry import DefaultScope

from hrpose.config import load_config
from hrpose.registry import MODELS

CONFIGS = Path(__file__).parent / 'configs'
pytest.importorskip('mmdet')


@pytest.mark.parametrize('name', ['resnet18_fpn', 'cspnext_fpn'])
def test_the_head_follows_the_neck(name):
    cfg = load_config(CONFIGS / f'{name}_synthetic_128x96.py')
    model = MODELS.build(cfg.model).eval()
    assert type(model.backbone).__module__.startswith('mmdet.')
    assert model.head.final_layer.in_channels == cfg.model.neck.out_channels
    assert model(torch.zeros(2, 3, 128, 96)).shape == (2, 17, 32, 24)


def test_channels_that_a_backbone_does_not_state_are_measured():
    cfg = load_config(CONFIGS / 'resnet18_fpn_synthetic_128x96.py', {'model.neck': None})
    assert MODELS.build(cfg.model).head.final_layer.in_channels == 64


def test_hrnet_serves_in_an_mmdet_detector():
    cfg = load_config(CONFIGS / 'rtmdet_hrnet_w16_synthetic_224x224.py')
    with DefaultScope.overwrite_default_scope(cfg.default_scope):
        detector = ROOT_MODELS.build(cfg.model).eval()
    assert type(detector).__module__.startswith('mmdet.')
    assert type(detector.backbone).__module__.startswith('hrpose.')
    features = detector.extract_feat(torch.zeros(1, 3, 224, 224))
    assert [tuple(each.shape[1:]) for each in features] == [(64, 28, 28), (64, 14, 14), (64, 7, 7)]


def test_mmdets_parts_are_found_in_a_fresh_process():
    script = (
        'from mmengine.registry import MODELS, DefaultScope\n'
        'from hrpose.config import load_config\n'
        f'cfg = load_config({str(CONFIGS / "resnet18_fpn_synthetic_128x96.py")!r})\n'
        "with DefaultScope.overwrite_default_scope('hrpose'): print(type(MODELS.build(cfg.model.backbone)).__module__)"
    )
    assert run(script) == 'mmdet.models.backbones.resnet'


def test_one_line_in_a_config_prepares_mmdets_own_tools(tmp_path):
    config = tmp_path / 'config.py'
    config.write_text(
        "custom_imports = dict(imports=['hrpose.plugins.prepared'])\n"
        "neck = dict(type='FPN', in_channels=[16], out_channels=8, num_outs=1)\n"
        "backbone = dict(type='hrpose.HRNet', arch='w16_small')\n"
    )
    script = (
        'from mmengine.config import Config\n'
        'from mmengine.registry import MODELS, DefaultScope\n'
        f'cfg = Config.fromfile({str(config)!r})\n'
        "with DefaultScope.overwrite_default_scope('mmdet'):\n"
        '    print(*(type(MODELS.build(part)).__name__ for part in (cfg.backbone, cfg.neck)))'
    )
    assert run(script) == 'HRNet FPN'


def run(script: str) -> str:
    done = subprocess.run([sys.executable, '-c', script], capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout.strip()
