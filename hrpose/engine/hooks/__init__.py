"""hrpose's hooks: what mmengine's Runner does not have, called at its points."""

from hrpose.engine.batch_size import BatchSizeHook
from hrpose.engine.checkpoint_hook import CheckpointHook
from hrpose.engine.early_stop import EarlyStoppingHook
from hrpose.engine.exact_resume import EpochSeedHook, PendingGradientsHook
from hrpose.engine.finite_loss import FiniteLossHook
from hrpose.engine.logger_hook import LoggerHook
from hrpose.engine.parts import FrozenPartsHook
from hrpose.engine.picture_hook import PictureHook
from hrpose.engine.shared_statistics import SharedStatisticsHook
from hrpose.engine.speed import SpeedHook

__all__ = [
    'BatchSizeHook',
    'CheckpointHook',
    'EarlyStoppingHook',
    'EpochSeedHook',
    'FiniteLossHook',
    'FrozenPartsHook',
    'LoggerHook',
    'PendingGradientsHook',
    'PictureHook',
    'SharedStatisticsHook',
    'SpeedHook',
]
