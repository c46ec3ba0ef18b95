"""HRNet has the official release's keys, parameters and outputs."""

import pytest
import torch

from hrpose.datasets.metainfo import resolve
from hrpose.errors import UserError
from hrpose.models import HRNet, TopdownPoseEstimator
from hrpose.models.backbones.hrnet import ExchangeBlock, ParallelBlock
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


# Exchange units as published; the parameters are counted here. Without its fuse layers each network has the same depth.
@pytest.mark.parametrize(
    ('arch', 'exchange_units', 'millions'),
    [
        ('w32', [1, 4, 3], 28.54),
        ('w32_final_exchange', [0, 0, 1], 26.33),
        ('w32_across_exchange', [1, 1, 1], 26.51),
        ('w24_all_branches', [1, 4, 3], 34.27),
    ],
)
def test_an_ablation_has_the_papers_exchange_units(arch, exchange_units, millions):
    with torch.device('meta'):
        backbone = HRNet(arch)
    stages = [backbone.stage2, backbone.stage3, backbone.stage4]
    assert [sum(isinstance(block, ExchangeBlock) for block in stage) for stage in stages] == exchange_units
    assert [[isinstance(block, ParallelBlock) for block in stage] for stage in stages] == [
        [True],
        [True] * 4,
        [True] * 3,
    ]
    assert round(sum(weight.numel() for weight in backbone.parameters()) / 1e6, 2) == millions
    if arch.startswith('w32'):
        published = {key.removeprefix('backbone.') for key in make_model('w32', 17, (192, 256)).state_dict()}
        assert set(backbone.state_dict()) <= published
        assert all('.fuse_layers.' in key for key in published - set(backbone.state_dict()) if 'head' not in key)


def test_branches_that_do_not_exchange_stay_apart():
    torch.manual_seed(0)
    arch = dict(channels=(4, 8, 16), exchange_blocks=(1, 2), units=1, exchanges='final')
    backbone = HRNet(arch, num_outputs=3, init_cfg=[]).eval()
    inputs = [torch.randn(1, channels, 16 >> level, 16 >> level) for level, channels in enumerate((4, 8, 16))]
    changed = [inputs[0], inputs[1] + 1, inputs[2]]
    first, last = backbone.stage3
    with torch.no_grad():
        kept = [torch.equal(one, two) for one, two in zip(first(inputs), first(changed), strict=True)]
        mixed = [torch.equal(one, two) for one, two in zip(last(inputs), last(changed), strict=True)]
    assert (kept, mixed) == ([True, False, True], [False, False, False])


def test_all_branches_are_open_from_the_second_stage():
    backbone = HRNet(dict(channels=(4, 8, 16, 32), exchange_blocks=(1, 1, 1), units=1, all_branches=True)).eval()
    with torch.no_grad():
        maps = backbone.transition1([torch.zeros(1, 256, 16, 24)])
        (finest,) = backbone(torch.zeros(1, 3, 64, 96))
    assert [tuple(each.shape[1:]) for each in maps] == [(4 << level, 16 >> level, 24 >> level) for level in range(4)]
    assert finest.shape == (1, 4, 16, 24)


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
        (dict(arch=dict(channels=(8, 16), exchange_blocks=(1,), exchanges='finale')), 'nearest: final'),
        (dict(num_outputs=2), '1 or 4'),
    ],
)
def test_wrong_options_name_the_right_ones(options, hint):
    with pytest.raises(UserError, match=hint):
        HRNet(**options)
