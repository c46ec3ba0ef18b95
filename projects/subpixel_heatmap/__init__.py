"""A codec outside the package. Importing it registers the part."""

from .subpixel_heatmap import SubpixelHeatmap

__all__ = ['SubpixelHeatmap']
