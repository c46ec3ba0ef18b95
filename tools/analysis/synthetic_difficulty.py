"""Show how hard the embedded data set is: what can be had of it without looking, and by looking at limbs only.

    python tools/analysis/synthetic_difficulty.py data/synthetic

Prints the AP of two predictions of the held-out people, in their true boxes: the mean pose of the training boxes,
and a network of three 3x3 convolutions at stride 4, which sees 28x28 pixels of a 96x128 input, about a limb.
Both have to be poor: otherwise the data set could be learnt without understanding whole people.
"""

import argparse
import time
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from hrpose.cli.run import run
from hrpose.codecs import MSRAHeatmap
from hrpose.datasets import CocoDataset
from hrpose.datasets.annotations.files import read_coco_json
from hrpose.datasets.metainfo import resolve
from hrpose.errors import UserError
from hrpose.evaluation import evaluate_coco
from hrpose.models.losses import KeypointMSELoss
from hrpose.structures import input_to_image
from hrpose.synthetic import annotation_file

INPUT_SIZE = (96, 128)
COCO = resolve('coco')
BATCH = 32


class People:
    """The N people of one split, cropped to the input.

    `images` (N, 3, 128, 96) uint8; `keypoints` (N, K, 2) input px and `visible` (N, K) in {0, 1, 2};
    `centers` and `sizes` (N, 2) of the regions, image px; `image_ids` (N,).
    """

    def __init__(self, root: Path, split: str) -> None:
        self.truth = read_coco_json(str(annotation_file(root, split)))
        pipeline = [
            dict(type='LoadImage'),
            dict(type='PadBox', input_size=INPUT_SIZE),
            dict(type='WarpAffine', input_size=INPUT_SIZE, flip_indices=COCO['flip_indices']),
        ]
        dataset = CocoDataset(
            str(annotation_file(root, split)), data_prefix={'img': str(root / split)}, pipeline=pipeline, test_mode=True
        )
        records = [dataset[index] for index in range(len(dataset))]
        self.images = torch.from_numpy(np.stack([record['img'] for record in records])).permute(0, 3, 1, 2).contiguous()
        self.keypoints = np.stack([record['input_keypoints'] for record in records])
        self.visible = np.stack([record['input_visible'] for record in records])
        self.centers = np.stack([record['center'] for record in records])
        self.sizes = np.stack([record['size'] for record in records])
        self.image_ids = [record['img_id'] for record in records]

    def evaluate(self, keypoints: np.ndarray, scores: np.ndarray) -> dict[str, float]:
        """Return COCO's figures for `keypoints` (N, K, 2) input px with `scores` (N,)."""
        places = input_to_image(keypoints, self.centers, self.sizes, INPUT_SIZE)
        results = []
        for image_id, place, score in zip(self.image_ids, places, scores, strict=True):
            row = np.concatenate([place, np.ones((len(place), 1))], axis=1)
            results.append({'image_id': image_id, 'keypoints': row.ravel().tolist(), 'score': float(score)})
        return evaluate_coco(self.truth, results, COCO['sigmas'])


def mean_pose(train: People, val: People) -> dict[str, float]:
    """Return COCO's figures for the mean of each joint's place in the training boxes."""
    labelled = (train.visible > 0)[..., None]
    mean = (train.keypoints * labelled).sum(axis=0) / labelled.sum(axis=0)
    count = len(val.image_ids)
    return val.evaluate(np.tile(mean, (count, 1, 1)), np.ones(count))


def limb_network(joints: int, channels: int = 64) -> nn.Module:
    """Return three 3x3 convolutions on patches of 4x4 pixels: (B, 3, H, W) -> (B, joints, H / 4, W / 4)."""
    layers: list[nn.Module] = [nn.Conv2d(3, channels, 4, stride=4), nn.BatchNorm2d(channels), nn.ReLU()]
    for _ in range(2):
        layers += [nn.Conv2d(channels, channels, 3, padding=1), nn.BatchNorm2d(channels), nn.ReLU()]
    return nn.Sequential(*layers, nn.Conv2d(channels, joints, 3, padding=1))


def normalise(images: Tensor) -> Tensor:
    """Return uint8 images (B, 3, H, W) as float32 about 0."""
    return (images.to(torch.float32, memory_format=torch.channels_last) - 115) / 57


def fit(network: nn.Module, people: People, *, seconds: float, lr: float = 1e-3) -> int:
    """Train `network` for `seconds`, with mirrored copies, the rate falling to 0; return the number of steps."""
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
        images, places, seen = normalise(people.images[chosen]), keypoints[chosen], visible[chosen]
        if draws.random() < 0.5:
            images, places, seen = images.flip(-1), places[:, flip], seen[:, flip]
            places = places * torch.tensor([-1.0, 1.0]) + torch.tensor([INPUT_SIZE[0] - 1.0, 0.0])
        optimizer.zero_grad()
        loss(network(images), *codec.encode(places, seen)).backward()
        optimizer.step()
        steps += 1
    return steps


@torch.no_grad()
def predict(network: nn.Module, people: People) -> tuple[np.ndarray, np.ndarray]:
    """Return key points (N, K, 2) in input px and scores (N,)."""
    codec = MSRAHeatmap(INPUT_SIZE, sigma=1.5)
    network.eval()
    parts = [codec.decode(network(normalise(images))) for images in people.images.split(BATCH)]
    keypoints, scores = (torch.cat(part).numpy() for part in zip(*parts, strict=True))
    return keypoints, scores.mean(axis=1)


def main() -> None:
    """Parse the command line, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('data', type=Path, help='folder written by tools/data/make_synthetic.py')
    parser.add_argument('--seconds', type=float, default=120, help='to train the limb network for (default 120)')
    args = parser.parse_args()
    for split in ('train', 'val'):
        if not annotation_file(args.data, split).is_file():
            raise UserError(f'no {annotation_file(args.data, split)}; write it with tools/data/make_synthetic.py')
    train, val = People(args.data, 'train'), People(args.data, 'val')
    print(f'{len(train.image_ids)} people to learn from, {len(val.image_ids)} to predict')
    report('mean pose of the box', mean_pose(train, val), 'AP', 0.05)
    torch.manual_seed(0)
    network = limb_network(len(COCO['keypoint_names'])).to(memory_format=torch.channels_last)
    steps = fit(network, train, seconds=args.seconds, lr=2e-3)
    report(f'limb network, {steps} steps', val.evaluate(*predict(network, val)), 'AP50', 0.2)


def report(name: str, figures: dict[str, float], bound: str, limit: float) -> None:
    """Print a line, with whether the figure called `bound` keeps to its limit."""
    verdict = 'as it should be' if figures[bound] <= limit else 'TOO EASY'
    print(
        f'{name}: AP {figures["AP"]:.3f}, AP50 {figures["AP50"]:.3f} ({bound} at most {limit}: {verdict})', flush=True
    )


if __name__ == '__main__':
    run(main)
