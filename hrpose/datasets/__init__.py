"""Data sets: annotations or detections -> one record a person -> one packed sample a person.

annotations/  annotation file -> entries: what of an entry can be used
metainfo/     joints: names, mirror pairs, limbs, sigmas
coco.py, mpii.py, base.py   entries -> records, and one visit to one record
storage/      records in flat columns, images in archives, people as packed crops
image_folder.py   images by class, for ImageNet
combined.py, sampler.py     several data sets as one; which sample comes when
transforms/   record -> crop of the network's input
"""

from typing import TYPE_CHECKING

from hrpose.lazy import lazy

if TYPE_CHECKING:
    from hrpose.datasets.base import PoseDataset
    from hrpose.datasets.coco import (
        AP10KDataset,
        CocoDataset,
        CocoWholeBodyDataset,
        CrowdPoseDataset,
        HalpeDataset,
        JhmdbDataset,
        PoseTrack18Dataset,
    )
    from hrpose.datasets.combined import CombinedDataset
    from hrpose.datasets.image_folder import ImageFolder
    from hrpose.datasets.mpii import MpiiDataset, MpiiMatDataset
    from hrpose.datasets.sampler import EpochSampler, RatioSampler, SampleKey

__all__ = [
    'AP10KDataset',
    'CocoDataset',
    'CocoWholeBodyDataset',
    'CombinedDataset',
    'CrowdPoseDataset',
    'EpochSampler',
    'HalpeDataset',
    'ImageFolder',
    'JhmdbDataset',
    'MpiiDataset',
    'MpiiMatDataset',
    'PoseDataset',
    'PoseTrack18Dataset',
    'RatioSampler',
    'SampleKey',
]

__getattr__ = lazy(
    __name__,
    {
        'PoseDataset': 'hrpose.datasets.base',
        'AP10KDataset': 'hrpose.datasets.coco',
        'CocoDataset': 'hrpose.datasets.coco',
        'CocoWholeBodyDataset': 'hrpose.datasets.coco',
        'CrowdPoseDataset': 'hrpose.datasets.coco',
        'HalpeDataset': 'hrpose.datasets.coco',
        'JhmdbDataset': 'hrpose.datasets.coco',
        'PoseTrack18Dataset': 'hrpose.datasets.coco',
        'CombinedDataset': 'hrpose.datasets.combined',
        'ImageFolder': 'hrpose.datasets.image_folder',
        'MpiiDataset': 'hrpose.datasets.mpii',
        'MpiiMatDataset': 'hrpose.datasets.mpii',
        'EpochSampler': 'hrpose.datasets.sampler',
        'RatioSampler': 'hrpose.datasets.sampler',
        'SampleKey': 'hrpose.datasets.sampler',
    },
)
