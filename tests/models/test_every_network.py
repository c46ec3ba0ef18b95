"""Every network with every codec: it builds, learns, is saved and loaded, compiles, and keeps mmpose's names."""

import math
import re
from typing import Any

import pytest
import torch
from torch import nn

from hrpose.checkpoints import load_weights
from hrpose.checkpoints.convert import convert_checkpoint
from hrpose.checkpoints.read import read_checkpoint
from hrpose.datasets.metainfo import resolve
from hrpose.registry import CODECS, MODELS

SIZE = (64, 128)
JOINTS = resolve({'keypoint_names': ['head', 'left_hand', 'right_hand']})
CODECS.import_from_location()

HRNET = dict(type='HRNet', arch='w16_small')
SMALL_ARCH = dict(channels=(8, 16, 32, 64), exchange_blocks=(1, 2, 2), units=1, stem_units=1)
THREE_DECONVOLUTIONS = dict(type='HeatmapHead', deconv_channels=(32, 32, 32))
# Name -> (the model's own parts, options of the codec).
NETWORKS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    'hrnet': (dict(backbone=HRNET, head=dict(type='HeatmapHead')), {}),
    'hrnet, heatmaps from the second branch': (
        dict(backbone=dict(num_outputs=4, **HRNET), head=dict(type='HeatmapHead', map_index=1)),
        dict(heatmap_size=(8, 16)),
    ),
    'hrnet, one exchange unit': (
        dict(backbone=dict(type='HRNet', arch=dict(exchanges='final', **SMALL_ARCH)), head=dict(type='HeatmapHead')),
        {},
    ),
    'hrnet, all branches from the start': (
        dict(backbone=dict(type='HRNet', arch=dict(all_branches=True, **SMALL_ARCH)), head=dict(type='HeatmapHead')),
        {},
    ),
    'hourglass': (
        dict(backbone=dict(type='HourglassStem', channels=32), head=dict(type='StackedHourglassHead', num_stacks=2)),
        {},
    ),
    'hourglass52': (
        dict(
            backbone=dict(type='Hourglass52', num_stacks=2, levels=((32, 1), (48, 1), (64, 1)), init_cfg=[]),
            head=dict(type='StackedHeatmapHead'),
        ),
        {},
    ),
    'dilated resnet': (
        dict(
            backbone=dict(type='ResNet', depth=18, strides=(1, 2, 1, 1), dilations=(1, 1, 2, 4)),
            head=dict(type='HeatmapHead', deconv_channels=(32,)),
        ),
        {},
    ),
    'cpn': (
        dict(backbone=dict(type='ResNet', depth=18, num_outputs=4), head=dict(type='CPNHead', channels=32)),
        {},
    ),
    'simplebaseline, basic blocks': (dict(backbone=dict(type='ResNet', depth=18), head=THREE_DECONVOLUTIONS), {}),
    'simplebaseline, bottlenecks': (dict(backbone=dict(type='ResNet', depth=50), head=THREE_DECONVOLUTIONS), {}),
}
every_network = pytest.mark.parametrize('network', NETWORKS)
LAST_EXCHANGE = re.compile(r'backbone\.stage4\.0\.fuse_layers\.[^1]\.')
COMBINED = 'UDPHeatmap, combined targets'
OTHERS = [*sorted({*CODECS.module_dict} - {'MSRAHeatmap'}), COMBINED]
every_codec = pytest.mark.parametrize('codec', ['MSRAHeatmap', *OTHERS])


def build(network: str, codec: str = 'MSRAHeatmap') -> nn.Module:
    parts, options = NETWORKS[network]
    torch.manual_seed(0)
    kind = dict(type='UDPHeatmap', target='combined') if codec == COMBINED else dict(type=codec)
    head = dict(parts['head'], out_channels=3, codec=dict(kind, input_size=SIZE, **options))
    model = MODELS.build(dict(type='TopdownPoseEstimator', **{**parts, 'head': head}, metainfo=JOINTS))
    model.init_weights()
    return model


def loss_of(model: nn.Module, images: torch.Tensor, keypoints: torch.Tensor) -> torch.Tensor:
    """Return the sum of the losses of all outputs, for joints that are all visible."""
    seen = torch.full(keypoints.shape[:2], 2.0 if model.head.takes_visibility else 1.0)
    return sum(model.head.loss(model.extract(images), keypoints, seen).values())


