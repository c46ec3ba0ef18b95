"""Every layout is recognised by content, and its weights land where they belong."""

import pytest
import torch

from hrpose.apis import init_model
from hrpose.checkpoints import convert_checkpoint, guard_mmengine, load_weights, recognise
from hrpose.config import load_config
from hrpose.errors import UserError
from hrpose.registry import MODELS
from tests.checkpoints.cases import LAYOUTS, POSE_LAYOUTS, clone, distributed, official, saved, small_model
from tests.golden import assert_heatmaps, golden, golden_input, golden_keys, golden_weights


@pytest.fixture(scope='module')
def source():
    return small_model()


@pytest.mark.parametrize('layout', LAYOUTS)
def test_a_layout_is_recognised_by_content(layout, source):
    family, make = LAYOUTS[layout]
    assert recognise(make(clone(source.state_dict()))).family.name == family


@pytest.mark.parametrize('layout', POSE_LAYOUTS)
def test_every_weight_of_a_pose_file_is_loaded(layout, source, messages):
    family, make = POSE_LAYOUTS[layout]
    target = small_model()
    fit = load_weights(target, make(clone(source.state_dict())), name='a.pth', complete=True)
    torch.testing.assert_close(target.state_dict(), source.state_dict(), rtol=0, atol=0)
    assert fit.unused == []
    (line,) = messages
    assert line.startswith(f'a.pth ({family}): ')
    assert '(100%) matched' in line


def test_averaged_weights_of_other_names_are_left_alone(source):
    state = clone(source.state_dict())
    file = {'state_dict': state | {'ema_backbone_conv1_weight': torch.zeros(1)}, 'ema_state_dict': {}}
    found = recognise(file)
    assert found.family.name == 'mmpose 1.x or hrpose'
    assert set(found.weights) == set(state) | {'ema_backbone_conv1_weight'}


def pretrained(path, arch: str, **options: object) -> torch.nn.Module:
    """Return the backbone that an `init_cfg` makes of a file."""
    guard_mmengine()
    init_cfg = {'type': 'Pretrained', 'checkpoint': str(path), **options}
    backbone = MODELS.build({'type': 'HRNet', 'arch': arch, 'init_cfg': init_cfg})
    backbone.init_weights()
    return backbone


@pytest.mark.parametrize('layout', LAYOUTS)
def test_init_cfg_fills_the_backbone_from_any_layout_and_says_so(layout, source, tmp_path, messages):
    family, make = LAYOUTS[layout]
    path = saved(make(clone(source.state_dict())), tmp_path / 'a.pth')
    backbone = pretrained(path, 'w16_small')
    torch.testing.assert_close(backbone.state_dict(), source.backbone.state_dict(), rtol=0, atol=0)
    (line,) = messages
    assert line.startswith(f'HRNet from {path} ({family}): ')
    assert '(100%) matched' in line


@pytest.mark.parametrize('prefix', ['backbone', 'backbone.'])
@pytest.mark.parametrize('layout', ['official', 'mmpose_0x'])
def test_init_cfg_takes_mmengines_prefix_with_or_without_its_dot(layout, prefix, source, tmp_path):
    path = saved(LAYOUTS[layout][1](clone(source.state_dict())), tmp_path / 'a.pth')
    backbone = pretrained(path, 'w16_small', prefix=prefix)
    torch.testing.assert_close(backbone.state_dict(), source.backbone.state_dict(), rtol=0, atol=0)


def test_init_cfg_of_a_head_takes_the_part_that_its_prefix_names(source, tmp_path, messages):
    path = saved(official(source.state_dict()), tmp_path / 'a.pth')
    guard_mmengine()
    head = {'type': 'HeatmapHead', 'codec': {'type': 'MSRAHeatmap', 'input_size': (64, 64)}}
    head |= {'in_channels': 16, 'out_channels': 17}
    built = MODELS.build(head | {'init_cfg': {'type': 'Pretrained', 'checkpoint': str(path), 'prefix': 'head.'}})
    built.init_weights()
    torch.testing.assert_close(built.state_dict(), source.head.state_dict(), rtol=0, atol=0)


