"""Fixtures that every test may use. Golden values and real photographs lie beside the repository or are skipped."""

from pathlib import Path

import numpy as np
import pytest
import torch

ROOT = Path(__file__).resolve().parents[1]
SHARED = ROOT.parent / 'shared'

torch.set_num_threads(2)


def _shared(name: str) -> Path:
    folder = SHARED / name
    if not folder.is_dir():
        pytest.skip(f'needs {name} values beside the repository ({folder.name}/ is missing)')
    return folder


@pytest.fixture(scope='session')
def repository() -> Path:
    """The root of this repository."""
    return ROOT


@pytest.fixture(scope='session')
def shared_data() -> Path:
    """The folder of small real data sets."""
    return _shared('data')


@pytest.fixture(scope='session')
def shared_golden() -> Path:
    """The folder of values computed by the official release."""
    return _shared('golden')


@pytest.fixture
def rng() -> np.random.Generator:
    """A seeded generator, the same in every test."""
    return np.random.default_rng(0)
