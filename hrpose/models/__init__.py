"""Networks: backbones, necks, heads, losses, and the estimator that joins them."""

from hrpose.models.backbones import Hourglass52, HourglassStem, HRNet, ResNet
from hrpose.models.data_preprocessor import PoseDataPreprocessor
from hrpose.models.estimators import ImageClassifier, TopdownPoseEstimator
from hrpose.models.heads import CPNHead, HeatmapHead, StackedHeatmapHead, StackedHourglassHead
from hrpose.models.losses import CombinedTargetMSELoss, KeypointCrossEntropyLoss, KeypointMSELoss, KeypointOHKMMSELoss
from hrpose.models.necks import HRNetClassificationNeck

__all__ = [
    'CPNHead',
    'CombinedTargetMSELoss',
    'HRNet',
    'HRNetClassificationNeck',
    'HeatmapHead',
    'Hourglass52',
    'HourglassStem',
    'ImageClassifier',
    'KeypointCrossEntropyLoss',
    'KeypointMSELoss',
    'KeypointOHKMMSELoss',
    'PoseDataPreprocessor',
    'ResNet',
    'StackedHeatmapHead',
    'StackedHourglassHead',
    'TopdownPoseEstimator',
]
