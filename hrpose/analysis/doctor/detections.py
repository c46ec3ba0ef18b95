"""Faults of a detector's result file, held against the annotations: other images, boxes that cover nobody.

D detections, G people of an image. Boxes are xywh in image px.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hrpose.analysis.doctor.finding import Finding, Severity, some_of
from hrpose.analysis.doctor.people import People, numbers
from hrpose.datasets.annotations.coco_entries import image_key
from hrpose.datasets.annotations.files import read_json
from hrpose.errors import UserError

IOU = 0.5
# Published detectors reach over 0.8 of COCO's people at this IoU; far below it, file and annotations do not belong
# together.
FOUND = 0.5


@dataclass(frozen=True)
class Detections:
    """A result file of D detections.

    image_keys: ids as text; image (D,) index into the annotations' images or -1; boxes (D, 4) xywh, NaN where they are
    no numbers; whole (D,), whether the fields that `CocoDataset` needs are all there.
    """

    path: str
    image_keys: list[str]
    image: NDArray[np.int64]
    boxes: NDArray[np.float64]
    whole: NDArray[np.bool_]


def read_detections(path: str, people: People) -> Detections:
    """Return a COCO result file's boxes.

    Raises:
        UserError: not a list of `{image_id, bbox, score}`.
    """
    content = read_json(path)
    if not isinstance(content, list) or not all(isinstance(d, Mapping) and 'image_id' in d for d in content):
        raise UserError(f'{path} is no COCO result file: it has to be a list of {{image_id, category_id, bbox, score}}')
    place = {key: index for index, key in enumerate(people.image_ids)}
    keys = [image_key(entry['image_id']) for entry in content]
    boxes = numbers([entry.get('bbox') or () for entry in content], 4)
    scores = numbers([[entry.get('score'), entry.get('category_id')] for entry in content], 2)
    whole = np.isfinite(np.concatenate([boxes, scores], axis=1)).all(axis=1)
    return Detections(path, keys, np.array([place.get(key, -1) for key in keys], dtype=np.int64), boxes, whole)


def foreign_detections(found: Detections) -> list[Finding]:
    """Detections in images that the annotations do not list."""
    foreign = found.image < 0
    if not foreign.any():
        return []
    share = foreign.mean()
    ids = some_of(sorted({found.image_keys[row] for row in np.flatnonzero(foreign)}))
    explanation = (
        f'{foreign.sum()} of {len(foreign)} detections ({share:.0%}) are in images that the annotations lack: {ids}'
    )
    severity: Severity = 'error' if share > 0.5 else 'warning'
    advice = 'take the result file of these very images (val2017 and test-dev2017 have different ones)'
    return [Finding('foreign_detections', severity, found.path, explanation, advice)]


def broken_detections(found: Detections) -> list[Finding]:
    """Detections without a number where one has to be, or whose box has no area."""
    flat = found.whole & ~(found.boxes[:, 2:] > 0).all(axis=1)
    broken = ~found.whole
    if not broken.any() and not flat.any():
        return []
    explanation = f'of {len(flat)} detections {broken.sum()} lack a number in bbox, score or category_id, '
    explanation += f'{flat.sum()} have a box without an area'
    advice = 'the latter are left out; the former stop a test: look at who wrote the file'
    severity: Severity = 'error' if broken.any() else 'warning'
    return [Finding('broken_detections', severity, found.path, explanation, advice)]


def people_without_detection(found: Detections, people: People) -> list[Finding]:
    """A file whose boxes cover few of the annotated people: of other images, or boxes in another form."""
    rows = np.flatnonzero(people.used)
    if not len(rows) or (found.image < 0).all():
        return []
    covered = _covered(people, rows, found, found.boxes)
    if covered.mean() >= FOUND:
        return []
    corners = np.concatenate([found.boxes[:, :2], found.boxes[:, 2:] - found.boxes[:, :2]], axis=1)
    as_corners = _covered(people, rows, found, corners).mean()
    explanation = f'only {covered.mean():.0%} of {len(rows)} annotated people have a detection at an IoU of {IOU}'
    if as_corners > covered.mean() + 0.2:
        explanation += f'; {as_corners:.0%} if the boxes are x1, y1, x2, y2'
    advice = 'boxes have to be x, y, width, height, in px of the same images as the annotations'
    missed = tuple(rows[~covered].tolist())
    return [Finding('people_without_detection', 'warning', found.path, explanation, advice, missed)]


def _covered(people: People, rows: NDArray, found: Detections, boxes: NDArray) -> NDArray[np.bool_]:
    """Return for each of the people in `rows` whether a detection of the image covers it."""
    covered = np.zeros(len(people), dtype=bool)
    of_image = _groups(found.image)
    for image, group in _groups(people.image[rows]).items():
        overlap = box_iou(people.boxes_xywh[rows[group]], boxes[of_image.get(image, [])])
        covered[rows[group]] = (overlap >= IOU).any(axis=1)
    return covered[rows]


def _groups(image: NDArray[np.int64]) -> dict[int, NDArray[np.int64]]:
    """Return the positions of each image."""
    order = np.argsort(image, kind='stable')
    starts = np.flatnonzero(np.diff(image[order], prepend=-2))
    return {int(image[part[0]]): part for part in np.split(order, starts[1:]) if len(part)}


def box_iou(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return (G, D) the intersection over union of boxes (G, 4) and (D, 4), xywh; 0 for those without an area."""
    low = np.maximum(a[:, None, :2], b[None, :, :2])
    high = np.minimum((a[:, :2] + a[:, 2:])[:, None], (b[:, :2] + b[:, 2:])[None])
    inner = np.prod(np.maximum(np.nan_to_num(high - low), 0), axis=2)
    union = np.prod(a[:, 2:], axis=1)[:, None] + np.prod(b[:, 2:], axis=1)[None] - inner
    return np.divide(inner, union, out=np.zeros_like(inner), where=union > 0)
