"""Codecs turn keypoints into heatmaps and back, for a whole batch, on the device that holds the tensors."""

from hrpose.codecs.base import Codec
from hrpose.codecs.dark import DarkHeatmap
from hrpose.codecs.msra import MSRAHeatmap
from hrpose.codecs.udp import UDPHeatmap

__all__ = ['Codec', 'DarkHeatmap', 'MSRAHeatmap', 'UDPHeatmap']
