"""Augmentation of pixels, after the warp: `img` is the network's input (h, w, 3), uint8 RGB; keypoints stay in place.

Both steps fit between WarpAffine and PackPose, so a pack of crops serves them, too.
"""

import math
from collections.abc import Sequence

import cv2
import numpy as np

from hrpose.datasets.transforms.base import Results, number, probability
from hrpose.errors import UserError
from hrpose.registry import TRANSFORMS

LUMA = np.array([0.299, 0.587, 0.114])  # of R, G and B in grey, by ITU-R BT.601
IMAGENET_MEAN = (124, 116, 104)  # RGB, the normalisation's mean in whole levels


@TRANSFORMS.register_module()
class ColorJitter:
    """A random change of brightness, contrast, saturation and hue, with probability `prob`.

    Brightness, contrast and saturation are torchvision's: factors from 1 - x to 1 + x on the colour, on its distance
    from the image's mean grey and on its distance from the pixel's own grey. Hue turns colours about the grey axis of
    RGB. All four together are one affine map of the colours, so pixels are rounded and clipped only once.

    Args:
        brightness, contrast, saturation: the largest changes x, from 0 to 1.
        hue: the largest turn, from 0 to 0.5 of the colour circle.
        prob: of any change.
    """

    def __init__(
        self,
        brightness: float = 0.3,
        contrast: float = 0.3,
        saturation: float = 0.3,
        hue: float = 0.05,
        prob: float = 0.8,
    ) -> None:
        factors = {'brightness': brightness, 'contrast': contrast, 'saturation': saturation}
        self.spread = np.array([number(self, name, value, low=0, high=1) for name, value in factors.items()])
        self.hue = number(self, 'hue', hue, low=0, high=0.5)
        self.prob = probability(self, 'prob', prob)

    def __call__(self, results: Results) -> Results:
        rng = results['rng']
        draws, is_wanted = rng.uniform(-1, 1, 4), rng.random() < self.prob
        if not is_wanted:
            return results
        image = results['img']
        brightness, contrast, saturation = (1 + self.spread * draws[:3]).tolist()
        mean = np.array(cv2.mean(image))[:3]
        matrix = color_matrix(brightness, contrast, saturation, self.hue * draws[3], mean)
        return {**results, 'img': cv2.transform(image, matrix)}


@TRANSFORMS.register_module()
class Cutout:
    """Rectangles of the image replaced by a colour, with probability `prob` (DeVries and Taylor, 2017).

    The joints under a rectangle stay labelled, so that the network learns to infer hidden joints from the others. Huang
    et al. (AID, 2020) found that this pays only in a longer training.

    Args:
        low, high: sides of a rectangle, as shares of the input's; each is drawn uniformly. mmpose's recipes have 0.2
            and 0.4.
        count: rectangles an image; their centres are uniform over it.
        prob: of any rectangle.
        color: RGB; by default the mean of the normalisation, which the network sees as zero.

    Raises:
        UserError: a value outside its range.
    """

    def __init__(
        self,
        low: float = 0.2,
        high: float = 0.4,
        count: int = 1,
        prob: float = 0.5,
        color: Sequence[int] = IMAGENET_MEAN,
    ) -> None:
        self.low, self.high = number(self, 'low', low, low=0, high=1), number(self, 'high', high, low=0, high=1)
        if low > high:
            raise UserError(f'Cutout: low is {low:g}, above high, which is {high:g}')
        if not isinstance(count, int) or count < 1:
            raise UserError(f'Cutout: count has to be a whole number of at least 1, not {count!r:.80}')
        self.count, self.prob = count, probability(self, 'prob', prob)
        if len(color) != 3 or not all(0 <= number(self, 'color', level) <= 255 for level in color):
            raise UserError(f'Cutout: color has to be three levels from 0 to 255, not {color!r:.80}')
        self.color = tuple(map(int, color))

    def __call__(self, results: Results) -> Results:
        rng = results['rng']
        centers, sides = rng.random((self.count, 2)), rng.uniform(self.low, self.high, (self.count, 2))
        if rng.random() >= self.prob:
            return results
        image = results['img'].copy()
        size = np.array(image.shape[1::-1])
        starts, ends = (np.rint((centers + sign * sides / 2) * size).astype(int) for sign in (-1, 1))
        for (x1, y1), (x2, y2) in zip(starts.clip(0), ends, strict=True):
            image[y1:y2, x1:x2] = self.color
        return {**results, 'img': image}


def color_matrix(brightness: float, contrast: float, saturation: float, hue: float, mean: np.ndarray) -> np.ndarray:
    """Return the affine map (3, 4) of RGB that applies the changes one after the other.

    Args:
        brightness, contrast, saturation: factors; 1 changes nothing.
        hue: turn about the grey axis, in turns; a third makes red green, green blue and blue red.
        mean: (3,) the image's mean RGB.
    """
    saturate = saturation * np.eye(3) + (1 - saturation) * LUMA
    cosine, sine = math.cos(2 * math.pi * hue), math.sin(2 * math.pi * hue)
    same, after, before = (1 + 2 * cosine) / 3, (1 - cosine) / 3 - sine / 3**0.5, (1 - cosine) / 3 + sine / 3**0.5
    turn = np.array([[same, after, before], [before, same, after], [after, before, same]])
    # Greys are unchanged by `saturate` and `turn`, and so is the grey that contrast adds.
    grey = brightness * (1 - contrast) * float(LUMA @ mean)
    return np.column_stack([brightness * contrast * turn @ saturate, np.full(3, grey)])
