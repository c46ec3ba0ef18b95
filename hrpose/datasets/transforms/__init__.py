"""What happens to one person's record on its way to the network, in loader workers, in NumPy.

    LoadImage -> PadBox -> RandomHalfBody, RandomScale, RandomRotation, RandomFlip (or mmpose's Truncated…)
              -> WarpAffine -> PackPose

Everything between loading and warping edits the record's geometry only: `center` and `size` (image px), `rotation`
(degrees), `flip`. One warp then moves the pixels, and the key points by the same matrix. Chance comes from
`results['rng']` alone, which the data set makes from (seed, epoch, index).
"""

from hrpose.datasets.transforms.augment import (
    RandomFlip,
    RandomHalfBody,
    RandomRotation,
    RandomScale,
    RandomShift,
    TruncatedRotation,
    TruncatedScale,
    TruncatedShift,
)
from hrpose.datasets.transforms.load_crop import LoadCrop
from hrpose.datasets.transforms.load_image import LoadImage
from hrpose.datasets.transforms.pack import PackPose
from hrpose.datasets.transforms.warp import PadBox, WarpAffine

__all__ = [
    'LoadCrop',
    'LoadImage',
    'PackPose',
    'PadBox',
    'RandomFlip',
    'RandomHalfBody',
    'RandomRotation',
    'RandomScale',
    'RandomShift',
    'TruncatedRotation',
    'TruncatedScale',
    'TruncatedShift',
    'WarpAffine',
]
