"""HRNet: a high-resolution branch from end to end, and coarser ones that it exchanges features with.

    stem 1/4 -> stage 1 -> stage 2 ====> stage 3 ====> stage 4 ====>  (1/4)   the output for poses
                             \\ ====>  --> ====>  --> ====>           (1/8)
                                        \\ ====>  --> ====>           (1/16)
                                                   \\ ====>           (1/32)

Source: Sun et al., CVPR 2019, section 3 and figure 1. The names of attributes are those of the published checkpoints:
`layer1` is stage 1, `transitionN` opens a branch, `stageN.m` is an exchange block of stage N. In a block, `branches.b`
are residual units, and `fuse_layers.dst.src` is the exchange unit's path from branch src to branch dst.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mmengine.model import BaseModule
from torch import Tensor, nn

from hrpose.errors import UserError, nearest
from hrpose.models.backbones.blocks import BasicBlock, Bottleneck, conv_bn, residual_chain
from hrpose.registry import MODELS

STEM_CHANNELS = 64


# Which blocks of a stage end with an exchange unit, from their number and whether the stage is the last. As in section
# 3.4 of the paper: (a) the final one alone, (b) the last of each stage, (c) all, within the stages too, as published.
EXCHANGES: dict[str, Callable[[int, bool], list[bool]]] = {
    'final': lambda blocks, is_last: [False] * (blocks - 1) + [is_last],
    'across': lambda blocks, is_last: [False] * (blocks - 1) + [True],
    'within': lambda blocks, is_last: [True] * blocks,
}


@dataclass(frozen=True)
class Arch:
    """The plan of an HRNet.

    Attributes:
        channels: of the branches, finest first; stage N has the first N of them, unless `all_branches`.
        exchange_blocks: number of exchange blocks in stages 2, 3, ….
        units: number of residual units on each branch of an exchange block.
        stem_units: number of bottlenecks in stage 1.
        exchanges: which blocks end with an exchange unit, a key of `EXCHANGES`.
        all_branches: stage 2 already has all branches; else each stage opens one.
    """

    channels: tuple[int, ...]
    exchange_blocks: tuple[int, ...] = (1, 4, 3)
    units: int = 4
    stem_units: int = 4
    exchanges: str = 'within'
    all_branches: bool = False

    def __post_init__(self) -> None:
        if self.exchanges not in EXCHANGES:
            raise UserError(
                f"HRNet: arch has no exchanges '{self.exchanges}'; {nearest(str(self.exchanges), EXCHANGES)}"
            )
        if len(self.channels) != len(self.exchange_blocks) + 1:
            raise UserError(
                f'HRNet: arch has {len(self.channels)} channels and {len(self.exchange_blocks)} exchange_blocks; give '
                f'{len(self.channels) - 1}, one for each stage after the first'
            )


# w18, w32 and w48 are published (section 3 of the paper; Wang et al., 2020). Ablations of section 3.4 have W32's depth:
# two have fewer exchange units; one has all four branches from the start, taken as stage 2, at a similar cost. The
# paper leaves its widths open; with these it has 20 % more parameters than W32 and 11 % fewer GFLOPs.
ARCHS = {
    'w18': Arch(channels=(18, 36, 72, 144)),
    'w32': Arch(channels=(32, 64, 128, 256)),
    'w32_final_exchange': Arch(channels=(32, 64, 128, 256), exchanges='final'),
    'w32_across_exchange': Arch(channels=(32, 64, 128, 256), exchanges='across'),
    'w24_all_branches': Arch(channels=(24, 48, 96, 192), all_branches=True),
    'w48': Arch(channels=(48, 96, 192, 384)),
    'w16_small': Arch(channels=(16, 32, 64, 128), exchange_blocks=(1, 1, 1), units=2, stem_units=2),
}


@MODELS.register_module()
class HRNet(BaseModule):
    """Images (B, 3, H, W) -> feature maps, the finest with a quarter of H and W.

    Args:
        arch: a name in `ARCHS`, or a mapping with the fields of `Arch`.
        num_outputs: 1 for the finest branch, which poses need (the last exchange unit then computes no other), or the
            number of branches for all of them.
        init_cfg: mmengine's; the published one (normal, standard deviation 0.001) unless given.

    Raises:
        UserError: an unknown architecture, or another number of outputs.
    """

    def __init__(
        self,
        arch: str | Mapping[str, Any] = 'w32',
        *,
        num_outputs: int = 1,
        init_cfg: dict[str, Any] | Sequence[dict[str, Any]] | None = None,
    ) -> None:
        super().__init__(init_cfg if init_cfg is not None else PUBLISHED_INIT)
        plan = resolve_arch(arch)
        if num_outputs not in (1, len(plan.channels)):
            raise UserError(f'HRNet: num_outputs is 1 or {len(plan.channels)}, not {num_outputs}')
        self.out_channels = plan.channels[:num_outputs]
        self.input_multiple = 2 ** (len(plan.channels) + 1)

        self.conv1, self.bn1 = conv_bn(3, STEM_CHANNELS, stride=2)
        self.conv2, self.bn2 = conv_bn(STEM_CHANNELS, STEM_CHANNELS, stride=2)
        self.relu = nn.ReLU(inplace=True)
        self.layer1 = residual_chain(Bottleneck, STEM_CHANNELS, STEM_CHANNELS, plan.stem_units)

        before: tuple[int, ...] = (STEM_CHANNELS * Bottleneck.expansion,)
        self._steps: list[str] = []
        for index, blocks in enumerate(plan.exchange_blocks):
            channels = plan.channels if plan.all_branches else plan.channels[: index + 2]
            is_last = index == len(plan.exchange_blocks) - 1
            outputs = num_outputs if is_last else len(channels)
            exchanges = EXCHANGES[plan.exchanges](blocks, is_last)
            self.add_module(f'transition{index + 1}', Transition(before, channels))
            self.add_module(f'stage{index + 2}', exchange_stage(channels, exchanges, plan.units, outputs))
            self._steps += [f'transition{index + 1}', f'stage{index + 2}']
            before = channels

    def forward(self, x: Tensor) -> list[Tensor]:
        """Return `num_outputs` maps (B, C_i, H / 2^(i+2), W / 2^(i+2)). H and W are multiples of `input_multiple`."""
        x = self.relu(self.bn1(self.conv1(x)))
        x = self.relu(self.bn2(self.conv2(x)))
        branches = [self.layer1(x)]
        for name in self._steps:
            branches = getattr(self, name)(branches)
        return branches


PUBLISHED_INIT = (
    dict(type='Normal', layer='Conv2d', std=0.001),
    dict(type='Constant', layer='BatchNorm2d', val=1),
)


def resolve_arch(arch: str | Mapping[str, Any]) -> Arch:
    """Return the plan called `arch`, or the one that a mapping gives."""
    if isinstance(arch, str):
        if arch not in ARCHS:
            raise UserError(f"HRNet: no arch called '{arch}'; {nearest(arch, ARCHS)}")
        return ARCHS[arch]
    fields = set(Arch.__dataclass_fields__)
    if unknown := sorted(set(arch) - fields):
        raise UserError(f"HRNet: arch has no field '{unknown[0]}'; {nearest(unknown[0], fields)}")
    if 'channels' not in arch:
        raise UserError("HRNet: arch has no 'channels'; give those of each branch, finest first")
    given: Any = {key: tuple(value) if isinstance(value, list | tuple) else value for key, value in arch.items()}
    return Arch(**given)


class Transition(nn.ModuleList):
    """Carries the branches into the next stage, and opens its new branches from the coarsest one.

    A branch that is several halvings away gets its width with the last of them, as in the official release.
    """

    def __init__(self, before: Sequence[int], after: Sequence[int]) -> None:
        kept = [nn.Identity() if old == new else conv_relu(old, new) for old, new in zip(before, after, strict=False)]
        opened = [halvings(before[-1], new, count) for count, new in enumerate(after[len(before) :], 1)]
        super().__init__([*kept, *opened])

    def forward(self, branches: list[Tensor]) -> list[Tensor]:
        coarsest = len(branches) - 1
        return [path(branches[min(index, coarsest)]) for index, path in enumerate(self)]


def halvings(inputs: int, outputs: int, count: int) -> nn.Sequential:
    """Return `count` 3x3 convolutions of stride 2, each with a ReLU; only the last one has `outputs` channels."""
    before = [conv_relu(inputs, inputs, stride=2) for _ in range(count - 1)]
    return nn.Sequential(*before, conv_relu(inputs, outputs, stride=2))


def exchange_stage(channels: Sequence[int], exchanges: Sequence[bool], units: int, last_outputs: int) -> nn.Sequential:
    """Return a stage of a block for each of `exchanges`, which says whether the block ends with an exchange unit.

    The exchange unit of the last block has `last_outputs` branches as output.
    """
    outputs = [len(channels)] * (len(exchanges) - 1) + [last_outputs]
    return nn.Sequential(
        *(
            ExchangeBlock(channels, units, count) if exchanges_here else ParallelBlock(channels, units)
            for exchanges_here, count in zip(exchanges, outputs, strict=True)
        )
    )


class ParallelBlock(nn.Module):
    """Residual units on each branch, and no exchange."""

    def __init__(self, channels: Sequence[int], units: int) -> None:
        super().__init__()
        self.branches = nn.ModuleList(residual_chain(BasicBlock, width, width, units) for width in channels)

    def forward(self, inputs: list[Tensor]) -> list[Tensor]:
        return [branch(x) for branch, x in zip(self.branches, inputs, strict=True)]


class ExchangeBlock(ParallelBlock):
    """Residual units on each branch, then an exchange unit, in which each output is the sum of all branches."""

    def __init__(self, channels: Sequence[int], units: int, num_outputs: int) -> None:
        super().__init__(channels, units)
        self.fuse_layers = nn.ModuleList(
            nn.ModuleList(fuse_path(channels, src, dst) for src in range(len(channels))) for dst in range(num_outputs)
        )
        self.relu = nn.ReLU(inplace=True)

    def forward(self, inputs: list[Tensor]) -> list[Tensor]:
        branches = super().forward(inputs)
        return [self.relu(self._exchange(paths, branches)) for paths in self.fuse_layers]

    @staticmethod
    def _exchange(paths: Any, branches: list[Tensor]) -> Tensor:
        first, second, *rest = (path(branch) for path, branch in zip(paths, branches, strict=True))
        total = first + second  # a new tensor, since one of the paths returns its branch itself
        for arriving in rest:
            total += arriving
        return total


def fuse_path(channels: Sequence[int], src: int, dst: int) -> nn.Module:
    """Return what brings branch `src` to the grid and width of branch `dst` (0 is the finest)."""
    if src == dst:
        return nn.Identity()
    return upsample_path(channels, src, dst) if src > dst else downsample_path(channels, src, dst)


def upsample_path(channels: Sequence[int], src: int, dst: int) -> nn.Sequential:
    """Return a 1x1 convolution to the width of `dst`, then each cell repeated 2^(src - dst) times on each axis."""
    upsample = nn.Upsample(scale_factor=2 ** (src - dst), mode='nearest')
    return nn.Sequential(*conv_bn(channels[src], channels[dst], kernel=1), upsample)


def downsample_path(channels: Sequence[int], src: int, dst: int) -> nn.Sequential:
    """Return 3x3 convolutions of stride 2. Only the last one has the width of `dst`, and it has no ReLU."""
    before = [conv_relu(channels[src], channels[src], stride=2) for _ in range(dst - src - 1)]
    return nn.Sequential(*before, nn.Sequential(*conv_bn(channels[src], channels[dst], stride=2)))


def conv_relu(inputs: int, outputs: int, *, stride: int = 1) -> nn.Sequential:
    """Return a 3x3 convolution, its batch normalisation and a ReLU."""
    return nn.Sequential(*conv_bn(inputs, outputs, stride=stride), nn.ReLU(inplace=True))
