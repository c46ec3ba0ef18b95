"""PCKh: values by hand."""

import numpy as np
import pytest

from hrpose.evaluation import head_lengths, pckh
from hrpose.evaluation.functional.pck import mean_over_labels


def test_pckh_by_hand():
    # Head boxes of 60 x 80 px: diagonal 100, length 60. Distances 30 (right at 0.5) and 31 (wrong).
    lengths = head_lengths(np.array([[[0, 0], [60, 80]], [[5, 5], [65, 85]]]))
    assert lengths.tolist() == [60, 60]
    truth = np.zeros((2, 2, 2))
    predicted = np.array([[[30.0, 0.0], [0.0, 31.0]], [[0.0, 31.0], [0.0, 0.0]]])
    shares = pckh(predicted, truth, [[1, 1], [1, 0]], lengths, [0.5, 0.52])
    assert shares.tolist() == [[0.5, 0.0], [1.0, 1.0]]
    # Joint 0 is labelled twice and weighs twice.
    assert mean_over_labels(shares, [[1, 1], [1, 0]], [True, True]).tolist() == pytest.approx([1 / 3, 1.0])
    assert mean_over_labels(shares, [[1, 1], [1, 0]], [False, True]).tolist() == [0.0, 1.0]
