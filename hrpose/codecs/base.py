"""The contract of codecs.

B people, K joints, h and w the height and width of a heatmap in cells.
"""

from collections.abc import Callable, Iterable
from functools import lru_cache, wraps
from numbers import Integral
from typing import Any, Protocol, TypeVar, runtime_checkable

import torch
from torch import Tensor

from hrpose.errors import UserError

Size = tuple[int, int]
Made = TypeVar('Made')


@runtime_checkable
class Codec(Protocol):
    """Turns keypoints into target heatmaps, and heatmaps into keypoints. A codec need not inherit from this class.

    It is built with `input_size`, `heatmap_size` and options of its own. Sizes are (w, h). Input px and heatmap cells
    both count from the centre of the first one. Attributes say what else follows from it, and may be left out:

    - `mirror_signs`, (1,): a sign for each map of a joint, by which its values are multiplied in a mirrored image. A
      codec with M maps a joint takes and gives heatmaps (B, K M, h, w), those of a joint in a row.
    - `loss`, the published mean square error: config of the heads' loss unless they are given another.
    - `align_corners`, False: whether the warp puts the centres of the input's corner pixels onto the corners of the
      region, as UDP does, so that its width is w - 1 px. Else the input's width, w px, spans the region, and its first
      pixel's centre lies on the region's corner. With aligned corners a mirrored heatmap needs no shift in the flip
      test. It has to be an attribute of the class.

    Both methods take a whole batch on any device, leave their arguments
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

        (0, 0) and the input's (w, h) are corners of the region, so that `input_to_image` suits every codec. A codec
        that aligns corners encodes px of which w - 1 span the region, and decodes to px of which w do. Each heatmap is
        decoded by itself, independent of other joints and people.

        Args:
            heatmaps: (B, K, h, w), any floating dtype. A flat one gives finite values, too.
        """
        ...


def lengths(size: Size, *, align_corners: bool) -> tuple[int, int]:
    """Return what counts as width and height of a size (w, h): from outer edge to outer edge, or between outer centres.

    Args:
        size: (w, h) in px or cells.
        align_corners: measure between the centres of the first and the last one, as PyTorch's `align_corners`.
    """
    return (size[0] - 1, size[1] - 1) if align_corners else size


def aligns_corners(codec: Any) -> bool:
    """Return whether a codec, or its class, aligns corners; see `Codec`."""
    return getattr(codec, 'align_corners', False)


def mirror_signs(codec: Any) -> tuple[int, ...]:
    """Return the sign of each map of a joint in a mirrored image; see `Codec`."""
    return tuple(getattr(codec, 'mirror_signs', (1,)))


def checked_size(name: str, size: Any) -> Size:
    """Return a size (w, h) as a tuple of ints; raise `UserError` for anything but two positive whole numbers."""
    values = tuple(size) if isinstance(size, Iterable) else ()
    if len(values) != 2 or not all(isinstance(value, Integral) and int(value) > 0 for value in values):
        raise UserError(f'{name} has to be two positive whole numbers (w, h), not {size!r}')
    return int(values[0]), int(values[1])


def default_heatmap_size(input_size: Size) -> Size:
    """Return the heatmap size (w, h) in cells at stride 4, which is the published one."""
    return input_size[0] // 4, input_size[1] // 4


class GaussianCodec:
    """The sizes and the Gaussian that hrpose's codecs have in common.

    Args:
        input_size: (w, h) of the network's input, px.
        heatmap_size: (w, h) of the heatmaps, cells; a quarter of `input_size` unless given.
        sigma: standard deviation of the Gaussian, cells.

    Raises:
        UserError: a size that is not two positive whole numbers, or has a side of 1 where corners are aligned; a sigma
            that is not positive.
    """

    align_corners = False

    def __init__(self, input_size: Size, heatmap_size: Size | None, sigma: float) -> None:
        name = type(self).__name__
        self.input_size = checked_size(f'{name}: input_size', input_size)
        if heatmap_size is None:
            heatmap_size = default_heatmap_size(self.input_size)
        self.heatmap_size = checked_size(f'{name}: heatmap_size', heatmap_size)
        if self.align_corners and min(*self.input_size, *self.heatmap_size) < 2:
            raise UserError(
                f'{name}: input_size {self.input_size} and heatmap_size {self.heatmap_size} need sides of at least 2, '
                'because the codec counts from the first pixel to the last'
            )
        if not isinstance(sigma, int | float) or not sigma > 0:
            raise UserError(f'{name}: sigma has to be a positive number, not {sigma!r}')
        self.sigma = float(sigma)

    @property
    def stride(self) -> tuple[float, float]:
        """Input px a heatmap cell, (x, y)."""
        (input_w, input_h), (heatmap_w, heatmap_h) = (
            lengths(size, align_corners=self.align_corners) for size in (self.input_size, self.heatmap_size)
        )
        return input_w / heatmap_w, input_h / heatmap_h

    def gaussian(self, distance: Tensor) -> Tensor:
        """Return the Gaussian at a distance (...) in cells, 1 at 0 and at least 1e-17."""
        # Numbers too small for float32's full precision take many times as long, and nothing is learnt from them.
        return (distance.square() * (-0.5 / self.sigma**2)).clamp_min_(-39).exp_()


def kept(function: Callable[..., Made]) -> Callable[..., Made]:
    """Keep what a function has made for its arguments, unless the call is recorded, since a recording makes its own."""
    cached = lru_cache(maxsize=32)(function)

    @wraps(function)
    def call(*arguments: Any) -> Made:
        return function(*arguments) if is_recorded() else cached(*arguments)

    return call


@kept
def constants(values: tuple, device: torch.device) -> Tensor:
    """Return `values` as float32 on `device`. They are copied there only once, because each copy waits for a GPU."""
    return torch.tensor(values, dtype=torch.float32, device=device)


def is_recorded() -> bool:
    """Return whether the call is being traced or compiled, to be repeated with other inputs."""
    return torch.jit.is_tracing() or torch.compiler.is_compiling()


def highest(flat: Tensor) -> tuple[Tensor, Tensor]:
    """Return the largest values (B, K) of `flat` (B, K, N), and the first index of each, int64."""
    if flat.device.type != 'cpu' or is_recorded():  # a recording would keep NumPy's result as a constant
        values, places = flat.max(dim=-1)
        return values, places
    # NumPy's search uses vector instructions and is five times as fast as PyTorch's.
    places = torch.from_numpy(flat.detach().numpy().argmax(axis=-1))
    return flat.gather(-1, places.unsqueeze(-1)).squeeze(-1), places
