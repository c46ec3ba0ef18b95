"""The golden files: made from the originals, small, and enough to notice a wrong value."""

import gzip
from functools import partial

import numpy as np
import pytest
import torch

from hrpose.datasets.metainfo import resolve
from hrpose.models import TopdownPoseEstimator
from tests.golden import GOLDEN, WRONG, assert_heatmaps, condense, fill_model, golden, golden_input
from tests.golden.make import ORIGINALS, compact, makers

MPII = 'hrnet_w32_mpii_256x256_forward.npz'


@pytest.fixture(scope='module')
def heatmaps() -> np.ndarray:
    """The golden forward of MPII's network (1, 16, 64, 64), as hrpose computes it."""
    head = dict(type='HeatmapHead', codec=dict(type='MSRAHeatmap', input_size=(256, 256)), out_channels=16)
    backbone = dict(type='HRNet', arch='w32')
    model = fill_model(TopdownPoseEstimator(backbone=backbone, head=head, metainfo=resolve('mpii')))
    with torch.no_grad():
        return model(golden_input(256, 256)).numpy()


def one_cell_off(heatmaps: np.ndarray, place: int) -> np.ndarray:
    """Return heatmaps in which one cell is off by a hundredth of the peak."""
    wrong = heatmaps.copy()
    wrong.reshape(-1)[place] += 0.01 * np.abs(heatmaps).max()
    return wrong


OFF = {f'cell {place}': partial(one_cell_off, place=place) for place in (0, 1, 52, 30_011, 65_535)}


@pytest.mark.parametrize('wrong', (WRONG | OFF).values(), ids=WRONG | OFF)
def test_condensed_heatmaps_notice(wrong, heatmaps):
    assert_heatmaps(heatmaps, golden(MPII))
    with pytest.raises(AssertionError):
        assert_heatmaps(wrong(heatmaps), golden(MPII))


def test_condensed_heatmaps_notice_a_wrong_cell_anywhere(rng):
    heatmaps = rng.normal(size=(2, 5, 12, 16)).astype(np.float32)
    stored = condense(heatmaps)
    assert_heatmaps(heatmaps, stored)
    for place in range(heatmaps.size):
        with pytest.raises(AssertionError):
            assert_heatmaps(one_cell_off(heatmaps, place), stored)


@pytest.mark.parametrize('wrong', WRONG.values(), ids=WRONG)
@pytest.mark.parametrize('size', ['192x256_s2', '256x256_s2', '288x384_s3'])
def test_golden_targets_notice(size, wrong):
    heatmaps = golden(f'msra_encode_{size}.npz')['heatmaps']
    changed = wrong(heatmaps)
    # The tests' tolerance is 2e-7.
    assert changed.shape != heatmaps.shape or not np.abs(changed - heatmaps).max() < 1e-4


@pytest.mark.parametrize(('height', 'width'), [(64, 48), (64, 64), (96, 72)])
def test_stored_cells_reach_every_row_and_column(height, width):
    numbered = np.arange(17 * height * width, dtype=np.float32).reshape(17, height, width)
    places = condense(numbered)['cells'].astype(int)
    assert set(places % width) == set(range(width))
    assert set(places // width % height) == set(range(height))


def test_every_file_holds_what_the_originals_make():
    if not ORIGINALS.is_dir():
        pytest.skip('the original golden values (6 MB) are not beside the repository')
    stored = [path for path in GOLDEN.rglob('*') if path.suffix in ('.npz', '.gz', '.mat')]
    names = {path.relative_to(GOLDEN).as_posix().removesuffix('.gz') for path in stored}
    assert {name for name in names if not name.startswith('measured/')} == set(makers())
    for name, make in makers().items():
        made = make()
        if name.endswith('.mat'):
            assert (GOLDEN / name).read_bytes() == made
            continue
        if name.endswith('.json'):
            # The text, not only its content, so that making the files anew leaves the repository as it is.
            assert gzip.decompress((GOLDEN / f'{name}.gz').read_bytes()) == compact(made), name
            continue
        content = golden(name)
        assert content.keys() == made.keys()
        for key, value in made.items():
            np.testing.assert_array_equal(content[key], value, strict=True, err_msg=f'{name}: {key}')


def test_all_files_together_take_less_than_a_mebibyte():
    assert sum(path.stat().st_size for path in GOLDEN.rglob('*.*')) < 2**20
