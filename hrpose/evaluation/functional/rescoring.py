"""The score of a person, from the score of the box and the scores of the joints.

AP ranks people over the whole data set, so what this number is decides several points of AP. The
published protocol of HRNet and SimpleBaseline is the mode 'keypoint' with a threshold of 0.2.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

RESCORING_MODES = ('keypoint', 'box', 'keypoint_only')


def rescore(
    box_scores: ArrayLike,
    keypoint_scores: ArrayLike,
    threshold: float = 0.2,
    *,
    mode: str = 'keypoint',
) -> NDArray[np.float64]:
    """Return one score a person.

    Args:
        box_scores: (N,) of the detector; 1 for ground-truth boxes.
        keypoint_scores: (N, K) of the joints.
        threshold: a joint counts if its score is above this.
        mode: 'keypoint' is the box score times the mean score of the joints that count, 'box' the
            box score as it is, 'keypoint_only' the mean alone. The mean is 0 where no joint counts.

    Returns:
        (N,) scores.

    Raises:
        ValueError: an unknown mode.
    """
    if mode not in RESCORING_MODES:
        raise ValueError(f"unknown rescoring '{mode}'; choices: {', '.join(RESCORING_MODES)}")
    box_scores = np.asarray(box_scores, dtype=np.float64)
    if mode == 'box':
        return box_scores.copy()
    mean = _mean_above(np.asarray(keypoint_scores, dtype=np.float64), threshold)
    return mean if mode == 'keypoint_only' else box_scores * mean


def _mean_above(scores: NDArray[np.float64], threshold: float) -> NDArray[np.float64]:
    """Return (N,) the mean of the (N, K) scores above `threshold`, 0 where there are none."""
    counts = scores > threshold
    return np.where(counts, scores, 0.0).sum(axis=1) / np.maximum(counts.sum(axis=1), 1)
