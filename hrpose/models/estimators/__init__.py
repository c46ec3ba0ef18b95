"""Estimators: the whole model, as mmengine's Runner calls it."""

from hrpose.models.estimators.classifier import ImageClassifier
from hrpose.models.estimators.topdown import TopdownPoseEstimator

__all__ = ['ImageClassifier', 'TopdownPoseEstimator']
