"""Turn packed samples into the network's input: stack, move to the device, normalise."""

from collections.abc import Sequence
from typing import Any

import torch
from mmengine.model import BaseDataPreprocessor
from torch import Tensor

from hrpose.errors import UserError
from hrpose.registry import MODELS

# ImageNet's statistics in RGB, from 0 to 255, as for the published weights.
IMAGENET_MEAN = (123.675, 116.28, 103.53)
IMAGENET_STD = (58.395, 57.12, 57.375)


@MODELS.register_module()
class PoseDataPreprocessor(BaseDataPreprocessor):
    """Stacks uint8 images, moves them to the device in one transfer, and normalises them there, channels last.

    Args:
        mean: of each channel, from 0 to 255.
        std: standard deviation of each channel, in the same unit.
        channel_order: of the network's input, 'rgb' or 'bgr'; `mean` and `std` belong to the channels in this order.
            SimpleBaseline's official networks take 'bgr' with the defaults, which are RGB's.

    Raises:
        UserError: another order of channels.
    """

    def __init__(
        self,
        mean: Sequence[float] = IMAGENET_MEAN,
        std: Sequence[float] = IMAGENET_STD,
        *,
        channel_order: str = 'rgb',
    ) -> None:
        super().__init__(non_blocking=True)
        if channel_order not in ('rgb', 'bgr'):
            raise UserError(f"model.data_preprocessor.channel_order is 'rgb' or 'bgr', not {channel_order!r}")
        self.channel_order = channel_order
        self.register_buffer('mean', torch.tensor(mean, dtype=torch.float32).view(1, -1, 1, 1), persistent=False)
        self.register_buffer('std', torch.tensor(std, dtype=torch.float32).view(1, -1, 1, 1), persistent=False)

    def forward(self, data: dict[str, Any], training: bool = False) -> dict[str, Any]:
        """Return `inputs` (B, 3, H, W) float32, normalised, on the device, and `data_samples` unchanged.

        Args:
            data: `inputs`, B uint8 RGB tensors (3, H, W) or one (B, 3, H, W); `data_samples`, optional. In a
                multi-scale test (S, 3, H, W) and (B, S, 3, H, W), which become (B S, 3, H, W).
            training: unused; mmengine passes it.
        """
        images = data['inputs']
        if not isinstance(images, Tensor):
            images = stacked(images, self.device)
        images = images.to(self.device, non_blocking=True).flatten(0, -4)
        if self.channel_order == 'bgr':
            images = images.flip(1)
        images = images.to(torch.float32, memory_format=torch.channels_last)
        return {'inputs': (images - self.mean) / self.std, 'data_samples': data.get('data_samples')}


def stacked(images: Sequence[Tensor], device: torch.device) -> Tensor:
    """Return B images (…, 3, H, W) as one batch (B, …, 3, H, W), channels last; for a GPU in pinned memory.

    `PackPose` leaves images channels last, too, so no pixel is reordered.
    """
    rows = [image.movedim(-3, -1) for image in images]
    if device.type != 'cuda' or rows[0].device.type != 'cpu':
        return torch.stack(rows).movedim(-1, -3)
    batch = torch.empty((len(rows), *rows[0].shape), dtype=rows[0].dtype, pin_memory=True)
    return torch.stack(rows, out=batch).movedim(-1, -3)
