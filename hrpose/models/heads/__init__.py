"""Heads: features -> heatmaps, the training loss, and decoded key points."""

from hrpose.models.heads.heatmap_head import HeatmapHead

__all__ = ['HeatmapHead']
