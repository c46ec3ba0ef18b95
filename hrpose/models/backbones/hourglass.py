"""Hourglasses: the stem of Newell et al. (ECCV 2016), and the backbone that mmpose calls hourglass52.

The names of attributes are those of the published checkpoints.
"""

from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

from mmengine.model import BaseModule
from torch import Tensor, nn
from torch.nn.functional import interpolate

from hrpose.models.backbones.blocks import BasicBlock, residual_chain
from hrpose.registry import MODELS


def convolution(
    inputs: int,
    outputs: int,
    kernel: int = 1,
    *,
    stride: int = 1,
    bias: bool = True,
    norm: bool = False,
    relu: bool | None = None,
) -> nn.Sequential:
    """Return `conv`, then `bn` if `norm`, and `relu` if wanted, which it is after a normalisation unless given."""
    steps: dict[str, nn.Module] = {'conv': nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=bias)}
    if norm:
        steps['bn'] = nn.BatchNorm2d(outputs)
    if norm if relu is None else relu:
        steps['relu'] = nn.ReLU(inplace=True)
    return nn.Sequential(OrderedDict(steps))


class Hourglass(nn.Module):
    """x -> up1(x) + low3(low2(low1(shrink(x)))), whose grid is doubled; `low2` may be an hourglass itself."""

    def __init__(
        self, up1: nn.Module, low1: nn.Module, low2: nn.Module, low3: nn.Module, shrink: nn.Module | None = None
    ) -> None:
        super().__init__()
        self.up1, self.low1, self.low2, self.low3 = up1, low1, low2, low3
        self.shrink = nn.Identity() if shrink is None else shrink

    def forward(self, x: Tensor) -> Tensor:
        low = self.low3(self.low2(self.low1(self.shrink(x))))
        return self.up1(x) + interpolate(low, scale_factor=2.0, mode='nearest')


class PreActivation(nn.Module):
    """Newell's residual unit: (B, inputs, H, W) -> (B, outputs, H, W); each convolution follows its activation."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        width = outputs // 2
        self.bn1, self.conv1 = nn.BatchNorm2d(inputs), convolution(inputs, width)
        self.bn2, self.conv2 = nn.BatchNorm2d(width), convolution(width, width, 3)
        self.bn3, self.conv3 = nn.BatchNorm2d(width), convolution(width, outputs)
        self.skip_layer = nn.Identity() if inputs == outputs else convolution(inputs, outputs)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        inner = self.conv1(self.relu(self.bn1(x)))
        inner = self.conv2(self.relu(self.bn2(inner)))
        return self.skip_layer(x) + self.conv3(self.relu(self.bn3(inner)))


def newell_hourglass(depth: int, channels: int) -> Hourglass:
    """Return an hourglass that halves the grid `depth` times."""
    up1, low1, low3 = (PreActivation(channels, channels) for _ in range(3))
    low2 = newell_hourglass(depth - 1, channels) if depth > 1 else PreActivation(channels, channels)
    return Hourglass(up1, low1, low2, low3, shrink=nn.MaxPool2d(2))


@MODELS.register_module()
class HourglassStem(BaseModule):
    """Newell's stem: images (B, 3, H, W) -> one map (B, channels, H / 4, W / 4).

    The hourglasses belong to `StackedHourglassHead`: each takes the heatmaps of the one before it.

    Args:
        channels: published 256.
        init_cfg: mmengine's; PyTorch's initial weights unless given.
    """

    input_multiple = 4

    def __init__(
        self, channels: int = 256, *, init_cfg: dict[str, Any] | Sequence[dict[str, Any]] | None = None
    ) -> None:
        super().__init__(init_cfg)
        half = channels // 2
        self.out_channels = (channels,)
        self.pre = nn.Sequential(
            convolution(3, half // 2, 7, stride=2, norm=True),
            PreActivation(half // 2, half),
            nn.MaxPool2d(2),
            PreActivation(half, half),
            PreActivation(half, channels),
        )

    def forward(self, x: Tensor) -> list[Tensor]:
        """Return one map (B, C, H / 4, W / 4) of images (B, 3, H, W)."""
        return [self.pre(x)]


# Channels and residual units on each level of mmpose's hourglass52, finest first.
LEVELS_52 = ((256, 2), (256, 2), (384, 2), (384, 2), (384, 2), (512, 4))
MMPOSE_INIT = (dict(type='Normal', layer='Conv2d', std=0.001), dict(type='Constant', layer='BatchNorm2d', val=1))


def basic_hourglass(levels: Sequence[tuple[int, int]]) -> Hourglass:
    """Return an hourglass of basic blocks, from (channels, units) of its levels, finest first."""
    (channels, length), (below, length_below), *deeper = levels
    return Hourglass(
        up1=residual_chain(BasicBlock, channels, channels, length),
        low1=residual_chain(BasicBlock, channels, below, length, stride=2),
        low2=basic_hourglass(levels[1:]) if deeper else residual_chain(BasicBlock, below, below, length_below),
        low3=nn.Sequential(*(BasicBlock(below, below) for _ in range(length - 1)), BasicBlock(below, channels)),
    )


@MODELS.register_module()
class Hourglass52(BaseModule):
    """mmpose's hourglass52: images (B, 3, H, W) -> one map (B, 256, H / 4, W / 4) of each stack, the last one last.

    Unlike Newell's, a stack halves the grid five times and has 94 million parameters, and the next one takes its
    features only.

    Args:
        num_stacks: mmpose's published weights have 1.
        levels: (channels, residual units) of each grid, finest first; the published ones unless given.
        init_cfg: mmengine's; mmpose's unless given.
    """

    def __init__(
        self,
        num_stacks: int = 1,
        *,
        levels: Sequence[tuple[int, int]] = LEVELS_52,
        init_cfg: dict[str, Any] | Sequence[dict[str, Any]] | None = None,
    ) -> None:
        super().__init__(init_cfg if init_cfg is not None else MMPOSE_INIT)
        channels, stacks, between = levels[0][0], range(num_stacks), range(num_stacks - 1)
        self.input_multiple = 2 ** (len(levels) + 1)
        self.out_channels = (channels,) * num_stacks
        self.stem = nn.Sequential(
            convolution(3, channels // 2, 7, stride=2, bias=False, norm=True),
            residual_chain(BasicBlock, channels // 2, channels, 1, stride=2),
        )
        self.hourglass_modules = nn.ModuleList(basic_hourglass(levels) for _ in stacks)
        self.out_convs = nn.ModuleList(convolution(channels, channels, 3, bias=False, norm=True) for _ in stacks)
        self.conv1x1s, self.remap_convs = (
            nn.ModuleList(convolution(channels, channels, bias=False, norm=True, relu=False) for _ in between)
            for _ in range(2)
        )
        self.inters = nn.ModuleList(BasicBlock(channels, channels) for _ in between)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> list[Tensor]:
        """Return a map (B, C, H / 4, W / 4) a stack, of images (B, 3, H, W)."""
        x, maps = self.stem(x), []
        for index, (hourglass, last) in enumerate(zip(self.hourglass_modules, self.out_convs, strict=True)):
            maps.append(last(hourglass(x)))
            if index < len(self.inters):
                x = self.relu(self.conv1x1s[index](x) + self.remap_convs[index](maps[-1]))
                x = self.inters[index](x)
        return maps
