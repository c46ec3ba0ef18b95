"""Work that grows with people in an image, with images, and with joints. B people, K joints.

Each function takes a size, the config of the network, and a device; it returns the call to count.
"""

import json
from collections.abc import Callable
from tempfile import NamedTemporaryFile
from typing import Any

import numpy as np
import torch

from hrpose.analysis.benchmark.cases import coco_case

PEOPLE_PER_IMAGE, DETECTIONS_PER_IMAGE = 2.2, 2.4  # as in val2017, on average
CODEC_BATCH = 32


def people_in_an_image(people: int, config: str, device: torch.device) -> Callable[[], Any]:
    """Run `PoseInferencer` on an image of 640x480 with so many boxes."""
    from hrpose.apis import PoseInferencer

    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (480, 640, 3), dtype=np.uint8)
    corners = rng.uniform(0, 300, (people, 2))
    boxes = np.hstack([corners, corners + rng.uniform(50, 200, (people, 2))])
    pose = PoseInferencer(config, device=str(device))
    pose(image, boxes=boxes[:1])  # a network plans its convolutions in the first call
    return lambda: pose(image, boxes=boxes)


def data_set(images: int, config: str, device: torch.device) -> Callable[[], Any]:
    """Read an annotation file into a data set."""
    from hrpose.datasets import CocoDataset

    file = NamedTemporaryFile('w', suffix='.json')  # noqa: SIM115  the process removes it when it ends
    json.dump(coco_case(images=images, people=round(PEOPLE_PER_IMAGE * images), detections=1)[0], file)
    file.flush()
    return lambda: len(CocoDataset(file.name))


def evaluation(images: int, config: str, device: torch.device) -> Callable[[], Any]:
    """Compute COCO's ten metrics."""
    from hrpose.evaluation.functional.coco_ap import evaluate_coco

    people, detections = (round(count * images) for count in (PEOPLE_PER_IMAGE, DETECTIONS_PER_IMAGE))
    truth, results, sigmas = coco_case(images=images, people=people, detections=detections)
    return lambda: evaluate_coco(truth, results, sigmas)


def _head(joints: int, config: str, device: torch.device) -> tuple[Any, list[torch.Tensor], torch.Tensor, torch.Tensor]:
    """Return a head, features [(B, C, h, w)], keypoints (B, K, 2) in input px and weights (B, K)."""
    from hrpose.config import load_config
    from hrpose.models.heads import HeatmapHead

    codec = load_config(config).codec.to_dict()
    head = HeatmapHead(codec=codec, in_channels=32, out_channels=joints).to(device)
    generator = torch.Generator().manual_seed(0)
    width, height = head.codec.heatmap_size
    features = torch.randn(CODEC_BATCH, 32, height, width, generator=generator).to(device)
    features = features.to(memory_format=torch.channels_last)
    size = torch.tensor(head.codec.input_size)
    keypoints = torch.rand(CODEC_BATCH, joints, 2, generator=generator) * size
    return head, [features], keypoints.to(device), torch.ones(CODEC_BATCH, joints, device=device)


def targets(joints: int, config: str, device: torch.device) -> Callable[[], Any]:
    """Encode the heatmaps of a batch."""
    head, _, keypoints, weights = _head(joints, config, device)
    return lambda: head.codec.encode(keypoints, weights)


def head_forward(joints: int, config: str, device: torch.device) -> Callable[[], Any]:
    """Run the head on a batch of features."""
    head, features, _, _ = _head(joints, config, device)
    return torch.no_grad()(lambda: head(features))


def head_loss(joints: int, config: str, device: torch.device) -> Callable[[], Any]:
    """Run the head, make targets, compute the loss and its gradients."""
    head, features, keypoints, weights = _head(joints, config, device)
    features = [part.requires_grad_() for part in features]
    return lambda: head.loss(features, keypoints, weights)['loss_keypoint'].backward()


def decoding(joints: int, config: str, device: torch.device) -> Callable[[], Any]:
    """Decode the keypoints of a batch of heatmaps."""
    head, features, _, _ = _head(joints, config, device)
    with torch.no_grad():
        heatmaps = head(features)
    return lambda: head.predict(heatmaps)


IMAGES = {'data set': data_set, 'evaluation': evaluation}
JOINTS = {'targets': targets, 'forward': head_forward, 'loss, both ways': head_loss, 'decoding': decoding}
