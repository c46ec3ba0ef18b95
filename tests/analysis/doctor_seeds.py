"""A healthy data set of generated people in COCO's layout, and each fault of the doctor's, seeded into it."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from hrpose.analysis.doctor.finding import Fault
from hrpose.datasets.metainfo import resolve
from tests.conftest import ROOT, spoil

COCO = resolve('coco')
NAMES: tuple[str, ...] = COCO['keypoint_names']
LEFT = [joint for joint, name in enumerate(NAMES) if name.startswith('left')]
IMAGES, PEOPLE = 3, 4
WIDTH, HEIGHT = 640, 200

# A person who faces the camera, px: the nose, then each left joint; the right ones are mirrored.
NOSE = (40.0, 20.0)
LEFT_SIDE = [(44, 16), (48, 18), (55, 40), (62, 65), (64, 88), (51, 90), (53, 125), (54, 158)]


@dataclass
class Case:
    """A data set before it is written; a fault changes it."""

    folder: Path
    content: dict[str, Any]
    detections: list[dict[str, Any]]
    metainfo: dict[str, Any] = field(default_factory=lambda: dict(COCO))
    dataset: str = 'CocoDataset'
    options: list[str] = field(default_factory=list)
    texts: dict[str, str] = field(default_factory=dict)

    @property
    def people(self) -> list[dict[str, Any]]:
        return self.content['annotations']

    @property
    def category(self) -> dict[str, Any]:
        return self.content['categories'][0]

    def write(self) -> Path:
        """Write annotations, detections and a config; returns the config's path."""
        files = {'ann.json': json.dumps(self.content), 'boxes.json': json.dumps(self.detections), **self.texts}
        for name, text in files.items():
            (self.folder / name).write_text(text)
        loader = dict(dataset=dict(type=self.dataset, ann_file='ann.json', data_prefix=dict(img='images')))
        lines = [
            f"_base_ = ['{ROOT}/configs/_base_/runtime.py', '{ROOT}/configs/_base_/coco.py']",
            f'metainfo = {self.metainfo!r}',
            f'data_root = {str(self.folder)!r}',
            "codec = dict(type='MSRAHeatmap', input_size=(192, 256))",
            f'train_dataloader = {loader!r}',
            f'val_dataloader = {loader!r}',
        ]
        path = self.folder / 'config.py'
        path.write_text('\n'.join(lines) + '\n')
        return path

    @property
    def words(self) -> list[str]:
        """Arguments after the config: examine the test set only."""
        boxes = [f'test_dataloader.dataset.bbox_file={self.folder / "boxes.json"}'] if self.detections else []
        options = [f'data_root={self.folder}', *boxes, *self.options]
        return ['--split', 'test', '--out', str(self.folder / 'sheets'), '--cfg-options', *options]


def healthy(folder: Path) -> Case:
    """Return a data set with nothing wrong; its images are written."""
    rng = np.random.default_rng(0)
    (folder / 'images').mkdir(parents=True)
    category = {'id': 1, 'name': 'person', 'keypoints': list(NAMES)}
    content: dict[str, Any] = {'images': [], 'annotations': [], 'categories': [category]}
    found = []
    for image in range(IMAGES):
        pixels = cv2.resize(rng.integers(0, 255, (10, 32, 3), dtype=np.uint8), (WIDTH, HEIGHT))
        cv2.imwrite(str(folder / 'images' / f'{image}.jpg'), pixels)
        content['images'].append({'id': image, 'file_name': f'{image}.jpg', 'width': WIDTH, 'height': HEIGHT})
        for place in range(PEOPLE):
            person = one_person(rng, number=image * PEOPLE + place, x=160.0 * place + 30)
            content['annotations'].append({**person, 'image_id': image})
            box = (np.array(person['bbox']) + rng.uniform(-4, 4, 4)).tolist()
            found.append({'image_id': image, 'category_id': 1, 'bbox': box, 'score': 0.9})
    return Case(folder, content, found)


def one_person(rng: np.random.Generator, *, number: int, x: float) -> dict[str, Any]:
    """Return an annotation without its image id: joints from about x to x + 80 px, and a box around them."""
    left = np.array(LEFT_SIDE, dtype=np.float64)
    right = np.column_stack([80 - left[:, 0], left[:, 1]])
    pose = np.concatenate([[NOSE], np.stack([left, right], axis=1).reshape(-1, 2)])
    joints = pose * rng.uniform(0.9, 1.1) + rng.normal(0, 1.5, pose.shape) + [x, rng.uniform(5, 15)]
    low, high = joints.min(axis=0) - 8, joints.max(axis=0) + 8
    return {
        'id': number + 100,
        'category_id': 1,
        'iscrowd': 0,
        'num_keypoints': len(joints),
        'keypoints': np.column_stack([joints, np.full(len(joints), 2)]).ravel().tolist(),
        'bbox': [*low.tolist(), *(high - low).tolist()],
        'area': float(np.prod(high - low) * 0.5),
    }


def each_person(change: Callable[[np.ndarray], None]) -> Callable[[Case], None]:
    """Return a fault that changes the joints (17, 3) of everybody."""

    def seed(case: Case) -> None:
        for person in case.people:
            joints = np.reshape(person['keypoints'], (-1, 3))
            change(joints)
            person['keypoints'] = joints.ravel().tolist()

    return seed


def exchange(*joints: int) -> Callable[[Case], None]:
    """Return a fault that exchanges left joints with the right ones."""

    def change(points: np.ndarray) -> None:
        for joint in joints:
            points[[joint, joint + 1]] = points[[joint + 1, joint]]

    return each_person(change)


