"""The steps that make a classifier's input of an image, as torchvision does, on whose numbers published weights rest.

LoadImage -> RandomResizedCrop (training) or ResizeCenterCrop (test) -> PackImage
"""

import numpy as np
import torch
from mmengine.structures import BaseDataElement
from PIL import Image

from hrpose.datasets.transforms.base import Results, number, probability
from hrpose.registry import TRANSFORMS

_TRIES = 10  # torchvision's


@TRANSFORMS.register_module()
class RandomResizedCrop:
    """The step that cuts out a random rectangle and resizes it to a square, mirrored half of the time.

    Args:
        size: of the square, px.
        scale: range of the rectangle's share of the image's area.
        ratio: range of its width over its height.
        flip_prob: probability of mirroring.
    """

    def __init__(
        self,
        size: int,
        *,
        scale: tuple[float, float] = (0.08, 1.0),
        ratio: tuple[float, float] = (3 / 4, 4 / 3),
        flip_prob: float = 0.5,
    ) -> None:
        self.size = int(number(self, 'size', size, low=1))
        self.scale, self.ratio = scale, ratio
        self.flip_prob = probability(self, 'flip_prob', flip_prob)

    def __call__(self, results: Results) -> Results:
        image, rng = results['img'], results['rng']
        x, y, width, height = self.draw(rng, image.shape[1], image.shape[0])
        square = resized(image[y : y + height, x : x + width], (self.size, self.size))
        return {**results, 'img': square[:, ::-1] if rng.random() < self.flip_prob else square}

    def draw(self, rng: np.random.Generator, width: int, height: int) -> tuple[int, int, int, int]:
        """Draw a rectangle (x, y, w, h) by `rng` in an image of width and height px.

        It is the largest central one if ten tries do not fit.
        """
        for _ in range(_TRIES):
            area = width * height * rng.uniform(*self.scale)
            aspect = np.exp(rng.uniform(*np.log(self.ratio)))
            w, h = round(np.sqrt(area * aspect)), round(np.sqrt(area / aspect))
            if 0 < w <= width and 0 < h <= height:
                return int(rng.integers(width - w + 1)), int(rng.integers(height - h + 1)), w, h
        w, h = min(width, round(height * self.ratio[1])), min(height, round(width / self.ratio[0]))
        return (width - w) // 2, (height - h) // 2, w, h


@TRANSFORMS.register_module()
class ResizeCenterCrop:
    """The step that resizes the image's shorter side, then cuts a square out of the middle.

    Args:
        shorter: length of the shorter side, px.
        size: of the square, px.
    """

    def __init__(self, shorter: int, size: int) -> None:
        self.size = int(number(self, 'size', size, low=1))
        self.shorter = int(number(self, 'shorter', shorter, low=self.size))

    def __call__(self, results: Results) -> Results:
        height, width = results['img'].shape[:2]
        size = (width * self.shorter // min(height, width), height * self.shorter // min(height, width))
        image = resized(results['img'], size)
        y, x = (round((side - self.size) / 2) for side in image.shape[:2])
        return {**results, 'img': image[y : y + self.size, x : x + self.size]}


def resized(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Return an image (H, W, 3) uint8 at a size (w, h), by Pillow's bilinear filter, which averages when it shrinks."""
    return np.array(Image.fromarray(image).resize(size, Image.Resampling.BILINEAR))


@TRANSFORMS.register_module()
class PackImage:
    """The last step: it packs `inputs`, uint8 RGB (3, h, w), and `data_samples` with `img_path` and `gt_label`."""

    def __call__(self, results: Results) -> Results:
        image = torch.from_numpy(np.ascontiguousarray(results['img'])).permute(2, 0, 1)
        sample = BaseDataElement(metainfo={'img_path': results['img_path']}, gt_label=results['gt_label'])
        return {'inputs': image, 'data_samples': sample}
