"""tools/analysis/ap_account.py, row by row against tools/test.py, on a network that finds joints by their colour."""

import json
from pathlib import Path
from typing import ClassVar

import cv2
import numpy as np
import pytest
import torch
from torch import Tensor, nn

from hrpose.analysis.ap_account import protocol_rows
from hrpose.apis import init_model
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

    def forward(self, images: Tensor) -> list[Tensor]:
        Colours.seen.append(len(images))
        return [nn.functional.avg_pool2d(nn.functional.pad(images, (0, 1, 0, 1)), 5, stride=4)]


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


@pytest.fixture
def coloured(tmp_path, repository, rng):
    """A config with a detector's boxes, and the checkpoint of a network that finds most joints of its people."""
    draw_people(tmp_path, rng)
    config, checkpoint = tmp_path / 'colours.py', tmp_path / 'colours.pth'
    config.write_text(CONFIG.format(root=str(repository), data=str(tmp_path), names=NAMES, boxes="'boxes.json'"))
    weights = init_model(config).state_dict()
    weights['head.final_layer.weight'].copy_(torch.from_numpy(FILTERS)[..., None, None] / 4)
    torch.save(weights, checkpoint)
    return config, checkpoint


def account(call, out: Path, *words: object) -> list[dict]:
    """Run the tool; return its rows."""
    status, output = call('analysis.ap_account', *words, '--out', out)
    assert status == 0, output[-3000:]
    return json.loads(out.read_text())


def metrics_of_test(call, work_dir: Path, config: Path, checkpoint: Path, options: str) -> dict[str, float]:
    """Run tools/test.py; return its metrics, unrounded."""
    # mmengine keeps one logger for each name and second.
    words = ['--cfg-options', f'experiment_name={work_dir.name}', *options.split()]
    status, output = call('test', config, checkpoint, '--work-dir', work_dir, *words)
    assert status == 0, output[-3000:]
    (file,) = work_dir.glob('*/*.json')
    metrics = json.loads(file.read_text()).items()
    return {name.removeprefix('coco/'): value for name, value in metrics if name.startswith('coco/')}


def test_every_row_equals_a_test_with_its_options(coloured, call, tmp_path):
    rows = account(call, tmp_path / 'account.json', *coloured)
    assert [row['title'] for row in rows] == [row.title for row in protocol_rows(detections=True)]
    for number, row in enumerate(rows):
        assert row['metrics'] == metrics_of_test(call, tmp_path / f'{number}', *coloured, row['options']), row['title']
    values = [row['metrics']['AP'] for row in rows]
    assert 0.1 < values[0] < 0.99
    assert len(set(values)) == len(values)


def test_the_network_runs_once_for_each_source_of_boxes(coloured, call, tmp_path):
    Colours.seen.clear()
    account(call, tmp_path / 'account.json', *coloured)
    people, boxes = 18, len(json.loads((tmp_path / 'boxes.json').read_text()))
    batches = [number for number in Colours.seen if number > 1]  # one image alone is a look at the backbone's shapes
    assert len(batches) == -(-people // 8) + -(-boxes // 8)
    assert sum(batches) == 2 * (people + boxes)


def test_without_a_detectors_boxes_the_row_names_bbox_file(coloured, call, tmp_path):
    words = [*coloured, '--cfg-options', 'test_dataloader.dataset.bbox_file=None']
    whole, detected, *others = account(call, tmp_path / 'a.json', *words)
    assert (detected['metrics'], '--bbox-file' in detected['reason']) == (None, True)
    assert all(row['metrics'] for row in others)
    _, other, *_ = account(call, tmp_path / 'b.json', *words, '--bbox-file', tmp_path / 'boxes.json')
    assert other['metrics'] == whole['metrics']


def test_parts_that_the_config_switches_off_are_scored(coloured, call, tmp_path):
    rows = account(call, tmp_path / 'a.json', *coloured)
    words = [*coloured, '--out', tmp_path / 'b.json', '--cfg-options']
    status, output = call(
        'analysis.ap_account', *words, 'model.flip_test=False', 'test_evaluator.nms=None', 'codec.offset=0'
    )
    assert (status, 'leaves out flip test, NMS:' in output) == (0, True)
    again = {row['title']: row for row in json.loads((tmp_path / 'b.json').read_text())}
    assert 'no quarter offset' in again['no quarter offset']['reason']
    assert again["whole protocol, a detector's boxes"]['metrics'] == rows[4]['metrics']


@pytest.mark.parametrize(
    ('edit', 'options', 'said'),
    [
        (None, ['test_evaluator.type=PCKMetric'], 'needs a CocoMetric'),
        (lambda content: content.pop('annotations'), [], 'has no annotations'),
    ],
)
def test_a_test_without_ap_is_one_message(edit, options, said, coloured, call, tmp_path):
    if edit:
        content = json.loads((tmp_path / 'ann.json').read_text())
        edit(content)
        (tmp_path / 'ann.json').write_text(json.dumps(content))
    status, output = call('analysis.ap_account', *coloured, *(['--cfg-options', *options] if options else []))
    assert (status, said in output, 'Traceback' in output) == (2, True, False)
