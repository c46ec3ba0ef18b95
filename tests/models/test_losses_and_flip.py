"""Losses and the flip test have the official release's numbers, or those of a computation by hand."""

import numpy as np
import pytest
import torch

from hrpose.datasets.metainfo import resolve
from hrpose.errors import UserError
from hrpose.models import CombinedTargetMSELoss, KeypointCrossEntropyLoss, KeypointMSELoss, KeypointOHKMMSELoss
from hrpose.models.estimators.flip import average_flip, unflip_heatmaps
from tests.golden import WRONG, golden

OTHER_SHAPE = (RuntimeError, IndexError)  # what PyTorch raises where shapes do not fit


@pytest.fixture
def official() -> dict[str, torch.Tensor]:
    """The official loss: two rows of 64 of its input and gradient, and the root mean square error by joint."""
    return {name: torch.from_numpy(np.asarray(value)) for name, value in golden('mse_loss.npz').items()}


def assert_gradient_as_published(official: dict[str, torch.Tensor], prediction: torch.Tensor) -> None:
    """Assert that two rows of a prediction (1, 17, 2, 48) have the official gradient."""
    prediction = prediction.requires_grad_()
    KeypointMSELoss()(prediction, official['target'], official['weights']).backward()
    # The loss is a mean over cells: of two rows in place of 64, each counts 32 times as much.
    torch.testing.assert_close(prediction.grad * 2 / 64, official['official_grad'], rtol=1e-5, atol=1e-12)


def test_the_gradient_equals_the_official_one(official):
    assert_gradient_as_published(official, official['prediction'])


@pytest.mark.parametrize('wrong', WRONG.values(), ids=WRONG)
def test_the_golden_gradient_notices(wrong, official):
    with pytest.raises((AssertionError, *OTHER_SHAPE)):
        assert_gradient_as_published(official, torch.from_numpy(wrong(official['prediction'].numpy()).copy()))


def test_the_loss_equals_the_official_one(official):
    # Heatmaps of one cell, with the error that the official heatmaps have in the root mean square.
    prediction = official['rmse'].float()[..., None, None]
    loss = KeypointMSELoss()(prediction, torch.zeros_like(prediction), official['weights'])
    torch.testing.assert_close(loss, official['official_loss'].to(loss), rtol=1e-6, atol=0)


def test_unlabelled_joints_get_no_gradient():
    prediction = torch.ones(1, 2, 4, 4, requires_grad=True)
    KeypointMSELoss()(prediction, torch.zeros(1, 2, 4, 4), torch.tensor([[1.0, 0.0]])).backward()
    assert prediction.grad[0, 0].abs().min() > 0
    assert prediction.grad[0, 1].abs().max() == 0


def test_keypoint_mining_takes_each_persons_hardest_joints():
    # Heatmaps of two cells, both off by the same, so that a joint's error is the square of that.
    off = torch.tensor([[1.0, 4.0, 2.0, 3.0], [0.0, 5.0, 1.0, 9.0]])
    weights = torch.tensor([[1.0, 1.0, 1.0, 1.0], [1.0, 1.0, 1.0, 0.0]])
    prediction = off[..., None, None].expand(2, 4, 1, 2)
    loss = KeypointOHKMMSELoss(top_k=2, factor=0.5)(prediction, torch.zeros(2, 4, 1, 2), weights)
    assert loss == 0.5 * ((16 + 9) + (25 + 1)) / 4
    everything = KeypointOHKMMSELoss()(prediction, torch.zeros(2, 4, 1, 2), weights)
    assert everything == KeypointMSELoss(factor=1)(prediction, torch.zeros(2, 4, 1, 2), weights) == (30 + 26) / 8


def test_keypoint_mining_trains_no_easier_joint():
    prediction = torch.tensor([1.0, 3.0, 2.0]).reshape(1, 3, 1, 1).requires_grad_()
    KeypointOHKMMSELoss(top_k=2)(prediction, torch.zeros(1, 3, 1, 1), torch.ones(1, 3)).backward()
    assert prediction.grad.flatten().tolist() == [0, 3, 2]


@pytest.mark.parametrize('top_k', [0, -1, 1.5])
def test_keypoint_mining_needs_a_joint(top_k):
    with pytest.raises(UserError, match='top_k is a positive whole number'):
        KeypointOHKMMSELoss(top_k=top_k)


