"""CrowdPose's evaluation: COCO's, without sizes, and AP by how crowded the image is.

Source: Li et al., "CrowdPose" (CVPR 2019), and its evaluation code crowdposetools, which xtcocotools and
faster-coco-eval carry on as 'keypoints_crowd'. It differs from COCO's in three points: a person's area is 0.53 of the
box, since the files have no areas; a person counts by the file's `num_keypoints`, which leaves head and neck out; and
AP is also given for the images of each level of crowding.
"""

import contextlib
import io
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from hrpose.datasets.annotations.coco_entries import image_key
from hrpose.errors import UserError
from hrpose.evaluation.functional.coco_ap import accumulated, resolve_backend
from hrpose.evaluation.functional.coco_format import AREA_SHARE_OF_BOX, plain_ground_truth, plain_results

LEVELS = ('easy', 'medium', 'hard')
CROWDPOSE_FIGURES = ('AP', 'AP50', 'AP75', 'AR', 'AR50', 'AR75', *(f'AP_{level}' for level in LEVELS))
# The crowd index from which an image is no longer easy, or medium. These are the code's, which made the published
# figures; the paper says 0.1 and 0.8.
CODE_LIMITS = (0.2, 0.8)
NOTHING = -1.0  # COCO's value where the truth has nobody
AT_50, AT_75 = 0, 5  # places of these among the thresholds 0.50, 0.55, …, 0.95


def crowd_levels(images: Iterable[Mapping[str, Any]], limits: Sequence[float] = CODE_LIMITS) -> dict[str, int]:
    """Return the level of each image by its `image_key`: 0 easy, 1 medium, 2 hard.

    Args:
        images: of a CrowdPose file, each with `id` and `crowdIndex` in [0, 1].
        limits: (2,) the least crowd index of a medium and of a hard image.

    Raises:
        UserError: an image without `crowdIndex`.
    """
    images = list(images)
    without = [image['id'] for image in images if image.get('crowdIndex') is None]
    if without:
        raise UserError(
            f'{len(without)} of {len(images)} images have no crowdIndex, for instance {without[0]}; '
            'CocoMetric evaluates without it'
        )
    places = np.searchsorted(np.asarray(limits), [float(image['crowdIndex']) for image in images], side='right')
    return {image_key(image['id']): int(place) for image, place in zip(images, places, strict=True)}


def evaluate_crowdpose(
    gt_annotations: Mapping[str, Any],
    results: Iterable[Mapping[str, Any]],
    sigmas: Sequence[float],
    *,
    limits: Sequence[float] = CODE_LIMITS,
    backend: str = 'auto',
) -> dict[str, float]:
    """Return CrowdPose's nine figures; nothing that is passed in is changed.

    Args:
        gt_annotations: the content of a CrowdPose file with K joints an annotation, a box for each, and a `crowdIndex`
            for each image.
        results: COCO key point results: `image_id`, `keypoints` (3K numbers in image px), `score`.
        sigmas: (K,) the joints' OKS sigmas.
        limits: (2,) see `crowd_levels`.
        backend: as in `evaluate_coco`; all give the same figures.

    Returns:
        AP AP50 AP75 AR AR50 AR75 AP_easy AP_medium AP_hard, each in [0, 1]; -1 where the truth has nobody.

    Raises:
        UserError: no `crowdIndex`, no box, a backend that is not there, wrong number of joints, results for other
            images.
    """
    backend = resolve_backend(backend)
    constants = np.asarray(sigmas, dtype=np.float64)
    level_of_key = crowd_levels(gt_annotations['images'], limits)
    dataset, numbers = _plain_crowd(gt_annotations, len(constants))
    detections = plain_results(results, len(constants), numbers)
    precision, recall = _precision_and_recall(backend, dataset, detections, constants)
    level_of_number = {numbers[key]: level for key, level in level_of_key.items()}
    by_level = [
        _precision_and_recall(backend, *_of_level(dataset, detections, level_of_number, level), constants)[0]
        for level in range(len(LEVELS))
    ]
    values = [array[at] for array in (precision, recall) for at in (slice(None), AT_50, AT_75)]
    return dict(zip(CROWDPOSE_FIGURES, map(_mean, (*values, *by_level)), strict=True))


def _plain_crowd(gt_annotations: Mapping[str, Any], num_joints: int) -> tuple[dict[str, Any], dict[str, int]]:
    """Return the truth in plain form with the file's `num_keypoints`, and how its images are numbered."""
    people = gt_annotations.get('annotations', ())
    for person in people:
        if not person.get('bbox'):
            raise UserError(f'annotation {person.get("id")} has no box, which CrowdPose takes the area from')
    areas = [float(person['bbox'][2]) * float(person['bbox'][3]) * AREA_SHARE_OF_BOX for person in people]
    with_areas = [{**person, 'area': area} for person, area in zip(people, areas, strict=True)]
    dataset, numbers = plain_ground_truth({**gt_annotations, 'annotations': with_areas}, num_joints)
    for plain, person in zip(dataset['annotations'], people, strict=True):
        plain['num_keypoints'] = int(person.get('num_keypoints', plain['num_keypoints']))
    return dataset, numbers


def _of_level(
    dataset: Mapping[str, Any], detections: Sequence[dict[str, Any]], level_of_number: Mapping[int, int], level: int
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Return copies of the plain truth and results of one level's images; people of unlisted images have no level."""
    return {
        'images': [dict(image) for image in dataset['images'] if level_of_number.get(image['id']) == level],
        'annotations': [dict(a) for a in dataset['annotations'] if level_of_number.get(a['image_id']) == level],
        'categories': dataset['categories'],
    }, [dict(result) for result in detections if level_of_number[result['image_id']] == level]


def _precision_and_recall(
    backend: str, dataset: dict[str, Any], detections: list[dict[str, Any]], sigmas: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return precision (10, …) and recall (10, …) by OKS threshold, over people of every size; -1 where undefined."""
    counted = [a for a in dataset['annotations'] if a['num_keypoints'] and not a['iscrowd']]
    if not counted or not detections:
        empty = np.full(10, 0.0 if counted else NOTHING)
        return empty, empty
    with contextlib.redirect_stdout(io.StringIO()):
        evaluation = accumulated(backend, dataset, detections, sigmas, iou_type='keypoints_crowd')
    return np.asarray(evaluation.eval['precision'])[:, :, :, 0], np.asarray(evaluation.eval['recall'])[:, :, 0]


def _mean(values: np.ndarray) -> float:
    known = values[values > NOTHING]
    return float(known.mean()) if known.size else NOTHING
