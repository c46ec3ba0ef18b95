"""People whose joints are dots of their own colours, and a network that finds most of them."""

import json
from pathlib import Path
from typing import ClassVar

import cv2
import numpy as np
import torch
from torch import Tensor, nn

from hrpose.registry import MODELS

# A linear function of RGB for each joint, largest at the joint's own colour.
FILTERS = np.array([[1, -1, -1], [-1, 1, -1], [1, 1, -2], [-1, -1, 1], [1, -2, 1]], dtype=np.float32)
COLOURS = np.clip(FILTERS, 0, 1) * 255
NAMES = ('red', 'green', 'yellow', 'blue', 'pink')  # no sides: mirroring changes no colour

CONFIG = """
_base_ = [{root!r} + '/configs/_base_/runtime.py', {root!r} + '/configs/_base_/coco.py']
data_root = {data!r}
metainfo = dict(dataset_name='colours', keypoint_names={names!r})
codec = dict(type='MSRAHeatmap', input_size=(64, 64), sigma=1.5)
model = dict(type='TopdownPoseEstimator', backbone=dict(type='Colours'), head=dict(type='HeatmapHead'))
val_dataloader = dict(
    batch_size=8, num_workers=0, persistent_workers=False,
    dataset=dict(ann_file='ann.json', data_prefix=dict(img='.')),
)
test_dataloader = dict(
    batch_size=8, num_workers=0, persistent_workers=False,
    sampler=dict(type='EpochSampler', shuffle=False, round_up=False),
    dataset=dict(type='CocoDataset', ann_file='ann.json', data_prefix=dict(img='.'), test_mode=True, bbox_file={boxes}),
)
"""


@MODELS.register_module()
class Colours(nn.Module):
    """Mean colours of 5 x 5 px, every 4 px, so not symmetric; the head's 1x1 convolution does the rest."""

    out_channels = (3,)
    seen: ClassVar[list[int]] = []  # images of each call

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer('unit', torch.ones(()))  # a checkpoint of a pose network has weights of its backbone

    def forward(self, images: Tensor) -> list[Tensor]:
        Colours.seen.append(len(images))
        return [nn.functional.avg_pool2d(nn.functional.pad(images * self.unit, (0, 1, 0, 1)), 5, stride=4)]


def draw_people(folder: Path, rng: np.random.Generator, images: int = 6, people: int = 3) -> None:
    """Write images with a coloured dot for each joint, annotations, and a detector's boxes, some of them twice."""
    content = {'images': [], 'annotations': [], 'categories': [{'id': 1, 'name': 'person', 'keypoints': NAMES}]}
    found = []
    for image in range(images):
        pixels = rng.integers(0, 60, (160, 260, 3), dtype=np.uint8)
        content['images'].append({'id': image, 'file_name': f'{image}.png', 'width': 260, 'height': 160})
        for person in range(people):
            x, y = rng.uniform(0, 20) + 85 * person, rng.uniform(0, 80)
            joints = rng.uniform((x + 8, y + 8), (x + 52, y + 68), (5, 2))
            for (column, row), colour in zip(joints, COLOURS, strict=True):
                cv2.circle(pixels, (round(column), round(row)), 4, colour[::-1].tolist(), -1)
            joints += rng.normal(0, 1.5, joints.shape)
            annotation = {'id': len(content['annotations']), 'image_id': image, 'category_id': 1, 'iscrowd': 0}
            annotation |= {'bbox': [x, y, 60, 76], 'area': 2400, 'num_keypoints': 5}
            annotation['keypoints'] = np.column_stack([joints, np.full(5, 2)]).ravel().tolist()
            content['annotations'].append(annotation)
            for _ in range(rng.integers(1, 4)):
                box = np.array([x, y, 60, 76]) + rng.normal(0, 4, 4)
                found.append(
                    {'image_id': image, 'category_id': 1, 'bbox': box.tolist(), 'score': float(rng.uniform(0.1, 1))}
                )
        cv2.imwrite(str(folder / f'{image}.png'), pixels)
    (folder / 'ann.json').write_text(json.dumps(content))
    (folder / 'boxes.json').write_text(json.dumps(found))
