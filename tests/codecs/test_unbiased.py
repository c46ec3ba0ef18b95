"""UDPHeatmap and DarkHeatmap have mmpose's numbers; tests/codecs/test_contract.py has what every codec keeps."""

from collections.abc import Callable

import cv2
import numpy as np
import pytest
import torch

from hrpose.codecs import DarkHeatmap, UDPHeatmap
from hrpose.errors import UserError
from tests.golden import WRONG, assert_heatmaps, golden

Decode = Callable[[torch.Tensor], tuple[torch.Tensor, torch.Tensor]]
both = pytest.mark.parametrize(('kind', 'file'), [(UDPHeatmap, 'udp_codec.npz'), (DarkHeatmap, 'dark_codec.npz')])


@both
def test_targets_equal_mmposes(kind, file):
    stored = golden(file)
    heatmaps, weights = kind((192, 256)).encode(*(torch.from_numpy(stored[name]) for name in ('keypoints', 'visible')))
    assert_heatmaps(heatmaps.numpy(), stored)
    np.testing.assert_array_equal(weights, stored['weights'])


def assert_decoded_as_by_mmpose(decode: Decode, heatmaps: np.ndarray, stored: dict[str, np.ndarray]) -> None:
    """Assert that heatmaps (2, 17, 64, 48) give mmpose's keypoints in input px, and scores.

    Where a heatmap holds noise alone, at most 0.03 high, the Hessian of its logarithm is nearly singular, and float32's
    rounding moves the keypoint by some hundredths of a px.
    """
    found, scores = decode(torch.from_numpy(heatmaps.copy()))
    is_noise = stored['scores'] < 0.0301
    error = (found - torch.from_numpy(stored['decoded_input_px'])).abs().amax(dim=-1)
    assert (error <= torch.from_numpy(np.where(is_noise, 0.1, 1e-4))).all(), error.max()
    np.testing.assert_array_equal(scores, stored['scores'])


@both
def test_decoded_keypoints_equal_mmposes(kind, file):
    stored = golden(file)
    assert_decoded_as_by_mmpose(kind((192, 256)).decode, stored['decode_input'], stored)


@both
@pytest.mark.parametrize('wrong', WRONG.values(), ids=WRONG)
def test_the_golden_decoding_notices(kind, file, wrong):
    stored = golden(file)
    with pytest.raises((AssertionError, ValueError, RuntimeError)):
        assert_decoded_as_by_mmpose(kind((192, 256)).decode, wrong(stored['decode_input']), stored)


@both
def test_the_recorded_decoding_equals_mmposes(kind, file):
    # A recording scales every blurred heatmap to its old maximum, the eager decoding only where that has an effect.
    stored = golden(file)
    decode = torch.compile(kind((192, 256)).decode, fullgraph=True, backend='eager')
    assert_decoded_as_by_mmpose(decode, stored['decode_input'], stored)


