"""Boxes that a caller gives, checked and never changed. N people; boxes are xyxy in image px."""

from typing import Any

import numpy as np

from hrpose.apis.detector import Boxes
from hrpose.errors import UserError

# Said in place of boxes: the whole picture is one person's box.
WHOLE_IMAGE = 'whole_image'


def no_boxes_message() -> str:
    """Return the sentence for whoever named neither boxes nor a detector."""
    return (
        'nothing says where the people are. Give their boxes (boxes=[[x1, y1, x2, y2], …]), or a detector '
        f"(PoseInferencer(…, detector=PersonDetector(…))), or say boxes='{WHOLE_IMAGE}' where a picture is one person"
    )


def whole_image(image_size: tuple[int, int]) -> Boxes:
    """Return the box around all of a picture of `image_size` (w, h) px, with score 1."""
    return Boxes(np.array([[0, 0, *image_size]], dtype=np.float64), np.ones(1))


def checked_boxes(boxes: Any, image_size: tuple[int, int], what: str) -> Boxes:
    """Return the boxes as they are given, one row each, in order: nothing is clipped, suppressed or left out.

    Args:
        boxes: (N, 4) xyxy in image px, in any form that NumPy reads; `Boxes` with their scores, which else are 1; or
            `WHOLE_IMAGE`. Nothing at all (`[]`) is nobody.
        image_size: (w, h) px of the picture, for `WHOLE_IMAGE`.
        what: what a message calls the picture.

    Returns:
        boxes (N, 4) float64, scores (N,) float64.

    Raises:
        UserError: another shape, a number that is none, or a width or height of zero or less; names the row.
    """
    if isinstance(boxes, str):
        if boxes != WHOLE_IMAGE:
            raise UserError(f"boxes is '{boxes}'; the one word that it may be is '{WHOLE_IMAGE}'")
        return whole_image(image_size)
    rows, scores = (boxes.boxes, boxes.scores) if isinstance(boxes, Boxes) else (boxes, None)
    rows = _numbers(rows, what)
    if len(rows) == 0:
        return Boxes(np.zeros((0, 4)), np.zeros(0))
    if rows.shape != (len(rows), 4):
        single = '; one box is [[x1, y1, x2, y2]]' if rows.shape == (4,) else ''
        with_scores = '; with scores give Boxes(boxes, scores)' if rows.shape[1:] == (5,) else ''
        raise UserError(f'{what}: boxes have to be (N, 4), x1, y1, x2, y2, not {rows.shape}{single}{with_scores}')
    _check_rows(rows, what)
    return Boxes(rows, np.ones(len(rows)) if scores is None else _checked_scores(scores, len(rows), what))


def _numbers(values: Any, what: str) -> np.ndarray:
    try:
        return np.atleast_1d(np.array(values, dtype=np.float64))
    except (TypeError, ValueError) as error:
        raise UserError(f'{what}: boxes have to be numbers (N, 4), x1, y1, x2, y2: {error}') from error


def _check_rows(rows: np.ndarray, what: str) -> None:
    bad = np.flatnonzero(~np.isfinite(rows).all(axis=1))
    if len(bad):
        raise UserError(f'{what}: box {bad[0]} of {len(rows)} is {_row(rows, bad[0])}: no box without four numbers')
    sides = rows[:, 2:] - rows[:, :2]
    bad = np.flatnonzero(~(sides > 0).all(axis=1))
    if len(bad):
        width, height = sides[bad[0]]
        raise UserError(
            f'{what}: box {bad[0]} of {len(rows)}, {_row(rows, bad[0])}, is {width:g} px wide and {height:g} px high; '
            'boxes are x1, y1, x2, y2: from x, y, width, height that is x, y, x + width, y + height'
        )


def _row(rows: np.ndarray, index: int) -> str:
    return f'({", ".join(f"{value:g}" for value in rows[index])})'


def _checked_scores(scores: Any, count: int, what: str) -> np.ndarray:
    scores = _numbers(scores, what)
    if scores.shape != (count,) or not np.isfinite(scores).all():
        raise UserError(f'{what}: {count} boxes have {count} scores, all of them numbers; got shape {scores.shape}')
    return scores
