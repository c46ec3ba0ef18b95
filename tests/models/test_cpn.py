"""CPN computes what its public port computes, and trains each level by its own targets, joints and loss."""

import cv2
import numpy as np
import pytest
import torch

from hrpose.apis import init_model
from hrpose.codecs import MSRAHeatmap
from hrpose.config import load_config
from hrpose.errors import UserError
from hrpose.models import CPNHead, KeypointMSELoss, KeypointOHKMMSELoss
from hrpose.models.estimators.topdown import gather_labels
from hrpose.models.heads.cpn_head import kernel_sigma
from hrpose.registry import DATASETS, MODELS
from tests.config.cases import as_dict
from tests.golden import WRONG, assert_earlier, assert_heatmaps, golden, golden_input, golden_keys, golden_weights

CPN = 'cpn50_256x192'
LEVELS = ['global_c5', 'global_c4', 'global_c3', 'global_c2']


@pytest.fixture(scope='module')
def cpn(tmp_path_factory):
    """CPN with the golden weights, from a file under the port's own names."""
    path = tmp_path_factory.mktemp('cpn') / 'a.pth'
    torch.save(golden_weights(CPN), path)
    return init_model('cpn_r50_ohkm_coco_256x192', path)


@pytest.fixture(scope='module')
def outputs(cpn):
    with torch.no_grad():
        return {name: each.numpy() for name, each in cpn.head.outputs(cpn.extract(golden_input(192, 256))).items()}


def levels_of(outputs):
    return np.concatenate([outputs[name] for name in LEVELS])


def test_cpn_gives_the_golden_heatmaps(cpn, outputs):
    stored = golden(f'{CPN}_forward.npz')
    assert list(outputs) == [*LEVELS, 'refine']
    assert_heatmaps(outputs['refine'], stored)
    assert_earlier(levels_of(outputs), stored['global_heatmaps'])
    with torch.no_grad():
        assert_heatmaps(cpn(golden_input(192, 256)).numpy(), stored)
        assert_heatmaps(cpn.inference(golden_input(192, 256)).numpy(), stored)
    assert '97 normalisations folded' in cpn._inference.how


@pytest.mark.parametrize('wrong', WRONG.values(), ids=WRONG)
def test_cpns_golden_heatmaps_notice(wrong, outputs):
    with pytest.raises(AssertionError):
        assert_heatmaps(wrong(outputs['refine']), golden(f'{CPN}_forward.npz'))


LEVELS_WRONG = {
    'coarsest last': lambda heatmaps: heatmaps[::-1],
    **{name: wrong for name, wrong in WRONG.items() if name not in ('one joint missing', 'not a number')},
}


@pytest.mark.parametrize('wrong', LEVELS_WRONG.values(), ids=LEVELS_WRONG)
def test_the_golden_cells_of_globalnet_notice(wrong, outputs):
    with pytest.raises(AssertionError):
        assert_earlier(wrong(levels_of(outputs)), golden(f'{CPN}_forward.npz')['global_heatmaps'])


def test_cpn_has_every_weight_of_the_port(cpn):
    own = {key.replace('backbone.', 'resnet.').removeprefix('head.') for key in cpn.state_dict()}
    assert own == set(golden_keys(CPN))


@pytest.mark.parametrize('name', ['cpn_r50_coco_256x192', 'cpn_r50_ohkm_coco_256x192'])
def test_cpns_configs_have_the_published_recipe(name):
    cfg = as_dict(load_config(name))
    assert cfg['optim_wrapper']['optimizer'] == dict(type='Adam', lr=5e-4, weight_decay=1e-5, fused=True)
    assert cfg['param_scheduler'] == [dict(type='StepLR', step_size=6, gamma=0.5)]
    assert (cfg['train_cfg']['max_epochs'], cfg['train_dataloader']['batch_size']) == (32, 32)
    steps = {step.pop('type'): step for step in cfg['train_dataloader']['dataset']['pipeline']}
    assert steps['TruncatedScale'] == dict(low=0.7, high=1.35)
    assert steps['TruncatedRotation']['degrees'] == 45
    with torch.device('meta'):
        head = MODELS.build(cfg['model']).head
    assert (type(head.loss_module), head.loss_module.factor) == (
        (KeypointOHKMMSELoss, 1) if 'ohkm' in name else (KeypointMSELoss, 1)
    )
    assert head.global_loss_module.factor == 0.5
    sigmas = [head.codec_of(level).sigma for level in (*LEVELS, 'refine')]
    assert sigmas == pytest.approx([2.6, 2.0, 1.7, 1.4, 1.4])


