"""What mmengine's Runner does not have: safe checkpoints, bf16 on any device, pictures of a test."""

from hrpose.engine.optim import BF16OptimWrapper
from hrpose.engine.picture_hook import PictureHook
from hrpose.engine.runner import PoseRunner

__all__ = ['BF16OptimWrapper', 'PictureHook', 'PoseRunner']
