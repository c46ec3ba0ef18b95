"""A small network and its files, exported once."""

from pathlib import Path

import numpy as np
import pytest
import torch

from hrpose.export.write import export_model
from tests.export.cases import small


@pytest.fixture(scope='session')
def crops() -> list[np.ndarray]:
    """Three crops (128, 64, 3) of smooth noise."""
    coarse = np.random.default_rng(0).integers(0, 256, (3, 16, 8, 3), dtype=np.uint8)
    return [np.kron(each, np.ones((8, 8, 1), np.uint8)) for each in coarse]


@pytest.fixture(scope='session')
def model():
    """A pose estimator of two convolutions."""
    torch.manual_seed(0)
    return small()


@pytest.fixture(scope='session')
def folder(tmp_path_factory) -> Path:
    """Where the files are."""
    return tmp_path_factory.mktemp('exported')


@pytest.fixture(scope='session')
def onnx_file(model, folder) -> Path:
    """Its ONNX file with the flip test, as the model's own default is, for any number of people."""
    export_model(model, folder / 'net.onnx', to='onnx', flip_test=True)
    return folder / 'net.onnx'


@pytest.fixture(scope='session')
def openvino_file(model, folder) -> Path:
    """Its OpenVINO file with the flip test, for two people at once."""
    export_model(model, folder / 'plain.xml', to='openvino', flip_test=True, batch=2)
    return folder / 'plain.xml'
