"""Detectors of mmdet's own configs, on small images and with seeded initial weights."""

from functools import cache

import numpy as np
import pytest
import torch
from mmengine.config import Config

from hrpose.apis.detector import init_detector
from hrpose.config import load_config

pytest.importorskip('mmdet')

# One of each kind: dense in one stage, two stages, queries, dense with an objectness.
CONFIGS = {
    'RTMDet': 'mmdet::rtmdet/rtmdet_tiny_8xb32-300e_coco.py',
    'Faster R-CNN': 'mmdet::faster_rcnn/faster-rcnn_r50_fpn_1x_coco.py',
    'DETR': 'mmdet::detr/detr_r50_8xb2-150e_coco.py',
    'YOLOX': 'mmdet::yolox/yolox_tiny_8xb8-300e_coco.py',
}
SIDE = 128

# Untrained, a two-stage detector is sure of nothing; and a thousand proposals are many for an image this small.
_TEST = {'Faster R-CNN': {'rcnn.score_thr': 0.0, 'rpn.max_per_img': 100}, 'YOLOX': {'score_thr': 0.0}}


def small_config(name: str) -> Config:
    """Return one of mmdet's own configs, with an input of 128 px and boxes of any score."""
    cfg = load_config(CONFIGS[name])
    for step in cfg.test_dataloader.dataset.pipeline:
        for key in ('scale', 'size'):
            if key in step:
                step[key] = (SIDE, SIDE)
    cfg.merge_from_dict({f'model.test_cfg.{key}': value for key, value in _TEST.get(name, {}).items()})
    return cfg


@cache
def small_detector(name: str) -> torch.nn.Module:
    """Return the detector of such a config; tests share it and leave it as it is."""
    torch.manual_seed(0)
    model = init_detector(small_config(name))
    generator = torch.Generator().manual_seed(0)
    # Initial weights give all places nearly the same score; these tell them apart.
    for weight in model.parameters():
        if weight.ndim > 1:
            weight.data *= 1 + 0.3 * torch.randn(weight.shape, generator=generator)
    if name == 'YOLOX':
        # Its input is 0 to 255 as it is, which untrained layers would carry on into boxes of infinite size.
        model.backbone.stem.conv.conv.weight.data /= 255
    return model


def make_images(*sizes: tuple[int, int], seed: int = 0) -> list[np.ndarray]:
    """Return noisy images (H, W, 3) uint8 BGR, with something large in each."""
    rng = np.random.default_rng(seed)
    made = []
    for height, width in sizes:
        coarse = rng.integers(0, 255, (4, 5, 3)).astype(np.uint8)
        rows, columns = np.arange(height) * 4 // height, np.arange(width) * 5 // width
        noise = rng.integers(0, 60, (height, width, 3))
        made.append(np.clip(coarse[rows][:, columns] + noise, 0, 255).astype(np.uint8))
    return made
