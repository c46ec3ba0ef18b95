"""A backbone from outside the package: importing this registers it."""

from .convnext import ConvNeXt

__all__ = ['ConvNeXt']
