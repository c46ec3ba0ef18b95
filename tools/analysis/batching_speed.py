"""How much faster people are found when pictures share batches: python tools/analysis/batching_speed.py CONFIG"""

import argparse
import time
from collections.abc import Callable

import numpy as np

from hrpose.cli.run import run


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description='Time one call for many pictures with 0 to 9 people each against one call a picture, weights and '
        'pictures being random; also says how far the results lie apart.'
    )
    parser.add_argument('config', help='config file, or the name of one')
    parser.add_argument('--images', type=int, default=20, help='pictures of 640x480 (default 20)')
    parser.add_argument('--batch-size', type=int, default=32, help='people a forward pass (default 32)')
    parser.add_argument('--repeats', type=int, default=3, help='the best of so many counts (default 3)')
    parser.add_argument('--threads', type=int, help="PyTorch's threads on a CPU; its own choice unless given")
    parser.add_argument('--device', default='cpu')
    return parser.parse_args()


def timed(work: Callable[[], list]) -> tuple[float, list]:
    """Return the seconds that a run takes, and what it gave."""
    began = time.perf_counter()
    found = work()
    return time.perf_counter() - began, found


def main() -> None:
    """Time both ways, and print a line."""
    arguments = parse_arguments()
    import torch

    from hrpose.apis import PoseInferencer

    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    torch.manual_seed(0)
    rng = np.random.default_rng(0)
    pose = PoseInferencer(arguments.config, device=arguments.device, batch_size=arguments.batch_size)
    images = [rng.integers(0, 256, (480, 640, 3), dtype=np.uint8) for _ in range(arguments.images)]
    low = [rng.uniform(0, 300, (index % 10, 2)) for index in range(arguments.images)]
    boxes = [np.hstack([corner, corner + rng.uniform(50, 200, corner.shape)]) for corner in low]
    pose(images[:10], boxes=boxes[:10])  # the first call of a network plans its convolutions

    pairs = list(zip(images, boxes, strict=True))
    alone = shared = float('inf')
    one_by_one, together = [], []
    for _ in range(arguments.repeats):  # in turn, so that whatever else the machine does slows both
        seconds, one_by_one = timed(lambda: [pose(image, boxes=own) for image, own in pairs])
        alone = min(alone, seconds)
        seconds, together = timed(lambda: pose(images, boxes=boxes))
        shared = min(shared, seconds)
    people = sum(map(len, boxes))
    apart = [np.abs(a.keypoints - b.keypoints).max(-1) for a, b in zip(together, one_by_one, strict=True) if len(a)]
    same = float((np.concatenate([gap.ravel() for gap in apart]) <= 1e-3).mean())
    print(
        f'{people} people in {len(images)} pictures: a call each {alone:.2f} s, one call for all {shared:.2f} s, '
        f'{alone / shared:.2f} times as fast; {same:.2%} of the joints within 0.001 px'
    )


if __name__ == '__main__':
    run(main)
