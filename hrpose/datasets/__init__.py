"""Data sets: annotations or detections -> one record a person -> one packed sample a person."""

from hrpose.datasets.base import PoseDataset
from hrpose.datasets.coco import CocoDataset
from hrpose.datasets.mpii import MpiiDataset, MpiiMatDataset
from hrpose.datasets.sampler import EpochSampler, SampleKey

__all__ = ['CocoDataset', 'EpochSampler', 'MpiiDataset', 'MpiiMatDataset', 'PoseDataset', 'SampleKey']
