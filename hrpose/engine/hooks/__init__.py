"""hrpose's hooks, which mmengine's Runner calls during training and tests."""

from hrpose.engine.hooks.checkpoint import CheckpointHook
from hrpose.engine.hooks.exact_resume import (
    EarlyStoppingHook,
    EpochSeedHook,
    PendingGradientsHook,
    SharedStatisticsHook,
)
from hrpose.engine.hooks.finite_loss import FiniteLossHook
from hrpose.engine.hooks.frozen_parts import FixedStatisticsHook, FrozenPartsHook
from hrpose.engine.hooks.training_log import BatchSizeHook, LoggerHook, SpeedHook
from hrpose.engine.hooks.visualization import PoseVisualizationHook

__all__ = [
    'BatchSizeHook',
    'CheckpointHook',
    'EarlyStoppingHook',
    'EpochSeedHook',
    'FiniteLossHook',
    'FixedStatisticsHook',
    'FrozenPartsHook',
    'LoggerHook',
    'PendingGradientsHook',
    'PoseVisualizationHook',
    'SharedStatisticsHook',
    'SpeedHook',
]
