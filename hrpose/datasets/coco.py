"""COCO's keypoint annotations, and other JSON in their layout, as one record a person."""

import logging
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

import numpy as np
from mmengine.logging import print_log

from hrpose.datasets.annotations import (
    Entry,
    LeftOut,
    annotated_box,
    category_of,
    detected_box,
    detected_score,
    file_name_of,
    image_key,
    image_of,
    labelled_joints,
    person_category,
    read_coco_json,
    read_json,
    require_category,
    with_all_parts,
)
from hrpose.datasets.base import PoseDataset
from hrpose.datasets.metainfo.names import compare_names
from hrpose.datasets.storage.columns import Record
from hrpose.errors import UserError
from hrpose.registry import DATASETS


@DATASETS.register_module()
class CocoDataset(PoseDataset):
    """People from a COCO keypoint file, with the annotation's boxes or a detector's.

    As published: crowds, people without a labelled keypoint and boxes without an area are left out and counted;
    annotated boxes are clipped to the image's last pixel, a detector's boxes are not.

    Args:
        ann_file: COCO keypoint JSON, or a folder of several with the same keypoints.
        bbox_file: COCO detection results `[{image_id, category_id, bbox: xywh, score}, …]`.
        bbox_threshold: least score of a detection; 0 as published.
        **options: those of `PoseDataset`.
    """

    # Whether the entries of one category are read as they stand; otherwise the file alone does not tell its people.
    is_plain = True

    def __init__(self, ann_file: str, *, bbox_threshold: float = 0.0, **options: Any) -> None:
        self.bbox_threshold = bbox_threshold
        super().__init__(ann_file, **options)

    def load_data_list(self) -> list[Record]:
        """Return one record a person; count what is left out, by reason, in `skipped`.

        Raises:
            UserError: the file is not in COCO's layout, or has no category of people with these joints.
        """
        content = read_coco_json(self.ann_file)
        try:
            images = {image_key(image['id']): image for image in content['images']}
            category = self._category(content.get('categories') or [])
        except UserError:
            raise
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
            raise UserError(f'{self.ann_file}: not in COCO layout: {_describe(error)}') from error
        if not self.bbox_file and 'annotations' not in content:
            raise UserError(
                f'{self.ann_file}: lists only images, as for test-dev; give the boxes of a detector: '
                'bbox_file=/path/to/its/results.json'
            )
        entries = read_json(self.bbox_file) if self.bbox_file else content['annotations'] or []
        if not isinstance(entries, list):
            kind = 'detections' if self.bbox_file else 'annotations'
            raise UserError(f'{self.bbox_file or self.ann_file}: not in COCO layout, which has a list of {kind}')
        read = self._detected if self.bbox_file else self._annotated
        return list(self._usable(entries, partial(read, images=images, category=category)))

    def _category(self, categories: list[Entry]) -> int | None:
        """Return the id of the category whose entries are read, None for those of all."""
        category = person_category(categories, self.num_joints, self.ann_file)
        self._check_names(categories, category)
        return category

    def _check_names(self, categories: list[Entry], category: int | None) -> None:
        """Refuse a file with the joints in another order, and warn where the order cannot be checked."""
        stated = next(
            (one['keypoints'] for one in categories if one.get('keypoints') and int(one['id']) == category), ()
        )
        if self.bbox_file and not stated:
            return  # the boxes need no names, and a list of test images has none
        found = compare_names(tuple(map(str, stated)), self.metainfo['keypoint_names'])
        if found and found.is_error:
            raise UserError(f'{self.ann_file}: {found.reason}; {found.advice}')
        if found:
            print_log(f'{self.ann_file}: {found.reason}; {found.advice}', 'current', logging.WARNING)

    def _usable(self, entries: list[Entry], read: Callable[[int, Entry], Record]) -> Iterator[Record]:
        """Yield the record that `read` makes of each number and entry; count, by reason, entries that it leaves out."""
        for number, entry in enumerate(entries):
            try:
                record = read(number, entry)
            except LeftOut as why:
                self.skipped[str(why)] += 1
                continue
            except UserError:
                raise
            except (KeyError, IndexError, TypeError, ValueError, AttributeError, OverflowError) as error:
                raise UserError(
                    f'{self.bbox_file or self.ann_file}: not in COCO layout: {_describe(error)} (entry {number}, '
                    'counted from 0)'
                ) from error
            yield record

    def _annotated(
        self, number: int, annotation: Entry, *, images: Mapping[str, Entry], category: int | None
    ) -> Record:
        image = image_of(annotation, images)
        require_category(annotation, category)
        if float(annotation.get('iscrowd') or 0):
            raise LeftOut('crowd')
        keypoints, visible = labelled_joints(annotation)
        if len(keypoints) != self.num_joints:
            raise UserError(
                f'{self.ann_file}: annotation {annotation.get("id")} has {len(keypoints)} keypoints, but '
                f"metainfo '{self.metainfo['dataset_name']}' has {self.num_joints}; set metainfo to those of this file"
            )
        box = annotated_box(annotation, image)
        fields = {'id': annotation['id'], 'keypoints': keypoints, 'visible': visible, 'box': box, 'box_score': 1.0}
        return {**self._image_fields(image), **fields}

    def _detected(self, number: int, detection: Entry, *, images: Mapping[str, Entry], category: int | None) -> Record:
        image = image_of(detection, images)
        require_category(detection, category)
        score = detected_score(detection, self.bbox_threshold)
        return {**self._image_fields(image), 'id': number, 'box': detected_box(detection), 'box_score': score}

    def _image_fields(self, image: Entry) -> Record:
        folder, name = self.data_prefix['img'], file_name_of(image, self.ann_file)
        path = f'{folder.rstrip("/")}/{name}' if folder else name
        return {'img_id': image['id'], 'img_path': path}


