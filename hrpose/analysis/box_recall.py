"""How many annotated people a detector's boxes cover: the most that a pose network can find with these boxes."""

import contextlib
import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from hrpose.datasets.annotations import image_key


@dataclass(frozen=True)
class BoxRecall:
    """People that boxes cover."""

    people: int  # how many count in keypoint AP: no crowds, at least one joint labelled
    missed: tuple[Any, ...]  # annotation `id` of each person whom no box covers

    @property
    def share(self) -> float:
        """The covered share of the people, 0 to 1; NaN where nobody counts."""
        return 1 - len(self.missed) / self.people if self.people else float('nan')


def box_recall(truth: Mapping[str, Any], detections: Iterable[Mapping[str, Any]], iou: float = 0.5) -> BoxRecall:
    """Match boxes and people of each image one to one, best score first, as COCO's box evaluation does.

    Args:
        truth: content of a COCO keypoint file.
        detections: COCO results with `image_id`, `bbox` (x, y, w, h) in image px and `score`; those in images that are
            not in `truth` are left out.
        iou: least IoU of a box that covers a person.
    """
    numbers = {image_key(image['id']): number for number, image in enumerate(truth['images'], start=1)}
    people = [annotation for annotation in truth.get('annotations', ()) if _counts(annotation)]
    # Numbered from 1: to COCOeval the number 0 means that nothing was matched.
    boxes = [_entry(person, numbers) | {'id': number} for number, person in enumerate(people, start=1)]
    found = [
        _entry(detection, numbers) | {'score': float(detection['score'])}
        for detection in detections
        if image_key(detection['image_id']) in numbers
    ]
    matched = _matched(boxes, found, list(numbers.values()), iou) if found and people else set()
    return BoxRecall(len(people), tuple(p['id'] for number, p in enumerate(people, start=1) if number not in matched))


def _counts(annotation: Mapping[str, Any]) -> bool:
    labelled = any(float(flag) > 0 for flag in (annotation.get('keypoints') or ())[2::3])
    return labelled and not int(annotation.get('iscrowd', 0))


def _entry(annotation: Mapping[str, Any], numbers: Mapping[str, int]) -> dict[str, Any]:
    _, _, width, height = box = [float(value) for value in annotation['bbox']]
    image = numbers[image_key(annotation['image_id'])]
    return {'image_id': image, 'category_id': 1, 'bbox': box, 'area': width * height, 'iscrowd': 0}


def _matched(boxes: list[dict[str, Any]], found: list[dict[str, Any]], images: list[int], iou: float) -> set[int]:
    """Return the ids of the boxes that detections cover."""
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO()
        truth.dataset = {
            'images': [{'id': image} for image in images],
            'annotations': boxes,
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
