"""Parts of mmdet's in a pose network, and HRNet in a detector of mmdet's, by config alone."""

from pathlib import Path

import pytest
import torch

from hrpose.config import load_config
from hrpose.registry import MODELS

CONFIGS = Path(__file__).parent / 'configs'
pytest.importorskip('mmdet')


@pytest.mark.parametrize('name', ['resnet18_fpn', 'cspnext_fpn'])
def test_the_head_follows_the_neck_and_heatmaps_are_a_quarter_of_the_input(name):
    cfg = load_config(CONFIGS / f'{name}_synthetic_128x96.py')
    model = MODELS.build(cfg.model).eval()
    assert type(model.backbone).__module__.startswith('mmdet.')
    assert model.head.final_layer.in_channels == cfg.model.neck.out_channels
    assert model(torch.zeros(2, 3, 128, 96)).shape == (2, 17, 32, 24)


def test_a_backbone_that_does_not_state_its_channels_is_measured():
    cfg = load_config(CONFIGS / 'resnet18_fpn_synthetic_128x96.py', {'model.neck': None})
    assert MODELS.build(cfg.model).head.final_layer.in_channels == 64
