"""CrowdPose's evaluation: COCO's, without sizes, and AP by how crowded the image is.

Source: Li et al., "CrowdPose" (CVPR 2019), and its evaluation code crowdposetools, which xtcocotools and
faster-coco-eval carry on as 'keypoints_crowd'. It differs from COCO's in three points. A person's area is 0.53 of the
box, since the files have no areas. A person counts by the file's `num_keypoints`, which leaves head and neck out. AP is
also given for the images of each level of crowding.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hrpose.errors import UserError
from hrpose.evaluation.functional.coco_ap import accumulated, resolve_backend
from hrpose.evaluation.functional.people import GroundTruth, Predictions

LEVELS = ('easy', 'medium', 'hard')
CROWDPOSE_METRICS = ('AP', 'AP50', 'AP75', 'AR', 'AR50', 'AR75', *(f'AP_{level}' for level in LEVELS))
# From which crowd index an image is medium, and hard: as in the code, behind the published results, not in the paper.
CODE_LIMITS = (0.2, 0.8)
NOTHING = -1.0  # COCO's value where the ground truth has nobody
AT_50, AT_75 = 0, 5  # indices among the thresholds 0.50, 0.55, …, 0.95


def crowd_levels(truth: GroundTruth, limits: Sequence[float] = CODE_LIMITS) -> NDArray[np.int64]:
    """Return the level (I,) of each image: 0 easy, 1 medium, 2 hard.

    Args:
        truth: of I images.
        limits: (2,) the least crowd index of a medium and of a hard image.

    Raises:
        UserError: an image without `crowdIndex`.
    """
    index = np.array(truth.crowd_index)
    without = np.flatnonzero(np.isnan(index))
    if len(without):
        raise UserError(
            f'{len(without)} of {len(index)} images have no crowdIndex, for instance {truth.image_ids[without[0]]}; '
            'use CocoMetric, which needs none'
        )
    return np.searchsorted(np.asarray(limits), index, side='right')


def evaluate_crowdpose(
    gt_annotations: Mapping[str, Any] | GroundTruth,
    results: Iterable[Mapping[str, Any]] | Predictions,
    sigmas: Sequence[float],
    *,
    limits: Sequence[float] = CODE_LIMITS,
    backend: str = 'auto',
) -> dict[str, float]:
    """Return CrowdPose's nine metrics; nothing that is passed in is changed.

    Args:
        gt_annotations, results, sigmas, backend: as in `evaluate_coco`; each annotation has a `bbox`, each image a
            `crowdIndex`.
        limits: (2,) see `crowd_levels`.

    Returns:
        AP AP50 AP75 AR AR50 AR75 AP_easy AP_medium AP_hard, each in [0, 1]; -1 where the ground truth has nobody.

    Raises:
        UserError: as in `evaluate_coco`; no `crowdIndex`, no box.
    """
    backend = resolve_backend(backend)
    truth = GroundTruth.of(gt_annotations, len(sigmas))
    found = Predictions.of(results, truth)
    levels = crowd_levels(truth, limits)
    truth = truth.with_areas_of_boxes()
    precision, recall = _precision_and_recall(backend, truth, found, sigmas)
    by_level = []
    for level in range(len(LEVELS)):
        people, predicted = truth.take(levels[truth.image] == level), found.take(levels[found.image] == level)
        by_level.append(_precision_and_recall(backend, people, predicted, sigmas)[0])
    values = [array[at] for array in (precision, recall) for at in (slice(None), AT_50, AT_75)]
    return dict(zip(CROWDPOSE_METRICS, map(_mean, (*values, *by_level)), strict=True))


def _precision_and_recall(
    backend: str, truth: GroundTruth, found: Predictions, sigmas: Sequence[float]
) -> tuple[NDArray, NDArray]:
    """Return precision (10, …) and recall (10, …) by OKS threshold, over people of every size; -1 where undefined."""
    somebody = ((truth.num_keypoints > 0) & ~truth.crowd).any()
    if not somebody or not len(found):
        empty = np.full(10, 0.0 if somebody else NOTHING)
        return empty, empty
    evaluation = accumulated(backend, truth, found, sigmas, crowd=True)
    return np.asarray(evaluation.eval['precision'])[:, :, :, 0], np.asarray(evaluation.eval['recall'])[:, :, 0]


def _mean(values: NDArray) -> float:
    known = values[values > NOTHING]
    return float(known.mean()) if known.size else NOTHING