def set_flag(joint: int | slice, flag: int) -> Callable[[Case], None]:
    def change(points: np.ndarray) -> None:
        points[joint, 2] = flag

    return each_person(change)


def normalise(case: Case) -> None:
    each_person(lambda points: np.divide(points, [WIDTH, HEIGHT, 1], out=points))(case)
    for person in case.people:
        person['bbox'] = (np.array(person['bbox']) / [WIDTH, HEIGHT, WIDTH, HEIGHT]).tolist()
        del person['area']


def move_one(case: Case) -> None:
    """Move a person and the box out of the image."""
    person = case.people[3]
    person['bbox'][0] += WIDTH
    person['keypoints'] = (np.reshape(person['keypoints'], (-1, 3)) + [WIDTH, 0, 0]).ravel().tolist()


def to_corners(case: Case) -> None:
    for person in case.people:
        x, y, width, height = person['bbox']
        person['bbox'] = [x, y, x + width, y + height]


def rename(case: Case) -> None:
    """Break the pair of ankles by a typing error, in the file and in the config."""
    names = list(NAMES)
    names[15] = 'left_anckle'
    case.category['keypoints'] = names
    case.metainfo |= {'keypoint_names': tuple(names), 'flip_indices': ()}


def as_mpii(case: Case) -> None:
    people = [
        {'image': '0.jpg', 'center': [80 + 140 * k, 90], 'scale': 0.9, 'joints': joints, 'joints_vis': [1] * 16}
        for k, joints in enumerate(np.random.default_rng(0).uniform(30, 150, (4, 16, 2)).tolist())
    ]
    case.dataset, case.detections, case.metainfo = 'MpiiDataset', [], resolve('mpii')
    case.texts['ann.json'] = json.dumps(people)


def shrink(case: Case) -> None:
    path = str(case.folder / 'images' / '2.jpg')
    cv2.imwrite(path, cv2.resize(cv2.imread(path), (WIDTH // 2, HEIGHT // 2)))


def by_name(case: Case) -> None:
    """Give the category a word for its id, which has to be a number."""
    case.category['id'] = 'person'
    for person in case.people:
        person['category_id'] = 'person'


def moved(box: list[float]) -> list[float]:
    return [box[0] + 400, *box[1:]]


def update(**values: Any) -> Callable[[Case], None]:
    """Return a fault that sets fields of one annotation."""
    return lambda case: case.people[5].update(values)


def update_metainfo(**values: Any) -> Callable[[Case], None]:
    return lambda case: case.metainfo.update(values)


def update_boxes(change: Callable[[dict[str, Any]], Any]) -> Callable[[Case], None]:
    """Return a fault that changes every detection."""
    return lambda case: [change(box) for box in case.detections] and None


CHAIN = (0, 2, 3, 1, *range(4, 17))
OTHERS = (0, 2, 1, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 14, 13, 16, 15)

SEEDS: dict[Fault, Callable[[Case], object]] = {
    'annotation_file': lambda case: case.texts.update({'ann.json': '{"images": ['}),
    'boxes_as_corners': to_corners,
    'boxes_miss_joints': lambda case: case.people[5].update(bbox=moved(case.people[5]['bbox'])),
    'boxes_without_area': update(bbox=[30, 30, 0, 80]),
    'broken_detections': lambda case: case.detections[0].pop('score'),
    'coarse_grid': lambda case: case.options.append('codec.heatmap_size=(6,8)'),
    'detection_file': lambda case: case.texts.update({'boxes.json': '{"boxes": []}'}),
    'duplicate_annotation_ids': update(id=100),
    'duplicate_image_ids': lambda case: case.content['images'][1].update(id=0),
    'duplicate_people': lambda case: case.people.append({**case.people[2], 'id': 999}),
    'flags': set_flag(4, 3),
    'flip_names': update_metainfo(flip_indices=OTHERS),
    'flip_pairs': update_metainfo(flip_indices=CHAIN),
    'foreign_detections': update_boxes(lambda box: box.update(image_id=box['image_id'] + 1000)),
    'image_sizes': shrink,
    'joint_counts': lambda case: case.people[5].update(keypoints=case.people[5]['keypoints'][:-3]),
    'joint_names': lambda case: case.category.update(keypoints=[*NAMES[2:], *NAMES[:2]]),
    'joints_at_origin': each_person(lambda points: points[4].put([0, 1], 0)),
    'joints_outside_image': move_one,
    'left_out': update(iscrowd=1),
    'missing_images': lambda case: (case.folder / 'images' / '2.jpg').unlink(),
    'no_people': lambda case: [person.update(iscrowd=1) for person in case.people],
    'no_round_trip': lambda case: case.options.append('test_pipeline=[{"type":"LoadImage"},{"type":"PackPose"}]'),
    'normalised': normalise,
    'not_numbers': lambda case: case.people[5]['keypoints'].__setitem__(7, 'left'),
    'people_without_detection': update_boxes(lambda box: box.update(bbox=moved(box['bbox']))),
    'records_only': as_mpii,
    'refused': by_name,
    'sigma_count': update_metainfo(sigmas=(0.05,) * 16),
    'skeleton': lambda case: case.category.update(skeleton=[[1, 2], [16, 18]]),
    'swapped_everywhere': exchange(*LEFT),
    'swapped_pair': exchange(NAMES.index('left_hip')),
    'unknown_images': update(image_id=77),
    'unlabelled_joints': set_flag(4, 0),
    'unpaired_sides': rename,
    'unreadable_images': lambda case: spoil(case.folder / 'images' / '2.jpg', 'truncated'),
    'unstated_sizes': lambda case: case.content['images'][1].pop('width'),
}
