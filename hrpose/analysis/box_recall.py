"""How many of the annotated people a detector's boxes cover: the most that a pose network can find in them."""

import contextlib
import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from hrpose.datasets.annotations.coco_entries import image_key


@dataclass(frozen=True)
class BoxRecall:
    """Whom the boxes cover.

    Attributes:
        people: how many count in key point AP: not crowds, at least one joint labelled.
        missed: `id` of the annotation of each whom no box covers.
    """

    people: int
    missed: tuple[Any, ...]

    @property
    def share(self) -> float:
        """The part of the people that is covered, 0 to 1; NaN where nobody counts."""
        return 1 - len(self.missed) / self.people if self.people else float('nan')


def box_recall(truth: Mapping[str, Any], detections: Iterable[Mapping[str, Any]], iou: float = 0.5) -> BoxRecall:
    """Match boxes and people of each image one to one, best score first, as COCO's box evaluation does.

    Args:
        truth: a COCO key point file's content.
        detections: COCO results with `image_id`, `bbox` (x, y, w, h) in image px and `score`; those in images that the
            truth lacks are left out.
        iou: least IoU of a box that covers somebody.
    """
    numbers = {image_key(image['id']): number for number, image in enumerate(truth['images'], start=1)}
    people = [annotation for annotation in truth.get('annotations', ()) if _counts(annotation)]
    boxes = [_entry(person, numbers) for person in people]
    found = [
        _entry(detection, numbers) | {'score': float(detection['score'])}
        for detection in detections
        if image_key(detection['image_id']) in numbers
    ]
    if not found or not people:
        return BoxRecall(len(people), tuple(person['id'] for person in people))
    matched = _matched(boxes, found, list(numbers.values()), iou)
    return BoxRecall(len(people), tuple(p['id'] for number, p in enumerate(people, start=1) if number not in matched))


def _counts(annotation: Mapping[str, Any]) -> bool:
    labelled = any(float(flag) > 0 for flag in (annotation.get('keypoints') or ())[2::3])
    return labelled and not int(annotation.get('iscrowd', 0))


def _entry(annotation: Mapping[str, Any], numbers: Mapping[str, int]) -> dict[str, Any]:
    _, _, width, height = box = [float(value) for value in annotation['bbox']]
    image = numbers[image_key(annotation['image_id'])]
    return {'image_id': image, 'category_id': 1, 'bbox': box, 'area': width * height, 'iscrowd': 0}


def _matched(boxes: list[dict[str, Any]], found: list[dict[str, Any]], images: list[int], iou: float) -> set[int]:
    """Return the numbers, from 1, of the boxes that are covered."""
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO()
        # Numbered from 1: to COCOeval the number 0 means that nothing was matched.
        truth.dataset = {
            'images': [{'id': image} for image in images],
            'annotations': [{**box, 'id': number} for number, box in enumerate(boxes, start=1)],
            'categories': [{'id': 1, 'name': 'person'}],
        }
        truth.createIndex()
        evaluation = COCOeval(truth, truth.loadRes(found), 'bbox')
        evaluation.params.iouThrs = np.array([iou])
        evaluation.params.areaRng, evaluation.params.areaRngLbl = [[0, np.inf]], ['all']
        evaluation.params.maxDets = [len(found)]
        evaluation.evaluate()
    images_with_people = [image for image in evaluation.evalImgs if image is not None]
    return {int(number) for image in images_with_people for number in image['dtMatches'][0] if number > 0}
