"""Multi-scale test: the network sees each person in regions of several sizes, and the heatmaps are averaged."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import affine_grid, grid_sample

from hrpose.codecs import Codec
from hrpose.codecs.base import aligns_corners, lengths
from hrpose.errors import UserError


def average_scales(heatmaps: Tensor, scales: Sequence[float], codec: Codec) -> Tensor:
    """Return the mean heatmaps (B, K, h, w) of several scales, each resampled to the region of scale 1.

    The resampling is bilinear. A cell's mean is that of the scales whose region shows it, which smaller regions do not
    for cells near the border.

    Args:
        heatmaps: (B S, K, h, w), those of a person's S scales in a row.
        scales: (S,) sizes of the regions, all around the same centre, relative to that of scale 1.
        codec: of the heatmaps. It says how many px of the input span a region, whose centre is the same at each scale.
    """
    height, width = heatmaps.shape[-2:]
    region = lengths(codec.input_size, align_corners=aligns_corners(codec))
    total = seen = torch.zeros((), device=heatmaps.device)
    for scale, own in zip(scales, heatmaps.unflatten(0, (-1, len(scales))).unbind(1), strict=True):
        shows = torch.ones_like(own[:1, :1])
        if scale != 1:
            # Cell c of scale 1 is cell m + (c - m) / scale here; affine_grid counts from -1 to 1 over the heatmap.
            middle = [side / (2 * step) for side, step in zip(region, codec.stride, strict=True)]
            shift = [(1 - 1 / scale) * (2 * m / (n - 1) - 1) for m, n in zip(middle, (width, height), strict=True)]
            matrix = own.new_tensor([[1 / scale, 0, shift[0]], [0, 1 / scale, shift[1]]])
            grid = affine_grid(matrix.expand(len(own), 2, 3), list(own.shape), align_corners=True)
            own = grid_sample(own, grid, align_corners=True)
            shows = grid_sample(shows, grid[:1], align_corners=True)
        total, seen = total + own, seen + shows
    return total / seen.clamp_min(1e-6)


def check_one_crop_each(inputs: Tensor, people: int, what: str) -> None:
    """Raise `UserError` if `inputs` (B, 3, H, W) are several crops a person, which `what` does not take."""
    if len(inputs) != people:
        raise UserError(f'{what}: takes one crop a person, not a multi-scale test; use WarpAffine in the pipeline')
