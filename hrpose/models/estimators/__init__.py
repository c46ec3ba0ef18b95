"""Estimators: the whole model, as mmengine's Runner calls it."""

from hrpose.models.estimators.topdown import TopdownPoseEstimator

__all__ = ['TopdownPoseEstimator']
