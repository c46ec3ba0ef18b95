"""COCO's key point annotations, and any JSON in their layout, as one record a person."""

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from hrpose.datasets.base import PoseDataset
from hrpose.datasets.json_files import read_coco_json, read_json
from hrpose.errors import UserError
from hrpose.registry import DATASETS
from hrpose.structures import clip_box_to_last_pixel

Record = dict[str, Any]

UNKNOWN_IMAGE = 'of an image that the annotation file does not list'


@DATASETS.register_module()
class CocoDataset(PoseDataset):
    """People from a COCO key point file, with the annotation's boxes or a detector's.

    As published: crowds, people without a labelled key point and boxes without an area are left out (and counted);
    annotated boxes are clipped to the image's last pixel, a detector's are taken as they are.

    Args:
        ann_file: COCO key point JSON, or a folder of several that share their joints.
        bbox_file: COCO detection results `[{image_id, category_id, bbox: xywh, score}, …]`.
        bbox_threshold: least score of a detection; published 0.
        **options: those of `PoseDataset`.
    """

    def __init__(self, ann_file: str, *, bbox_threshold: float = 0.0, **options: Any) -> None:
        self.bbox_threshold = bbox_threshold
        super().__init__(ann_file, **options)

    def load_data_list(self) -> list[Record]:
        """Return one record a person; what is left out is counted by reason in `skipped`."""
        content = read_coco_json(self.ann_file)
        images = {str(image['id']): image for image in content['images']}
        try:
            category = person_category(content.get('categories') or [], self.num_joints, self.ann_file)
            if self.bbox_file:
                return list(self._from_detections(read_json(self.bbox_file), images, category))
            return list(self._from_annotations(content.get('annotations') or [], images, category))
        except UserError:
            raise
        except (KeyError, IndexError, TypeError, ValueError) as error:
            raise UserError(
                f'{self.bbox_file or self.ann_file} is not in COCO layout: {type(error).__name__}: {error}'
            ) from error

    def _from_annotations(
        self,
        annotations: list[dict[str, Any]],
        images: dict[str, dict[str, Any]],
        category: int | None,
    ) -> Iterator[Record]:
        for annotation in annotations:
            image = images.get(str(annotation['image_id']))
            reason = self._unusable(annotation, image, category)
            if reason or image is None:
                self.skipped[reason or UNKNOWN_IMAGE] += 1
                continue
            box = annotated_box(annotation, image)
            if box is None:
                self.skipped['box without an area inside the image'] += 1
                continue
            yield {
                **self._image_fields(image),
                **self._joints(annotation),
                'box': box,
                'box_score': 1.0,
            }

    def _unusable(self, annotation: dict[str, Any], image: dict[str, Any] | None, category: int | None) -> str | None:
        """Return why an annotation cannot be used, or None."""
        if image is None:
            return UNKNOWN_IMAGE
        if category is not None and int(annotation.get('category_id', category)) != category:
            return 'of another category'
        if int(annotation.get('iscrowd', 0)):
            return 'crowd'
        keypoints = annotation.get('keypoints')
        if not keypoints or not any(float(flag) > 0 for flag in keypoints[2::3]):
            return 'without a labelled key point'
        if not annotation.get('bbox'):
            return 'without a box'
        return None

    def _joints(self, annotation: dict[str, Any]) -> Record:
        values = np.asarray(annotation['keypoints'], dtype=np.float64)
        if values.size != 3 * self.num_joints:
            raise UserError(
                f'{self.ann_file}: annotation {annotation.get("id")} has {values.size / 3:g} key points, but '
                f"metainfo '{self.metainfo['dataset_name']}' has {self.num_joints} joints"
            )
        values = values.reshape(-1, 3)
        return {'id': annotation['id'], 'keypoints': values[:, :2], 'visible': values[:, 2]}

    def _from_detections(
        self, detections: list[dict[str, Any]], images: dict[str, dict[str, Any]], category: int | None
    ) -> Iterator[Record]:
        for index, detection in enumerate(detections):
            image = images.get(str(detection['image_id']))
            score = float(detection['score'])
            x, y, width, height = (float(value) for value in detection['bbox'])
            reason = (
                (UNKNOWN_IMAGE if image is None else None)
                or ('of another category' if category not in (None, int(detection['category_id'])) else None)
                or ('detection below the score threshold' if score < self.bbox_threshold else None)
                or ('box without an area' if not (width > 0 and height > 0) else None)
            )
            if reason or image is None:
                self.skipped[reason or UNKNOWN_IMAGE] += 1
                continue
            box = np.array([x, y, x + width, y + height])
            yield {**self._image_fields(image), 'id': index, 'box': box, 'box_score': score}

    def _image_fields(self, image: dict[str, Any]) -> Record:
        folder = self.data_prefix['img']
        path = f'{folder.rstrip("/")}/{image["file_name"]}' if folder else image['file_name']
        return {'img_id': image['id'], 'img_path': path}


def person_category(categories: list[dict[str, Any]], num_joints: int, path: str) -> int | None:
    """Return the id of the category that has the key points, checked against the number of joints.

    None, which means any category, where the file lists no category with key points.
    """
    with_joints = [category for category in categories if category.get('keypoints')]
    if not with_joints:
        return None
    fitting = [category for category in with_joints if len(category['keypoints']) == num_joints]
    if not fitting:
        count = len(with_joints[0]['keypoints'])
        raise UserError(f'{path} names {count} key points a person, but the metainfo has {num_joints} joints')
    return int(fitting[0]['id'])


def annotated_box(annotation: dict[str, Any], image: dict[str, Any]) -> np.ndarray | None:
    """Return an annotation's box (4,) xyxy in image px, clipped as published; None if nothing is left of it."""
    box_xywh = np.asarray(annotation['bbox'], dtype=np.float64)
    # Without a stated size there is no border to clip at.
    size = (float(image.get('width') or math.inf), float(image.get('height') or math.inf))
    box = clip_box_to_last_pixel(box_xywh, size)
    area = float(annotation.get('area', box_xywh[2] * box_xywh[3]))
    # The official test lets a box pass that is one pixel wide or high, but a region needs an extent.
    usable = area > 0 and box[2] >= box[0] and box[3] >= box[1] and (box[2] > box[0] or box[3] > box[1])
    return box if usable else None
