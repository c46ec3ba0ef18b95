"""PoseTrack's AP: precision over recall for each joint, right where it lies within half a head of its truth.

Source: Andriluka et al., "PoseTrack: A Benchmark for Human Pose Estimation and Tracking" (CVPR 2018), and its
evaluation code, poseval, for the order of the steps: joints strictly inside an ignored region are deleted, from the
predictions and from the ground truth alike; in each frame every predicted person is matched to the true person of whom
it finds the largest share of joints, and every true person to the best of those; joints are then ranked by their own
scores over all frames. A joint that is predicted where the truth has none counts as wrong, as do all joints of an
unmatched person.

Letters: P predicted and G true people of one frame; N predicted people of all frames; K joints. Coordinates are image
px; a region is (V, 2), its V corners.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hrpose.datasets.annotations.coco_entries import image_key
from hrpose.errors import UserError
from hrpose.evaluation.functional.coco_format import all_triples, check_images
from hrpose.evaluation.functional.pckh import head_lengths

THRESHOLD = 0.5  # head lengths

_Array = NDArray[np.float64]
_Mask = NDArray[np.bool_]


def posetrack_ap(
    gt_annotations: Mapping[str, Any],
    results: Iterable[Mapping[str, Any]],
    num_joints: int,
    *,
    threshold: float = THRESHOLD,
) -> tuple[_Array, NDArray[np.int64]]:
    """Return the AP of each joint, and how often it is labelled.

    Frames without an annotated person are left out, with what is predicted in them: nobody labelled them. Joints inside
    an ignored region of their frame are deleted, predicted and labelled ones alike, before people are matched: a
    prediction of a deleted label that lies outside the region is wrong.

    Args:
        gt_annotations: the content of a PoseTrack18 file: `images` with `ignore_regions_x` and `ignore_regions_y` where
            there are such, `annotations` with `keypoints` (3K numbers) and `bbox_head` xywh.
        results: COCO key point results, whose third column is the joint's score: `image_id`, `keypoints`.
        num_joints: K.
        threshold: in head lengths, 0.6 of the diagonal of the head's box.

    Returns:
        (K,) AP in [0, 1], NaN where a joint is never labelled outside ignored regions, and (K,) counts of such labels.

    Raises:
        UserError: an annotation without `bbox_head`, another number of joints than K, results for other images.
    """
    results = list(results)
    check_images(results, {image_key(image['id']) for image in gt_annotations['images']})
    frames = list(_judged_frames(gt_annotations, _by_image(results), num_joints, threshold))
    nobody = np.zeros((0, num_joints))
    scores, right, counted = (np.concatenate([nobody, *(frame[part] for frame in frames)]) for part in range(3))
    labels = sum((frame[3] for frame in frames), np.zeros(num_joints, dtype=np.int64))
    return average_precision(scores, right, counted, labels), labels


def _judged_frames(
    gt_annotations: Mapping[str, Any],
    predicted: Mapping[str, Sequence[Mapping[str, Any]]],
    num_joints: int,
    threshold: float,
) -> Iterator[tuple[_Array, _Mask, _Mask, NDArray[np.int64]]]:
    """Yield, of each frame, scores, right and counted (P, K), as in `average_precision`, and labels (K,)."""
    regions = {image_key(image['id']): _regions(image) for image in gt_annotations['images']}
    for key, people in _by_image(gt_annotations.get('annotations', ())).items():
        people = [person for person in people if any(float(flag) > 0 for flag in (person.get('keypoints') or ())[2::3])]
        truth = _joints(people, num_joints, 'an annotation')
        found = _joints(predicted.get(key, []), num_joints, 'a prediction')
        # poseval deletes labelled joints too: they count neither as missed nor in the share a prediction finds.
        ignored = regions.get(key, [])
        labelled = (truth[:, :, 2] > 0) & ~in_regions(truth[:, :, :2], ignored)
        present = ~in_regions(found[:, :, :2], ignored)
        lengths = head_lengths(_head_corners(people))
        right = right_joints(found, present, truth, labelled, lengths, threshold)
        yield found[:, :, 2], right, present, labelled.sum(axis=0)


def right_joints(
    predicted: ArrayLike,
    present: ArrayLike,
    truth: ArrayLike,
    labelled: ArrayLike,
    lengths: ArrayLike,
    threshold: float = THRESHOLD,
) -> _Mask:
    """Return which joints of one frame's predicted people are right.

    Args:
        predicted: (P, K, 2 or more) image px.
        present: (P, K) bool, the joints that are predicted at all.
        truth: (G, K, 2 or more) image px.
        labelled: (G, K) bool.
        lengths: (G,) px, see `head_lengths`.
        threshold: in head lengths; a joint at exactly the threshold is right.

    Returns:
        (P, K) bool.
    """
    found, true = (np.asarray(array, dtype=np.float64)[:, :, :2] for array in (predicted, truth))
    labelled = np.asarray(labelled)
    right = np.zeros(found.shape[:2], dtype=bool)
    if not len(found) or not len(true):
        return right
    distances = np.linalg.norm(found[:, None] - true[None], axis=3)
    near = distances <= threshold * np.asarray(lengths, dtype=np.float64)[:, None]
    near &= np.asarray(present)[:, None] & labelled[None]
    share = near.sum(axis=2) / np.maximum(labelled.sum(axis=1), 1)
    # Each prediction keeps its best truth, the first of equals; then each truth its best prediction.
    share[np.arange(share.shape[1]) != share.argmax(axis=1)[:, None]] = 0
    matched = np.flatnonzero(share.max(axis=0) > 0)
    people = share.argmax(axis=0)[matched]
    right[people] = near[people, matched]
    return right


def average_precision(scores: ArrayLike, right: ArrayLike, counted: ArrayLike, labels: ArrayLike) -> _Array:
    """Return the area under each joint's precision over recall, precision made to fall as recall grows.

    Of equal scores the earlier person's joint ranks first (poseval leaves their order to chance).

    Args:
        scores: (N, K) of the joints.
        right: (N, K) bool.
        counted: (N, K) bool, the joints that are predicted at all.
        labels: (K,) how often a joint is labelled.

    Returns:
        (K,) in [0, 1]; NaN where a joint is never labelled.
    """
    labels, counted = np.asarray(labels), np.asarray(counted, dtype=bool)
    hit = np.asarray(right, dtype=bool) & counted
    order = np.argsort(-np.where(counted, scores, -np.inf), axis=0, kind='stable')
    hit, counted = (np.take_along_axis(array, order, axis=0) for array in (hit, counted))
    precision = hit.cumsum(axis=0) / np.maximum(counted.cumsum(axis=0), 1)
    falling = np.maximum.accumulate(precision[::-1], axis=0)[::-1]
    # Recall grows at each hit, by one over the number of labels.
    area = np.where(hit, falling, 0.0).sum(axis=0)
    return np.divide(area, labels, out=np.full(len(labels), np.nan), where=labels > 0)


def in_regions(points: ArrayLike, regions: Sequence[ArrayLike]) -> _Mask:
    """Return which points (..., 2) lie strictly inside any of the polygons (V, 2): (...) bool."""
    from matplotlib.path import Path

    points = np.asarray(points, dtype=np.float64)
    flat, inside = points.reshape(-1, 2), np.zeros(points.shape[:-1], dtype=bool)
    for region in regions:
        corners = np.asarray(region, dtype=np.float64)
        strictly = Path(corners).contains_points(flat)
        # Matplotlib leaves open which of the points on an edge it counts.
        strictly[strictly] = ~_on_edges(flat[strictly], corners)
        inside |= strictly.reshape(inside.shape)
    return inside


def _on_edges(points: _Array, corners: _Array) -> _Mask:
    """Return which points (N, 2) lie on an edge of the polygon (V, 2): (N,) bool."""
    to_start = corners - points[:, None]
    to_end = np.roll(to_start, -1, axis=1)
    aligned = to_start[..., 0] * to_end[..., 1] == to_start[..., 1] * to_end[..., 0]
    return (aligned & ((to_start * to_end).sum(axis=2) <= 0)).any(axis=1)


def _regions(image: Mapping[str, Any]) -> list[_Array]:
    """Return the image's ignored regions that have an inside."""
    columns, rows = image.get('ignore_regions_x') or (), image.get('ignore_regions_y') or ()
    return [np.column_stack([xs, ys]) for xs, ys in zip(columns, rows, strict=True) if len(xs) > 2]


def _by_image(entries: Iterable[Mapping[str, Any]]) -> dict[str, list[Mapping[str, Any]]]:
    groups: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for entry in entries:
        groups[image_key(entry['image_id'])].append(entry)
    return groups


def _joints(entries: Sequence[Mapping[str, Any]], num_joints: int, what: str) -> _Array:
    """Return (people, K, 3) the joints of people, with flags or scores."""
    return all_triples(entries, num_joints, what)


def _head_corners(people: Sequence[Mapping[str, Any]]) -> _Array:
    """Return (G, 2, 2) the corners of the heads' boxes."""
    for person in people:
        if not person.get('bbox_head'):
            raise UserError(
                f"annotation {person.get('id')} has no 'bbox_head', the length that PoseTrack's AP is measured in; "
                'CocoMetric needs none'
            )
    boxes = np.array([person['bbox_head'] for person in people], dtype=np.float64).reshape(-1, 2, 2)
    return np.stack([boxes[:, 0], boxes.sum(axis=1)], axis=1)
