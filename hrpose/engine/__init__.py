"""What mmengine's Runner does not have: safe checkpoints, the batch stated, bf16 on any device, pictures of a test."""

from hrpose.engine.batch_size import BatchSizeHook
from hrpose.engine.optim import BF16OptimWrapper
from hrpose.engine.picture_hook import PictureHook
from hrpose.engine.runner import PoseRunner

__all__ = ['BF16OptimWrapper', 'BatchSizeHook', 'PictureHook', 'PoseRunner']
