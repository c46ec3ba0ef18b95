"""Every kind of network and codec: the exported file gives what PyTorch gives."""

from itertools import product

import numpy as np
import pytest
from torch import nn

from hrpose.export.verify import verify
from hrpose.export.write import SUFFIXES, export_model
from hrpose.registry import MODELS
from tests.models.test_every_network import COMBINED, JOINTS, NETWORKS, OTHERS, SIZE, build

CODECS = ('MSRAHeatmap', *OTHERS)


@pytest.fixture(scope='module')
def crops() -> list[np.ndarray]:
    """Three crops (128, 64, 3) of smooth noise."""
    coarse = np.random.default_rng(0).integers(0, 256, (3, 16, 8, 3), dtype=np.uint8)
    return [np.kron(each, np.ones((8, 8, 1), np.uint8)) for each in coarse]


@MODELS.register_module()
class OneConvolution(nn.Module):
    """Images (B, 3, H, W) -> one map (B, 4, H / 4, W / 4). A network this small takes a second to export."""

    out_channels = (4,)

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Conv2d(3, 4, kernel_size=7, stride=4, padding=3)

    def forward(self, images):
        return [self.layer(images)]


def small(codec: str) -> nn.Module:
    """Return a pose estimator of two convolutions."""
    kind = dict(type='UDPHeatmap', target='combined') if codec == COMBINED else dict(type=codec)
    head = dict(type='HeatmapHead', out_channels=3, codec=dict(kind, input_size=SIZE), init_cfg=[])
    backbone = dict(type='OneConvolution')
    return MODELS.build(dict(type='TopdownPoseEstimator', backbone=backbone, head=head, metainfo=JOINTS)).eval()


# Most of the time is that of PyTorch's exporters, which take ten times as long for DARK's decoding.
QUICK = [('MSRAHeatmap', 'onnx'), ('MSRAHeatmap', 'openvino'), ('MSRAHeatmap', 'torch-export'), (COMBINED, 'onnx')]
SLOW = [pair for pair in product(CODECS, SUFFIXES) if pair not in QUICK]


@pytest.mark.parametrize(('codec', 'to'), [*QUICK, *(pytest.param(*pair, marks=pytest.mark.slow) for pair in SLOW)])
def test_every_codec_is_exported_with_the_flip_test(codec, to, crops, tmp_path):
    model, path = small(codec), tmp_path / f'net{SUFFIXES[to]}'
    export_model(model, path, to=to, flip_test=True)
    found = verify(path, model, crops)
    assert found.ok, found


@pytest.mark.slow
@pytest.mark.parametrize('network', NETWORKS)
def test_every_kind_of_network_is_exported(network, crops, tmp_path):
    model = build(network).eval()
    export_model(model, tmp_path / 'net.onnx', to='onnx')
    found = verify(tmp_path / 'net.onnx', model, crops)
    assert found.ok, found
