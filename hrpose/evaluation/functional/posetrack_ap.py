"""PoseTrack's AP: precision over recall for each joint, which is right within half a head of its true place.

Source: Andriluka et al., "PoseTrack: A Benchmark for Human Pose Estimation and Tracking" (CVPR 2018), and its
evaluation code, poseval, for the order of the steps. First, joints strictly inside an ignored region are deleted, from
predictions and ground truth alike. In each frame, every predicted person is matched to the true person of whom it finds
the largest share of joints, and every true person to the best of those. Joints are then ranked by their own scores over
all frames. A joint that is predicted where the ground truth has none is wrong, and so are all of an unmatched person.

Letters: P predicted and G true people of one frame; N predicted people of all frames; K joints. Coordinates are image
px; a region is (V, 2), its V corners.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hrpose.errors import UserError
from hrpose.evaluation.functional.pck import head_lengths
from hrpose.evaluation.functional.people import GroundTruth, People, Predictions, rows_by_image

THRESHOLD = 0.5  # head lengths

_Array = NDArray[np.float64]
_Mask = NDArray[np.bool_]


def posetrack_ap(
    gt_annotations: Mapping[str, Any] | GroundTruth,
    results: Iterable[Mapping[str, Any]] | Predictions,
    num_joints: int,
    *,
    threshold: float = THRESHOLD,
) -> tuple[_Array, NDArray[np.int64]]:
    """Return the AP of each joint, and how often it is labelled.

    Frames without an annotated person are left out, with what is predicted in them, since nobody labelled them. A
    prediction of a deleted label that lies outside the region is wrong.

    Args:
        gt_annotations: as in `evaluate_coco`, of a PoseTrack18 file: annotations have `bbox_head` xywh, and images may
            have `ignore_regions_x` and `ignore_regions_y`.
        results: as in `evaluate_coco`; the third column is the joint's score.
        num_joints: K.
        threshold: in head lengths, 0.6 of the diagonal of the head's box.

    Returns:
        (K,) AP in [0, 1], NaN where a joint is never labelled outside ignored regions, and (K,) counts of such labels.

    Raises:
        UserError: an annotation without `bbox_head`, another number of joints than K, results for other images.
    """
    judged = judge_joints(LabelledFrames.of(gt_annotations, results, num_joints), threshold)
    return average_precision(*judged), judged.labels


class JudgedJoints(NamedTuple):
    """The N predicted people of all labelled frames, judged joint by joint."""

    scores: _Array  # (N, K)
    right: _Mask  # (N, K)
    present: _Mask  # (N, K) the joints that are predicted at all
    labels: NDArray[np.int64]  # (K,) how often a joint is labelled

    def precision_and_recall(self) -> tuple[_Array, _Array]:
        """Return (K,) the precision and the recall of all predicted joints; NaN where there is nothing to divide by."""
        hits = (self.right & self.present).sum(axis=0)
        return share(hits, self.present.sum(axis=0)), share(hits, self.labels)


def judge_joints(frames: 'LabelledFrames', threshold: float = THRESHOLD) -> JudgedJoints:
    """Return which predicted joints of all labelled frames are right, as `right_joints` finds them."""
    right = np.zeros(frames.present.shape, dtype=bool)
    for p, g in frames.rows.values():
        right[p] = right_joints(*frames.people(p, g), threshold)
    judged = np.concatenate([np.zeros(0, dtype=np.int64), *(p for p, _ in frames.rows.values())])
    scores = frames.found.keypoints[judged, :, 2]
    return JudgedJoints(scores, right[judged], frames.present[judged], frames.labelled.sum(axis=0))


@dataclass(frozen=True)
class LabelledFrames:
    """Ground truth and predictions in the frames that somebody labelled, as poseval compares them."""

    truth: GroundTruth  # the people with a labelled joint
    found: Predictions
    labelled: _Mask  # of `truth`, outside ignored regions
    present: _Mask  # of `found`, outside ignored regions; a joint of NaN is missing
    lengths: _Array  # px, of the heads of `truth`
    # Rows of `found` and of `truth` by the index of their image. In the order of the annotations, which decides between
    # equal scores.
    rows: dict[int, tuple[NDArray[np.int64], NDArray[np.int64]]]

    @classmethod
    def of(
        cls,
        gt_annotations: Mapping[str, Any] | GroundTruth,
        results: Iterable[Mapping[str, Any]] | Predictions,
        num_joints: int,
    ) -> 'LabelledFrames':
        """Read ground truth and results, see `posetrack_ap`."""
        truth = GroundTruth.of(gt_annotations, num_joints)
        found = Predictions.of(results, truth)
        frames = truth.image[np.sort(np.unique(truth.image, return_index=True)[1])]
        people = truth.take(truth.num_labelled > 0)
        found_rows, true_rows = (rows_by_image(each.image, len(truth.image_ids)) for each in (found, people))
        return cls(
            truth=people,
            found=found,
            labelled=people.labelled & ~_ignored(people, truth),
            present=~_ignored(found, truth) & ~np.isnan(found.keypoints).any(axis=2),
            lengths=head_lengths(_head_corners(people)),
            rows={int(frame): (found_rows[frame], true_rows[frame]) for frame in frames},
        )

    def people(self, p: NDArray[np.int64], g: NDArray[np.int64]) -> tuple[_Array, _Mask, _Array, _Mask, _Array]:
        """Return the first arguments of `right_joints` and `pair_distances` for rows of `found` and of `truth`."""
        found, truth = self.found.keypoints[p], self.truth.keypoints[g]
        return found, self.present[p], truth, self.labelled[g], self.lengths[g]


def pair_distances(
    predicted: ArrayLike, present: ArrayLike, truth: ArrayLike, labelled: ArrayLike, lengths: ArrayLike
) -> _Array:
    """Return (P, G, K) the distance of each joint of every pair of people in one frame, in head lengths.

    It is infinite where a joint is not predicted or not labelled. The arguments are those of `right_joints`.
    """
    found, true = (np.asarray(array, dtype=np.float64)[:, :, :2] for array in (predicted, truth))
    distances = np.linalg.norm(found[:, None] - true[None], axis=3)
    both = np.asarray(present)[:, None] & np.asarray(labelled)[None]
    with np.errstate(divide='ignore', invalid='ignore'):  # a head without length: only what lies on its joint is near
        heads = np.where(distances == 0, 0, distances / np.asarray(lengths, dtype=np.float64)[:, None])
    return np.where(both, heads, np.inf)


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
    labelled = np.asarray(labelled)
    near = pair_distances(predicted, present, truth, labelled, lengths) <= threshold
    right = np.zeros((len(near), near.shape[2]), dtype=bool)
    if not near.size:
        return right
    shares = near.sum(axis=2) / np.maximum(labelled.sum(axis=1), 1)
    # Each prediction keeps its best true person, the first of equals; then each true person its best prediction.
    shares[np.arange(shares.shape[1]) != shares.argmax(axis=1)[:, None]] = 0
    matched = np.flatnonzero(shares.max(axis=0) > 0)
    people = shares.argmax(axis=0)[matched]
    right[people] = near[people, matched]
    return right


def average_precision(scores: ArrayLike, right: ArrayLike, counted: ArrayLike, labels: ArrayLike) -> _Array:
    """Return the area under each joint's curve of precision over recall, where precision is made to fall.

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
    return share(np.where(hit, falling, 0.0).sum(axis=0), labels)