def test_init_cfg_of_a_whole_model_takes_the_whole_file(source, tmp_path, messages):
    guard_mmengine()
    model = small_model()
    model.init_cfg = {'type': 'Pretrained', 'checkpoint': str(saved(official(source.state_dict()), tmp_path / 'a.pth'))}
    model.init_weights()
    torch.testing.assert_close(model.state_dict(), source.state_dict(), rtol=0, atol=0)
    assert len(messages) == 1


def test_a_layout_that_nobody_knows_fits_the_model_that_wrote_it(messages):
    source, target = torch.nn.Linear(2, 2), torch.nn.Linear(2, 2)
    load_weights(target, distributed(source.state_dict()), name='a.pth', complete=True)
    torch.testing.assert_close(target.state_dict(), source.state_dict(), rtol=0, atol=0)
    assert messages == ['a.pth (unknown layout): 2 of 2 weights (100%) matched']


@pytest.mark.parametrize(
    ('content', 'options', 'complaint'),
    [
        ({'conv.weight': torch.zeros(1)}, {}, r'does not fit this model: 0 of \d+ weights \(0%\)'),
        ({'backbone.conv1.weight': torch.zeros(1)}, {}, r'does not fit this model: 0 of \d+ weights \(0%\)'),
        ({'backbone.conv1.weight': torch.zeros(1)}, {'prefix': 'neck.'}, "begins with the prefix 'neck.'"),
    ],
)
def test_an_init_cfg_file_that_fits_nothing_is_an_error(content, options, complaint, tmp_path):
    with pytest.raises(UserError, match=complaint):
        pretrained(saved(content, tmp_path / 'a.pth'), 'w16_small', **options)


def as_mmposes(state: dict) -> dict:
    """Return what mmpose 1.x would save of official weights."""
    heads = ('final_layer.', 'deconv_layers.')
    renamed = {f'{"head" if key.startswith(heads) else "backbone"}.{key}': value for key, value in state.items()}
    return {'state_dict': renamed, 'meta': {}}


# What the file is -> the config, the golden network, and how the file is made from that network's weights.
GOLDEN_POSE = {
    'official': ('hrnet_w32_coco_256x192', 'hrnet_w32_256x192', lambda state: state),
    'mmpose_1x': (
        'hrnet_w32_coco_256x192',
        'mmpose_hrnet_w32_256x192',
        lambda state: {'state_dict': state, 'meta': {}, 'message_hub': {}},
    ),
    'official_resnet': ('simplebaseline_r50_coco_256x192', 'pose_resnet50_256x192', lambda state: state),
    'mmpose_1x_resnet': ('simplebaseline_r50_coco_256x192', 'pose_resnet50_256x192', as_mmposes),
}


@pytest.mark.parametrize('layout', GOLDEN_POSE)
def test_a_published_file_gives_the_golden_heatmaps(layout, repository, tmp_path, messages):
    config, network, make = GOLDEN_POSE[layout]
    state = golden_weights(network)
    path = saved(make(state), tmp_path / 'a.pth')
    model = init_model(repository / 'configs' / f'{config}.py', path)
    with torch.no_grad():
        heatmaps = model(golden_input(192, 256)).numpy()
    assert_heatmaps(heatmaps, golden(f'{network}_forward.npz'))
    assert f'{len(state)} of {len(state)} weights (100%) matched' in messages[0]


