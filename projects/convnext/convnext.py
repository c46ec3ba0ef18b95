"""ConvNeXt: a convolutional network modernised step by step towards a Transformer's design, small enough for a CPU.

    image -> 4x4 patches -> stage 1 -> norm, 2x2 -> stage 2 -> norm, 2x2 -> stage 3 -> norm, 2x2 -> stage 4
                              1/4                    1/8                    1/16                    1/32
              output <- smooth +  <----- x2 --------  +  <----- x2 --------  +  <------ x2 --------  +

Source: Liu et al., A ConvNet for the 2020s (CVPR 2022), section 2 and figure 4, for the stages and the block. Heatmaps
need a fine grid with the context of the coarse ones, so the stages are summed from coarse to fine, after lateral 1x1
convolutions as in Lin et al., Feature Pyramid Networks (CVPR 2017), figure 3. Two blocks then smooth the sum.

B people, C channels, H and W the height and width of a map.
"""

from collections.abc import Sequence
from itertools import pairwise

import torch
from mmengine.model import BaseModule
from torch import Tensor, nn
from torch.nn import functional

from hrpose.errors import UserError
from hrpose.registry import MODELS


@MODELS.register_module()
class ConvNeXt(BaseModule):
    """Images (B, 3, H, W) -> one feature map (B, out_channels, H / 4, W / 4). H and W are multiples of 32.

    Args:
        depths: blocks of each stage; ConvNeXt-T has (3, 3, 9, 3).
        channels: of each stage; ConvNeXt-T has (96, 192, 384, 768).
        out_channels: of the output.
        layer_scale: initial factor of each block's residual, which is learnt; published 1e-6.

    Raises:
        UserError: different numbers of depths and channels.
    """

    def __init__(
        self,
        *,
        depths: Sequence[int] = (2, 2, 4, 2),
        channels: Sequence[int] = (32, 64, 128, 256),
        out_channels: int = 64,
        layer_scale: float = 1e-6,
    ) -> None:
        super().__init__()
        if len(depths) != len(channels):
            raise UserError(f'ConvNeXt: {len(depths)} depths for {len(channels)} channels; give one of each a stage')
        # hrpose asks these two of a backbone: the channels of its maps, and what divides the input's sides.
        self.out_channels = (out_channels,)
        self.input_multiple = 4 * 2 ** (len(channels) - 1)

        downsamplings = [_downsampling(before, after) for before, after in pairwise(channels)]
        self.openings = nn.ModuleList([_stem(channels[0]), *downsamplings])
        self.stages = nn.ModuleList(
            nn.Sequential(*(Block(width, layer_scale) for _ in range(depth)))
            for width, depth in zip(channels, depths, strict=True)
        )
        self.laterals = nn.ModuleList(nn.Conv2d(width, out_channels, 1) for width in channels)
        self.smoothing = nn.Sequential(Block(out_channels, layer_scale), Block(out_channels, layer_scale))
        self.norm = LayerNorm2d(out_channels)

    def forward(self, x: Tensor) -> list[Tensor]:
        """Return the one map that the head takes, in a list as every backbone does."""
        maps = []
        for opening, stage in zip(self.openings, self.stages, strict=True):
            x = stage(opening(x))
            maps.append(x)
        return [self.norm(self.smoothing(self._sum_to_finest(maps)))]

    def _sum_to_finest(self, maps: Sequence[Tensor]) -> Tensor:
        *finer, total = [lateral(x) for lateral, x in zip(self.laterals, maps, strict=True)]
        for x in reversed(finer):
            total = x + functional.interpolate(total, scale_factor=2, mode='nearest')
        return total


class Block(nn.Module):
    """Figure 4: depthwise 7x7, LayerNorm, 1x1 to four times the width, GELU, 1x1 back; added to the input."""

    def __init__(self, width: int, layer_scale: float) -> None:
        super().__init__()
        self.depthwise = nn.Conv2d(width, width, kernel_size=7, padding=3, groups=width)
        self.norm = LayerNorm2d(width)
        self.expand = nn.Conv2d(width, 4 * width, kernel_size=1)
        self.shrink = nn.Conv2d(4 * width, width, kernel_size=1)
        self.scale = nn.Parameter(torch.full((width, 1, 1), layer_scale))

    def forward(self, x: Tensor) -> Tensor:
        residual = self.norm(self.depthwise(x))
        return x + self.scale * self.shrink(functional.gelu(self.expand(residual)))


class LayerNorm2d(nn.LayerNorm):
    """LayerNorm over the channels of each cell: (B, C, H, W) -> (B, C, H, W)."""

    def forward(self, x: Tensor) -> Tensor:
        # On a channels-last tensor the two permutations move no memory.
        return super().forward(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


def _stem(width: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(3, width, kernel_size=4, stride=4), LayerNorm2d(width))


def _downsampling(before: int, after: int) -> nn.Sequential:
    return nn.Sequential(LayerNorm2d(before), nn.Conv2d(before, after, kernel_size=2, stride=2))
