"""Mean square errors between heatmaps, with a weight for each joint."""

from torch import Tensor, nn
from torch.nn.functional import mse_loss

from hrpose.errors import UserError
from hrpose.registry import MODELS


@MODELS.register_module()
class KeypointMSELoss(nn.Module):
    """`factor` times the mean over people, joints and cells of (weight (prediction - target))^2.

    Unlabelled joints add zero to the sum but count in the mean, as in the official release (`JointsMSELoss`).

    Args:
        factor: of the mean; 0.5 in the official release, 1 in mmpose 1.x.
    """

    def __init__(self, factor: float = 0.5) -> None:
        super().__init__()
        self.factor = factor

    def forward(self, prediction: Tensor, target: Tensor, weights: Tensor) -> Tensor:
        """Return the loss, a scalar, for a prediction (B, K, h, w), a target (B, K, h, w) and weights (B, K)."""
        return self.factor * by_joint(prediction, target, weights).mean()


@MODELS.register_module()
class KeypointOHKMMSELoss(nn.Module):
    """`factor` times the mean square error of each person's `top_k` hardest joints (online hard keypoint mining).

    Where a person has fewer labelled joints, unlabelled ones add zeros to the mean.

    Args:
        top_k: number of joints; published 8 (Chen et al., CVPR 2018). All of them where there are fewer.
        factor: of the mean; 1 in CPN, 0.5 in HRNet's official release.

    Raises:
        UserError: `top_k` is no positive whole number.
    """

    def __init__(self, top_k: int = 8, factor: float = 1) -> None:
        super().__init__()
        if not isinstance(top_k, int) or top_k < 1:
            raise UserError(f'KeypointOHKMMSELoss: top_k is a positive whole number, not {top_k!r}')
        self.top_k, self.factor = top_k, factor

    def forward(self, prediction: Tensor, target: Tensor, weights: Tensor) -> Tensor:
        """Return the loss, a scalar, for a prediction (B, K, h, w), a target (B, K, h, w) and weights (B, K)."""
        errors = by_joint(prediction, target, weights)
        return self.factor * errors.topk(min(self.top_k, errors.shape[1]), dim=1).values.mean()


@MODELS.register_module()
class CombinedTargetMSELoss(nn.Module):
    """The loss of UDP's combined targets: `factor` times the mean over people, joints and cells, as in mmpose 1.x.

    Half the squared errors count of three maps a joint: of the disc everywhere, and of the offsets on the disc.

    Args:
        factor: of the mean.
    """

    maps_per_joint = 3

    def __init__(self, factor: float = 1) -> None:
        super().__init__()
        self.factor = factor

    def forward(self, prediction: Tensor, target: Tensor, weights: Tensor) -> Tensor:
        """Return the loss, a scalar, for a prediction and a target (B, 3 K, h, w) and weights (B, K)."""
        error = (prediction - target).unflatten(1, (-1, 3)) * weights[..., None, None, None]
        disc = target.unflatten(1, (-1, 3))[:, :, :1]
        return self.factor * 0.5 * (error[:, :, :1].square() + (disc * error[:, :, 1:]).square().sum(2, True)).mean()


def by_joint(prediction: Tensor, target: Tensor, weights: Tensor) -> Tensor:
    """Return the mean (B, K) over cells of (weight (prediction - target))^2."""
    # Weighting each joint instead of each cell saves autograd tensors of the heatmaps' size.
    return mse_loss(prediction, target, reduction='none').mean(dim=(2, 3)) * weights.square()
