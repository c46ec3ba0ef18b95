"""ResNet (He et al., CVPR 2016), with the stride of a bottleneck on its 3x3 convolution, as in torchvision.

The names of attributes are those of torchvision's checkpoints, which SimpleBaseline's and CPN's releases keep.
"""

from collections.abc import Sequence
from math import prod
from typing import Any

from mmengine.model import BaseModule
from torch import Tensor, nn

from hrpose.errors import UserError, nearest
from hrpose.models.backbones.blocks import BasicBlock, Bottleneck, conv_bn, residual_chain
from hrpose.registry import MODELS

STEM_CHANNELS = 64
WIDTHS = (64, 128, 256, 512)

# Table 1 of the ResNet paper: the unit, and its number in each of the four stages.
DEPTHS: dict[int, tuple[type[BasicBlock] | type[Bottleneck], tuple[int, ...]]] = {
    18: (BasicBlock, (2, 2, 2, 2)),
    34: (BasicBlock, (3, 4, 6, 3)),
    50: (Bottleneck, (3, 4, 6, 3)),
    101: (Bottleneck, (3, 4, 23, 3)),
    152: (Bottleneck, (3, 8, 36, 3)),
}

TORCHVISION_INIT = (
    dict(type='Kaiming', layer='Conv2d', mode='fan_out', nonlinearity='relu'),
    dict(type='Constant', layer='BatchNorm2d', val=1),
)


@MODELS.register_module()
class ResNet(BaseModule):
    """Images (B, 3, H, W) -> the feature maps of the last stages, finest first.

    Args:
        depth: 18, 34, 50, 101 or 152.
        num_outputs: how many of the last stages' maps to return, 1 to 4; the coarsest has 1/32 of H and W.
        strides: of the four stages, after a stem of stride 4.
        dilations: of the 3x3 convolutions of the four stages. A stage of stride 1 with a dilation keeps the grid and
            widens what a cell sees: the dilated ResNet of Sun et al. (CVPR 2019), figure 2 (d), has strides
            (1, 2, 1, 1) and dilations (1, 1, 2, 4) here; the figure does not print them.
        init_cfg: mmengine's; torchvision's (He et al., ICCV 2015) unless given.

    Raises:
        UserError: an unknown depth, another number of outputs, or strides or dilations that are not four.
    """

    def __init__(
        self,
        depth: int = 50,
        *,
        num_outputs: int = 1,
        strides: Sequence[int] = (1, 2, 2, 2),
        dilations: Sequence[int] = (1, 1, 1, 1),
        init_cfg: dict[str, Any] | Sequence[dict[str, Any]] | None = None,
    ) -> None:
        super().__init__(init_cfg if init_cfg is not None else TORCHVISION_INIT)
        if depth not in DEPTHS:
            raise UserError(f'ResNet: there is no depth {depth}; {nearest(str(depth), map(str, DEPTHS))}')
        if num_outputs not in range(1, 5):
            raise UserError(f'ResNet: num_outputs is 1 to 4, not {num_outputs}')
        for name, values in (('strides', strides), ('dilations', dilations)):
            if len(values) != len(WIDTHS):
                raise UserError(
                    f'ResNet: {name} has {len(values)} numbers; give one for each of the {len(WIDTHS)} stages'
                )
        unit, lengths = DEPTHS[depth]
        self.input_multiple = 4 * prod(strides)
        outputs = [width * unit.expansion for width in WIDTHS]
        self.out_channels = tuple(outputs[-num_outputs:])

        self.conv1, self.bn1 = conv_bn(3, STEM_CHANNELS, kernel=7, stride=2)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(kernel_size=3, stride=2, padding=1)
        for index, (width, length) in enumerate(zip(WIDTHS, lengths, strict=True)):
            inputs = outputs[index - 1] if index else STEM_CHANNELS
            stage = residual_chain(unit, inputs, width, length, stride=strides[index], dilation=dilations[index])
            self.add_module(f'layer{index + 1}', stage)

    def forward(self, x: Tensor) -> list[Tensor]:
        """Return `num_outputs` maps (B, C_i, h_i, w_i); H and W are multiples of `input_multiple`."""
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        maps = []
        for index in range(len(WIDTHS)):
            x = getattr(self, f'layer{index + 1}')(x)
            maps.append(x)
        return maps[-len(self.out_channels) :]
