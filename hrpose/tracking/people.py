"""What trackers and filters share: checked people, the time of a frame, OKS and IoU as matrices, box NMS.

Letters: N and M people, K joints. Keypoints (x, y) and boxes xyxy are in image px, areas in px², times in seconds.
"""

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hrpose.errors import UserError
from hrpose.structures.oks import similarity_at

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]


def frame_time(frame: int, rate: float | None) -> float:
    """Return the time in seconds of frame number `frame` (from 0) of a video with `rate` frames a second.

    Raises:
        UserError: the rate is not a positive number.
    """
    if rate is None or not 0 < rate < math.inf:
        raise UserError(f'frame {frame}: the frame rate {rate} is not a positive number; give the rate of the video')
    return frame / rate


def require_later(what: str, new: float, last: float | None) -> None:
    """Raise `UserError` unless `new` is a finite number above `last`; None is before everything."""
    if not math.isfinite(new) or (last is not None and new <= last):
        raise UserError(f'{what} {new:g} follows {last}; give the frames in order, each once, and reset between videos')


def checked_people(keypoints: ArrayLike, scores: ArrayLike | None, joints: int | None = None) -> tuple[Array, Array]:
    """Return keypoints (N, K, 2) and scores (N, K) as float64 arrays; an empty list is N = 0.

    Args:
        keypoints: (N, K, 2) image px.
        scores: (N, K); None counts every score as 1.
        joints: K, if it is known.

    Raises:
        UserError: shapes do not fit one another or `joints`.
    """
    points = np.asarray(keypoints, dtype=np.float64)
    points = points.reshape(0, joints or 0, 2) if len(points) == 0 and points.ndim != 3 else points
    if points.ndim != 3 or points.shape[2] != 2 or joints not in (None, points.shape[1]):
        raise UserError(f'keypoints have shape {points.shape}; they must be (people, {joints or "joints"}, 2)')
    given = np.ones(points.shape[:2]) if scores is None else np.asarray(scores, dtype=np.float64)
    given = given.reshape(points.shape[:2]) if given.size == 0 == len(points) else given
    if given.shape != points.shape[:2]:
        raise UserError(f'scores have shape {given.shape}; keypoints {points.shape} need {points.shape[:2]}')
    return points, given


def checked_boxes(boxes: ArrayLike, people: int) -> Array:
    """Return boxes (N, 4) as float64; raise `UserError` unless there are N = `people` finite ones."""
    checked = np.asarray(boxes, dtype=np.float64)
    checked = checked.reshape(-1, 4) if checked.size == 0 else checked
    if checked.shape != (people, 4) or not np.isfinite(checked).all():
        raise UserError(f'boxes have shape {checked.shape}; {people} people need finite boxes of shape ({people}, 4)')
    return checked


def joints_present(keypoints: Array, scores: Array, threshold: float) -> Mask:
    """Return which joints (N, K) are there: finite, with a score of at least `threshold`; a NaN score is not."""
    return np.isfinite(keypoints).all(axis=-1) & (scores >= threshold)


def pose_similarity(
    a: Array, b: Array, *, present_a: Mask, present_b: Mask, areas: Array, sigmas: Array, min_joints: int = 1
) -> Array:
    """Return the OKS of each person in `a` with each in `b`, over the joints that both have.

    OKS is the mean of the joints' similarities, see `hrpose/structures/oks.py`.

    Args:
        a, b: (N, K, 2) and (M, K, 2) image px.
        present_a, present_b: (N, K) and (M, K); other joints do not count.
        areas: (N, M) px², above 0.
        sigmas: (K,) the joints' OKS sigmas.
        min_joints: how many joints two people need in common.

    Returns:
        (N, M) in [0, 1]; NaN, for undefined, where fewer than `min_joints` are common.
    """
    # float32, because this is most of the time that a tracker takes.
    shown_a, shown_b = present_a.astype(np.float32), present_b.astype(np.float32)
    points_a, points_b = (
        np.where(present[..., None], points, 0.0).astype(np.float32)
        for points, present in ((a, present_a), (b, present_b))
    )
    offsets: NDArray[np.float32] = points_a[:, None] - points_b
    similarity = similarity_at(offsets, areas.astype(np.float32), sigmas.astype(np.float32))
    common = shown_a @ shown_b.T
    total = np.einsum('nmk,nk,mk->nm', similarity, shown_a, shown_b)
    return np.where(common >= max(min_joints, 1), total / np.maximum(common, 1), np.nan)


def box_areas(boxes: Array) -> Array:
    """Return the areas (N,) in px² of boxes (N, 4); at least 1, so that one without area divides nothing by zero."""
    return np.maximum(np.clip(boxes[:, 2:] - boxes[:, :2], 0, None).prod(axis=1), 1.0)


def mean_areas(a: Array, b: Array) -> Array:
    """Return the mean area (N, M) in px² of each box of `a` (N, 4) with each of `b` (M, 4)."""
    return (box_areas(a)[:, None] + box_areas(b)) / 2


def box_iou(a: Array, b: Array) -> Array:
    """Return the intersection over union (N, M) of boxes `a` (N, 4) and `b` (M, 4), xyxy."""
    width, height = (
        np.minimum(a[:, None, axis + 2], b[:, axis + 2]) - np.maximum(a[:, None, axis], b[:, axis]) for axis in (0, 1)
    )
    shared = np.maximum(width, 0) * np.maximum(height, 0)
    return shared / (box_areas(a)[:, None] + box_areas(b) - shared)


def box_nms(boxes: Array, scores: Array, threshold: float) -> NDArray[np.int64]:
    """Return the boxes that no better one overlaps by an IoU above `threshold`: indices, best first.

    Args:
        boxes: (N, 4) xyxy.
        scores: (N,); of equal ones the earlier is better.
        threshold: IoU in [0, 1].
    """
    order = np.argsort(-scores, kind='stable')
    overlaps = box_iou(boxes, boxes) > threshold
    kept: list[int] = []
    for index in order.tolist():
        if not overlaps[index, kept].any():
            kept.append(index)
    return np.array(kept, dtype=np.int64)
