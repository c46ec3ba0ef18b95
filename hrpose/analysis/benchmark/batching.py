"""How much faster `PoseInferencer` is when images share batches."""

from dataclasses import dataclass

import numpy as np
import torch

from hrpose.analysis.benchmark.measure import seconds_of
from hrpose.apis import PoseInferencer


@dataclass(frozen=True)
class Batching:
    """Seconds of one call an image and of one call for all, for `people` people, and the share of equal joints."""

    people: int
    one_by_one: float
    together: float
    equal: float


def compare_batching(config: str, *, images: int, batch_size: int, repeats: int, device: str) -> Batching:
    """Return the least times of `repeats` rounds, for random images with 0 to 9 people each and random weights.

    Args:
        config: of the network.
        images: of 640x480.
        batch_size: people in a forward pass.
        repeats: rounds; in each both ways run, so that other load slows both.
        device: of the network.
    """
    torch.manual_seed(0)
    rng = np.random.default_rng(0)
    pose = PoseInferencer(config, device=device, batch_size=batch_size)
    pixels = [rng.integers(0, 256, (480, 640, 3), dtype=np.uint8) for _ in range(images)]
    low = [rng.uniform(0, 300, (index % 10, 2)) for index in range(images)]
    boxes = [np.hstack([corner, corner + rng.uniform(50, 200, corner.shape)]) for corner in low]
    pose(pixels[:10], boxes=boxes[:10])  # a network plans its convolutions in the first call

    found: dict[str, list] = {}

    def one_by_one() -> None:
        found['one_by_one'] = [pose(image, boxes=own) for image, own in zip(pixels, boxes, strict=True)]

    def together() -> None:
        found['together'] = pose(pixels, boxes=boxes)

    place = torch.device(device)
    rounds = [(seconds_of(one_by_one, place), seconds_of(together, place)) for _ in range(repeats)]
    pairs = zip(found['one_by_one'], found['together'], strict=True)
    apart = [np.abs(a.keypoints - b.keypoints).max(-1).ravel() for a, b in pairs if len(a)]
    equal = float((np.concatenate(apart) <= 1e-3).mean())
    least = [min(seconds) for seconds in zip(*rounds, strict=True)]
    return Batching(sum(map(len, boxes)), least[0], least[1], equal)
