"""The whole test protocol on real photographs: annotation to key points in image px, against the official release."""

import numpy as np
from mmengine.dataset import pseudo_collate

from hrpose.config import load_config
from hrpose.registry import DATASETS, MODELS
from tests.golden import fill_model
from tests.golden.make import ORIGINALS


def test_key_points_of_twelve_real_people_are_the_official_ones(repository, real_data):
    official = np.load(ORIGINALS / 'chain_w32_coco.npz')
    source = str(real_data / 'coco')
    options = {'data_root': source, 'val_dataloader.dataset.ann_file': 'test_coco.json'}
    options['val_dataloader.dataset.data_prefix.img'] = source
    cfg = load_config(repository / 'configs' / 'hrnet_w32_coco_256x192.py', options)
    dataset = DATASETS.build(cfg.test_dataloader.dataset)
    model = fill_model(MODELS.build(cfg.model))

    samples = model.test_step(pseudo_collate([dataset[index] for index in range(len(dataset))]))

    found = {sample.id: sample.pred_instances for sample in samples}
    assert list(found) == official['item_id'].tolist()
    boxes = np.concatenate([sample.gt_instances.bboxes for sample in samples])
    low, size = np.split(official['box_xywh'], 2, axis=1)
    np.testing.assert_allclose(boxes, np.hstack([low, low + size]), atol=1e-3)
    keypoints = np.concatenate([instances.keypoints for instances in found.values()])
    scores = np.concatenate([instances.keypoint_scores for instances in found.values()])
    np.testing.assert_allclose(keypoints, official['keypoints_image'], rtol=0, atol=0.01)
    np.testing.assert_allclose(scores, official['scores'], rtol=0, atol=1e-4)