# OpenCV has tables for kernels up to 9, which are near the Gaussian.
@pytest.mark.parametrize(('size', 'near'), [(7, 7e-3), (9, 3e-3), (11, 1e-15), (15, 1e-15)])
def test_a_blur_kernel_has_opencvs_standard_deviation(size, near):
    gaussian = np.exp(-((np.arange(size) - size // 2) ** 2) / (2 * kernel_sigma(size) ** 2))
    np.testing.assert_allclose(cv2.getGaussianKernel(size, 0)[:, 0], gaussian / gaussian.sum(), rtol=0, atol=near)


@pytest.fixture
def head():
    torch.manual_seed(0)
    codec = dict(type='MSRAHeatmap', input_size=(64, 96), sigma=1.4)
    loss = dict(type='KeypointOHKMMSELoss', top_k=2)
    return CPNHead(codec=codec, in_channels=(4, 6, 8, 10), out_channels=3, loss=loss).eval()


@pytest.fixture
def features():
    torch.manual_seed(1)
    return [torch.randn(2, channels, 24 >> level, 16 >> level) for level, channels in enumerate((4, 6, 8, 10))]


def test_globalnet_learns_visible_joints_and_refinenet_the_labelled(head, features):
    keypoints, visible = torch.rand(2, 3, 2) * 60, torch.tensor([[2.0, 1.0, 0.0], [2.0, 2.0, 1.0]])
    losses, outputs = head.loss(features, keypoints, visible), head.outputs(features)
    for name, kernel in zip(LEVELS, (15, 11, 9, 7), strict=True):
        codec = MSRAHeatmap(input_size=(64, 96), sigma=kernel_sigma(kernel))
        errors = (outputs[name] - codec.encode(keypoints, visible)[0]).square().mean(dim=(2, 3))
        by_hand = (errors[0, 0] + errors[1, 0] + errors[1, 1]) / 6 / 2
        torch.testing.assert_close(losses[f'loss_{name}'], by_hand)
    errors = (outputs['refine'] - head.codec.encode(keypoints, visible)[0]).square().mean(dim=(2, 3))
    hardest = errors[0, :2].sum() + errors[1].sort().values[1:].sum()
    torch.testing.assert_close(losses['loss_refine'], hardest / 4)


def test_data_that_mark_no_occlusion_can_train_globalnet(features):
    codec = dict(type='MSRAHeatmap', input_size=(64, 96), sigma=1.4)
    head = CPNHead(codec=codec, in_channels=(4, 6, 8, 10), out_channels=3, global_visibility=1).eval()
    weights = torch.ones(2, 3)
    assert head.loss(features, torch.rand(2, 3, 2) * 60, weights)['loss_global_c5'] > 0
    head.global_visibility = 2
    assert head.loss(features, torch.rand(2, 3, 2) * 60, weights)['loss_global_c5'] == 0


def test_visibility_reaches_the_head_that_asks_for_it(tiny_coco, monkeypatch):
    cfg = as_dict(load_config('cpn_r18_synthetic_128x96'))
    data = tiny_coco(joints=17, images=1)
    paths = {key: value for key, value in data.arguments.items() if key != 'metainfo'}
    sample = DATASETS.build({**cfg['train_dataloader']['dataset'], **paths, 'data_root': ''})[0]['data_samples']
    visible = np.arange(17) % 3
    sample.gt_instance_labels.keypoints_visible[:] = visible
    sample.gt_instance_labels.keypoint_weights[:] = visible > 0
    model, given = MODELS.build(cfg['model']), []
    monkeypatch.setattr(model.head, 'loss', lambda features, keypoints, weights: given.append(weights))
    for asks in (True, False):
        monkeypatch.setattr(model.head, 'takes_visibility', asks)
        model.loss(torch.zeros(1, 3, 128, 96), [sample])
    assert [each[0].tolist() for each in given] == [visible.tolist(), (visible > 0).tolist()]
    assert gather_labels([sample], torch.device('cpu'))[1].tolist() == given[1].tolist()


def test_training_starts_with_heatmaps_of_the_targets_scale(head, features):
    head.train().init_weights()
    targets, _ = head.codec.encode(torch.full((2, 3, 2), 30.0), torch.ones(2, 3))
    for heatmaps in head.outputs(features).values():
        assert targets.std() / 3 < heatmaps.std() < targets.std() * 3


def test_cpns_head_compiles_as_one_graph(head, features):
    with torch.no_grad():
        found = torch.compile(head, fullgraph=True, backend='eager')(features)
        torch.testing.assert_close(found, head(features))


@pytest.mark.parametrize(
    ('options', 'said'),
    [
        (dict(in_channels=(4,)), '1 feature maps and 4 target_widths; give 4 of each, and the backbone num_outputs=4'),
        (dict(codec=MSRAHeatmap(input_size=(64, 96))), 'is no config'),
    ],
)
def test_an_impossible_cpn_is_an_error(options, said):
    codec = dict(type='MSRAHeatmap', input_size=(64, 96))
    with pytest.raises(UserError, match=said):
        CPNHead(**{**dict(codec=codec, in_channels=(4, 6, 8, 10), out_channels=3), **options})
