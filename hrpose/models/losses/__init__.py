"""Losses over heatmaps."""

from hrpose.models.losses.keypoint_mse import CombinedTargetMSELoss, KeypointMSELoss, KeypointOHKMMSELoss

__all__ = ['CombinedTargetMSELoss', 'KeypointMSELoss', 'KeypointOHKMMSELoss']
