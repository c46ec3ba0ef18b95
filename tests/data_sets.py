"""Generated samples of data sets, each in the format of its files and laid out as its config expects."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from hrpose.config import load_config
from hrpose.datasets.metainfo.known import COCO
from tests.conftest import ROOT, draw_person

Person = dict[str, Any]
NUMBER = 4  # people, one an image


def coco_person(joints: np.ndarray, box: list[float], number: int) -> Person:
    """Return an annotation in COCO's layout of joints (K, 3) and a box xywh, in image px."""
    person = {'id': 100 + number, 'image_id': number, 'category_id': 1, 'iscrowd': 0, 'bbox': box}
    return {**person, 'keypoints': joints.ravel().tolist(), 'num_keypoints': len(joints), 'area': box[2] * box[3] * 0.6}


def without_area(joints: np.ndarray, box: list[float], number: int) -> Person:
    person = coco_person(joints, box, number)
    del person['area']
    return person


def art_person(joints: np.ndarray, box: list[float], number: int) -> Person:
    """Return an annotation of Human-Art, which has 21 joints besides."""
    return {**coco_person(joints, box, number), 'keypoints_21': [1.0] * 63}


def animal(joints: np.ndarray, box: list[float], number: int) -> Person:
    """Return an annotation of AP-10K; each image has another species."""
    return {**coco_person(joints, box, number), 'category_id': number + 7}


def from_one(joints: np.ndarray, box: list[float], number: int) -> Person:
    """Return an annotation of JHMDB, which counts pixels from 1 and has no areas."""
    return without_area(joints + [1, 1, 0], [box[0] + 1, box[1] + 1, *box[2:]], number)


def whole_body(joints: np.ndarray, box: list[float], number: int) -> Person:
    """Return an annotation of COCO-WholeBody: the joints of each part apart."""
    lists = np.split(joints, [17, 23, 91, 112])
    person = coco_person(lists[0], box, number)
    for part, own in zip(('foot', 'face', 'lefthand', 'righthand'), lists[1:], strict=True):
        person |= {f'{part}_kpts': own.ravel().tolist(), f'{part}_valid': True, f'{part}_box': box}
    return person


BODY = {'id': 1, 'name': 'person', 'keypoints': list(COCO['keypoint_names'])}
SPECIES = [{'id': number, 'name': f'species {number}', 'keypoints': ['a'] * 17} for number in range(1, 55)]
PERSON = {'id': 1, 'name': 'person'}
# Where the files name their images in folders.
FOLDERS = {'humanart': 'HumanArt/images/cartoon', 'jhmdb': 'Rename_Images/climb/video'}
# Name of the joints -> the config, the annotation of a person, the categories, and the first metric with the value of
# perfect predictions.
DATA_SETS: dict[str, tuple[str, Callable[[np.ndarray, list[float], int], Person], list[Person], str, float]] = {
    'ap10k': ('hrnet_w32_ap10k_256x256', animal, SPECIES, 'coco/AP', 1.0),
    'jhmdb': ('hrnet_w32_jhmdb_256x256', from_one, [PERSON], 'jhmdb/PCK', 100.0),
    'coco_wholebody': ('hrnet_w32_wholebody_256x192', whole_body, [BODY], 'coco-wholebody/AP', 1.0),
    'halpe': ('hrnet_w32_halpe_256x192', coco_person, [BODY], 'coco/AP', 1.0),
    'ochuman': ('hrnet_w32_ochuman_256x192', coco_person, [PERSON], 'coco/AP', 1.0),
    'humanart': ('hrnet_w32_humanart_256x192', art_person, [PERSON], 'coco/AP', 1.0),
    'aic': ('hrnet_w32_aic_256x192', without_area, [PERSON], 'coco/AP', 1.0),
}


def lay_out(name: str, root: Path) -> tuple[list[str], np.ndarray]:
    """Write a data set for training, validation and test below `root`.

    Returns:
        The options with which its config reads it, and the joints (N, K, 3) in image px that were drawn.
    """
    config, annotate, categories, *_ = DATA_SETS[name]
    cfg = load_config(ROOT / 'configs' / f'{config}.py')
    rng, count = np.random.default_rng(0), len(cfg.metainfo.keypoint_names)
    drawn = [draw_person(rng, count) for _ in range(NUMBER)]
    options = [f'data_root={root}', f'train_dataloader.dataset.data_root={root}']
    for stage in ('train', 'val', 'test'):
        dataset = cfg[f'{stage}_dataloader'].dataset
        content: dict[str, Any] = {'images': [], 'annotations': [], 'categories': categories}
        for number, (image, joints, box) in enumerate(drawn):
            file_name = str(Path(FOLDERS.get(name, ''), f'{number}.jpg'))
            path = root / dataset.data_prefix.img / file_name
            path.parent.mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(path), image)
            content['images'].append({'id': number, 'file_name': file_name, 'width': 80, 'height': 60})
            content['annotations'].append(annotate(joints, box, number))
        file = root / dataset.ann_file
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(content))
    return options, np.stack([joints for _, joints, _ in drawn])
