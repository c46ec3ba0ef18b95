"""Losses over heatmaps."""

from hrpose.models.losses.keypoint_cross_entropy import KeypointCrossEntropyLoss
from hrpose.models.losses.keypoint_mse import CombinedTargetMSELoss, KeypointMSELoss, KeypointOHKMMSELoss

__all__ = ['CombinedTargetMSELoss', 'KeypointCrossEntropyLoss', 'KeypointMSELoss', 'KeypointOHKMMSELoss']
