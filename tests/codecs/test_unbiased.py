"""UDPHeatmap and DarkHeatmap have mmpose's numbers; tests/codecs/test_contract.py has what every codec keeps."""

from collections.abc import Callable

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
