"""What the steps of a pipeline share: the base class of those that edit geometry, their reach, and argument checks."""

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from hrpose.errors import UserError

Results = dict[str, Any]


@dataclass(frozen=True)
class Reach:
    """Bounds on the regions that augmentation can produce. They say how much of an image a packed crop has to hold.

    R counts the regions that augmentation may start from: the person's own and halves of the body.
    """

    centers: np.ndarray  # (R, 2) image px
    sizes: np.ndarray  # (R, 2) image px; every region lies inside a box of this size around its centre
    least_width: np.ndarray  # (R,) image px, width of the smallest region, which decides the resolution that is needed

    @classmethod
    def of(cls, center: np.ndarray, size: np.ndarray) -> 'Reach':
        """Return the reach of a single region with center (2,) and size (2,)."""
        return cls(np.array([center]), np.array([size]), np.array([size[0]]))

    def scaled(self, low: float, high: float) -> 'Reach':
        """Return the reach after scaling by a factor between `low` and `high`."""
        return replace(self, sizes=self.sizes * high, least_width=self.least_width * low)

    def turned(self) -> 'Reach':
        """Return the reach after rotation by any angle: the square around the circle through the corners."""
        diagonal = np.linalg.norm(self.sizes, axis=1, keepdims=True)
        return replace(self, sizes=np.repeat(diagonal, 2, axis=1))

    def moved(self, share: float) -> 'Reach':
        """Return the reach after a shift by up to `share` of the size on each axis."""
        return replace(self, sizes=self.sizes * (1 + 2 * share))

    def joined(self, other: 'Reach') -> 'Reach':
        """Return the reach of the regions of both."""
        pairs = ((self.centers, other.centers), (self.sizes, other.sizes), (self.least_width, other.least_width))
        return Reach(*(np.concatenate(pair) for pair in pairs))

    def rectangle(self, image_size: tuple[int, int]) -> tuple[int, int, int, int]:
        """Return the part of an image (w, h) that may be read: (x1, y1, x2, y2), whole px, far ends excluded."""
        # One px more on each side: bilinear interpolation reads a neighbour.
        low = np.floor((self.centers - self.sizes / 2).min(axis=0)) - 1
        high = np.ceil((self.centers + self.sizes / 2).max(axis=0)) + 2
        x1, y1 = np.clip(low, 0, image_size).astype(int).tolist()
        x2, y2 = np.clip(high, 0, image_size).astype(int).tolist()
        return x1, y1, x2, y2


class RegionStep:
    """A step that edits `center`, `size`, `rotation` or `flip`, and never looks at `img`.

    If all steps between loading and the warp are such, the warp decodes only the rows of the image that it reads. A
    step that moves or enlarges regions overrides `reach`, so that its pipeline can be packed.
    """

    def reach(self, reach: Reach, results: Results) -> Reach:
        """Return the reach of regions after this step, for a record before it."""
        return reach


def leaves_pixels_alone(kind: type) -> bool:
    """Return whether the class that defines the `__call__` of `kind` derives from `RegionStep` directly.

    A class that derives from `RandomFlip`, for instance, and overrides `__call__` may look at pixels.
    """
    acting = next((each for each in kind.__mro__ if '__call__' in vars(each)), object)
    return RegionStep in acting.__bases__


def number(owner: object, name: str, value: Any, *, low: float = -math.inf, high: float = math.inf) -> Any:
    """Check, when a step is built, that an argument is a finite number from `low` to `high`, and return it.

    Raises:
        UserError: it is not; the message names the step and the argument.
    """
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not low <= value <= high or not math.isfinite(value):
        has_low, has_high = math.isfinite(low), math.isfinite(high)
        bounds = f' from {low:g} to {high:g}' if has_low and has_high else f' of at least {low:g}' if has_low else ''
        raise UserError(f'{type(owner).__name__}: {name} has to be a number{bounds}, not {value!r:.80}')
    return value


def probability(owner: object, name: str, value: Any) -> Any:
    """Check, when a step is built, that an argument is a number from 0 to 1, and return it; see `number`."""
    return number(owner, name, value, low=0, high=1)
