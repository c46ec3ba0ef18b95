"""A pose estimator of two convolutions, whose export takes a second."""

from torch import nn

from hrpose.registry import MODELS
from tests.models.test_every_network import COMBINED, JOINTS, SIZE


@MODELS.register_module()
class OneConvolution(nn.Module):
    """Images (B, 3, H, W) -> one map (B, 4, H / 4, W / 4)."""

    out_channels = (4,)

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Conv2d(3, 4, kernel_size=7, stride=4, padding=3)

    def forward(self, images):
        return [self.layer(images)]


def small(codec: str = 'MSRAHeatmap') -> nn.Module:
    """Return that estimator of three joints, in eval mode, with another codec."""
    kind = dict(type='UDPHeatmap', target='combined') if codec == COMBINED else dict(type=codec)
    head = dict(type='HeatmapHead', out_channels=3, codec=dict(kind, input_size=SIZE), init_cfg=[])
    backbone = dict(type='OneConvolution')
    return MODELS.build(dict(type='TopdownPoseEstimator', backbone=backbone, head=head, metainfo=JOINTS)).eval()
