"""The rule that fills a network for the golden forwards: every weight from its own name."""

import json
import zlib
from pathlib import Path

import numpy as np
import torch


def fill(name: str, shape: tuple[int, ...]) -> torch.Tensor:
    """Return the golden value of the weight that the official release calls `name`."""
    rng = np.random.default_rng(zlib.crc32(name.encode()))
    if name.endswith('num_batches_tracked'):
        return torch.zeros(shape, dtype=torch.int64)
    if name.endswith('running_var'):
        value = 0.5 + rng.random(shape)
    elif name.endswith(('running_mean', 'bias')):
        value = 0.1 * rng.standard_normal(shape)
    elif len(shape) == 4:
        value = rng.standard_normal(shape) * np.sqrt(1.0 / np.prod(shape[1:]))
    else:
        value = 0.4 + 0.2 * rng.random(shape)
    return torch.from_numpy(np.asarray(value, dtype=np.float32))


def golden_input(width: int, height: int) -> torch.Tensor:
    """Return the golden input (1, 3, height, width)."""
    return torch.from_numpy(np.random.default_rng(7).standard_normal((1, 3, height, width)).astype(np.float32))


def read_keys(path: Path) -> dict[str, tuple[int, ...]]:
    """Return key -> shape of an official state dict."""
    return {key: tuple(shape) for key, shape in json.loads(path.read_text()).items()}


def official_name(key: str) -> str:
    """Return what the official release calls hrpose's weight `key`."""
    return key.removeprefix('backbone.').removeprefix('head.')


def fill_model(model: torch.nn.Module) -> torch.nn.Module:
    """Give a whole model the golden weights; returns it in eval mode."""
    state = model.state_dict()
    model.load_state_dict({key: fill(official_name(key), tuple(value.shape)) for key, value in state.items()})
    return model.eval()
