"""Object key point similarity (OKS), the measure under COCO's key point evaluation.

For one joint at distance d, on a person of area s^2, with the joint's constant k = 2 sigma:

    e = d^2 / (2 s^2 k^2)        similarity = exp(-e)

and the OKS of two people is the mean similarity over the joints that are labelled.
Source: https://cocodataset.org/#keypoints-eval.

Letters: N, M people; K joints. Key points are (x, y) or (x, y, anything) in image px; areas are in
px^2.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

# COCO adds this to every area, which keeps a degenerate person of area 0 from dividing by zero.
_AREA_EPSILON = np.spacing(1.0)


def joint_similarity(
    keypoints_a: ArrayLike, keypoints_b: ArrayLike, *, areas: ArrayLike, sigmas: ArrayLike
) -> NDArray[np.float64]:
    """Return how similar each joint of each person in `a` is to that of each person in `b`.

    Args:
        keypoints_a: (N, K, 2 or more) image px.
        keypoints_b: (M, K, 2 or more) image px.
        areas: px^2, anything that broadcasts to (N, M): (M,) are the areas of `b`, as COCO takes
            the truth's.
        sigmas: (K,) the joints' OKS sigmas.

    Returns:
        (N, M, K) similarities in [0, 1].

    Raises:
        ValueError: the two sets or the sigmas do not have the same number of joints.
    """
    a = _as_people('keypoints_a', keypoints_a)
    b = _as_people('keypoints_b', keypoints_b)
    sigmas = np.asarray(sigmas, dtype=np.float64)
    if not a.shape[1] == b.shape[1] == len(sigmas):
        raise ValueError(
            f'OKS needs as many joints everywhere: keypoints_a has {a.shape[1]}, '
            f'keypoints_b {b.shape[1]}, sigmas {len(sigmas)}'
        )
    areas = np.broadcast_to(np.asarray(areas, dtype=np.float64), (len(a), len(b)))
    dx = a[:, None, :, 0] - b[None, :, :, 0]
    dy = a[:, None, :, 1] - b[None, :, :, 1]
    return similarity_at(dx**2 + dy**2, areas, sigmas)


def similarity_at(squared: NDArray[np.float64], areas: ArrayLike, sigmas: ArrayLike) -> NDArray[np.float64]:
    """Return the similarity (..., K) of joints at squared distances (..., K), px^2.

    Args:
        squared: (..., K) px^2.
        areas: (...), px^2, of the people.
        sigmas: (K,) the joints' OKS sigmas.
    """
    variances = (2 * np.asarray(sigmas)) ** 2
    return np.exp(-squared / variances / (np.asarray(areas)[..., None] + _AREA_EPSILON) / 2)


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
        keypoints_a: (N, K, 2 or more) image px, usually predictions.
        keypoints_b: (M, K, 2 or more) image px, usually the truth.
        areas: px^2, anything that broadcasts to (N, M). COCO takes the truth's (M,); between two
            predictions the published NMS takes the mean of both: `(areas_a[:, None] + areas_b) /
            2`.
        sigmas: (K,) the joints' OKS sigmas.
        visible: (M, K), above 0 where the joint of `b` is labelled; None counts every joint.

    Returns:
        (N, M) OKS in [0, 1]; NaN in the column of a person with no labelled joint, whose OKS is
        undefined.

    Raises:
        ValueError: the two sets or the sigmas do not have the same number of joints.
    """
    similarity = joint_similarity(keypoints_a, keypoints_b, areas=areas, sigmas=sigmas)
    if visible is None:
        return similarity.mean(axis=2)
    labelled = np.asarray(visible) > 0
    with np.errstate(invalid='ignore'):
        return np.where(labelled, similarity, 0.0).sum(axis=2) / labelled.sum(axis=1)


def _as_people(name: str, keypoints: ArrayLike) -> NDArray[np.float64]:
    array = np.asarray(keypoints, dtype=np.float64)
    if array.ndim != 3 or array.shape[2] < 2:
        raise ValueError(f'{name} must be (people, joints, 2 or more), got shape {array.shape}')
    return array
