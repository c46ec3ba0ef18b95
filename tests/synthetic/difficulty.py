"""How hard the embedded data set is: predictions that do not look at the image, or only at limbs, have to be poor.

Otherwise the data set could be learnt without understanding whole people. N people of a split, K joints.
"""

import time
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from hrpose.codecs import MSRAHeatmap
from hrpose.datasets import CocoDataset
from hrpose.datasets.annotations import read_coco_json
from hrpose.datasets.metainfo import resolve
from hrpose.evaluation import evaluate_coco
from hrpose.models.losses import KeypointMSELoss
from hrpose.structures import input_to_image
from hrpose.synthetic import annotation_file

INPUT_SIZE = (96, 128)
COCO = resolve('coco')
BATCH = 32


class People:
    """The people of one split, cropped to the input in their annotated boxes.

    `images` (N, 3, 128, 96) uint8; `keypoints` (N, K, 2) input px and `visible` (N, K) in {0, 1, 2}; `centers` and
    `sizes` (N, 2) of the regions, image px; `image_ids` (N).
    """

    def __init__(self, root: Path, split: str) -> None:
        file = str(annotation_file(root, split))
        pipeline = [
            dict(type='LoadImage'),
            dict(type='PadBox', input_size=INPUT_SIZE),
            dict(type='WarpAffine', input_size=INPUT_SIZE, flip_indices=COCO['flip_indices']),
        ]
        dataset = CocoDataset(file, data_prefix={'img': str(root / split)}, pipeline=pipeline, test_mode=True)
        records = [dataset[index] for index in range(len(dataset))]
        images, self.keypoints, self.visible, self.centers, self.sizes = (
            np.stack([record[name] for record in records])
            for name in ('img', 'input_keypoints', 'input_visible', 'center', 'size')
        )
        self.images = torch.from_numpy(images).permute(0, 3, 1, 2).contiguous()
        self.image_ids = [record['img_id'] for record in records]
        self.truth = read_coco_json(file)

    def evaluate(self, keypoints: np.ndarray, scores: np.ndarray) -> dict[str, float]:
        """Return COCO's metrics for `keypoints` (N, K, 2) in input px with `scores` (N,)."""
        places = input_to_image(keypoints, self.centers, self.sizes, INPUT_SIZE)
        triples = np.concatenate([places, np.ones((*places.shape[:2], 1))], axis=2).reshape(len(places), -1)
        results = [
            {'image_id': image_id, 'keypoints': row, 'score': score}
            for image_id, row, score in zip(self.image_ids, triples.tolist(), scores.tolist(), strict=True)
        ]
        return evaluate_coco(self.truth, results, COCO['sigmas'])


def mean_pose(train: People, val: People) -> dict[str, float]:
    """Return COCO's metrics for the mean position of each joint in the training boxes."""
    labelled = (train.visible > 0)[..., None]
    mean = (train.keypoints * labelled).sum(axis=0) / labelled.sum(axis=0)
    count = len(val.image_ids)
    return val.evaluate(np.tile(mean, (count, 1, 1)), np.ones(count))


def limb_network(train: People, val: People, *, seconds: float) -> tuple[dict[str, float], int]:
    """Return COCO's metrics of three 3x3 convolutions at stride 4, and the steps of their training.

    The network sees 28x28 pixels of the 96x128 input, about a limb.
    """
    torch.manual_seed(0)
    channels, joints = 64, len(COCO['keypoint_names'])
    layers: list[nn.Module] = [nn.Conv2d(3, channels, 4, stride=4), nn.BatchNorm2d(channels), nn.ReLU()]
    for _ in range(2):
        layers += [nn.Conv2d(channels, channels, 3, padding=1), nn.BatchNorm2d(channels), nn.ReLU()]
    network = nn.Sequential(*layers, nn.Conv2d(channels, joints, 3, padding=1))
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    steps = _fit(network, train, seconds=seconds, lr=2e-3)
    codec = MSRAHeatmap(INPUT_SIZE, sigma=1.5)
    network.eval()
    with torch.no_grad():
        parts = [codec.decode(network(_normalise(images))) for images in val.images.split(BATCH)]
    keypoints, scores = (torch.cat(part).numpy() for part in zip(*parts, strict=True))
    return val.evaluate(keypoints, scores.mean(axis=1)), steps


def _fit(network: nn.Module, people: People, *, seconds: float, lr: float) -> int:
    """Train for `seconds` with flipped copies, the learning rate falling to 0; return the number of steps."""
    codec, loss = MSRAHeatmap(INPUT_SIZE, sigma=1.5), KeypointMSELoss()
    optimizer = torch.optim.Adam(network.parameters(), lr=lr)
    draws, flip = np.random.default_rng(0), list(COCO['flip_indices'])
    keypoints, visible = torch.from_numpy(people.keypoints).float(), torch.from_numpy(people.visible)
    start, steps = time.monotonic(), 0
    network.train()
    while (past := (time.monotonic() - start) / seconds) < 1:
        for group in optimizer.param_groups:
            group['lr'] = lr * min(1, (steps + 1) / 50, 4 * (1 - past) + 1e-3)
        chosen = torch.from_numpy(draws.integers(len(people.images), size=BATCH))
        images, places, seen = _normalise(people.images[chosen]), keypoints[chosen], visible[chosen]
        if draws.random() < 0.5:
            images, places, seen = images.flip(-1), places[:, flip], seen[:, flip]
            places = places * torch.tensor([-1.0, 1.0]) + torch.tensor([INPUT_SIZE[0] - 1.0, 0.0])
        optimizer.zero_grad()
        loss(network(images), *codec.encode(places, seen)).backward()
        optimizer.step()
        steps += 1
    return steps


def _normalise(images: Tensor) -> Tensor:
    """Return uint8 images (B, 3, H, W) as float32 about 0."""
    return (images.to(torch.float32, memory_format=torch.channels_last) - 115) / 57
