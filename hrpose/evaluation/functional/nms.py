"""Non-maximum suppression of people by OKS, hard and soft.

A detector often boxes one person twice, and both boxes then give the same pose. Of people that are
more alike than a threshold only the best scored is kept (hard), or the others sink in rank (soft).

Sources: Papandreou et al., "Towards accurate multi-person pose estimation in the wild" (CVPR 2017)
for the hard one; Bodla et al., "Soft-NMS" (ICCV 2017) for the Gaussian decay.

Letters: N people of one image; K joints. Key points (x, y, score) in image px; areas in px^2.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hrpose.evaluation.functional.oks import oks

_Indices = NDArray[np.int64]


def oks_nms(
    keypoints: ArrayLike,
    scores: ArrayLike,
    areas: ArrayLike,
    sigmas: ArrayLike,
    threshold: float = 0.9,
) -> _Indices:
    """Keep the best scored of every group of people whose OKS is above `threshold`.

    Args:
        keypoints: (N, K, 3) or (N, K, 2) image px; a third column is not used.
        scores: (N,) of the people.
        areas: (N,) px^2. The published protocol takes the area of the padded box, not of the
            person.
        sigmas: (K,) the joints' OKS sigmas.
        threshold: OKS in [0, 1] above which the lower scored of two people is dropped.

    Returns:
        Indices kept, best score first; of equal scores the earlier comes first.
    """
    keypoints, scores, areas = _checked(keypoints, scores, areas)
    remaining = np.argsort(-scores, kind='stable')
    kept: list[np.int64] = []
    while len(remaining):
        best, remaining = remaining[0], remaining[1:]
        kept.append(best)
        overlap = _overlap(keypoints, areas, sigmas, best, remaining)
        remaining = remaining[overlap <= threshold]
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

    Each time a person is kept, the scores of all that remain are multiplied by `exp(-OKS^2 /
    threshold)`. The decayed scores only decide the order: callers go on with the scores that they
    passed in, as published.

    Args:
        keypoints: (N, K, 3) or (N, K, 2) image px; a third column is not used.
        scores: (N,) of the people.
        areas: (N,) px^2.
        sigmas: (K,) the joints' OKS sigmas.
        threshold: the width of the Gaussian, above 0: the smaller, the harder the decay.
        max_people: how many are kept at most; 20 is what COCO counts per image.

    Returns:
        Indices kept, best first by decayed score; of equal ones the earlier comes first.
    """
    keypoints, scores, areas = _checked(keypoints, scores, areas)
    remaining = np.argsort(-scores, kind='stable')
    decayed = scores[remaining]
    kept: list[np.int64] = []
    while len(remaining) and len(kept) < max_people:
        best, remaining = remaining[0], remaining[1:]
        kept.append(best)
        overlap = _overlap(keypoints, areas, sigmas, best, remaining)
        decayed = decayed[1:] * np.exp(-(overlap**2) / threshold)
        order = np.argsort(-decayed, kind='stable')
        remaining, decayed = remaining[order], decayed[order]
    return np.array(kept, dtype=np.int64)


def _overlap(
    keypoints: NDArray, areas: NDArray, sigmas: ArrayLike, one: np.int64, others: _Indices
) -> NDArray[np.float64]:
    """Return the OKS (M,) of person `one` with `others` (M,), on the mean of both areas."""
    if len(others) == 0:
        return np.zeros(0)
    mean_areas = (areas[one] + areas[others]) / 2
    return oks(keypoints[one][None], keypoints[others], areas=mean_areas, sigmas=sigmas)[0]


def _checked(keypoints: ArrayLike, scores: ArrayLike, areas: ArrayLike) -> tuple[NDArray, NDArray, NDArray]:
    keypoints, scores, areas = (np.asarray(array, dtype=np.float64) for array in (keypoints, scores, areas))
    if not len(keypoints) == len(scores) == len(areas):
        raise ValueError(
            'key points, scores and areas must be of as many people, '
            f'got {len(keypoints)}, {len(scores)} and {len(areas)}'
        )
    return keypoints, scores, areas
