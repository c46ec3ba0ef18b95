"""MPII Human Pose: the official release's JSON, or the original MATLAB file, as one record a person.

MPII counts pixels from 1. In place of a box it has a centre and a scale, the person's height over 200 px. As in
`MPIIDataset` of the official release, the centre moves down by 15 px times the scale, to include the feet; the side of
the region is 200 px times the scale, padded by 1.25 later; and coordinates are reduced by 1, to count from 0.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from hrpose.datasets.annotations import file_name_of, read_json, read_matlab
from hrpose.datasets.base import PoseDataset
from hrpose.datasets.storage.columns import Record
from hrpose.errors import UserError
from hrpose.registry import DATASETS

NUM_JOINTS = 16
SCALE_UNIT = 200.0  # px of a person's height for scale 1
CENTER_DROP = 15.0  # px for scale 1


@DATASETS.register_module()
class MpiiDataset(PoseDataset):
    """People of MPII, 16 joints; `id` is the person's index in the annotation file.

    Args:
        ann_file: JSON of the official HRNet release (`annot/train.json`, `valid.json`, `test.json`): a list with
            `image center scale`, and `joints joints_vis` where labelled.
        metainfo: name or mapping of 16 joints.
        **options: those of `PoseDataset`.
    """

    def __init__(self, ann_file: str, *, metainfo: str | Mapping[str, Any] = 'mpii', **options: Any) -> None:
        super().__init__(ann_file, metainfo=metainfo, **options)

    def load_data_list(self) -> list[Record]:
        """Return one record a person; count what is left out, by reason, in `skipped`.

        Raises:
            UserError: there is a `bbox_file`, the metainfo is not MPII's, or the file is not in MPII's layout.
        """
        if self.bbox_file:
            raise UserError("bbox_file: MPII's protocol uses no detected boxes; leave it out")
        if self.num_joints != NUM_JOINTS:
            raise UserError(
                f"metainfo '{self.metainfo['dataset_name']}': has {self.num_joints} joints, but MPII has {NUM_JOINTS}"
            )
        try:
            return list(self._records(self._read_people()))
        except UserError:
            raise
        except (KeyError, IndexError, TypeError, ValueError, AttributeError, OverflowError) as error:
            raise UserError(f"{self.ann_file}: not in MPII's layout: {type(error).__name__}: {error}") from error

    def _read_people(self) -> list[Record]:
        people = read_json(self.ann_file)
        if not isinstance(people, list):
            raise UserError(f"{self.ann_file}: not a list of people, as in the official release's MPII files")
        return people

    def _records(self, people: Sequence[Record]) -> Iterator[Record]:
        for number, person in enumerate(people):
            record = person_record(person, self.data_prefix['img'])
            if record['box'] is None:
                self.skipped['without a centre or a scale'] += 1
            elif not self.test_mode and not (record.get('visible', np.zeros(1)) > 0).any():
                self.skipped['without a labelled keypoint'] += 1
            else:
                yield {**record, 'id': number}


@DATASETS.register_module()
class MpiiMatDataset(MpiiDataset):
    """People of MPII from its original `mpii_human_pose_v1_u12_1.mat`: training images, or test images in `test_mode`.

    People of the test images have no joints. The validation split of the official release exists only in its JSON.
    """

    def _read_people(self) -> list[Record]:
        content = read_matlab(self.ann_file, struct_as_record=False, squeeze_me=True)
        if 'RELEASE' not in content:
            raise UserError(f"{self.ann_file}: not MPII's MATLAB release, which has a variable RELEASE")
        release = content['RELEASE']
        images = zip(np.atleast_1d(release.annolist), np.atleast_1d(release.img_train), strict=True)
        return [
            mat_person(person, image.image.name)
            for image, is_train in images
            if bool(is_train) != self.test_mode
            for person in _structs(image.annorect)
        ]


def person_record(person: Mapping[str, Any], folder: str) -> Record:
    """Return the record of a person in the official JSON's layout, without `id`; `box` is None where it is unknown.

    Args:
        person: `center` (2,) image px counted from 1, `scale`, and perhaps `joints` (16, 2), `joints_vis` (16,).
        folder: of the images.
    """
    center, scale = np.array(person['center'], dtype=np.float64), float(person['scale'])
    name = file_name_of(person, 'MPII annotations', 'image')
    record: Record = {'img_id': name, 'img_path': str(Path(folder) / name), 'box_score': 1.0}
    record['box'] = region_box(center, scale) if center[0] != -1 and scale > 0 else None
    if 'joints' in person:
        visible = np.array(person['joints_vis'], dtype=np.float64)
        joints = np.array(person['joints'], dtype=np.float64)[:, :2] - 1
        if joints.shape != (NUM_JOINTS, 2) or visible.shape != (NUM_JOINTS,):
            raise UserError(
                f'a person in {person["image"]} has {len(joints)} joints and {len(visible)} flags, but MPII has '
                f'{NUM_JOINTS}'
            )
        # Joints that are not labelled are at (-1, -1), outside the image.
        record |= {'keypoints': np.where((visible > 0)[:, None], joints, 0.0), 'visible': visible}
    return record


def region_box(center: np.ndarray, scale: float) -> np.ndarray:
    """Return the box (4,) xyxy in image px, counted from 0, of MPII's centre (2,), counted from 1, and scale."""
    middle = center + [0.0, CENTER_DROP * scale] - 1
    half = scale * SCALE_UNIT / 2
    return np.concatenate([middle - half, middle + half])


def mat_person(person: Any, image: str) -> Record:
    """Return a MATLAB struct of one person in the layout of the official JSON; missing joints have flag 0.

    A missing position or scale becomes -1, as in the JSON.
    """
    positions = _structs(getattr(person, 'objpos', None))
    scales = np.atleast_1d(getattr(person, 'scale', []))
    record: Record = {
        'image': image,
        'center': [float(positions[0].x), float(positions[0].y)] if positions else [-1.0, -1.0],
        'scale': float(scales[0]) if scales.size else -1.0,
    }
    points = _structs(getattr(getattr(person, 'annopoints', None), 'point', None))
    if points:
        joints, visible = np.full((NUM_JOINTS, 2), 0.0), np.zeros(NUM_JOINTS)
        ids = [int(point.id) for point in points]
        joints[ids] = [[float(point.x), float(point.y)] for point in points]
        visible[ids] = 1
        record |= {'joints': joints, 'joints_vis': visible}
    return record


def _structs(value: Any) -> list[Any]:
    """Return a struct array as a list; SciPy reads a single struct bare, and none as an empty array."""
    return [item for item in np.atleast_1d(value) if hasattr(item, '_fieldnames')]
