"""Checks of the people in a data set: labels, boxes, and joints inside box and image.

N annotations, K joints. Coordinates are image px.
"""

from collections.abc import Iterator

import numpy as np

from hrpose.analysis.doctor.finding import Fault, Finding, Severity, rows_of
from hrpose.analysis.doctor.people import People
from hrpose.datasets.metainfo import unpaired_joints
from hrpose.errors import some_of
from hrpose.structures import pad_box

ENOUGH = 100  # among fewer people a joint may be unlabelled by chance
MANY = 0.01  # share of the people: above it, a fault is no single slip
# Of the people whose box and far joints can be compared; chance gives few.
CORNERS_SHARE, CORNERS_PEOPLE = 0.8, 3


def no_people(people: People) -> Iterator[Finding]:
    """Find a file without anybody to train on, unless only labels are missing."""
    if people.used.any() or (len(people) and not people.labelled.any()):
        return
    if len(people):
        explanation = f'none of the {len(people)} annotations can be used: there is nobody to train on or to test'
        advice = 'see the other findings; crowds, other categories and boxes without an area do not count'
        yield Finding('no_people', 'error', people.file, explanation, advice)
    else:
        explanation = 'the file has no annotations: there is nobody to train on and no ground truth to test against'
        advice = "right for a test set without labels, which runs on a detector's boxes (bbox_file)"
        yield Finding('no_people', 'warning', people.file, explanation, advice)


def unlabelled_joints(people: People) -> Iterator[Finding]:
    """Find joints that nobody has labelled."""
    real = (people.counts == len(people.names)) & ~people.crowd
    missing = ~people.labelled[real].any(axis=0)
    if not real.any() or not missing.any():
        return
    place = f'{real.sum()} annotations of {people.file}'
    if missing.all():
        explanation = 'nobody has a labelled joint: every flag is 0, so there is nothing to learn'
        yield Finding('unlabelled_joints', 'error', place, explanation, 'set the flag of a labelled joint to 1 or 2')
        return
    names = some_of([name for name, lost in zip(people.names, missing, strict=True) if lost])
    explanation = f'without any label, so neither trained nor tested: {names}'
    advice = 'right for a data set without them; else check the flags, or leave the joints out of the metainfo'
    severity: Severity = 'warning' if real.sum() >= ENOUGH else 'note'
    yield Finding('unlabelled_joints', severity, place, explanation, advice)


def joints_at_origin(people: People) -> Iterator[Finding]:
    """Find labelled joints at (0, 0), where converters put missing ones."""
    at_origin = people.labelled & (people.keypoints == 0).all(axis=2)
    rows = np.any(at_origin, axis=1)
    if rows.any():
        explanation = f'{at_origin.sum()} joints of {rows.sum()} people are flagged as labelled, but lie at (0, 0)'
        yield people.finding('joints_at_origin', 'warning', rows, explanation, 'set the flag of missing joints to 0')


def duplicate_people(people: People) -> Iterator[Finding]:
    """Find people of one image with the same keypoints."""
    rows = np.flatnonzero(people.used)
    if not rows.size:
        return
    poses = np.column_stack([people.image[rows], people.keypoints[rows].reshape(len(rows), 2 * len(people.names))])
    _, group, count = np.unique(poses, axis=0, return_inverse=True, return_counts=True)
    twins = np.zeros(len(people), dtype=bool)
    twins[rows[count[group.ravel()] > 1]] = True
    if twins.any():
        explanation = f'{twins.sum()} annotations have the same keypoints as another one in their image'
        advice = 'remove the copies: each counts in training, and as a missed person in a test'
        yield people.finding('duplicate_people', 'warning', twins, explanation, advice)


def unpaired_sides(people: People) -> Iterator[Finding]:
    """Find joints that are left or right by name, but have no partner on the other side."""
    if alone := unpaired_joints(people.metainfo):
        explanation = f'{some_of(alone)}: left or right by name, but without a partner: flipping teaches wrong joints'
        advice = 'name pairs left_… and right_…, or give flip_indices in the metainfo'
        yield Finding('unpaired_sides', 'warning', f'joints of {people.file}', explanation, advice)


