"""What mmengine's Runner does not have: exact resuming, safe checkpoints, many processes, bad days, bf16 on CPUs."""

from hrpose.engine.batch_size import BatchSizeHook
from hrpose.engine.checkpoint_hook import CheckpointHook
from hrpose.engine.early_stop import EarlyStoppingHook
from hrpose.engine.exact_resume import EpochSeedHook, PendingGradientsHook
from hrpose.engine.finite_loss import FiniteLossHook
from hrpose.engine.logger_hook import LoggerHook
from hrpose.engine.optim import BF16OptimWrapper
from hrpose.engine.parts import FrozenPartsHook
from hrpose.engine.picture_hook import PictureHook
from hrpose.engine.runner import PoseRunner
from hrpose.engine.shared_statistics import SharedStatisticsHook
from hrpose.engine.speed import SpeedHook
from hrpose.engine.work_dir import latest_checkpoint

__all__ = [
    'BF16OptimWrapper',
    'BatchSizeHook',
    'CheckpointHook',
    'EarlyStoppingHook',
    'EpochSeedHook',
    'FiniteLossHook',
    'FrozenPartsHook',
    'LoggerHook',
    'PendingGradientsHook',
    'PictureHook',
    'PoseRunner',
    'SharedStatisticsHook',
    'SpeedHook',
    'latest_checkpoint',
]