@DATASETS.register_module()
class CrowdPoseDataset(CocoDataset):
    """People of CrowdPose, with the annotation's boxes or a detector's.

    The files have COCO's layout without areas, and a `crowdIndex` for each image, which `CrowdPoseMetric` reads.

    Args:
        ann_file: `crowdpose_train.json`, `crowdpose_val.json`, `crowdpose_trainval.json` or `crowdpose_test.json` of
            the release.
        metainfo: name or mapping of 14 joints.
        **options: those of `CocoDataset`.
    """

    def __init__(self, ann_file: str, *, metainfo: str | Mapping[str, Any] = 'crowdpose', **options: Any) -> None:
        super().__init__(ann_file, metainfo=metainfo, **options)


@DATASETS.register_module()
class PoseTrack18Dataset(CocoDataset):
    """People of PoseTrack18 in single frames, with the annotation's boxes or a detector's.

    The files have COCO's layout. Frames that nobody annotated hold no people, so they are not used. `file_name` of an
    image starts at the root of the release (`images/val/…`): leave `data_prefix` out.

    Args:
        ann_file: the release's folder of one JSON a video (`annotations/val`), or one JSON with all videos.
        metainfo: name or mapping of 17 joints.
        **options: those of `CocoDataset`.
    """

    def __init__(self, ann_file: str, *, metainfo: str | Mapping[str, Any] = 'posetrack18', **options: Any) -> None:
        super().__init__(ann_file, metainfo=metainfo, **options)


@DATASETS.register_module()
class AP10KDataset(CocoDataset):
    """Animals of AP-10K, with the annotation's boxes or a detector's.

    The files have COCO's layout, with 54 species as categories, all with the same joints. Records keep their
    `category_id`, so `CocoMetric` compares animals of one species, and its AP is the mean over the species.

    Args:
        ann_file: `ap10k-train-split1.json` and so on; there are three splits.
        metainfo: name or mapping of 17 joints.
        **options: those of `CocoDataset`.
    """

    is_plain = False

    def __init__(self, ann_file: str, *, metainfo: str | Mapping[str, Any] = 'ap10k', **options: Any) -> None:
        super().__init__(ann_file, metainfo=metainfo, **options)

    def _category(self, categories: list[Entry]) -> int | None:
        return None

    def _annotated(self, number: int, annotation: Entry, **options: Any) -> Record:
        return {**super()._annotated(number, annotation, **options), 'category_id': category_of(annotation)}

    def _detected(self, number: int, detection: Entry, **options: Any) -> Record:
        return {**super()._detected(number, detection, **options), 'category_id': category_of(detection)}