def share(part: ArrayLike, whole: ArrayLike) -> _Array:
    """Return (K,) `part` over `whole`; NaN where `whole` is 0."""
    part, whole = (np.asarray(array, dtype=np.float64) for array in (part, whole))
    return np.divide(part, whole, out=np.full(whole.shape, np.nan), where=whole > 0)


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


def _ignored(people: People, truth: GroundTruth) -> _Mask:
    """Return (N, K) which joints lie in an ignored region of their image."""
    inside = np.zeros(people.keypoints.shape[:2], dtype=bool)
    for rows, regions in zip(rows_by_image(people.image, len(truth.image_ids)), truth.regions, strict=True):
        if regions:
            inside[rows] = in_regions(people.keypoints[rows, :, :2], regions)
    return inside


def _head_corners(people: GroundTruth) -> _Array:
    """Return (N, 2, 2) the corners of the heads' boxes."""
    without = np.isnan(people.heads).any(axis=1)
    if without.any():
        raise UserError(
            f"annotation {people.ids[without][0]} has no 'bbox_head', the length that PoseTrack's AP is measured in; "
            'use CocoMetric, which needs none'
        )
    boxes = people.heads.reshape(-1, 2, 2)
    return np.stack([boxes[:, 0], boxes.sum(axis=1)], axis=1)
