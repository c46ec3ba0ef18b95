"""Losses over heatmaps."""

from hrpose.models.losses.keypoint_mse import KeypointMSELoss

__all__ = ['KeypointMSELoss']
