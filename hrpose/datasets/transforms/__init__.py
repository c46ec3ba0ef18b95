"""The steps that turn one person's record into the network's input, in loader workers, in NumPy.

    LoadImage -> PadBox -> RandomHalfBody, RandomScale, RandomRotation, RandomFlip (or mmpose's Truncated…)
              -> WarpAffine -> ColorJitter, Cutout -> PackPose

A classifier's are in `classify.py`.

Steps between loading and the warp only edit geometry: `center` and `size` (image px), `rotation` (degrees), `flip`. One
warp then moves pixels and keypoints by the same matrix. Random steps draw from `results['rng']` alone, which the data
set makes from (seed, epoch, index).
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
from hrpose.datasets.transforms.classify import PackImage, RandomResizedCrop, ResizeCenterCrop
from hrpose.datasets.transforms.load import LoadCrop, LoadImage
from hrpose.datasets.transforms.pixels import ColorJitter, Cutout
from hrpose.datasets.transforms.warp import SIX_SCALES, MultiScaleWarp, PackPose, PadBox, WarpAffine

__all__ = [
    'SIX_SCALES',
    'ColorJitter',
    'Cutout',
    'LoadCrop',
    'LoadImage',
    'MultiScaleWarp',
    'PackImage',
    'PackPose',
    'PadBox',
    'RandomFlip',
    'RandomHalfBody',
    'RandomResizedCrop',
    'RandomRotation',
    'RandomScale',
    'RandomShift',
    'ResizeCenterCrop',
    'TruncatedRotation',
    'TruncatedScale',
    'TruncatedShift',
    'WarpAffine',
]
