"""How much of a picture augmentation may show: what has to be kept of it if only that is stored.

R regions that a pipeline may start from: the person's own, and halves of the body.
"""

from dataclasses import dataclass, replace

import numpy as np


@dataclass(frozen=True)
class Reach:
    """Bounds on the regions that come out of a step.

    Attributes:
        centers: (R, 2) image px.
        sizes: (R, 2) image px: no region that comes out sticks out of a box of this size around its centre.
        least_width: (R,) image px, of the smallest region that comes out: it decides the resolution that is needed.
    """

    centers: np.ndarray
    sizes: np.ndarray
    least_width: np.ndarray

    @classmethod
    def of(cls, center: np.ndarray, size: np.ndarray) -> 'Reach':
        """Return the reach of one region, center (2,) and size (2,), as it is."""
        return cls(np.array([center]), np.array([size]), np.array([size[0]]))

    def scaled(self, low: float, high: float) -> 'Reach':
        """Return the reach after a scale between `low` and `high`."""
        return replace(self, sizes=self.sizes * high, least_width=self.least_width * low)

    def turned(self) -> 'Reach':
        """Return the reach after a turn by any angle: the square around the circle through the corners."""
        diagonal = np.linalg.norm(self.sizes, axis=1, keepdims=True)
        return replace(self, sizes=np.repeat(diagonal, 2, axis=1))

    def moved(self, share: float) -> 'Reach':
        """Return the reach after a move by up to `share` of the size on each axis."""
        return replace(self, sizes=self.sizes * (1 + 2 * share))

    def joined(self, other: 'Reach') -> 'Reach':
        """Return the reach of both."""
        pairs = ((self.centers, other.centers), (self.sizes, other.sizes), (self.least_width, other.least_width))
        return Reach(*(np.concatenate(pair) for pair in pairs))

    def rectangle(self, image_size: tuple[int, int]) -> tuple[int, int, int, int]:
        """Return (x1, y1, x2, y2), whole image px, far ends excluded, of all that may be read of an image (w, h)."""
        # One px more on each side: bilinear reading takes a neighbour.
        low = np.floor((self.centers - self.sizes / 2).min(axis=0)) - 1
        high = np.ceil((self.centers + self.sizes / 2).max(axis=0)) + 2
        x1, y1 = np.clip(low, 0, image_size).astype(int).tolist()
        x2, y2 = np.clip(high, 0, image_size).astype(int).tolist()
        return x1, y1, x2, y2
