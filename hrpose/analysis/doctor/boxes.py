"""Faults of boxes and places: boxes that miss their joints, that hold corners, joints outside the image.

N annotations, K joints. Coordinates are image px.
"""

import numpy as np

from hrpose.analysis.doctor.finding import Fault, Finding, Severity, rows_of, some_of
from hrpose.analysis.doctor.people import People
from hrpose.structures import pad_box

# Single slips are in every data set; from this share of the people on it is no slip.
MANY = 0.01
# Of the people whose box and far joints can be compared; chance gives few.
CORNERS_SHARE, CORNERS_PEOPLE = 0.8, 3


def boxes_miss_joints(people: People) -> list[Finding]:
    """People more than half of whose labelled joints lie outside their box, padded as the network sees it."""
    corners = np.concatenate([people.boxes_xywh[:, :2], people.boxes_xywh[:, :2] + people.boxes_xywh[:, 2:]], axis=1)
    with np.errstate(invalid='ignore', divide='ignore'):
        center, size = pad_box(corners, aspect=1.0)
        outside = (np.abs(people.keypoints - center[:, None]) > size[:, None] / 2).any(axis=2)
    missed = people.used & _mostly(outside, people)
    advice = 'look at the sheet; a box has to be x, y, width, height in px of the same image as the joints'
    explanation = 'most labelled joints lie outside the box, even padded: the network would not see them'
    return _by_share('boxes_miss_joints', missed, people, explanation, advice)


def boxes_without_area(people: People) -> list[Finding]:
    """Labelled people whose box has no width or no height."""
    flat = people.has_box & np.isfinite(people.boxes_xywh).all(axis=1) & (people.boxes_xywh[:, 2:] <= 0).any(axis=1)
    flat &= people.labelled.any(axis=1) & ~people.crowd
    return _by_share(
        'boxes_without_area',
        flat,
        people,
        'the box has no width or no height, so the person is left out',
        'mend the box',
    )


def boxes_as_corners(people: People) -> list[Finding]:
    """Boxes whose last two numbers fit the far joints as a corner better than as width and height."""
    full = people.used & (people.labelled.mean(axis=1) >= 0.5)
    far = np.where(people.labelled[..., None], people.keypoints, -np.inf).max(axis=1)
    low, last = people.boxes_xywh[:, :2], people.boxes_xywh[:, 2:]
    with np.errstate(invalid='ignore'):
        as_corner = np.abs(last - far).sum(axis=1) < np.abs(low + last - far).sum(axis=1)
    if full.sum() < CORNERS_PEOPLE or as_corner[full].mean() < CORNERS_SHARE:
        return []
    explanation = (
        f'of {as_corner[full].mean():.0%} of the people the far joints fit a box of x1, y1, x2, y2 better than one of '
        'x, y, width, height'
    )
    advice = "write boxes as x, y, width, height: COCO's layout"
    return [Finding('boxes_as_corners', 'error', people.file, explanation, advice, rows_of(full & as_corner))]


def joints_outside_image(people: People) -> list[Finding]:
    """People most of whose labelled joints lie outside their image."""
    with np.errstate(invalid='ignore'):
        limit = people.sizes_of_images[:, None]
        outside = np.any((people.keypoints < -1) | (people.keypoints > limit), axis=2)
    lost = people.used & _mostly(outside, people)
    explanation = 'most labelled joints lie outside the image as its size is stated'
    advice = 'joints and image have to be of one resolution; look whether the images were resized'
    return _by_share('joints_outside_image', lost, people, explanation, advice)


def _mostly(outside: np.ndarray, people: People) -> np.ndarray:
    """Return (N,), whether more than half of the labelled joints are `outside` (N, K)."""
    labelled = people.labelled.sum(axis=1)
    return (outside & people.labelled).sum(axis=1) > 0.5 * np.maximum(labelled, 1)


def _by_share(fault: Fault, wrong: np.ndarray, people: People, explanation: str, advice: str) -> list[Finding]:
    """Return a finding on the people (N,) that are `wrong`: an error if they are many, else a warning."""
    if not wrong.any():
        return []
    share = wrong.sum() / max(people.used.sum(), 1)
    severity: Severity = 'error' if share >= MANY else 'warning'
    ids = some_of([people.ids[row] for row in np.flatnonzero(wrong)])
    explanation = f'{wrong.sum()} people ({share:.2%} of those used): {explanation}'
    return [Finding(fault, severity, f'annotations {ids} of {people.file}', explanation, advice, rows_of(wrong))]
