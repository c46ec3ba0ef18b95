"""RoIAlign of the stand-in, called by mmcv's function: the definition and the gradient."""

import numpy as np
import pytest
import torch

import hrpose.mmcv_ops.roi_align
from tests.mmcv_ops import slow
from tests.mmcv_ops.cases import ops, stand_in

# Image and xyxy in px: inside, across every border, outside, thin, tall, wide, the whole image.
ROIS = [
    [0, 4.3, 5.1, 20.2, 25.9],
    [1, -9.5, -6.2, 12.0, 9.0],
    [0, 20.0, 18.0, 60.0, 55.0],
    [1, 200.0, 200.0, 260.0, 240.0],
    [0, 8.0, 3.0, 8.5, 30.0],
    [0, 10.0, -20.0, 16.0, 60.0],
    [1, -20.0, 10.0, 80.0, 14.0],
    [1, 0.0, 0.0, 44.0, 36.0],
]
SIZE, SCALE = (3, 2), 0.25


@pytest.fixture
def features(rng):
    """Two feature maps of an image of 44 x 36 px, (2, 3, 9, 11) float64."""
    return torch.tensor(rng.normal(size=(2, 3, 9, 11)))


def align(features, rois, ratio=0, mode='avg', aligned=True):
    return ops.roi_align(features, rois, SIZE, SCALE, ratio, mode, aligned)


@pytest.mark.parametrize('aligned', [True, False])
@pytest.mark.parametrize('mode', ['avg', 'max'])
@pytest.mark.parametrize('ratio', [0, 1, 2, 3])
def test_each_bin_follows_the_definition(features, ratio, mode, aligned):
    rois = torch.tensor(ROIS, dtype=torch.float64)
    expected = slow.roi_align(features.numpy(), ROIS, SIZE, SCALE, ratio, mode, aligned)
    np.testing.assert_allclose(align(features, rois, ratio, mode, aligned).numpy(), expected, rtol=0, atol=1e-12)


@stand_in
@pytest.mark.parametrize('mode', ['avg', 'max'])
def test_an_empty_region_gives_zero_and_no_gradient(features, mode):
    features.requires_grad_()
    out = align(features, torch.tensor([[1, 7.0, 7.0, 7.0, 7.0]]).double(), mode=mode)
    out.sum().backward()
    assert (out.abs().max(), features.grad.abs().max()) == (0, 0)


@stand_in
@pytest.mark.parametrize('dtype', [torch.float32, torch.float16, torch.bfloat16])
def test_half_precision_is_computed_in_float32(features, dtype):
    features = features.to(dtype)
    rois = torch.tensor(ROIS).to(dtype)
    out = align(features, rois)
    expected = slow.roi_align(features.double().numpy(), rois.double().tolist(), SIZE, SCALE, 0, 'avg', True)
    assert out.dtype == dtype
    np.testing.assert_allclose(out.double().numpy(), expected, rtol=torch.finfo(dtype).eps, atol=2e-6)


def test_no_regions_give_an_empty_result(features):
    assert align(features, torch.zeros(0, 5).double()).shape == (0, 3, *SIZE)


def test_a_map_of_one_cell_gives_that_cell():
    rois = torch.tensor([[0, 0.0, 0.0, 4.0, 4.0]])
    torch.testing.assert_close(align(torch.full((1, 2, 1, 1), 5.0), rois), torch.full((1, 2, *SIZE), 5.0))


@pytest.mark.parametrize('aligned', [True, False])
@pytest.mark.parametrize('mode', ['avg', 'max'])
@pytest.mark.parametrize('ratio', [0, 2])
def test_the_gradient_is_correct(features, ratio, mode, aligned):
    rois = torch.tensor(ROIS, dtype=torch.float64)
    assert torch.autograd.gradcheck(
        lambda given: align(given, rois, ratio, mode, aligned),
        features.requires_grad_(),
        eps=1e-5,
        nondet_tol=1e-12,
        fast_mode=True,
    )


def test_sampling_in_parts_gives_the_same_result(features, monkeypatch):
    rois = torch.tensor(ROIS * 5, dtype=torch.float64)
    whole = align(features, rois)
    monkeypatch.setattr(hrpose.mmcv_ops.roi_align, '_MOST_SAMPLES', 100)
    torch.testing.assert_close(align(features, rois), whole, rtol=0, atol=1e-14)


@pytest.mark.skipif(not torch.cuda.is_available(), reason='needs a GPU')
@pytest.mark.parametrize('mode', ['avg', 'max'])
def test_on_a_gpu_the_result_and_the_gradient_are_the_same(features, mode):
    rois = torch.tensor(ROIS, dtype=torch.float64)
    for device in ('cpu', 'cuda'):
        given = features.detach().to(device).requires_grad_()
        out = align(given, rois.to(device), 0, mode)
        out.square().sum().backward()
        if device == 'cpu':
            expected, gradient = out, given.grad
    torch.testing.assert_close(out.cpu(), expected)
    torch.testing.assert_close(given.grad.cpu(), gradient)
