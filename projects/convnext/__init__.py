"""A backbone outside the package. Importing it registers the part."""

from .convnext import ConvNeXt

__all__ = ['ConvNeXt']
