"""HRNet has the official release's keys, parameters and outputs."""

import pytest
import torch

from hrpose.datasets.metainfo import resolve
from hrpose.errors import UserError
from hrpose.models import HRNet, TopdownPoseEstimator
from tests.golden import assert_heatmaps, fill_model, golden, golden_input, golden_keys, official_name

CASES = [('w32', 17, (192, 256), ''), ('w48', 17, (192, 256), ''), ('w32', 16, (256, 256), 'mpii_')]


def make_model(arch: str, joints: int, input_size: tuple[int, int]) -> TopdownPoseEstimator:
    names = [f'joint_{index}' for index in range(joints)]
    return TopdownPoseEstimator(
        backbone=dict(type='HRNet', arch=arch),
        head=dict(
            type='HeatmapHead',
            codec=dict(type='MSRAHeatmap', input_size=input_size),
            out_channels=joints,
        ),
        metainfo=resolve('coco') if joints == 17 else resolve(dict(keypoint_names=names)),
    )


@pytest.mark.parametrize(('arch', 'joints', 'size', 'infix'), CASES)
def test_forward_equals_the_official_one(arch, joints, size, infix):
    model = fill_model(make_model(arch, joints, size))
    with torch.no_grad():
        heatmaps = model(golden_input(*size)).numpy()
    assert_heatmaps(heatmaps, golden(f'hrnet_{arch}_{infix}{size[1]}x{size[0]}_forward.npz'))


@pytest.mark.parametrize(('arch', 'millions'), [('w32', 28.5), ('w48', 63.6)])
def test_keys_and_parameter_counts_are_the_published_ones(arch, millions):
    model = make_model(arch, 17, (192, 256))
    ours = {official_name(key): tuple(value.shape) for key, value in model.state_dict().items()}
    assert ours == golden_keys(f'hrnet_{arch}_256x192')
    assert round(sum(weight.numel() for weight in model.parameters()) / 1e6, 1) == millions


@pytest.mark.parametrize('arch', ['w18', 'w16_small', dict(channels=(8, 16, 24), exchange_blocks=(1, 2), units=1)])
def test_all_branches_are_returned_on_request(arch):
    backbone = HRNet(arch, num_outputs=3 if isinstance(arch, dict) else 4).eval()
    with torch.no_grad():
        maps = backbone(torch.zeros(1, 3, 64, 96))
    for level, (feature, channels) in enumerate(zip(maps, backbone.out_channels, strict=True)):
        assert feature.shape == (1, channels, 16 >> level, 24 >> level)


def test_a_single_output_equals_the_finest_of_all():
    torch.manual_seed(0)
    full, single = HRNet('w16_small', num_outputs=4).eval(), HRNet('w16_small').eval()
    single.load_state_dict(full.state_dict(), strict=False)
    x = torch.randn(1, 3, 64, 64)
    with torch.no_grad():
        assert torch.equal(full(x)[0], single(x)[0])


def test_forward_leaves_its_input_alone():
    x = torch.randn(1, 3, 64, 64)
    before = x.clone()
    HRNet('w16_small')(x)
    assert torch.equal(x, before)


@pytest.mark.parametrize(
    ('options', 'hint'),
    [
        (dict(arch='w23'), 'w32'),
        (dict(arch=dict(channel=(1, 2))), 'channels'),
        (dict(arch=dict(channels=(8, 16), exchange_blocks=(1, 1))), 'exchange_blocks'),
        (dict(num_outputs=2), '1 or 4'),
    ],
)
def test_wrong_options_name_the_right_ones(options, hint):
    with pytest.raises(UserError, match=hint):
        HRNet(**options)
