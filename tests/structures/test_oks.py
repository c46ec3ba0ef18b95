"""The similarity of joints: COCO's formula, in the dtype of what is given."""

import numpy as np
import pytest

from hrpose.structures.oks import similarity_at


def test_similarity_falls_with_distance_as_coco_has_it():
    offsets = np.array([[[3.0, 4.0], [0.0, 0.0]]])
    found = similarity_at(offsets, np.array([100.0]), np.array([0.1, 0.05]))
    assert found[0] == pytest.approx([np.exp(-25 / (2 * 100 * 0.2**2)), 1], rel=1e-15)


def test_a_person_without_area_is_like_those_at_the_same_place_alone():
    found = similarity_at(np.array([[[0.0, 0.0], [1.0, 0.0]]]), np.zeros(1), np.full(2, 0.1))
    assert found.tolist() == [[1, 0]]


def test_float32_stays_float32_and_is_near():
    rng = np.random.default_rng(0)
    arrays = rng.uniform(-40, 40, (9, 17, 2)), rng.uniform(500, 9000, 9), rng.uniform(0.02, 0.11, 17)
    exact = similarity_at(*arrays)
    fast = similarity_at(*(array.astype(np.float32) for array in arrays))
    assert (exact.dtype, fast.dtype) == (np.float64, np.float32)
    np.testing.assert_allclose(fast, exact, atol=1e-6)
