"""Networks: backbones, heads, losses, and the estimator that joins them."""

from hrpose.models.backbones import Hourglass52, HourglassStem, HRNet, ResNet
from hrpose.models.data_preprocessor import PoseDataPreprocessor
from hrpose.models.estimators import TopdownPoseEstimator
from hrpose.models.heads import CPNHead, HeatmapHead, StackedHeatmapHead, StackedHourglassHead
from hrpose.models.losses import KeypointMSELoss, KeypointOHKMMSELoss

__all__ = [
    'CPNHead',
    'HRNet',
    'HeatmapHead',
    'Hourglass52',
    'HourglassStem',
    'KeypointMSELoss',
    'KeypointOHKMMSELoss',
    'PoseDataPreprocessor',
    'ResNet',
    'StackedHeatmapHead',
    'StackedHourglassHead',
    'TopdownPoseEstimator',
]