@DATASETS.register_module()
class CocoWholeBodyDataset(CocoDataset):
    """People of COCO-WholeBody, with the annotation's boxes or a detector's.

    The files have COCO's layout with the joints in five lists, `keypoints foot_kpts face_kpts lefthand_kpts
    righthand_kpts`; the category names those of the body.

    Args:
        ann_file: `coco_wholebody_train_v1.0.json` or `coco_wholebody_val_v1.0.json` of the release.
        metainfo: name or mapping of 133 joints.
        **options: those of `CocoDataset`.
    """

    is_plain = False

    def __init__(self, ann_file: str, *, metainfo: str | Mapping[str, Any] = 'coco_wholebody', **options: Any) -> None:
        super().__init__(ann_file, metainfo=metainfo, **options)

    def _category(self, categories: list[Entry]) -> int | None:
        return person_category(categories)

    def _annotated(self, number: int, annotation: Entry, **options: Any) -> Record:
        return super()._annotated(number, with_all_parts(annotation), **options)


@DATASETS.register_module()
class HalpeDataset(CocoDataset):
    """People of Halpe, with the annotation's boxes or a detector's.

    The files have COCO's layout, with all 136 joints in one list. The names that the category gives are not read.

    Args:
        ann_file: `halpe_train_v1.json` or `halpe_val_v1.json` of the release.
        metainfo: name or mapping of 136 joints.
        **options: those of `CocoDataset`.
    """

    is_plain = False

    def __init__(self, ann_file: str, *, metainfo: str | Mapping[str, Any] = 'halpe', **options: Any) -> None:
        super().__init__(ann_file, metainfo=metainfo, **options)

    def _category(self, categories: list[Entry]) -> int | None:
        return person_category(categories)


@DATASETS.register_module()
class JhmdbDataset(CocoDataset):
    """People of sub-JHMDB in single frames, with the annotation's boxes.

    The files are mmpose's conversions to COCO's layout, which count pixels from 1; records count from 0. As in mmpose,
    and unlike COCO's, a box reaches to its far edge, clipped at the image's last pixel: `JhmdbMetric` measures in it.

    Args:
        ann_file: `Sub1_train.json`, `Sub1_test.json` and so on; there are three splits.
        metainfo: name or mapping of 15 joints.
        **options: those of `CocoDataset`.
    """

    is_plain = False

    def __init__(self, ann_file: str, *, metainfo: str | Mapping[str, Any] = 'jhmdb', **options: Any) -> None:
        super().__init__(ann_file, metainfo=metainfo, **options)

    def _category(self, categories: list[Entry]) -> int | None:
        return None  # people alone, by different names

    def _annotated(
        self, number: int, annotation: Entry, *, images: Mapping[str, Entry], category: int | None
    ) -> Record:
        record = super()._annotated(number, annotation, images=images, category=category)
        image = image_of(annotation, images)
        last = [float(image.get(side) or np.inf) - 1 for side in ('width', 'height')]
        x, y, width, height = map(float, annotation['bbox'])
        box = np.clip([x - 1, y - 1, x - 1 + width, y - 1 + height], 0, [*last, *last])
        keypoints = np.where(record['visible'][:, None] > 0, record['keypoints'] - 1, 0.0)
        return {**record, 'box': box, 'keypoints': keypoints}


def _describe(error: Exception) -> str:
    return f'{error} is missing' if isinstance(error, KeyError) else str(error)
