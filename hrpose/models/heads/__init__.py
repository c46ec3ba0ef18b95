"""Heads: feature maps -> heatmaps, the loss in training, and decoded keypoints."""

from hrpose.models.heads.base import BaseHeatmapHead
from hrpose.models.heads.cpn_head import CPNHead
from hrpose.models.heads.heatmap_head import HeatmapHead, StackedHeatmapHead
from hrpose.models.heads.hourglass_head import StackedHourglassHead

__all__ = ['BaseHeatmapHead', 'CPNHead', 'HeatmapHead', 'StackedHeatmapHead', 'StackedHourglassHead']
