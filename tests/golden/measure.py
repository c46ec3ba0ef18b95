"""Measure the regression values in `measured/`: `python -m tests.golden.measure`.

hrpose itself gives them, so they say that nothing moved, not that it is right. Measure anew only where a change is
meant to move them, and name the commit in README.md.
"""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from mmengine.dataset import pseudo_collate

from hrpose.config import load_config
from hrpose.registry import DATASETS, MODELS
from tests.drawn import draw_coco
from tests.golden import GOLDEN, fill_model

ROOT = GOLDEN.parents[1]


def predict(source: Path, options: dict[str, Any] | None = None) -> dict[str, np.ndarray]:
    """Return ids (N,), boxes (N, 4) and predictions of a sample of COCO's people, by the config of HRNet-W32.

    Its weights are those of the golden forwards: they give wild poses, but each number has one right value.
    """
    sample = {'data_root': str(source), 'val_dataloader.dataset.ann_file': 'test_coco.json'}
    sample['val_dataloader.dataset.data_prefix.img'] = str(source)
    cfg = load_config(ROOT / 'configs' / 'hrnet_w32_coco_256x192.py', sample | (options or {}))
    dataset = DATASETS.build(cfg.test_dataloader.dataset)
    model = fill_model(MODELS.build(cfg.model))
    samples = model.test_step(pseudo_collate([dataset[index] for index in range(len(dataset))]))
    found = [sample.pred_instances for sample in samples]
    return {
        'item_id': np.array([sample.id for sample in samples]),
        'boxes': np.concatenate([sample.gt_instances.bboxes for sample in samples]),
        'keypoints_image': np.concatenate([instances.keypoints for instances in found]).astype(np.float32),
        'scores': np.concatenate([instances.keypoint_scores for instances in found]).astype(np.float32),
    }


if __name__ == '__main__':
    with TemporaryDirectory() as folder:
        draw_coco(Path(folder))
        np.savez_compressed(GOLDEN / 'measured' / 'chain_w32_drawn.npz', **predict(Path(folder)))
