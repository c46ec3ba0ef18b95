"""People cut out of their pictures once, and kept in a few large files: read faster, and shuffled at no cost."""

from hrpose.datasets.packed.pack import CropPack
from hrpose.datasets.packed.write import pack_people

__all__ = ['CropPack', 'pack_people']
