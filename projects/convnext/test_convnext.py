"""The backbone has the channels that it states, and the paper's parameters."""

from pathlib import Path

import pytest
import torch

from hrpose.config import load_config
from hrpose.errors import UserError
from hrpose.registry import MODELS

CONFIG = Path(__file__).parent / 'configs' / 'convnext_synthetic_128x96.py'


@pytest.fixture
def backbone():
    torch.manual_seed(0)
    return MODELS.build(load_config(CONFIG).model.backbone).eval()


@pytest.mark.parametrize('size', [(64, 64), (96, 160)])
def test_the_map_has_the_stated_channels_at_a_quarter_of_the_input(backbone, size):
    width, height = size
    (found,) = backbone(torch.zeros(2, 3, height, width))
    assert found.shape == (2, *backbone.out_channels, height // 4, width // 4)


def test_a_block_without_scale_is_the_identity(backbone):
    block = backbone.stages[0][0]
    x = torch.randn(1, 32, 9, 7)
    torch.nn.init.zeros_(block.scale)
    torch.testing.assert_close(block(x), x, rtol=0, atol=0)


def test_convnext_tiny_has_the_published_number_of_parameters():
    load_config(CONFIG)
    tiny = MODELS.build(dict(type='ConvNeXt', depths=(3, 3, 9, 3), channels=(96, 192, 384, 768)))
    own = sum(weight.numel() for part in (tiny.openings, tiny.stages) for weight in part.parameters())
    # Table 9 of the paper: 28.6 M for classification, with a last norm and a layer for 1,000 classes.
    assert own + 2 * 768 + 768 * 1000 + 1000 == 28_589_128


def test_different_numbers_of_depths_and_channels_are_refused():
    load_config(CONFIG)
    with pytest.raises(UserError, match='3 depths for 4 channels'):
        MODELS.build(dict(type='ConvNeXt', depths=(1, 1, 1)))


def test_the_head_follows_the_backbones_channels():
    cfg = load_config(CONFIG, {'model.backbone.out_channels': 24})
    assert MODELS.build(cfg.model).head.final_layer.in_channels == 24
