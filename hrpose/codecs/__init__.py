"""Codecs turn keypoints into heatmaps and back, for a whole batch, on the device that holds the tensors."""

from hrpose.codecs.base import Codec
from hrpose.codecs.msra import MSRAHeatmap

__all__ = ['Codec', 'MSRAHeatmap']