def test_the_combined_loss_equals_mmposes_loop_over_joints():
    generator = torch.Generator().manual_seed(0)
    prediction, target = (torch.randn(2, 9, 4, 5, generator=generator) for _ in range(2))
    target[:, ::3] = (target[:, ::3] > 0).float()
    weights = torch.tensor([[1.0, 0, 1], [1, 1, 0]])
    expected = 0.0
    for joint in range(3):
        weight = weights[:, joint, None, None]
        (p, px, py), (t, tx, ty) = (maps[:, 3 * joint : 3 * joint + 3].unbind(1) for maps in (prediction, target))
        p, t = p * weight, t * weight
        for error in (p - t, t * px - t * tx, t * py - t * ty):
            expected += 0.5 * error.square().mean()
    torch.testing.assert_close(CombinedTargetMSELoss()(prediction, target, weights), expected / 3)
    torch.testing.assert_close(CombinedTargetMSELoss(factor=2)(prediction, target, weights), 2 * expected / 3)


def test_unflipping_swaps_sides_and_negates_offsets_along_x():
    maps = torch.arange(12.0).reshape(1, 6, 1, 2)
    found = unflip_heatmaps(maps, (1, 0), shift=False, signs=(1, -1, 1))
    assert found.flatten(2).tolist() == [[[7, 6], [-9, -8], [11, 10], [1, 0], [-3, -2], [5, 4]]]


def test_the_cross_entropy_equals_a_loop_over_joints():
    generator = torch.Generator().manual_seed(0)
    heatmaps, target = (torch.rand(2, 3, 4, 5, generator=generator) for _ in range(2))
    weights = torch.tensor([[1.0, 0.0, 1.0], [1.0, 1.0, 0.0]])
    entropies = []
    for person, joint in [(0, 0), (0, 2), (1, 0), (1, 1)]:
        cells, wanted = heatmaps[person, joint].flatten().double(), target[person, joint].flatten().double()
        entropies.append(-(wanted / wanted.sum() * torch.log(cells / cells.sum())).sum())
    expected = torch.stack(entropies).mean().float()
    torch.testing.assert_close(KeypointCrossEntropyLoss()(heatmaps, target, weights), expected)


def test_the_cross_entropy_ignores_unlabelled_joints():
    heatmaps = torch.rand(1, 2, 4, 4).requires_grad_()
    target = torch.stack([torch.eye(4), torch.zeros(4, 4)])[None]
    KeypointCrossEntropyLoss()(heatmaps, target, torch.tensor([[1.0, 0.0]])).backward()
    assert heatmaps.grad[0, 0].abs().max() > 0 and heatmaps.grad[0, 1].abs().max() == 0
    assert KeypointCrossEntropyLoss()(heatmaps, target, torch.zeros(1, 2)) == 0


def assert_averaged_as_published(heatmaps: np.ndarray, mirrored: np.ndarray, *, shift: bool) -> None:
    """Assert that two rows of heatmaps (1, 17, 2, 48), and those of the mirrored image, give the official mean."""
    inputs = (torch.from_numpy(rows.copy()) for rows in (heatmaps, mirrored))
    mean = average_flip(*inputs, resolve('coco')['flip_indices'], shift=shift)
    np.testing.assert_allclose(mean, golden('flip_average.npz')['mean_shift' if shift else 'mean_noshift'], atol=1e-7)


@pytest.mark.parametrize('shift', [True, False])
def test_flip_average_equals_the_official_one(shift):
    official = golden('flip_average.npz')
    assert_averaged_as_published(official['heatmaps'], official['heatmaps_of_flipped_input'], shift=shift)


@pytest.mark.parametrize('part', ['heatmaps', 'heatmaps_of_flipped_input'])
@pytest.mark.parametrize('wrong', WRONG.values(), ids=WRONG)
def test_the_golden_flip_average_notices(wrong, part):
    official = golden('flip_average.npz')
    official[part] = wrong(official[part])
    with pytest.raises((AssertionError, *OTHER_SHAPE)):
        assert_averaged_as_published(official['heatmaps'], official['heatmaps_of_flipped_input'], shift=True)


def test_unflipping_twice_without_shift_changes_nothing():
    heatmaps, flip = torch.randn(2, 17, 8, 6), resolve('coco')['flip_indices']
    assert torch.equal(unflip_heatmaps(unflip_heatmaps(heatmaps, flip, shift=False), flip, shift=False), heatmaps)
