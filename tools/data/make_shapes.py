"""Write images of four shapes, a folder each, to try classification on: tools/data/make_shapes.py data/shapes"""

import argparse
from pathlib import Path

import cv2
import numpy as np

from hrpose.cli.run import run

CORNERS = {'square': 4, 'triangle': 3, 'pentagon': 5}
CLASSES = ('disc', *CORNERS)


def draw(shape: str, rng: np.random.Generator) -> np.ndarray:
    """Return an image (80, 96, 3) uint8 with a shape of any place, size, angle and colour on a noisy ground."""
    image = rng.integers(0, 128, (80, 96, 3), dtype=np.uint8)
    radius, colour = rng.uniform(14, 26), rng.integers(128, 256, 3).tolist()
    center = rng.uniform(radius, np.array([96, 80]) - radius)
    if shape == 'disc':
        cv2.circle(image, np.rint(center).astype(int).tolist(), round(radius), colour, cv2.FILLED)
    else:
        angles = rng.uniform(0, 2 * np.pi) + 2 * np.pi * np.arange(CORNERS[shape]) / CORNERS[shape]
        corners = center + radius * np.column_stack([np.cos(angles), np.sin(angles)])
        cv2.fillPoly(image, [np.rint(corners).astype(np.int32)], colour)
    return image


def make_shapes(out: Path, *, train: int, val: int, seed: int = 0) -> None:
    """Write `train` and `val` images of each class to `out`/train/CLASS and `out`/val/CLASS."""
    rng = np.random.default_rng(seed)
    for split, count in (('train', train), ('val', val)):
        for shape in CLASSES:
            folder = out / split / shape
            folder.mkdir(parents=True, exist_ok=True)
            for index in range(count):
                cv2.imwrite(str(folder / f'{index:05d}.png'), draw(shape, rng))


def main() -> None:
    """Read the arguments and write the images."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('out', type=Path, help='folder to write to')
    parser.add_argument('--train', type=int, default=200, help='training images of each class (default 200)')
    parser.add_argument('--val', type=int, default=50, help='validation images of each class (default 50)')
    parser.add_argument('--seed', type=int, default=0, help='0 or more (default 0)')
    make_shapes(**vars(parser.parse_args()))


if __name__ == '__main__':
    run(main)
