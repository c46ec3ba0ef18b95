"""Checks of a detector's result file against the annotations.

D detections, G people of an image. Boxes are xywh in image px.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pycocotools import mask

from hrpose.analysis.doctor.finding import Finding, Severity
from hrpose.analysis.doctor.people import People, numbers
from hrpose.datasets.annotations import image_key, read_json
from hrpose.errors import UserError, some_of
from hrpose.evaluation.functional.people import rows_by_image
from hrpose.structures import MAX_COORDINATE

IOU = 0.5
# Published detectors cover over 0.8 of COCO's people at this IoU. Far below it, file and annotations do not belong
# together.
COVERED = 0.5


@dataclass(frozen=True)
class Detections:
    """A result file of D detections."""

    path: str  # of the file
    image_keys: list[str]  # (D) image ids as text
    image: NDArray[np.int64]  # (D,) index into the annotations' images, or -1
    boxes: NDArray[np.float64]  # (D, 4) xywh, NaN where they are not numbers
    complete: NDArray[np.bool_]  # (D,), whether all fields are there that `CocoDataset` needs


def check_detections(path: str, people: People) -> Iterator[Finding]:
    """Find what is wrong with a detector's result file."""
    try:
        found = read_detections(path, people)
    except UserError as error:
        yield Finding('detection_file', 'error', path, str(error), "write COCO's result layout")
        return
    yield from foreign_detections(found)
    yield from broken_detections(found)
    yield from people_without_detection(found, people)


def read_detections(path: str, people: People) -> Detections:
    """Return the content of a COCO result file; raise `UserError` for anything but a list of results."""
    content = read_json(path)
    if not isinstance(content, list) or not all(isinstance(d, Mapping) and 'image_id' in d for d in content):
        raise UserError(f'{path}: not a list of {{image_id, category_id, bbox, score}}, as a COCO result file is')
    place = {key: index for index, key in enumerate(people.image_ids)}
    keys = [image_key(entry['image_id']) for entry in content]
    boxes = numbers([entry.get('bbox') or () for entry in content], 4)
    others = numbers([[entry.get('score'), entry.get('category_id')] for entry in content], 2)
    complete = np.isfinite(np.concatenate([boxes, others], axis=1)).all(axis=1)
    return Detections(path, keys, np.array([place.get(key, -1) for key in keys], dtype=np.int64), boxes, complete)


def foreign_detections(found: Detections) -> Iterator[Finding]:
    """Find detections in images that the annotations do not list."""
    foreign = found.image < 0
    if foreign.any():
        ids = some_of(sorted({found.image_keys[row] for row in np.flatnonzero(foreign)}))
        counted = f'{foreign.sum()} of {len(foreign)} detections ({foreign.mean():.0%})'
        explanation = f'{counted} are in images that the annotations do not list: {ids}'
        advice = 'use the result file of the same images (val2017 and test-dev2017 have different ones)'
        severity: Severity = 'error' if foreign.mean() > 0.5 else 'warning'
        yield Finding('foreign_detections', severity, found.path, explanation, advice)


def broken_detections(found: Detections) -> Iterator[Finding]:
    """Find detections that lack a number, or whose box has no area or is beyond all images."""
    broken = ~found.complete
    with np.errstate(invalid='ignore'):
        usable = (found.boxes[:, 2:] > 0).all(axis=1) & (np.abs(found.boxes) <= MAX_COORDINATE).all(axis=1)
    flat = found.complete & ~usable
    if broken.any() or flat.any():
        explanation = (
            f'of {len(flat)} detections {broken.sum()} lack a number in bbox, score or category_id, {flat.sum()} have '
            f'a box without an area, or beyond {MAX_COORDINATE:.0f} px'
        )
        advice = 'the latter are left out, the former stop a test: correct the program that wrote the file'
        yield Finding('broken_detections', 'error' if broken.any() else 'warning', found.path, explanation, advice)


def people_without_detection(found: Detections, people: People) -> Iterator[Finding]:
    """Find a file that covers few of the annotated people: of other images, or with boxes in another form."""
    rows = np.flatnonzero(people.used)
    if not len(rows) or (found.image < 0).all():
        return
    covered = _covered(people, rows, found, found.boxes)
    if covered.mean() >= COVERED:
        return
    corners = np.concatenate([found.boxes[:, :2], found.boxes[:, 2:] - found.boxes[:, :2]], axis=1)
    as_corners = _covered(people, rows, found, corners).mean()
    explanation = f'only {covered.mean():.0%} of {len(rows)} annotated people have a detection at an IoU of {IOU}'
    if as_corners > covered.mean() + 0.2:
        explanation += f'; {as_corners:.0%} if the boxes are x1, y1, x2, y2'
    advice = 'boxes have to be x, y, width, height, in px of the same images as the annotations'
    missed = tuple(rows[~covered].tolist())
    yield Finding('people_without_detection', 'warning', found.path, explanation, advice, missed)


def _covered(people: People, rows: NDArray, found: Detections, boxes: NDArray) -> NDArray[np.bool_]:
    """Return for each of the people in `rows` whether a detection of their image covers them."""
    usable = np.where(np.abs(boxes) <= MAX_COORDINATE, boxes, 0.0)  # 0 for NaN too
    usable[:, 2:] = usable[:, 2:].clip(min=0)
    covered = np.zeros(len(rows), dtype=bool)
    by_image = (rows_by_image(each, len(people.image_ids)) for each in (found.image, people.image[rows]))
    for detections, group in zip(*by_image, strict=True):
        if len(detections) and len(group):
            overlap = mask.iou(usable[detections], people.boxes_xywh[rows[group]], [0] * len(group))
            covered[group] = (overlap >= IOU).any(axis=0)
    return covered