@pytest.mark.parametrize('kind', [UDPHeatmap, DarkHeatmap])
@pytest.mark.parametrize(('size', 'sigma'), [((192, 256), 2), ((288, 384), 3), ((96, 128), 1.5)])
def test_the_error_away_from_the_border_is_below_a_hundredth_of_a_px(kind, size, sigma, rng):
    codec = kind(size, sigma=sigma)
    far = 4 * (1 + max(3 * sigma, len(codec.kernel) // 2 + 2))
    keypoints = torch.from_numpy(rng.uniform(far, np.array(size) - far, (8, 5, 2)).astype(np.float32))
    decoded, _ = codec.decode(codec.encode(keypoints, torch.ones(8, 5))[0])
    if codec.align_corners:
        decoded = decoded * (torch.tensor(size) - 1) / torch.tensor(size)
    assert (decoded - keypoints).abs().max() < 0.01


def test_dark_leaves_maxima_next_to_the_border_where_they_are():
    heatmaps = DarkHeatmap((64, 64)).encode(torch.tensor([[[5.0, 31.0]]]), torch.ones(1, 1))[0]
    assert DarkHeatmap((64, 64)).decode(heatmaps)[0].flatten().tolist() == [4, 32]


@pytest.mark.parametrize('kind', [UDPHeatmap, DarkHeatmap])
def test_the_blurs_kernel_follows_from_sigma_as_published(kind):
    sizes = {sigma: len(kind((64, 64), sigma=sigma).kernel) for sigma in (0.1, 2, 3)}
    assert sizes == {0.1: 3, 2: 11, 3: 17}
    assert len(kind((64, 64), blur_kernel_size=7).kernel) == 7


@pytest.mark.parametrize('kind', [UDPHeatmap, DarkHeatmap])
@pytest.mark.parametrize(
    ('wrong', 'message'),
    [
        (dict(sigma=0), 'sigma has to be a positive number'),
        (dict(blur_kernel_size=10), 'blur_kernel_size has to be an odd number of cells, not 10'),
        (dict(blur_kernel_size=0), 'blur_kernel_size'),
    ],
)
def test_a_wrong_value_is_refused(kind, wrong, message):
    with pytest.raises(UserError, match=f'{kind.__name__}: {message}'):
        kind((64, 64), **wrong)


def test_udp_refuses_a_single_cell():
    with pytest.raises(UserError, match='need sides of at least 2'):
        UDPHeatmap((64, 64), (1, 16))


def test_combined_targets_equal_a_plain_computation():
    codec = UDPHeatmap((48, 64), target='combined', radius_factor=0.2)
    keypoints = torch.tensor([[[20.0, 30.5], [0.0, 63.0], [200.0, 10.0]]])
    heatmaps, weights = codec.encode(keypoints, torch.tensor([[2.0, 1.0, 0.0]]))
    assert (heatmaps.shape, weights.tolist()) == ((1, 9, 16, 12), [[1, 1, 0]])
    expected = np.zeros((9, 16, 12))
    for joint, (x, y) in enumerate([(20 * 11 / 47, 30.5 * 15 / 63), (0, 15)]):
        for row in range(16):
            for column in range(12):
                offset = np.array([x - column, y - row]) / (0.2 * 16)
                if (offset**2).sum() <= 1:
                    expected[3 * joint : 3 * joint + 3, row, column] = [1, *offset]
    np.testing.assert_allclose(heatmaps[0], expected, atol=1e-6)


def test_combined_targets_are_decoded_as_by_a_plain_computation(rng):
    codec = UDPHeatmap((48, 64), target='combined')
    maps = rng.normal(size=(1, 6, 16, 12)).astype(np.float32)
    found, scores = codec.decode(torch.from_numpy(maps))
    for joint in range(2):
        disc, *offsets = maps[0, 3 * joint : 3 * joint + 3]
        smooth = cv2.GaussianBlur(disc, (23, 23), 0, borderType=cv2.BORDER_CONSTANT)
        row, column = np.unravel_index(smooth.argmax(), smooth.shape)
        cell = np.array([column, row]) + [offset[row, column] * 0.0546875 * 16 for offset in offsets]
        np.testing.assert_allclose(found[0, joint], cell / [11, 15] * [48, 64], atol=1e-4)
        np.testing.assert_allclose(scores[0, joint], smooth.max(), rtol=1e-5)


@pytest.mark.parametrize(('size', 'sigma'), [((192, 256), 2), ((288, 384), 3)])
def test_combined_targets_lose_less_than_a_tenth_of_a_px(size, sigma, rng):
    codec = UDPHeatmap(size, sigma=sigma, target='combined')
    keypoints = torch.from_numpy(rng.uniform(0, np.array(size) - 1, (8, 17, 2)).astype(np.float32))
    decoded, _ = codec.decode(codec.encode(keypoints, torch.ones(8, 17))[0])
    assert (decoded * (torch.tensor(size) - 1) / torch.tensor(size) - keypoints).abs().max() < 0.1


def test_combined_targets_are_decoded_in_a_recording_too():
    codec = UDPHeatmap((96, 128), target='combined')
    heatmaps, _ = codec.encode(torch.tensor([[[20.0, 30.5], [50.0, 63.0]]]), torch.ones(1, 2))
    compiled = torch.compile(codec.decode, fullgraph=True, backend='eager')
    for found, wanted in zip(compiled(heatmaps), codec.decode(heatmaps), strict=True):
        torch.testing.assert_close(found, wanted)


def test_udp_refuses_an_unknown_target_or_radius():
    with pytest.raises(UserError, match="there is no target 'offsets'"):
        UDPHeatmap((64, 64), target='offsets')
    with pytest.raises(UserError, match='radius_factor has to be a positive number'):
        UDPHeatmap((64, 64), target='combined', radius_factor=0)
