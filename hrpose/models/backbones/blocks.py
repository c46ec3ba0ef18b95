"""The residual units of He et al. (2016): two 3x3 convolutions, or a bottleneck of 1x1, 3x3 and 1x1.

The names of attributes (`conv1 bn1 … downsample`) are those of the published checkpoints.
"""

from torch import Tensor, nn


def conv_bn(inputs: int, outputs: int, *, kernel: int = 3, stride: int = 1, dilation: int = 1) -> list[nn.Module]:
    """Return a convolution that divides the grid by `stride`, and its batch normalisation."""
    padding = kernel // 2 * dilation
    convolution = nn.Conv2d(inputs, outputs, kernel, stride, padding=padding, dilation=dilation, bias=False)
    return [convolution, nn.BatchNorm2d(outputs)]


def shortcut(inputs: int, outputs: int, stride: int) -> nn.Module | None:
    """Return the projection of a residual unit's input to the shape of its output; None if they are the same."""
    if inputs == outputs and stride == 1:
        return None
    return nn.Sequential(*conv_bn(inputs, outputs, kernel=1, stride=stride))


class BasicBlock(nn.Module):
    """Two 3x3 convolutions with a shortcut: (B, inputs, H, W) -> (B, width, H / stride, W / stride)."""

    expansion = 1

    def __init__(self, inputs: int, width: int, stride: int = 1, dilation: int = 1) -> None:
        super().__init__()
        self.conv1, self.bn1 = conv_bn(inputs, width, stride=stride, dilation=dilation)
        self.conv2, self.bn2 = conv_bn(width, width, dilation=dilation)
        self.downsample = shortcut(inputs, width, stride)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        skip = x if self.downsample is None else self.downsample(x)
        x = self.relu(self.bn1(self.conv1(x)))
        return self.relu(self.bn2(self.conv2(x)).add_(skip))


class Bottleneck(nn.Module):
    """Convolutions of 1x1, 3x3 and 1x1 with a shortcut: (B, inputs, H, W) -> (B, 4 width, H / stride, W / stride)."""

    expansion = 4

    def __init__(self, inputs: int, width: int, stride: int = 1, dilation: int = 1) -> None:
        super().__init__()
        outputs = width * self.expansion
        self.conv1, self.bn1 = conv_bn(inputs, width, kernel=1)
        self.conv2, self.bn2 = conv_bn(width, width, stride=stride, dilation=dilation)
        self.conv3, self.bn3 = conv_bn(width, outputs, kernel=1)
        self.downsample = shortcut(inputs, outputs, stride)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        skip = x if self.downsample is None else self.downsample(x)
        x = self.relu(self.bn1(self.conv1(x)))
        x = self.relu(self.bn2(self.conv2(x)))
        return self.relu(self.bn3(self.conv3(x)).add_(skip))


def residual_chain(
    block: type[BasicBlock] | type[Bottleneck],
    inputs: int,
    width: int,
    length: int,
    *,
    stride: int = 1,
    dilation: int = 1,
) -> nn.Sequential:
    """Return `length` residual units in a row; the first has `inputs` input channels and the stride.

    All 3x3 convolutions have the same dilation.
    """
    outputs = width * block.expansion
    rest = [block(outputs, width, dilation=dilation) for _ in range(length - 1)]
    return nn.Sequential(block(inputs, width, stride, dilation), *rest)
