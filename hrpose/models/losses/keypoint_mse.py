"""The mean square error between heatmaps, each joint by its weight."""

from torch import Tensor, nn
from torch.nn.functional import mse_loss

from hrpose.registry import MODELS


@MODELS.register_module()
class KeypointMSELoss(nn.Module):
    """`factor` times the mean over people, joints and cells of (weight (prediction - target))^2.

    Unlabelled joints add zero to the sum but still count in the mean, as in the official release
    (`JointsMSELoss`), whose factor is one half; mmpose 1.x takes 1.

    Args:
        factor: what the mean is multiplied by.
    """

    def __init__(self, factor: float = 0.5) -> None:
        super().__init__()
        self.factor = factor

    def forward(self, prediction: Tensor, target: Tensor, weights: Tensor) -> Tensor:
        """Return the loss, a scalar. prediction and target are (B, K, h, w), weights (B, K)."""
        # Weighted once a joint, not once a cell: autograd then keeps and makes fewer tensors of the heatmaps' size.
        by_joint = mse_loss(prediction, target, reduction='none').mean(dim=(2, 3))
        return self.factor * (by_joint * weights.square()).mean()
