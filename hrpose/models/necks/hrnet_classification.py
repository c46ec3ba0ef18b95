"""What HRNet-W*-C puts on the four branches to classify images (Wang et al., 2020; section 3.6 of the CVPR paper).

The names of attributes are those of the published checkpoints.
"""

from collections.abc import Sequence

from mmengine.model import BaseModule
from torch import Tensor, nn

from hrpose.models.backbones.blocks import Bottleneck, residual_chain
from hrpose.registry import MODELS


@MODELS.register_module()
class HRNetClassificationNeck(BaseModule):
    """Feature maps, finest first -> features (B, 2048) of the whole image.

    A bottleneck widens each branch to 128, 256, 512, 1024, … channels. From the finest on, a 3x3 convolution of stride
    2 brings the sum to the grid of the next branch, which is added. A 1x1 convolution and average pooling follow.

    Args:
        in_channels: of the branches.
        out_channels: number of features.
        init_cfg: mmengine's; PyTorch's own initialisation unless given.
    """

    def __init__(
        self, in_channels: Sequence[int], *, out_channels: int = 2048, init_cfg: dict | list[dict] | None = None
    ) -> None:
        super().__init__(init_cfg)
        self.out_channels = out_channels
        narrow = [32 * 2**level for level in range(len(in_channels))]
        wide = [Bottleneck.expansion * width for width in narrow]
        self.incre_modules = nn.ModuleList(
            residual_chain(Bottleneck, inputs, width, 1) for inputs, width in zip(in_channels, narrow, strict=True)
        )
        self.downsamp_modules = nn.ModuleList(
            _biased_conv(fine, coarse, kernel=3, stride=2) for fine, coarse in zip(wide, wide[1:], strict=False)
        )
        self.final_layer = _biased_conv(wide[-1], out_channels, kernel=1)

    def forward(self, branches: Sequence[Tensor]) -> Tensor:
        """Return features (B, out_channels) from branches (B, C_i, h_i, w_i), finest first."""
        x, *coarser = [widen(branch) for widen, branch in zip(self.incre_modules, branches, strict=True)]
        for downsample, branch in zip(self.downsamp_modules, coarser, strict=True):
            x = downsample(x) + branch
        return self.final_layer(x).mean(dim=(-2, -1))


def _biased_conv(inputs: int, outputs: int, *, kernel: int, stride: int = 1) -> nn.Sequential:
    """Return a convolution with the bias that the published one has, its batch normalisation and a ReLU."""
    convolution = nn.Conv2d(inputs, outputs, kernel, stride, padding=kernel // 2)
    return nn.Sequential(convolution, nn.BatchNorm2d(outputs), nn.ReLU(inplace=True))
