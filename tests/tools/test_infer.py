"""People in pictures and videos as a user asks for them, on real photographs and a real clip."""

import json
import pickle

import numpy as np
import torch

from hrpose.apis import Boxes, PoseInferencer, init_model
from hrpose.config import load_config
from tests.apis.cases import SMALL_CONFIG
from tests.models.golden import fill_model


def test_results_are_those_of_tools_test_on_the_same_boxes(shared_data, tmp_path, call):
    source, dump = shared_data / 'coco', tmp_path / 'dump.pkl'
    cfg = load_config(SMALL_CONFIG, {'codec.input_size': (64, 64)})
    torch.save(fill_model(init_model(cfg)).state_dict(), tmp_path / 'weights.pth')
    annotations = {'ann_file': 'test_coco.json', 'data_prefix.img': source, 'bbox_file': 'test_coco_det_AP_H_56.json'}
    options = [f'val_dataloader.dataset.{key}={value}' for key, value in annotations.items()]
    options += [f'data_root={source}', 'val_dataloader.num_workers=0', 'codec.input_size=(64,64)']
    words = [SMALL_CONFIG, tmp_path / 'weights.pth', '--work-dir', tmp_path, '--dump', dump]
    status, output = call('test', *words, '--cfg-options', *options)
    assert status == 0, output[-2000:]
    expected = pickle.loads(dump.read_bytes())
    by_path: dict = {}
    for person in expected:
        by_path.setdefault(person['img_path'], []).append(person['pred_instances'])
    assert sum(map(len, by_path.values())) == 118

    detections = json.loads((source / 'test_coco_det_AP_H_56.json').read_text())
    pose = PoseInferencer(cfg, tmp_path / 'weights.pth')
    boxes = {path: np.concatenate([person['bboxes'] for person in people]) for path, people in by_path.items()}
    for path, people in by_path.items():
        own = [entry for entry in detections if f'{entry["image_id"]:012d}.jpg' in path and entry['category_id'] == 1]
        rows = [np.add(entry['bbox'], [0, 0, *entry['bbox'][:2]]) for entry in own]
        scores = np.array([entry['score'] for entry in own])
        result = pose(path, boxes=Boxes(np.array(rows), scores))
        np.testing.assert_allclose(result.boxes, boxes[path], rtol=1e-6)
        assert np.array_equal(result.box_scores.astype(np.float32), np.concatenate([p['bbox_scores'] for p in people]))
        moved = np.abs(result.keypoints - np.concatenate([person['keypoints'] for person in people])).max(-1)
        assert (moved <= 1e-3).mean() >= 0.999
        truth = np.concatenate([person['keypoint_scores'] for person in people])
        np.testing.assert_allclose(result.scores, truth, rtol=0, atol=1e-5)