def normalised(people: People) -> Iterator[Finding]:
    """Find a file whose boxes, or joints, are shares of the image, from 0 to 1, in place of px."""
    boxes = np.asarray((people.boxes_xywh <= 1).all(axis=1) & (people.boxes_xywh[:, 2:] > 0).all(axis=1))
    points = np.where(people.labelled[..., None], people.keypoints, 0.0)
    joints = people.used & np.asarray((points <= 1).all(axis=(1, 2)) & (points > 0).any(axis=(1, 2)))
    for what, rows in (('boxes', boxes), ('keypoints', joints)):
        if people.used.any() and rows[people.used].mean() > 0.5:
            explanation = f'the {what} of {rows.sum()} people lie between 0 and 1: they look normalised'
            advice = 'multiply x and width by the width of the image, y and height by its height: COCO has px'
            yield people.finding('normalised', 'error', rows, explanation, advice, draw=False)


def boxes_without_area(people: People) -> Iterator[Finding]:
    """Find labelled people whose box has no width or no height."""
    flat = people.has_box & np.isfinite(people.boxes_xywh).all(axis=1) & (people.boxes_xywh[:, 2:] <= 0).any(axis=1)
    flat &= people.labelled.any(axis=1) & ~people.crowd
    yield from _by_share(people, 'boxes_without_area', flat, 'the box has no area, so they are left out', 'correct it')


def boxes_as_corners(people: People) -> Iterator[Finding]:
    """Find boxes whose last two numbers fit the far joints as a corner better than as width and height."""
    full = people.used & (people.labelled.mean(axis=1) >= 0.5)
    far = np.where(people.labelled[..., None], people.keypoints, -np.inf).max(axis=1)
    low, last = people.boxes_xywh[:, :2], people.boxes_xywh[:, 2:]
    with np.errstate(invalid='ignore'):
        as_corner = np.abs(last - far).sum(axis=1) < np.abs(low + last - far).sum(axis=1)
    if full.sum() >= CORNERS_PEOPLE and (share := as_corner[full].mean()) >= CORNERS_SHARE:
        explanation = f'in {share:.0%} of the people the joints fit x1, y1, x2, y2 better than x, y, width, height'
        advice = "write boxes as x, y, width, height, COCO's layout"
        yield Finding('boxes_as_corners', 'error', people.file, explanation, advice, rows_of(full & as_corner))


def boxes_miss_joints(people: People) -> Iterator[Finding]:
    """Find people most of whose labelled joints lie outside their padded box, which is what the network sees."""
    corners = np.concatenate([people.boxes_xywh[:, :2], people.boxes_xywh[:, :2] + people.boxes_xywh[:, 2:]], axis=1)
    with np.errstate(invalid='ignore', divide='ignore'):
        center, size = pad_box(corners, aspect=1.0)
        outside = (np.abs(people.keypoints - center[:, None]) > size[:, None] / 2).any(axis=2)
    explanation = 'most labelled joints lie outside the padded box, so the network does not see them'
    advice = 'look at the sheet; a box is x, y, width, height in px of the same image as the joints'
    yield from _by_share(people, 'boxes_miss_joints', people.used & _mostly(outside, people), explanation, advice)


def joints_outside_image(people: People) -> Iterator[Finding]:
    """Find people most of whose labelled joints lie outside their image."""
    with np.errstate(invalid='ignore'):
        outside = np.any((people.keypoints < -1) | (people.keypoints > people.sizes_of_images[:, None]), axis=2)
    explanation = 'most labelled joints lie outside the image, as its size is stated'
    advice = 'joints and image need the same resolution; check whether the images were resized'
    yield from _by_share(people, 'joints_outside_image', people.used & _mostly(outside, people), explanation, advice)


def _mostly(outside: np.ndarray, people: People) -> np.ndarray:
    """Return (N,), whether more than half of the labelled joints are `outside` (N, K)."""
    return (outside & people.labelled).sum(axis=1) > 0.5 * np.maximum(people.labelled.sum(axis=1), 1)


def _by_share(people: People, fault: Fault, wrong: np.ndarray, explanation: str, advice: str) -> Iterator[Finding]:
    """Report the people (N,) that are `wrong`: an error if they are many, else a warning."""
    if wrong.any():
        share = wrong.sum() / max(people.used.sum(), 1)
        explanation = f'{wrong.sum()} people ({share:.2%} of those used): {explanation}'
        yield people.finding(fault, 'error' if share >= MANY else 'warning', wrong, explanation, advice)
