"""Codecs turn key points into heatmaps and back, for a whole batch, on the device that holds the tensors."""

from hrpose.codecs.msra import MSRAHeatmap

__all__ = ['MSRAHeatmap']
