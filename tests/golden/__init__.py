"""Golden values: how they are read, and the rule that fills a network for the golden forwards (see README.md)."""

import gzip
import json
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

GOLDEN = Path(__file__).parent
# Of condensed heatmaps every 53rd cell is stored: a prime, so these cells reach each row and each column.
STRIDE = 53
# Heatmaps of earlier outputs, of which the originals are float16 and these cells alone are stored.
EARLIER = ('first_stack', 'global_heatmaps')


def golden(name: str) -> Any:
    """Return the arrays by name of `name`.npz, or the content of `name`.json, which is stored gzipped."""
    path = GOLDEN / name
    if path.suffix == '.npz':
        with np.load(path) as arrays:
            return dict(arrays)
    return json.loads(gzip.decompress(path.with_name(f'{path.name}.gz').read_bytes()))


def golden_data_sets() -> dict[str, Any]:
    """Return mmpose's joints of further data sets, by name, and its published models of them."""
    return json.loads((GOLDEN / 'mmpose_data_sets.json').read_text())


def golden_keys(network: str) -> dict[str, tuple[int, ...]]:
    """Return key -> shape of a published state dict."""
    return {key: tuple(shape) for key, shape in golden(f'{network}_keys.json').items()}


def golden_weights(network: str) -> dict[str, torch.Tensor]:
    """Return a published state dict, filled by the rule."""
    return {key: fill(key, shape) for key, shape in golden_keys(network).items()}


def condense(heatmaps: np.ndarray) -> dict[str, np.ndarray]:
    """Return what is stored of heatmaps (..., H, W): some cells, and the sum of each row and of each column."""
    exact = np.asarray(heatmaps, np.float64)
    return {
        'shape': np.array(heatmaps.shape),
        'peak': np.abs(heatmaps).max(),
        'cells': np.asarray(heatmaps, np.float32).reshape(-1)[::STRIDE],
        'rows': exact.sum(axis=-1).astype(np.float32),
        'columns': exact.sum(axis=-2).astype(np.float32),
    }


def assert_heatmaps(heatmaps: np.ndarray, stored: dict[str, np.ndarray], *, tolerance: float = 1e-5) -> None:
    """Assert that heatmaps (..., H, W) are those that were condensed.

    Args:
        stored: of the golden heatmaps, what `condense` returns.
        tolerance: how far each cell may be off, as a share of the highest golden value. A sum of n cells may then be
            off by n times as much, and is not if a single cell is off by twice that.
    """
    assert heatmaps.shape == tuple(stored['shape'])
    found, (height, width) = condense(heatmaps), heatmaps.shape[-2:]
    for name, summed in (('cells', 1), ('rows', width), ('columns', height)):
        error = np.abs(found[name] - stored[name]).max()
        assert error <= summed * tolerance * stored['peak'], f'{name} differ by {error}'


def assert_earlier(heatmaps: np.ndarray, stored: np.ndarray) -> None:
    """Assert that heatmaps of an earlier output agree with their stored cells, which were rounded to float16."""
    golden_cells = stored.astype(np.float64)
    error = np.abs(heatmaps.reshape(-1)[::STRIDE] - golden_cells)
    assert (error <= 2**-11 * np.abs(golden_cells) + 1e-5 * np.abs(golden_cells).max()).all(), f'off by {error.max()}'


def _nan_at_the_peak(heatmaps: np.ndarray) -> np.ndarray:
    return np.where(heatmaps == heatmaps.max(), np.nan, heatmaps).astype(heatmaps.dtype)


# What is done to heatmaps (N, K, H, W) in tests that show that a comparison notices it.
WRONG: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    'a cell to the right': lambda heatmaps: np.roll(heatmaps, 1, axis=-1),
    'a cell down': lambda heatmaps: np.roll(heatmaps, 1, axis=-2),
    'mirrored': lambda heatmaps: heatmaps[..., ::-1],
    'upside down': lambda heatmaps: heatmaps[..., ::-1, :],
    'transposed': lambda heatmaps: heatmaps.swapaxes(-1, -2),
    'two joints swapped': lambda heatmaps: heatmaps[:, [0, 2, 1, *range(3, heatmaps.shape[1])]],
    'negated': np.negative,
    'a thousandth larger': lambda heatmaps: heatmaps * np.float32(1.001),
    'one joint missing': lambda heatmaps: heatmaps[:, :-1],
    'not a number': _nan_at_the_peak,
}


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


def official_name(key: str) -> str:
    """Return what the official release calls hrpose's weight `key`."""
    return key.removeprefix('backbone.').removeprefix('head.')


def fill_model(model: torch.nn.Module) -> torch.nn.Module:
    """Give a whole model the golden weights; returns it in eval mode."""
    state = model.state_dict()
    model.load_state_dict({key: fill(official_name(key), tuple(value.shape)) for key, value in state.items()})
    return model.eval()
