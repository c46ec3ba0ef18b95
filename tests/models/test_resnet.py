"""ResNet and SimpleBaseline have the official release's keys and outputs."""

import numpy as np
import pytest
import torch

from hrpose.config import load_config
from hrpose.errors import UserError
from hrpose.models import PoseDataPreprocessor
from hrpose.registry import MODELS
from tests.golden import WRONG, assert_heatmaps, fill_model, golden, golden_input, golden_keys, official_name

NETWORK = 'pose_resnet50_256x192'


@pytest.fixture(scope='module')
def baseline(repository):
    """SimpleBaseline with ResNet-50 and the golden weights."""
    return fill_model(MODELS.build(load_config(repository / 'configs/simplebaseline_r50_coco_256x192.py').model))


def test_keys_and_forward_are_the_official_ones(baseline):
    assert {official_name(key): tuple(value.shape) for key, value in baseline.state_dict().items()} == golden_keys(
        NETWORK
    )
    with torch.no_grad():
        heatmaps = baseline(golden_input(192, 256)).numpy()
    stored = golden(f'{NETWORK}_forward.npz')
    assert_heatmaps(heatmaps, stored)
    for wrong in WRONG.values():
        with pytest.raises(AssertionError):
            assert_heatmaps(wrong(heatmaps), stored)


def test_bgr_moves_channels_before_they_are_normalised(rng):
    images = torch.from_numpy(rng.integers(0, 256, (2, 3, 4, 5), dtype=np.uint8))
    rgb, bgr = PoseDataPreprocessor(), PoseDataPreprocessor(channel_order='bgr')
    assert torch.equal(bgr({'inputs': images})['inputs'], rgb({'inputs': images[:, [2, 1, 0]]})['inputs'])
    with pytest.raises(UserError, match="channel_order is 'rgb' or 'bgr', not 'gbr'"):
        PoseDataPreprocessor(channel_order='gbr')


def test_a_dilated_resnet_keeps_the_grid_and_the_names(repository):
    with torch.device('meta'):
        model = MODELS.build(load_config(repository / 'configs/dilated_r50_coco_256x192.py').model)
        plain = MODELS.build(dict(type='ResNet', depth=50))
        inputs = torch.zeros(1, 3, 256, 192)
    (coarsest,) = model.backbone(inputs)
    assert (coarsest.shape, model(inputs).shape) == ((1, 2048, 32, 24), (1, 17, 64, 48))
    shapes = [{key: value.shape for key, value in each.state_dict().items()} for each in (model.backbone, plain)]
    assert shapes[0] == shapes[1]
    for stage, dilation in ((model.backbone.layer3, 2), (model.backbone.layer4, 4)):
        assert {unit.conv2.dilation for unit in stage} == {(dilation, dilation)}


@pytest.mark.parametrize(
    ('options', 'said'),
    [
        (dict(depth=51), 'ResNet: there is no depth 51; .*50'),
        (dict(dilations=(1, 2)), 'ResNet: dilations has 2 numbers; give one for each of the 4 stages'),
    ],
)
def test_a_wrong_option_names_the_right_ones(options, said):
    with pytest.raises(UserError, match=said):
        MODELS.build(dict(type='ResNet', **options))
