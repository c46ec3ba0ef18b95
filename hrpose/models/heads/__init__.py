"""Heads: feature maps -> heatmaps, the loss in training, and decoded keypoints."""

from hrpose.models.heads.base import BaseHeatmapHead
from hrpose.models.heads.heatmap_head import HeatmapHead

__all__ = ['BaseHeatmapHead', 'HeatmapHead']
