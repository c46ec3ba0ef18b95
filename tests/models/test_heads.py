"""A head trains each of its outputs by name and decodes the last; its channels follow the map that it takes."""

import pytest
import torch
from torch import nn

from hrpose.codecs import MSRAHeatmap, UDPHeatmap
from hrpose.datasets.metainfo import resolve
from hrpose.errors import UserError
from hrpose.models import KeypointMSELoss
from hrpose.models.heads import BaseHeatmapHead, CPNHead, HeatmapHead
from hrpose.registry import MODELS

SIZE = (64, 96)


class TwoStages(BaseHeatmapHead):
    """A head with a coarse and a fine output; the coarse one has wider targets and twice the loss."""

    def __init__(self, *, in_channels, **kwargs):
        super().__init__(**kwargs)
        self.coarse, self.fine = (nn.Conv2d(in_channels, self.out_channels, 1) for _ in range(2))
        self.wide, self.doubled = MSRAHeatmap(input_size=SIZE, sigma=4), KeypointMSELoss(factor=1)

    def outputs(self, features):
        return {'coarse': self.coarse(features[0]), 'fine': self.fine(features[0])}

    def codec_of(self, name):
        return self.wide if name == 'coarse' else self.codec

    def loss_of(self, name):
        return self.doubled if name == 'coarse' else self.loss_module


@pytest.fixture
def head():
    torch.manual_seed(0)
    return TwoStages(codec=dict(type='MSRAHeatmap', input_size=SIZE, sigma=2), in_channels=4, out_channels=3)


def test_each_output_has_its_own_targets_and_loss(head):
    features, keypoints, weights = [torch.randn(2, 4, 24, 16)], torch.rand(2, 3, 2) * 60, torch.ones(2, 3)
    losses = head.loss(features, keypoints, weights)
    assert list(losses) == ['loss_coarse', 'loss_fine']
    for name, sigma, factor in [('coarse', 4, 1), ('fine', 2, 0.5)]:
        targets, _ = MSRAHeatmap(input_size=SIZE, sigma=sigma).encode(keypoints, weights)
        by_hand = factor * (head.outputs(features)[name] - targets).square().mean()
        torch.testing.assert_close(losses[f'loss_{name}'], by_hand)


def test_the_last_output_is_the_result(head):
    features = [torch.randn(2, 4, 24, 16)]
    assert torch.equal(head(features), head.fine(features[0]))


def estimator(**head):
    codec = dict(type='MSRAHeatmap', input_size=SIZE, heatmap_size=head.pop('heatmap_size', (16, 24)))
    return MODELS.build(
        dict(
            type='TopdownPoseEstimator',
            backbone=dict(type='HRNet', arch='w16_small', num_outputs=4),
            head=dict(type='HeatmapHead', codec=codec, out_channels=17, **head),
            metainfo=resolve('coco'),
        )
    )


@pytest.mark.parametrize('index', range(4))
def test_a_head_can_take_a_coarser_map(index):
    width, height = 16 >> index, 24 >> index
    model = estimator(map_index=index, heatmap_size=(width, height))
    assert model.head.final_layer.in_channels == 16 << index
    assert model(torch.zeros(1, 3, 96, 64)).shape == (1, 17, height, width)


def test_a_map_that_the_backbone_lacks_is_an_error():
    with pytest.raises(UserError, match='map_index is 4, but HRNet gives 4 feature maps; choose 0 to 3'):
        estimator(map_index=4)


def test_the_codec_alone_makes_maps_and_loss_of_combined_targets():
    codec = dict(type='UDPHeatmap', input_size=SIZE, target='combined')
    head = HeatmapHead(codec=codec, in_channels=4, out_channels=3)
    assert head.final_layer.out_channels == 9
    losses = head.loss([torch.randn(2, 4, SIZE[1] // 4, SIZE[0] // 4)], torch.full((2, 3, 2), 20.0), torch.ones(2, 3))
    assert losses['loss_keypoint'].isfinite()
    with pytest.raises(
        UserError, match=r"KeypointMSELoss takes 1 maps a joint, but the codec UDPHeatmap makes 3; .*'Com"
    ):
        HeatmapHead(codec=codec, in_channels=4, out_channels=3, loss=dict(type='KeypointMSELoss'))
    with pytest.raises(
        UserError, match='CombinedTargetMSELoss takes 3 maps a joint, but the codec MSRAHeatmap makes 1'
    ):
        loss = dict(type='CombinedTargetMSELoss')
        HeatmapHead(codec=dict(type='MSRAHeatmap', input_size=SIZE), in_channels=4, out_channels=3, loss=loss)


class NoSigma:
    """A codec of another kind than Gaussian."""

    input_size, heatmap_size, stride = SIZE, (16, 24), (4.0, 4.0)

    def encode(self, keypoints, visible):
        return torch.zeros(*visible.shape, 24, 16), visible

    def decode(self, heatmaps):
        return heatmaps.flatten(2)[..., :2], heatmaps.amax(dim=(2, 3))


def test_a_cross_entropy_has_distributions_for_heatmaps():
    model = estimator(loss=dict(type='KeypointCrossEntropyLoss')).eval()
    images = torch.randn(2, 3, 96, 64)
    with torch.no_grad():
        (features, *_), heatmaps = model.extract(images), model(images)
        logits = model.head.final_layer(features)
        expected = logits.flatten(2).softmax(-1).view_as(logits) * (2 * torch.pi * model.head.codec.sigma**2)
        torch.testing.assert_close(heatmaps, expected)
        torch.testing.assert_close(model.inference(images), heatmaps, rtol=1e-3, atol=1e-6)


def test_logits_as_certain_as_the_target_give_its_heatmap_and_no_gradient():
    codec = UDPHeatmap(input_size=(128, 128), sigma=2)
    loss = dict(type='KeypointCrossEntropyLoss')
    head = HeatmapHead(codec=codec, in_channels=1, out_channels=1, loss=loss)
    keypoints, weights = torch.tensor([[[60.0, 40.0]]]), torch.ones(1, 1)
    target, _ = codec.encode(keypoints, weights)
    logits = torch.log(target.clamp_min(1e-9)).requires_grad_()
    heatmaps = head.heatmaps(logits)
    torch.testing.assert_close(heatmaps, target, rtol=0, atol=0.02)  # the target is cut off at three sigma
    head.loss_module(heatmaps, target, weights).backward()
    assert logits.grad.abs().max() < 1e-6
    assert head.heatmaps(logits.detach().half()).dtype == torch.float32


@pytest.mark.parametrize('options', [dict(), dict(channels=8)])
def test_a_cross_entropy_is_refused_where_it_does_not_suit(options):
    loss = dict(type='KeypointCrossEntropyLoss')
    if options:
        with pytest.raises(UserError, match='CPNHead does not give what KeypointCrossEntropyLoss needs; take Heatma'):
            CPNHead(codec=MSRAHeatmap(input_size=SIZE), in_channels=(4,), out_channels=3, loss=loss, **options)
    else:
        with pytest.raises(UserError, match='needs a codec of Gaussians, and NoSigma has no sigma; take another'):
            HeatmapHead(codec=NoSigma(), in_channels=4, out_channels=3, loss=loss)