def test_a_published_classifier_fills_the_whole_backbone(tmp_path, messages):
    state = golden_weights('cls_hrnet_w18')
    backbone = pretrained(saved(state, tmp_path / 'a.pth'), 'w18').state_dict()
    assert all(torch.equal(value, state[key]) for key, value in backbone.items())
    coarser = [key for key in state if key.startswith(tuple(f'stage4.2.fuse_layers.{index}.' for index in (1, 2, 3)))]
    others = ('incre_modules.', 'downsamp_modules.', 'final_layer.', 'classifier.')
    assert len(state) - len(backbone) == len(coarser) + sum(key.startswith(others) for key in state)
    assert f'{len(backbone)} of {len(backbone)} weights (100%) matched' in messages[0]
    assert f'{len(coarser)} not in this model' in messages[0]


@pytest.mark.parametrize(
    ('network', 'family', 'ours'),
    [
        ('hrnet_w32_256x192', 'official HRNet', {'final_layer': 'head.final_layer'}),
        ('hrnet_w48_256x192', 'official HRNet', {'final_layer': 'head.final_layer'}),
        (
            'pose_resnet50_256x192',
            'official SimpleBaseline',
            {'final_layer': 'head.final_layer', 'deconv_layers': 'head.deconv_layers'},
        ),
    ],
)
def test_the_published_names_of_the_official_release_become_hrposes(network, family, ours):
    keys = golden_keys(network)
    found = recognise({key: torch.empty(shape, device='meta') for key, shape in keys.items()})
    tops = {key: key.split('.')[0] for key in keys}
    assert list(found.weights) == [key.replace(top, ours.get(top, f'backbone.{top}'), 1) for key, top in tops.items()]
    assert (found.family.name, found.dropped) == (family, ())


@pytest.mark.parametrize('network', ['mmpose_hrnet_w32_256x192', 'mmpose_hourglass52_256x256'])
def test_the_published_names_of_mmpose_are_hrposes(network):
    keys = golden_keys(network)
    found = recognise({'state_dict': {key: torch.empty(shape, device='meta') for key, shape in keys.items()}})
    assert list(found.weights) == list(keys)
    assert found.family.name == 'mmpose 1.x or hrpose'


@pytest.mark.parametrize('converted', [False, True])
@pytest.mark.parametrize(('order', 'told'), [('rgb', True), ('bgr', False)])
def test_official_resnets_say_that_they_take_bgr_images(order, told, converted, repository, tmp_path, messages):
    path = saved(golden_weights('pose_resnet50_256x192'), tmp_path / 'a.pth')
    if converted:
        convert_checkpoint(path, path := tmp_path / 'b.pth')
    option = 'model.data_preprocessor.channel_order'
    init_model(load_config(repository / 'configs/simplebaseline_r50_coco_256x192.py', {option: order}), path)
    assert (
        f'take bgr images, but this model gets rgb; for their metrics add --cfg-options {option}=bgr' in messages[0]
    ) == told
    assert 'bgr' not in messages[0] or told


def test_a_torchvision_resnet_starts_a_simple_baseline(tmp_path, messages):
    guard_mmengine()
    source = MODELS.build({'type': 'ResNet', 'depth': 18})
    file = source.state_dict() | {'fc.weight': torch.zeros(1000, 512), 'fc.bias': torch.zeros(1000)}
    init_cfg = {'type': 'Pretrained', 'checkpoint': str(saved(file, tmp_path / 'a.pth'))}
    backbone = MODELS.build({'type': 'ResNet', 'depth': 18, 'init_cfg': init_cfg})
    backbone.init_weights()
    torch.testing.assert_close(backbone.state_dict(), source.state_dict(), rtol=0, atol=0)
    total = len(source.state_dict())
    assert f'(ImageNet ResNet): {total} of {total} weights (100%) matched' in messages[0]


def test_an_imagenet_resnet_leaves_its_classifier_behind():
    names = ('conv1.weight', 'bn1.weight', 'layer1.0.conv1.weight', 'layer4.2.conv3.weight')
    found = recognise({key: torch.zeros(1) for key in (*names, 'fc.weight', 'fc.bias')})
    assert found.family.name == 'ImageNet ResNet'
    assert list(found.weights) == [f'backbone.{name}' for name in names]
    assert found.dropped == ('fc.weight', 'fc.bias')
