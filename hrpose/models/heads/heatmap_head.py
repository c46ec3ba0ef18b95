"""The heatmap head: transposed convolutions if wanted, then a 1x1 convolution to one heatmap a joint."""

import math
from collections.abc import Sequence
from typing import Any

from torch import Tensor, nn

from hrpose.models.heads.base import BaseHeatmapHead
from hrpose.models.losses import KeypointCrossEntropyLoss
from hrpose.registry import MODELS


@MODELS.register_module()
class HeatmapHead(BaseHeatmapHead):
    """One feature map -> heatmaps (B, K, h, w); the output is called 'keypoint'.

    Args:
        in_channels: of that feature map.
        map_index: of the feature map, 0 for the finest.
        deconv_channels: outputs of 4x4 transposed convolutions before the last layer, each of which doubles the grid;
            SimpleBaseline (Xiao et al., ECCV 2018) has (256, 256, 256), HRNet none.
        **kwargs: of `BaseHeatmapHead`.
    """

    gives_distributions = True

    def __init__(
        self, *, in_channels: int, map_index: int = 0, deconv_channels: Sequence[int] = (), **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.map_index = map_index
        widths = [in_channels, *deconv_channels]
        steps = [step for pair in zip(widths, widths[1:], strict=False) for step in doubling(*pair)]
        self.deconv_layers = nn.Sequential(*steps)
        self.final_layer = nn.Conv2d(widths[-1], self.maps, kernel_size=1)

    def outputs(self, features: Sequence[Tensor]) -> dict[str, Tensor]:
        return {'keypoint': self(features)}

    def forward(self, features: Sequence[Tensor]) -> Tensor:
        return self.heatmaps(self.final_layer(self.deconv_layers(features[self.map_index])))

    def heatmaps(self, maps: Tensor) -> Tensor:
        """Return heatmaps (B, K, h, w) from what the last layer gives: itself, or distributions if the loss needs them.

        A distribution is the softmax over the cells of a joint, in float32, times the sum of a Gaussian that peaks at
        1. So the heatmap of a joint that is as certain as its target has the target's peak.
        """
        if not isinstance(self.loss_module, KeypointCrossEntropyLoss):
            return maps
        codec: Any = self.codec  # of Gaussians: see `check_distributions`
        shares = maps.float().flatten(2).softmax(dim=-1)
        return (shares * (2 * math.pi * codec.sigma**2)).view_as(maps)


def doubling(inputs: int, outputs: int) -> list[nn.Module]:
    """Return a transposed convolution that doubles the grid, its batch normalisation and a ReLU."""
    deconvolution = nn.ConvTranspose2d(inputs, outputs, kernel_size=4, stride=2, padding=1, bias=False)
    return [deconvolution, nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)]


@MODELS.register_module()
class StackedHeatmapHead(BaseHeatmapHead):
    """A 1x1 convolution on every feature map -> heatmaps (B, K, h, w) of 'stack1', 'stack2' …

    Args:
        in_channels: of every feature map; they have the same size.
        **kwargs: of `BaseHeatmapHead`.
    """

    takes_all_maps = True

    def __init__(self, *, in_channels: Sequence[int], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        # mmpose's name.
        self.multi_final_layers = nn.ModuleList(nn.Conv2d(each, self.maps, kernel_size=1) for each in in_channels)

    def outputs(self, features: Sequence[Tensor]) -> dict[str, Tensor]:
        layers = zip(self.multi_final_layers, features, strict=True)
        return {f'stack{index + 1}': layer(each) for index, (layer, each) in enumerate(layers)}
