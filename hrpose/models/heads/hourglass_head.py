"""The stacked hourglasses of Newell et al. (ECCV 2016), each of which refines the heatmaps of the one before it.

The names of attributes are those of the authors' PyTorch release.
"""

from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

from torch import Tensor, nn

from hrpose.errors import UserError
from hrpose.models.backbones.hourglass import PreActivation, convolution, newell_hourglass
from hrpose.models.heads.base import BaseHeatmapHead
from hrpose.registry import MODELS


@MODELS.register_module()
class StackedHourglassHead(BaseHeatmapHead):
    """One feature map -> the heatmaps of every stack, 'stack1', 'stack2' …

    Args:
        in_channels: of that feature map, and of the hourglasses.
        num_stacks: published 8; the paper also trains 2 and 4.
        depth: how often an hourglass halves the grid; published 4.
        init_cfg: mmengine's; PyTorch's initial weights unless given.
        **kwargs: of `BaseHeatmapHead`.

    Raises:
        UserError: a heatmap size that cannot be halved `depth` times, or no stack.
    """

    def __init__(
        self,
        *,
        in_channels: int,
        num_stacks: int = 8,
        depth: int = 4,
        init_cfg: dict[str, Any] | Sequence[dict[str, Any]] = (),
        **kwargs: Any,
    ) -> None:
        super().__init__(init_cfg=init_cfg, **kwargs)
        if num_stacks < 1 or depth < 1:
            raise UserError(f'model.head: num_stacks and depth are at least 1, not {num_stacks} and {depth}')
        if any(side % 2**depth for side in self.codec.heatmap_size):
            raise UserError(
                f'model.head.depth is {depth}, but codec.heatmap_size {tuple(self.codec.heatmap_size)} cannot be '
                f'halved {depth} times; lower the depth, or take multiples of {2**depth} cells'
            )
        units = [PreActivation(in_channels, in_channels) for _ in range(num_stacks)]
        self.hgs = nn.ModuleList(nn.Sequential(newell_hourglass(depth, in_channels)) for _ in units)
        self.features = nn.ModuleList(
            nn.Sequential(unit, convolution(in_channels, in_channels, norm=True)) for unit in units
        )
        self.outs = nn.ModuleList(convolution(in_channels, self.maps) for _ in units)
        self.merge_features = nn.ModuleList(merge(in_channels, in_channels) for _ in units[1:])
        self.merge_preds = nn.ModuleList(merge(self.maps, in_channels) for _ in units[1:])

    def outputs(self, features: Sequence[Tensor]) -> dict[str, Tensor]:
        x, outputs = features[0], {}
        for index, (hourglass, last) in enumerate(zip(self.hgs, self.features, strict=True)):
            inner = last(hourglass(x))
            heatmaps = outputs[f'stack{index + 1}'] = self.outs[index](inner)
            if index < len(self.merge_preds):
                x = x + self.merge_preds[index](heatmaps) + self.merge_features[index](inner)
        return outputs


def merge(inputs: int, outputs: int) -> nn.Sequential:
    """Return the 1x1 convolution that brings a stack's result to the next one, named conv.conv as in the release."""
    return nn.Sequential(OrderedDict(conv=convolution(inputs, outputs)))
