"""Flip test: the network also sees the mirrored image, and both heatmaps are averaged."""

from collections.abc import Sequence

import torch
from torch import Tensor


def unflip_heatmaps(heatmaps: Tensor, flip_indices: Sequence[int], *, shift: bool = True) -> Tensor:
    """Bring the heatmaps of mirrored images back: mirror them, swap left and right joints.

    Args:
        heatmaps: (B, K, h, w) of the mirrored images.
        flip_indices: (K,) index of each joint's mirror image.
        shift: move the result one cell to the right, as published: the input's mirror image lies three quarters of
            a cell off the grid of stride 4. The first column keeps its values.

    Returns:
        (B, K, h, w), a new tensor.
    """
    mirrored = heatmaps[:, list(flip_indices)].flip(-1)
    if not shift:
        return mirrored
    return torch.cat([mirrored[..., :1], mirrored[..., :-1]], dim=-1)


def average_flip(
    heatmaps: Tensor, mirrored_heatmaps: Tensor, flip_indices: Sequence[int], *, shift: bool = True
) -> Tensor:
    """Return the mean (B, K, h, w) of an image's heatmaps and its mirror image's, both (B, K, h, w)."""
    return (heatmaps + unflip_heatmaps(mirrored_heatmaps, flip_indices, shift=shift)) / 2
