"""The mean square error between heatmaps, with a weight for each joint."""

from torch import Tensor, nn
from torch.nn.functional import mse_loss

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
        # Weighting each joint instead of each cell saves autograd tensors of the heatmaps' size.
        by_joint = mse_loss(prediction, target, reduction='none').mean(dim=(2, 3))
        return self.factor * (by_joint * weights.square()).mean()
