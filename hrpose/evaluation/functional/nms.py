"""The score of a person, and non-maximum suppression of people by OKS, hard and soft.

AP ranks people over the whole data set, so the score decides several points of AP. It is made of the scores of the box
and the joints; the published protocol of HRNet and SimpleBaseline is the mode 'keypoint' with a threshold of 0.2.

A detector often boxes one person twice, and both boxes then give the same pose. Of people whose OKS is above a
threshold only the best scored is kept (hard), or the others sink in rank (soft).

Sources: Papandreou et al., "Towards accurate multi-person pose estimation in the wild" (CVPR 2017) for the hard one;
Bodla et al., "Soft-NMS" (ICCV 2017) for the Gaussian decay.

Letters: N people of one image; K joints. Keypoints (x, y, score) in image px; areas in px².
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hrpose.structures.oks import similarity_at

RESCORING_MODES = ('keypoint', 'box', 'keypoint_only')

_Indices = NDArray[np.int64]
_Array = NDArray[np.float64]


def rescore(
    box_scores: ArrayLike, keypoint_scores: ArrayLike, threshold: float = 0.2, *, mode: str = 'keypoint'
) -> _Array:
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


def rescore_calibrated(box_scores: ArrayLike, probabilities: ArrayLike, visible: ArrayLike) -> _Array:
    """Return one score (N,) a person: the box score times the expected share of its labelled joints that are right.

    Args:
        box_scores: (N,) of the detector; 1 for ground-truth boxes.
        probabilities: (N, K) that a joint is right if it is labelled.
        visible: (N, K) the probability that it is labelled. The share is 0 if all are 0.
    """
    box_scores, within, weights = (
        np.asarray(array, dtype=np.float64) for array in (box_scores, probabilities, visible)
    )
    total = weights.sum(axis=1)
    return box_scores * (within * weights).sum(axis=1) / np.where(total > 0, total, 1)


def oks_nms(
    keypoints: ArrayLike, scores: ArrayLike, areas: ArrayLike, sigmas: ArrayLike, threshold: float = 0.9
) -> _Indices:
    """Keep the best scored of every group of people whose OKS is above `threshold`.

    Args:
        keypoints: (N, K, 3) or (N, K, 2) image px; a third column is not used.
        scores: (N,) of the people.
        areas: (N,) px². The published protocol takes the area of the padded box, not of the person.
        sigmas: (K,) the joints' OKS sigmas.
        threshold: OKS in [0, 1] above which the lower scored of two people is dropped.

    Returns:
        Indices kept, best score first; of equal scores the earlier comes first.
    """
    points, scores, areas, sigmas = _checked(keypoints, scores, areas, sigmas)
    remaining = np.argsort(-scores, kind='stable')
    kept: list[np.int64] = []
    while len(remaining):
        best, remaining = remaining[0], remaining[1:]
        kept.append(best)
        remaining = remaining[_overlap(points, areas, sigmas, best, remaining) <= threshold]
    return np.array(kept, dtype=np.int64)


def soft_oks_nms(
    keypoints: ArrayLike,
    scores: ArrayLike,
    areas: ArrayLike,
    sigmas: ArrayLike,
    threshold: float = 0.9,
    *,
    max_people: int = 20,
) -> _Indices:
    """Rank people so that one who resembles a better one sinks; keep the first `max_people`.

    Each time a person is kept, the scores of all that remain are multiplied by `exp(-OKS² / threshold)`. The decayed
    scores only decide the order: callers go on with the scores that they passed in, as published.

    Args:
        keypoints, scores, areas, sigmas: as in `oks_nms`.
        threshold: the width of the Gaussian, above 0: the smaller, the stronger the decay.
        max_people: how many are kept at most; 20 is what COCO counts per image.

    Returns:
        (kept,) indices, best first by decayed score; of equal ones the earlier comes first.
    """
    points, scores, areas, sigmas = _checked(keypoints, scores, areas, sigmas)
    remaining = np.argsort(-scores, kind='stable')
    decayed = scores[remaining]
    kept: list[np.int64] = []
    while len(remaining) and len(kept) < max_people:
        best, remaining = remaining[0], remaining[1:]
        kept.append(best)
        decayed = decayed[1:] * np.exp(-(_overlap(points, areas, sigmas, best, remaining) ** 2) / threshold)
        order = np.argsort(-decayed, kind='stable')
        remaining, decayed = remaining[order], decayed[order]
    return np.array(kept, dtype=np.int64)


def _overlap(points: _Array, areas: _Array, sigmas: _Array, one: np.int64, others: _Indices) -> _Array:
    """Return the OKS (M,) of person `one` with `others` (M,), on the mean of both areas."""
    mean_areas = (areas[one] + areas[others]) / 2
    return similarity_at(points[others] - points[one], mean_areas, sigmas).sum(axis=1) / len(sigmas)


def _checked(keypoints: ArrayLike, scores: ArrayLike, areas: ArrayLike, sigmas: ArrayLike) -> tuple[_Array, ...]:
    """Return points (N, K, 2), scores (N,), areas (N,) and sigmas (K,)."""
    points, *others, sigmas = (np.asarray(array, dtype=np.float64) for array in (keypoints, scores, areas, sigmas))
    people, joints = [len(points), *map(len, others)], len(sigmas)
    if len(set(people)) > 1:
        raise ValueError(f'NMS: keypoints, scores and areas are of {people[0]}, {people[1]} and {people[2]} people')
    if points.shape[1:] not in ((joints, 2), (joints, 3)):
        raise ValueError(f'NMS: keypoints have shape {points.shape} for {joints} sigmas; they must be (N, {joints}, 3)')
    return points[..., :2], *others, sigmas
