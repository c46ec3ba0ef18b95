"""Flip test: the network also sees the mirrored image, and the heatmaps of both are averaged."""

from collections.abc import Sequence

import torch
from torch import Tensor


def unflip_heatmaps(heatmaps: Tensor, flip_indices: Sequence[int], *, shift: bool = True) -> Tensor:
    """Return heatmaps of mirrored images mirrored back, with left and right joints swapped, as a new tensor.

    Args:
        heatmaps: (B, K, h, w) of the mirrored images.
        flip_indices: (K,) index of each joint's mirror image.
        shift: move the result one cell to the right, as published, because the mirrored input lies three quarters of a
            cell off the grid of stride 4. The first column keeps its values.
    """
    mirrored = heatmaps[:, list(flip_indices)].flip(-1)
    return torch.cat([mirrored[..., :1], mirrored[..., :-1]], dim=-1) if shift else mirrored


def average_flip(
    heatmaps: Tensor, mirrored_heatmaps: Tensor, flip_indices: Sequence[int], *, shift: bool = True
) -> Tensor:
    """Return the mean (B, K, h, w) of the heatmaps of images and of the mirrored images, both (B, K, h, w)."""
    return (heatmaps + unflip_heatmaps(mirrored_heatmaps, flip_indices, shift=shift)) / 2
