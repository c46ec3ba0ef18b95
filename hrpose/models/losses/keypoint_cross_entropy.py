"""Cross-entropy of a joint's place, for networks that give one logit a cell."""

import math
from typing import Any

from torch import Tensor, nn
from torch.nn.functional import log_softmax

from hrpose.errors import UserError
from hrpose.registry import MODELS


@MODELS.register_module()
class KeypointCrossEntropyLoss(nn.Module):
    """The mean over labelled joints of the cross-entropy between target and softmax, both over the cells of a heatmap.

    The network gives logits, and the target is divided by its sum. In short trainings from scratch this learns faster
    than the mean square error, most of whose cells are background; `docs/training.md` has the measurement.
    """

    def forward(self, logits: Tensor, target: Tensor, weights: Tensor) -> Tensor:
        """Return the loss, a scalar, for logits (B, K, h, w), a target (B, K, h, w) and weights (B, K)."""
        target = target.flatten(2)
        entropies = -(target * log_softmax(logits.flatten(2), dim=-1)).sum(dim=-1)
        entropies = entropies / target.sum(dim=-1).clamp_min(1e-6)
        return (entropies * weights).sum() / weights.sum().clamp_min(1)

    @staticmethod
    def heatmaps(logits: Tensor, codec: Any) -> Tensor:
        """Return heatmaps (B, K, h, w) float32 from logits: the softmax, times the sum of a Gaussian that peaks at 1.

        So the heatmap of a joint that is as certain as its target has the target's peak.
        """
        shares = logits.float().flatten(2).softmax(dim=-1)
        return (shares * (2 * math.pi * codec.sigma**2)).view_as(logits)

    @staticmethod
    def check(codec: Any) -> None:
        """Raise `UserError` for a codec without Gaussian targets."""
        if not hasattr(codec, 'sigma'):
            raise UserError(
                f'KeypointCrossEntropyLoss: the codec {type(codec).__name__} has no sigma; '
                'take one with Gaussian targets'
            )
