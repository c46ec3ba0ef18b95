"""Losses over heatmaps."""

from hrpose.models.losses.keypoint_mse import KeypointMSELoss, KeypointOHKMMSELoss

__all__ = ['KeypointMSELoss', 'KeypointOHKMMSELoss']
