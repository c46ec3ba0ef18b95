"""Flip test: the network also sees the mirrored image, and the heatmaps of both are averaged."""

from collections.abc import Sequence

import torch
from torch import Tensor


def unflip_heatmaps(
    heatmaps: Tensor, flip_indices: Sequence[int], *, shift: bool = True, signs: Sequence[int] = (1,)
) -> Tensor:
    """Return heatmaps of mirrored images mirrored back, with left and right joints swapped, as a new tensor.

    Args:
        heatmaps: (B, K, h, w) of the mirrored images; (B, K M, h, w) for a codec with M maps a joint.
        flip_indices: (K,) index of each joint's mirror image.
        shift: move the result one cell to the right, as published, because the mirrored input lies three quarters of a
            cell off the grid of stride 4. The first column keeps its values.
        signs: (M,) of each map of a joint, by which mirroring multiplies its values.
    """
    joints = heatmaps.unflatten(1, (-1, len(signs)))[:, list(flip_indices)].flip(-1)
    if -1 in signs:
        joints = joints * joints.new_tensor(signs).view(-1, 1, 1)
    mirrored = joints.flatten(1, 2)
    return torch.cat([mirrored[..., :1], mirrored[..., :-1]], dim=-1) if shift else mirrored


def average_flip(
    heatmaps: Tensor,
    mirrored_heatmaps: Tensor,
    flip_indices: Sequence[int],
    *,
    shift: bool = True,
    signs: Sequence[int] = (1,),
) -> Tensor:
    """Return the mean (B, K, h, w) of the heatmaps of images and of the mirrored images, both (B, K, h, w)."""
    return (heatmaps + unflip_heatmaps(mirrored_heatmaps, flip_indices, shift=shift, signs=signs)) / 2
