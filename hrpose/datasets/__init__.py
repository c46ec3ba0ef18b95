"""Data sets: annotations or detections -> one record a person -> one packed sample a person."""

from hrpose.datasets.base import PoseDataset
from hrpose.datasets.coco import CocoDataset
from hrpose.datasets.combined import CombinedDataset
from hrpose.datasets.crowdpose import CrowdPoseDataset
from hrpose.datasets.mpii import MpiiDataset, MpiiMatDataset
from hrpose.datasets.posetrack18 import PoseTrack18Dataset
from hrpose.datasets.sampler import EpochSampler, RatioSampler, SampleKey

__all__ = [
    'CocoDataset',
    'CombinedDataset',
    'CrowdPoseDataset',
    'EpochSampler',
    'MpiiDataset',
    'MpiiMatDataset',
    'PoseDataset',
    'PoseTrack18Dataset',
    'RatioSampler',
    'SampleKey',
]
