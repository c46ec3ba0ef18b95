"""Networks: backbones, heads, losses, and the estimator that joins them."""

from hrpose.models.backbones import HRNet, ResNet
from hrpose.models.data_preprocessor import PoseDataPreprocessor
from hrpose.models.estimators import TopdownPoseEstimator
from hrpose.models.heads import HeatmapHead
from hrpose.models.losses import KeypointMSELoss

__all__ = [
    'HRNet',
    'HeatmapHead',
    'KeypointMSELoss',
    'PoseDataPreprocessor',
    'ResNet',
    'TopdownPoseEstimator',
]
