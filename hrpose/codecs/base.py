"""The contract of codecs.

B people, K joints, h and w the height and width of a heatmap in cells.
"""

from collections.abc import Iterable
from numbers import Integral
from typing import Any, Protocol, runtime_checkable

from torch import Tensor

from hrpose.errors import UserError

Size = tuple[int, int]


@runtime_checkable
class Codec(Protocol):
    """Turns keypoints into target heatmaps, and heatmaps into keypoints. A codec need not inherit from this class.

    It is built with `input_size`, `heatmap_size` and options of its own. Sizes are (w, h). Input px and heatmap cells
    both count from the centre of the first one. Both methods take a whole batch on any device, leave their arguments
    unchanged, and return float32 tensors without gradient on the same device.
    """

    input_size: Size  # of the network's input, px
    heatmap_size: Size  # of the heatmaps, cells; a quarter of `input_size` unless given

    @property
    def stride(self) -> tuple[float, float]:
        """Input px a heatmap cell, (x, y)."""
        ...

    def encode(self, keypoints: Tensor, visible: Tensor) -> tuple[Tensor, Tensor]:
        """Return target heatmaps (B, K, h, w), and the weight (B, K) in {0, 1} of each joint in the loss.

        Args:
            keypoints: (B, K, 2) input px.
            visible: (B, K), above zero where the joint is labelled; the weight of the others is 0.
        """
        ...

    def decode(self, heatmaps: Tensor) -> tuple[Tensor, Tensor]:
        """Return keypoints (B, K, 2) in input px, and scores (B, K), of which higher is better.

        Each heatmap is decoded by itself, independent of other joints and people.

        Args:
            heatmaps: (B, K, h, w), any floating dtype. A flat one gives finite values, too.
        """
        ...


def checked_size(name: str, size: Any) -> Size:
    """Return a size (w, h) as a tuple of ints; raise `UserError` for anything but two positive whole numbers."""
    values = tuple(size) if isinstance(size, Iterable) else ()
    if len(values) != 2 or not all(isinstance(value, Integral) and int(value) > 0 for value in values):
        raise UserError(f'{name} has to be two positive whole numbers (w, h), not {size!r}')
    return int(values[0]), int(values[1])


def default_heatmap_size(input_size: Size) -> Size:
    """Return the heatmap size (w, h) in cells at stride 4, which is the published one."""
    return input_size[0] // 4, input_size[1] // 4
