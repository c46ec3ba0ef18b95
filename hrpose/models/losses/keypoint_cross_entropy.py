"""Cross-entropy of a joint's place."""

from torch import Tensor, nn

from hrpose.registry import MODELS

SMALLEST = 1e-30  # below it, a heatmap gets no gradient


@MODELS.register_module()
class KeypointCrossEntropyLoss(nn.Module):
    """The mean over labelled joints of the cross-entropy between target and heatmap, as distributions over the cells.

    Both are divided by their sums. A `HeatmapHead` with this loss makes its heatmaps by a softmax. In short trainings
    from scratch this learns faster than the mean square error, most of whose cells are background: `docs/training.md`
    has the measurement.
    """

    def forward(self, heatmaps: Tensor, target: Tensor, weights: Tensor) -> Tensor:
        """Return the loss, a scalar, for heatmaps (B, K, h, w) above 0, a target (B, K, h, w) and weights (B, K)."""
        heatmaps, target = heatmaps.flatten(2), target.flatten(2)
        logs = heatmaps.clamp_min(SMALLEST).log()
        shares = target / target.sum(dim=-1, keepdim=True).clamp_min(1e-6)
        # A target without a Gaussian is all zeros, and its weight is 0.
        entropies = heatmaps.sum(dim=-1).clamp_min(SMALLEST).log() * shares.sum(dim=-1) - (shares * logs).sum(dim=-1)
        return (entropies * weights).sum() / weights.sum().clamp_min(1)
