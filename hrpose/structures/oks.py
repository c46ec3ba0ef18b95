"""How similar two joints are, as OKS counts it: in evaluation, in NMS and in tracking.

For one joint at distance d, on a person of area s², with the joint's constant k = 2 sigma:

    e = d² / (2 s² k²)        similarity = exp(-e)

Source: https://cocodataset.org/#keypoints-eval.
"""

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Floats = TypeVar('Floats', NDArray[np.float32], NDArray[np.float64])

# COCO adds this to every area, so that a person of area 0 does not divide by zero. A float of Python's keeps the dtype.
_AREA_EPSILON = float(np.spacing(1.0))


def similarity_at(offsets: Floats, areas: Floats, sigmas: Floats) -> Floats:
    """Return the similarity (..., K) of joints at offsets (..., K, 2) in px, on people of areas (...) in px².

    Args:
        offsets: (..., K, 2) px. All three are float64, as COCO's code computes, or all are float32, which is faster.
        areas: (...) px².
        sigmas: (K,) the joints' OKS sigmas.
    """
    squared = offsets[..., 0] ** 2 + offsets[..., 1] ** 2
    variances = (2 * sigmas) ** 2
    return np.exp(-squared / variances / (areas[..., None] + _AREA_EPSILON) / 2)
