"""The Cascaded Pyramid Network (Chen et al., CVPR 2018): GlobalNet on every level, then RefineNet on all of them.

The names of attributes are those of its public PyTorch port. Levels are counted from the coarsest, C5, to C2.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from hrpose.codecs import Codec
from hrpose.errors import UserError
from hrpose.models.backbones.blocks import Bottleneck, conv_bn
from hrpose.models.backbones.resnet import TORCHVISION_INIT
from hrpose.models.heads.base import BaseHeatmapHead
from hrpose.registry import CODECS, MODELS

LEVELS = ('c5', 'c4', 'c3', 'c2')
# First weight of the normalisations that give heatmaps: about the standard deviation of a target's cells.
START = 0.05


def kernel_sigma(size: int) -> float:
    """Return the standard deviation, cells, of the Gaussian that OpenCV takes for a blur kernel of `size` cells."""
    return 0.3 * ((size - 1) / 2 - 1) + 0.8


# CPN blurs single cells by these kernels, a level each; RefineNet's targets have that of the finest level.
KERNELS = (15, 11, 9, 7)
TARGET_WIDTHS = tuple(kernel_sigma(size) / kernel_sigma(KERNELS[-1]) for size in KERNELS)


@MODELS.register_module()
class CPNHead(BaseHeatmapHead):
    """Four feature maps -> heatmaps of GlobalNet, 'global_c5' to 'global_c2', and of RefineNet, 'refine'.

    The codec makes RefineNet's targets; published is a sigma of 1.4 cells, that of a blur kernel of 7.

    Args:
        in_channels: of the maps C2 to C5.
        channels: of the pyramid; published 256.
        loss: config of RefineNet's loss.
        global_loss: config of the loss of each of GlobalNet's levels; unless given as `loss`.
        global_visibility: of joints that GlobalNet learns, at least; published 2, joints that are not occluded. Take 1
            where a data set, as MPII, does not mark occluded joints.
        target_widths: of the targets of C5 to C2, as multiples of the codec's sigma.
        codec: config of a codec that has a sigma.
        init_cfg: mmengine's; torchvision's convolutions unless given.
        **kwargs: of `BaseHeatmapHead`.

    Raises:
        UserError: not four maps or widths, or a codec without a sigma.
    """

    takes_all_maps = True
    takes_visibility = True

    def __init__(
        self,
        *,
        in_channels: Sequence[int],
        channels: int = 256,
        codec: Mapping[str, Any],
        global_loss: Mapping[str, Any] | None = None,
        global_visibility: int = 2,
        target_widths: Sequence[float] = TARGET_WIDTHS,
        init_cfg: dict[str, Any] | Sequence[dict[str, Any]] = TORCHVISION_INIT[:1],
        **kwargs: Any,
    ) -> None:
        super().__init__(codec=codec, init_cfg=init_cfg, **kwargs)
        if len(in_channels) != len(LEVELS) or len(target_widths) != len(LEVELS):
            raise UserError(
                f'CPNHead: there are {len(in_channels)} feature maps and {len(target_widths)} target_widths; give '
                f'{len(LEVELS)} of each, and the backbone num_outputs={len(LEVELS)}'
            )
        sigma = getattr(self.codec, 'sigma', None)
        if sigma is None or not isinstance(codec, Mapping):
            raise UserError('CPNHead: the codec has no sigma, or is no config; give for instance an MSRAHeatmap')
        self.level_codecs: dict[str, Codec] = {
            f'global_{level}': CODECS.build({**codec, 'sigma': sigma * width})
            for level, width in zip(LEVELS, target_widths, strict=True)
        }
        self.global_visibility = global_visibility
        self.global_loss_module = self.built_loss(global_loss)
        width, height = self.codec.heatmap_size
        self.global_net = GlobalNet(tuple(in_channels), self.maps, (height, width), channels)
        self.refine_net = RefineNet(self.maps, (height, width), channels)

    def outputs(self, features: Sequence[Tensor]) -> dict[str, Tensor]:
        pyramid = self.global_net.pyramid(features)
        levels = dict(zip(self.level_codecs, self.global_net(pyramid), strict=True))
        return {**levels, 'refine': self.refine_net(pyramid)}

    def forward(self, features: Sequence[Tensor]) -> Tensor:
        return self.refine_net(self.global_net.pyramid(features))

    def codec_of(self, name: str) -> Codec:
        return self.level_codecs.get(name, self.codec)

    def loss_of(self, name: str) -> nn.Module:
        return self.global_loss_module if name in self.level_codecs else self.loss_module

    def learns(self, name: str, visible: Tensor) -> Tensor:
        return visible >= (self.global_visibility if name in self.level_codecs else 1)


class GlobalNet(nn.Module):
    """A feature pyramid with heatmaps on every level, brought to the size (h, w) of the targets."""

    def __init__(self, in_channels: tuple[int, ...], joints: int, size: tuple[int, int], channels: int) -> None:
        super().__init__()
        self.laterals = nn.ModuleList(
            nn.Sequential(*conv_bn(inputs, channels, kernel=1), nn.ReLU(inplace=True)) for inputs in in_channels[::-1]
        )
        self.upsamples = nn.ModuleList(
            nn.Sequential(bilinear(scale_factor=2.0), *conv_bn(channels, channels, kernel=1)) for _ in LEVELS[1:]
        )
        self.predict = nn.ModuleList(
            nn.Sequential(
                *conv_bn(channels, channels, kernel=1),
                nn.ReLU(inplace=True),
                nn.Conv2d(channels, joints, 3, padding=1, bias=False),
                bilinear(size=size),
                heatmap_norm(joints),
            )
            for _ in LEVELS
        )

    def pyramid(self, features: Sequence[Tensor]) -> list[Tensor]:
        """Return maps of equal channels, coarsest first, from those of the backbone, finest first."""
        maps = [self.laterals[0](features[-1])]
        for index, upsample in enumerate(self.upsamples, start=1):
            maps.append(self.laterals[index](features[-1 - index]) + upsample(maps[-1]))
        return maps

    def forward(self, pyramid: Sequence[Tensor]) -> list[Tensor]:
        return [predict(level) for predict, level in zip(self.predict, pyramid, strict=True)]


class RefineNet(nn.Module):
    """Heatmaps of the size (h, w) from all levels at once; the coarser a level, the more bottlenecks it passes."""

    def __init__(self, joints: int, size: tuple[int, int], channels: int) -> None:
        super().__init__()
        self.cascade = nn.ModuleList(
            nn.Sequential(*(Projected(channels, channels) for _ in range(length)), bilinear(size=size))
            for length in reversed(range(len(LEVELS)))
        )
        self.final_predict = nn.Sequential(
            Projected(len(LEVELS) * channels, channels),
            nn.Conv2d(channels, joints, 3, padding=1, bias=False),
            heatmap_norm(joints),
        )

    def forward(self, pyramid: Sequence[Tensor]) -> Tensor:
        levels = [refine(level) for refine, level in zip(self.cascade, pyramid, strict=True)]
        return self.final_predict(torch.cat(levels, dim=1))


class Projected(Bottleneck):
    """A bottleneck to `channels` by way of half as many, whose shortcut is always a projection."""

    expansion = 2

    def __init__(self, inputs: int, channels: int) -> None:
        super().__init__(inputs, channels // self.expansion)
        self.downsample = nn.Sequential(*conv_bn(inputs, channels, kernel=1))


def bilinear(**size: Any) -> nn.Upsample:
    """Return a bilinear resizing that keeps the centres of the corner cells."""
    return nn.Upsample(mode='bilinear', align_corners=True, **size)


def heatmap_norm(joints: int) -> nn.BatchNorm2d:
    """Return a batch normalisation that starts with heatmaps of about the scale of targets."""
    norm = nn.BatchNorm2d(joints)
    nn.init.constant_(norm.weight, START)
    return norm
