"""Every kind of network and codec: the exported file gives what PyTorch gives."""

from itertools import product

import pytest
import torch

from hrpose.errors import UserError
from hrpose.export.verify import verify
from hrpose.export.write import SUFFIXES, export_model
from tests.export.cases import small
from tests.models.test_every_network import COMBINED, NETWORKS, OTHERS, build

# Most of the time is that of PyTorch's exporters, which take ten times as long for DARK's decoding.
QUICK = [('MSRAHeatmap', 'torch-export'), ('UDPHeatmap', 'onnx'), (COMBINED, 'onnx')]
CASES = product(('MSRAHeatmap', *OTHERS), SUFFIXES)


@pytest.mark.parametrize(
    ('codec', 'to'), [pair if pair in QUICK else pytest.param(*pair, marks=pytest.mark.slow) for pair in CASES]
)
def test_every_codec_is_exported_with_the_flip_test(codec, to, crops, tmp_path):
    model, path = small(codec), tmp_path / f'net{SUFFIXES[to]}'
    if torch.__version__.startswith('2.6.') and (codec, to) == ('UDPHeatmap', 'onnx'):
        with pytest.raises(UserError, match='the ONNX exporter of PyTorch 2.6.* cannot write this network'):
            export_model(model, path, to=to, flip_test=True)
        pytest.skip("PyTorch 2.6's exporter cannot write UDP's decoding")
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
