"""A data set outside the package. Importing it registers the part."""

from .dataset import LspExtendedDataset
from .joints import read_people

__all__ = ['LspExtendedDataset', 'read_people']