@pytest.fixture(scope='module')
def people() -> tuple[torch.Tensor, torch.Tensor]:
    """Images (2, 3, 128, 64) with a bright square at each keypoint (2, 3, 2), in a channel a joint."""
    generator = torch.Generator().manual_seed(0)
    keypoints = 12 + torch.rand(2, 3, 2, generator=generator) * torch.tensor([40.0, 104.0])
    images = torch.randn(2, 3, 128, 64, generator=generator) * 0.1
    for image, person in zip(images, keypoints.long().tolist(), strict=True):
        for channel, (x, y) in enumerate(person):
            image[channel, y - 3 : y + 4, x - 3 : x + 4] += 3
    return images, keypoints


@every_network
@every_codec
def test_heatmaps_have_the_codecs_size(network, codec, people):
    model = build(network, codec).eval()
    width, height = model.head.codec.heatmap_size
    with torch.no_grad():
        assert model(people[0], None, mode='tensor').shape == (2, model.head.maps, height, width)
    assert model.head.maps == (9 if codec == COMBINED else 3)


@every_network
@every_codec
def test_perfect_heatmaps_decode_within_half_a_cell(network, codec, people):
    head = build(network, codec).head
    found, _ = head.predict(head.codec.encode(people[1], torch.ones(2, 3))[0])
    half = torch.tensor([side / cells / 2 for side, cells in zip(SIZE, head.codec.heatmap_size, strict=True)])
    assert ((found - people[1]).abs() <= half + 1e-3).all()


# What a network learns from is the codec's; one network learns from every codec.
@pytest.mark.parametrize(
    ('network', 'codec'), [*((network, 'MSRAHeatmap') for network in NETWORKS), *(('hrnet', name) for name in OTHERS)]
)
def test_the_loss_falls_in_20_steps(network, codec, people):
    images, keypoints = people
    model = build(network, codec).train()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    losses = []
    for _ in range(20):
        loss = loss_of(model, images, keypoints)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert math.isfinite(losses[-1]) and losses[-1] < 0.9 * losses[0]


@every_network
def test_every_parameter_gets_a_gradient(network, people):
    model = build(network).train()
    loss_of(model, *people).backward()
    idle = [name for name, weight in model.named_parameters() if weight.grad is None]
    # The last exchange unit makes every branch's map, and the head takes one.
    assert [name for name in idle if not (getattr(model.head, 'map_index', 0) and LAST_EXCHANGE.search(name))] == []


@every_network
def test_folding_normalisations_changes_rounding_only(network, people):
    model = build(network).eval()
    with torch.no_grad():
        torch.testing.assert_close(model.inference(people[0]), model(people[0]), rtol=1e-3, atol=1e-5)
    assert ' 0 normalisations folded' not in model.inference.how


@every_network
def test_it_is_one_graph(network, people):
    model = build(network).eval()
    torch._dynamo.reset()
    whole = torch.compile(lambda images: model.head(model.extract(images)), fullgraph=True, backend='eager')
    with torch.no_grad():
        torch.testing.assert_close(whole(people[0]), model(people[0]), rtol=0, atol=0)


@every_network
def test_a_saved_model_is_loaded_bit_by_bit(network, tmp_path):
    model, other = build(network), build(network)
    with torch.no_grad():
        for weight in model.parameters():
            weight.add_(1)
    torch.save({'state_dict': model.state_dict()}, tmp_path / 'a.pth')
    load_weights(other, read_checkpoint(tmp_path / 'a.pth'), name='a.pth', complete=True)
    torch.testing.assert_close(other.state_dict(), model.state_dict(), rtol=0, atol=0)


@every_network
def test_mmposes_form_there_and_back_keeps_every_weight(network, tmp_path):
    state = build(network).state_dict()
    torch.save({'state_dict': state}, tmp_path / 'a.pth')
    convert_checkpoint(tmp_path / 'a.pth', tmp_path / 'b.pth', to='mmpose')
    convert_checkpoint(tmp_path / 'b.pth', tmp_path / 'c.pth')
    back = read_checkpoint(tmp_path / 'c.pth')['state_dict']
    assert list(back) == list(state)
    torch.testing.assert_close(dict(back), dict(state), rtol=0, atol=0)
