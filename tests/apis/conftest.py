"""A small pose network with weights by rule, and images of one's own making."""

from collections.abc import Callable

import numpy as np
import pytest

from hrpose.apis import PoseInferencer, init_model
from tests.apis.cases import SMALL_CONFIG
from tests.golden import fill_model


@pytest.fixture(scope='session')
def model():
    """HRNet-w16_small at 128x96, 17 joints, every weight from its name: wild poses, but one right value each."""
    return fill_model(init_model(SMALL_CONFIG))


@pytest.fixture(scope='session')
def pose(model) -> PoseInferencer:
    """The inferencer of that network, without a detector."""
    return PoseInferencer(model)


@pytest.fixture
def make_image(rng: np.random.Generator) -> Callable[..., np.ndarray]:
    """A factory of images (H, W, 3) uint8 BGR of smooth noise, which no shift by a pixel leaves as they are."""

    def make(width: int = 80, height: int = 60) -> np.ndarray:
        coarse = rng.integers(0, 256, (height // 8 + 2, width // 8 + 2, 3), dtype=np.uint8)
        return np.kron(coarse, np.ones((8, 8, 1), np.uint8))[:height, :width].copy()

    return make
