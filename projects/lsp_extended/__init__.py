"""A data set from outside the package: importing this registers it."""

from .dataset import LspExtendedDataset
from .joints import read_people

__all__ = ['LspExtendedDataset', 'read_people']
