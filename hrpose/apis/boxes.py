"""People's boxes, given by the caller or found by a detector. N people; boxes are xyxy in image px."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from hrpose.errors import UserError
from hrpose.structures import MAX_COORDINATE

# The word in place of boxes that makes the whole image one person's box.
WHOLE_IMAGE = 'whole_image'
NO_BOXES = (
    'nothing says where the people are; give their boxes (boxes=[[x1, y1, x2, y2], …]), or a detector '
    f"(PoseInferencer(…, detector=PersonDetector(…))), or boxes='{WHOLE_IMAGE}' if each image shows one person"
)


class Boxes(NamedTuple):
    """Boxes with scores. A detector sorts them by score, and each has a width and a height.

    Attributes:
        boxes: (N, 4) xyxy in image px.
        scores: (N,), 0 to 1.
    """

    boxes: np.ndarray
    scores: np.ndarray


GivenBoxes = ArrayLike | Boxes  # what `checked_boxes` takes; ArrayLike includes the word


def checked_boxes(boxes: GivenBoxes, image_size: tuple[int, int], what: str) -> Boxes:
    """Check the boxes of an image. They come back one row each, in order: none is clipped, suppressed or left out.

    Args:
        boxes: (N, 4) xyxy in image px, in any form that NumPy reads; or `Boxes`; or `WHOLE_IMAGE`. `[]` is nobody.
        image_size: (w, h) px of the image.
        what: the name of the image in error messages.

    Returns:
        boxes (N, 4) float64, scores (N,) float64, which are 1 unless given.

    Raises:
        UserError: the shape is another, a coordinate is not finite or beyond `MAX_COORDINATE`, or a width or height is
            not positive.
    """
    if isinstance(boxes, str):
        if boxes != WHOLE_IMAGE:
            raise UserError(f"{what}: boxes is '{boxes}'; the only word it may be is '{WHOLE_IMAGE}'")
        return Boxes(np.array([[0, 0, *image_size]], dtype=np.float64), np.ones(1))
    given, scores = (boxes.boxes, boxes.scores) if isinstance(boxes, Boxes) else (boxes, None)
    rows = _numbers(given, what)
    if len(rows) == 0:
        return Boxes(np.zeros((0, 4)), np.zeros(0))
    if rows.shape != (len(rows), 4):
        hint = {(4,): '; one box is [[x1, y1, x2, y2]]', (len(rows), 5): '; with scores give Boxes(boxes, scores)'}
        raise UserError(f'{what}: boxes have to be (N, 4), x1, y1, x2, y2, not {rows.shape}{hint.get(rows.shape, "")}')
    _check_rows(rows, what)
    return Boxes(rows, np.ones(len(rows)) if scores is None else _checked_scores(scores, len(rows), what))


def boxes_with_area(found: Boxes) -> Boxes:
    """Return a detector's boxes as float64, without those that have no area or a number that is not usable."""
    boxes, scores = np.asarray(found.boxes, dtype=np.float64).reshape(-1, 4), np.asarray(found.scores, np.float64)
    kept = _in_range(boxes) & (boxes[:, 2:] > boxes[:, :2]).all(axis=1) & np.isfinite(scores)
    return Boxes(boxes[kept], scores[kept])


def _numbers(values: Any, what: str) -> np.ndarray:
    try:
        return np.atleast_1d(np.array(values, dtype=np.float64))
    except (TypeError, ValueError) as error:
        raise UserError(f'{what}: boxes have to be numbers (N, 4), x1, y1, x2, y2: {error}') from error


def _check_rows(rows: np.ndarray, what: str) -> None:
    in_range = _in_range(rows)
    near = np.where(in_range[:, None], rows, 0.0)
    sides = near[:, 2:] - near[:, :2]
    wrong = np.flatnonzero(~(in_range & (sides > 0).all(axis=1)))
    if not len(wrong):
        return
    first = wrong[0]
    row, (width, height) = ', '.join(f'{value:g}' for value in rows[first]), sides[first]
    reason = (
        f'is {width:g} px wide and {height:g} px high; boxes are x1, y1, x2, y2, which of x, y, width, height are '
        'x, y, x + width, y + height'
        if in_range[first]
        else f'has a coordinate that is not finite, or beyond {MAX_COORDINATE:.0f} px'
    )
    raise UserError(f'{what}: box {first} of {len(rows)}, ({row}), {reason}')


def _in_range(rows: np.ndarray) -> np.ndarray:
    """Return for each box of (N, 4) whether all its coordinates are finite and near enough, (N,) bool."""
    return (np.abs(rows) <= MAX_COORDINATE).all(axis=1)


def _checked_scores(scores: Any, count: int, what: str) -> np.ndarray:
    scores = _numbers(scores, what)
    if scores.shape != (count,) or not np.isfinite(scores).all():
        raise UserError(f'{what}: {count} boxes need {count} finite scores, but the scores have shape {scores.shape}')
    return scores
