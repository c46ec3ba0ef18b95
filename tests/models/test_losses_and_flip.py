"""The loss and the flip average against the official release."""

import numpy as np
import pytest
import torch

from hrpose.datasets.metainfo import resolve
from hrpose.models import KeypointMSELoss
from hrpose.models.estimators.flip import average_flip, unflip_heatmaps


def test_loss_and_gradient_equal_the_official_ones(shared_golden):
    golden = {
        key: torch.from_numpy(np.asarray(value)) for key, value in np.load(shared_golden / 'mse_loss.npz').items()
    }
    prediction = golden['prediction'].clone().requires_grad_()
    loss = KeypointMSELoss()(prediction, golden['target'], golden['weights'].reshape(prediction.shape[:2]))
    loss.backward()
    torch.testing.assert_close(loss, golden['official_loss'].to(loss).reshape(()), rtol=1e-6, atol=0)
    torch.testing.assert_close(prediction.grad, golden['official_grad'], rtol=1e-5, atol=1e-12)


def test_unlabelled_joints_get_no_gradient():
    prediction = torch.ones(1, 2, 4, 4, requires_grad=True)
    KeypointMSELoss()(prediction, torch.zeros(1, 2, 4, 4), torch.tensor([[1.0, 0.0]])).backward()
    assert prediction.grad[0, 0].abs().min() > 0
    assert prediction.grad[0, 1].abs().max() == 0


@pytest.mark.parametrize('shift', [True, False])
def test_flip_average_equals_the_official_one(shared_golden, shift):
    golden = np.load(shared_golden / 'flip_average.npz')
    heatmaps, mirrored = (
        torch.from_numpy(golden['heatmaps']),
        torch.from_numpy(golden['heatmaps_of_flipped_input']),
    )
    mean = average_flip(heatmaps, mirrored, resolve('coco')['flip_indices'], shift=shift)
    np.testing.assert_allclose(mean, golden['mean_shift' if shift else 'mean_noshift'], atol=1e-7)


def test_unflipping_twice_without_shift_changes_nothing():
    heatmaps, flip = torch.randn(2, 17, 8, 6), resolve('coco')['flip_indices']
    assert torch.equal(unflip_heatmaps(unflip_heatmaps(heatmaps, flip, shift=False), flip, shift=False), heatmaps)
