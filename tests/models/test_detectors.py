"""HRNet in mmdet's detectors, by config alone: the same numbers as mmdet's own HRNet, and training on a CPU."""

from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from mmengine.config import Config
from mmengine.registry import MODELS as ROOT_MODELS
from mmengine.registry import DefaultScope
from mmengine.structures import InstanceData

from hrpose.config import load_config
from hrpose.engine.hooks import FixedStatisticsHook
from hrpose.errors import UserError
from tests.golden import fill, golden_input

pytest.importorskip('mmdet')

CONFIGS = Path(__file__).parents[2] / 'configs' / 'detection'
# Config -> the epochs and learning rate of its recipe, and the config of mmdet's with its own HRNet.
DETECTORS = {
    'faster_rcnn': (12, 0.02, 'faster-rcnn_hrnetv2p-w32-1x_coco'),
    'cascade_rcnn': (20, 0.02, 'cascade-rcnn_hrnetv2p-w32-20e_coco'),
    'fcos': (12, 0.01, 'fcos_hrnetv2p-w32-gn-head_4xb4-1x_coco'),
}


def build(part: Config) -> torch.nn.Module:
    with DefaultScope.overwrite_default_scope('mmdet'):
        return ROOT_MODELS.build(part)


@pytest.mark.parametrize(('name', 'epochs', 'rate', 'theirs'), [(name, *row) for name, row in DETECTORS.items()])
def test_only_the_backbone_differs_from_mmdets_config(name, epochs, rate, theirs):
    ours = load_config(CONFIGS / f'{name}_hrnet_w32_coco.py')
    assert (ours.train_cfg.max_epochs, ours.optim_wrapper.optimizer.lr) == (epochs, rate)
    their = load_config(f'mmdet::hrnet/{theirs}.py')
    assert ours.model.neck.type == 'HRFPN'
    one, two = (without_scope({**cfg.model.to_dict(), 'backbone': None}) for cfg in (ours, their))
    assert one == two


def without_scope(value: object) -> object:
    """Return a copy without the scopes that mmengine writes into inherited parts."""
    if isinstance(value, dict):
        return {key: without_scope(item) for key, item in value.items() if key != '_scope_'}
    return [without_scope(item) for item in value] if isinstance(value, list | tuple) else value


def test_the_backbone_gives_what_mmdets_own_gives():
    ours = build(load_config(CONFIGS / 'faster_rcnn_hrnet_w32_coco.py').model.backbone).eval()
    theirs = build(load_config(f'mmdet::hrnet/{DETECTORS["faster_rcnn"][2]}.py').model.backbone)
    theirs.eval()  # returns nothing
    state = {key: fill(key, tuple(value.shape)) for key, value in theirs.state_dict().items()}
    for backbone in (ours, theirs):
        backbone.load_state_dict(state, strict=True)
    images = golden_input(96, 64)
    with torch.no_grad():
        for own, their in zip(ours(images), theirs(images), strict=True):
            assert their.std() > 0
            torch.testing.assert_close(own, their, rtol=0, atol=1e-5 * float(their.abs().max()))


@pytest.mark.parametrize('name', DETECTORS)
def test_a_detector_has_gradients_in_all_of_hrnet_on_a_cpu(name):
    torch.manual_seed(0)
    small = {'model.backbone.arch': 'w16_small', 'model.neck.in_channels': [16, 32, 64, 128]}
    cfg = load_config(CONFIGS / f'{name}_hrnet_w32_coco.py', small)
    cfg.model.backbone.init_cfg = []
    check_gradients(build(cfg.model))


def test_the_small_detector_has_gradients_and_finds_boxes():
    torch.manual_seed(0)
    detector = build(load_config(CONFIGS / 'faster_rcnn_hrnet_w16_synthetic_224x224.py').model)
    (sample,) = check_gradients(detector)
    with torch.no_grad():
        (found,) = detector.eval().predict(torch.randn(1, 3, 128, 128), [sample])
    assert found.pred_instances.bboxes.shape[1] == 4


def check_gradients(detector: torch.nn.Module) -> list:
    """Compute the loss of one box in one image and its gradients, which reach all of the backbone's weights."""
    from mmdet.structures import DetDataSample

    side = (128, 128)
    meta = dict(img_shape=side, ori_shape=side, pad_shape=side, batch_input_shape=side, scale_factor=(1.0, 1.0))
    sample = DetDataSample(metainfo=meta)
    sample.gt_instances = InstanceData(bboxes=torch.tensor([[20.0, 30, 90, 120]]), labels=torch.tensor([0]))
    losses = detector.loss(torch.randn(1, 3, *side), [sample])
    total = sum(sum(value) if isinstance(value, list) else value for key, value in losses.items() if 'loss' in key)
    total.backward()
    assert torch.isfinite(total)
    weights = dict(detector.backbone.named_parameters())
    assert all(weight.grad is not None and torch.isfinite(weight.grad).all() for weight in weights.values())
    assert weights['conv1.weight'].grad.abs().max() > 0
    return [sample]


def test_the_hook_keeps_statistics_but_not_weights():
    model = torch.nn.ModuleDict({name: torch.nn.BatchNorm2d(2) for name in ('backbone', 'head')})
    hook, runner = FixedStatisticsHook(['backbone']), SimpleNamespace(model=model)
    hook.before_train(runner)
    model.train()
    hook.before_train_iter(runner, 0)
    assert (model['backbone'].training, model['head'].training) == (False, True)
    assert all(weight.requires_grad for weight in model.parameters())
    with pytest.raises(UserError, match="no part 'backbon'; .*backbone"):
        FixedStatisticsHook(['backbon']).before_train(runner)
