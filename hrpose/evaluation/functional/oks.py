"""Object keypoint similarity (OKS), on which COCO's keypoint evaluation rests.

The OKS of two people is the mean similarity (`hrpose/structures/oks.py`) over the labelled joints. Source:
https://cocodataset.org/#keypoints-eval.

Letters: N and M people, P pairs of people, K joints. Keypoints are (x, y) or (x, y, anything) in image px; areas are in
px².
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hrpose.structures.oks import similarity_at


def joint_similarity(
    keypoints_a: ArrayLike, keypoints_b: ArrayLike, *, areas: ArrayLike, sigmas: ArrayLike
) -> NDArray[np.float64]:
    """Return how similar each joint of each person in `a` is to that of each person in `b`.

    Args:
        keypoints_a: (N, K, 2 or more) image px.
        keypoints_b: (M, K, 2 or more) image px.
        areas: px², of any shape that broadcasts to (N, M). COCO takes the areas (M,) of the ground truth.
        sigmas: (K,) the joints' OKS sigmas.

    Returns:
        (N, M, K) similarities in [0, 1].

    Raises:
        ValueError: the two sets or the sigmas do not have the same number of joints.
    """
    a, b = (np.asarray(keypoints, dtype=np.float64) for keypoints in (keypoints_a, keypoints_b))
    for name, array in (('keypoints_a', a), ('keypoints_b', b)):
        if array.ndim != 3 or array.shape[2] < 2:
            raise ValueError(f'OKS: {name} has shape {array.shape}; it must be (people, joints, 2 or more)')
    if not a.shape[1] == b.shape[1] == np.size(sigmas):
        raise ValueError(
            f'OKS: keypoints_a has {a.shape[1]} joints, keypoints_b {b.shape[1]}, sigmas {np.size(sigmas)}; '
            'all must have the same number'
        )
    areas = np.broadcast_to(np.asarray(areas, dtype=np.float64), (len(a), len(b)))
    return similarity_at(a[:, None, :, :2] - b[None, :, :, :2], areas, np.asarray(sigmas, dtype=np.float64))


def oks(
    keypoints_a: ArrayLike,
    keypoints_b: ArrayLike,
    *,
    areas: ArrayLike,
    sigmas: ArrayLike,
    visible: ArrayLike | None = None,
) -> NDArray[np.float64]:
    """Return the OKS of each person in `a` with each person in `b`.

    Args:
        keypoints_a, keypoints_b, areas, sigmas: as in `joint_similarity`; `b` is usually the ground truth. Between two
            predictions the published NMS takes the mean of both areas, `(areas_a[:, None] + areas_b) / 2`.
        visible: (M, K), above 0 where the joint of `b` is labelled; None counts every joint.

    Returns:
        (N, M) OKS in [0, 1]; NaN, for undefined, in the column of a person without a labelled joint.
    """
    similarity = joint_similarity(keypoints_a, keypoints_b, areas=areas, sigmas=sigmas)
    if visible is None:
        return similarity.mean(axis=2)
    labelled = np.asarray(visible) > 0
    with np.errstate(invalid='ignore'):
        return np.where(labelled, similarity, 0.0).sum(axis=2) / labelled.sum(axis=1)


def pairs_within(
    groups_a: NDArray[np.int64], groups_b: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the indices (P,) and (P,) of each row of `a` with each row of `b` of the same group, by `a`, then `b`.

    Args:
        groups_a: (N,).
        groups_b: (M,), sorted.
    """
    first = np.searchsorted(groups_b, groups_a)
    count = np.searchsorted(groups_b, groups_a, side='right') - first
    a = np.repeat(np.arange(len(groups_a)), count)
    return a, np.arange(len(a)) + np.repeat(first - (np.cumsum(count) - count), count)
