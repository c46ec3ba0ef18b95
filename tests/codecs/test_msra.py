"""MSRAHeatmap has the official release's numbers; tests/codecs/test_contract.py has what every codec keeps."""

import numpy as np
import pytest
import torch

from hrpose.codecs import MSRAHeatmap
from hrpose.errors import UserError
from hrpose.structures import input_to_image
from tests.golden import WRONG, golden

SIZES = [((192, 256), 2), ((256, 256), 2), ((288, 384), 3)]


@pytest.mark.parametrize(('size', 'sigma'), SIZES)
def test_targets_equal_the_official_ones(size, sigma):
    official = golden(f'msra_encode_{size[0]}x{size[1]}_s{sigma}.npz')
    codec = MSRAHeatmap(input_size=size, sigma=sigma)
    heatmaps, weights = codec.encode(torch.from_numpy(official['keypoints']), torch.from_numpy(official['visible']))
    np.testing.assert_allclose(heatmaps, official['heatmaps'], atol=2e-7)
    np.testing.assert_array_equal(weights, official['weights'].reshape(weights.shape))


def assert_decoded_as_published(heatmaps: np.ndarray) -> None:
    """Assert that heatmaps (3, 17, 64, 48) give the official keypoints in image px, and scores."""
    official, codec = golden('decode.npz'), MSRAHeatmap(input_size=(192, 256))
    keypoints, scores = codec.decode(torch.from_numpy(heatmaps.copy()))
    image = input_to_image(keypoints.numpy(), official['box_center'], official['box_size'], codec.input_size)
    np.testing.assert_allclose(image, official['keypoints_image'], atol=2e-4)
    np.testing.assert_array_equal(scores, official['scores'].reshape(scores.shape))


def test_decoding_to_the_image_equals_the_official_one():
    assert_decoded_as_published(golden('decode.npz')['heatmaps'])


@pytest.mark.parametrize('wrong', WRONG.values(), ids=WRONG)
def test_the_golden_decoding_notices(wrong):
    with pytest.raises(AssertionError):
        assert_decoded_as_published(wrong(golden('decode.npz')['heatmaps']))


@pytest.mark.parametrize('sigma', [1, 1.5, 2, 3])
def test_roundtrip_error_is_at_most_half_a_cell_on_each_axis(rng, sigma):
    codec = MSRAHeatmap(input_size=(128, 96), sigma=sigma)
    keypoints = torch.from_numpy(rng.uniform(0, [125, 93], (16, 5, 2))).float()
    decoded, scores = codec.decode(codec.encode(keypoints, torch.ones(16, 5))[0])
    assert (decoded - keypoints).abs().max() <= 2 + 1e-5
    torch.testing.assert_close(scores, torch.ones(16, 5))


def test_targets_are_symmetric_about_their_peak_for_any_sigma():
    codec = MSRAHeatmap(input_size=(84, 84), sigma=1.5)
    heatmap = codec.encode(torch.tensor([[[40.0, 40.0]]]), torch.ones(1, 1))[0][0, 0]
    torch.testing.assert_close(heatmap, heatmap.flip(0))
    torch.testing.assert_close(heatmap, heatmap.flip(1))
    assert (heatmap[10] > 0).sum() == 2 * 4 + 1


def test_without_offset_a_joint_is_decoded_to_its_cell(rng):
    heatmaps = torch.from_numpy(rng.normal(size=(6, 4, 16, 16))).float()
    peaks = heatmaps.flatten(2).argmax(dim=-1)
    cells = torch.stack([peaks % 16, peaks // 16], dim=-1)
    decoded, _ = MSRAHeatmap(input_size=(64, 64), offset=0).decode(heatmaps)
    torch.testing.assert_close(decoded, 4.0 * cells, rtol=0, atol=0)


@pytest.mark.parametrize(
    'wrong',
    [
        dict(input_size=(0, 4)),
        dict(input_size=(4,)),
        dict(input_size=(8, 8), sigma=0),
        dict(input_size=(8, 8), offset=1),
    ],
)
def test_a_wrong_value_is_refused(wrong):
    with pytest.raises(UserError):
        MSRAHeatmap(**wrong)
