"""The score of a person, from the score of the box and the scores of the joints.

AP ranks people over the whole data set, so this number decides several points of AP. The published protocol of HRNet
and SimpleBaseline is the mode 'keypoint' with a threshold of 0.2.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

RESCORING_MODES = ('keypoint', 'box', 'keypoint_only')


def rescore(
    box_scores: ArrayLike, keypoint_scores: ArrayLike, threshold: float = 0.2, *, mode: str = 'keypoint'
) -> NDArray[np.float64]:
    """Return one score (N,) a person.

    Args:
        box_scores: (N,) of the detector; 1 for ground-truth boxes.
        keypoint_scores: (N, K) of the joints.
        threshold: a joint counts if its score is above this.
        mode: 'keypoint' is the box score times the mean score of the joints that count, 'box' the box score as it is,
            'keypoint_only' the mean alone. The mean is 0 where no joint counts.

    Raises:
        ValueError: an unknown mode.
    """
    if mode not in RESCORING_MODES:
        raise ValueError(f"unknown rescoring '{mode}'; choices: {', '.join(RESCORING_MODES)}")
    box_scores, scores = (np.asarray(array, dtype=np.float64) for array in (box_scores, keypoint_scores))
    if mode == 'box':
        return box_scores.copy()
    counts = scores > threshold
    mean = np.where(counts, scores, 0.0).sum(axis=1) / np.maximum(counts.sum(axis=1), 1)
    return mean if mode == 'keypoint_only' else box_scores * mean
