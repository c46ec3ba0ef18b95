"""A round trip is exact to a small part of a cell, where MSRA's codec errs by up to half a cell."""

from pathlib import Path

import pytest
import torch

from hrpose.codecs import MSRAHeatmap
from hrpose.config import load_config
from hrpose.registry import CODECS

CONFIG = Path(__file__).parent / 'configs' / 'subpixel_hrnet_w16_synthetic_128x96.py'
SIZES = dict(input_size=(96, 128), heatmap_size=(24, 32), sigma=1.5)


@pytest.fixture
def codec():
    return CODECS.build(load_config(CONFIG).codec)


def points(count: int = 500) -> torch.Tensor:
    """Return keypoints (1, count, 2) in input px, more than a cell inside the heatmap."""
    return 6 + torch.rand(1, count, 2, generator=torch.Generator().manual_seed(0)) * torch.tensor([80.0, 112.0])


def error(codec: MSRAHeatmap, dtype: torch.dtype = torch.float32) -> float:
    """Return the largest error of a round trip, in input px."""
    heatmaps, weights = codec.encode(points(), torch.ones(1, 500))
    assert weights.all()
    found, _ = codec.decode(heatmaps.to(dtype))
    return float((found - points()).abs().max())


def test_a_round_trip_is_exact_to_a_thousandth_of_a_pixel(codec):
    assert error(codec) < 1e-3
    assert error(MSRAHeatmap(**SIZES)) > 0.9  # half a cell of 4 px minus the quarter offset


def test_half_precision_costs_less_than_a_tenth_of_a_pixel(codec):
    assert error(codec, torch.float16) < 0.1


def test_a_joint_at_the_border_stays_within_half_a_cell(codec):
    corners = torch.tensor([[[0.0, 0.0], [92.0, 124.0], [-1.9, 60.0], [93.9, 60.0]]])
    heatmaps, weights = codec.encode(corners, torch.ones(1, 4))
    found, _ = codec.decode(heatmaps)
    assert weights.all()
    assert (found - corners).abs().max() <= 2


def test_joints_outside_or_unlabelled_have_no_target(codec):
    outside = torch.tensor([[[-2.1, 60.0], [40.0, 127.0], [40.0, 60.0]]])
    heatmaps, weights = codec.encode(outside, torch.tensor([[2.0, 2.0, 0.0]]))
    assert weights.tolist() == [[0, 0, 0]]
    assert not heatmaps.any()


def test_an_empty_heatmap_gives_the_origin_and_no_nan(codec):
    found, scores = codec.decode(torch.zeros(1, 2, 32, 24))
    assert (found.tolist(), scores.tolist()) == ([[[0, 0], [0, 0]]], [[0, 0]])


def test_a_joint_stays_within_half_a_cell_of_its_peak(codec):
    heatmaps = torch.rand(4, 17, 32, 24, generator=torch.Generator().manual_seed(1))
    found, _ = codec.decode(heatmaps)
    peak = heatmaps.flatten(2).argmax(-1)
    cells = torch.stack([peak % 24, peak // 24], dim=-1)
    assert (found / 4 - cells).abs().max() <= 0.5
