"""A codec from outside the package: importing this registers it."""

from .subpixel_heatmap import SubpixelHeatmap

__all__ = ['SubpixelHeatmap']
