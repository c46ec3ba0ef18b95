"""RoIAlign (He et al., Mask R-CNN, 2017) as mmcv's compiled op defines it, computed by `grid_sample`.

B images, C channels, H x W cells of a feature map, R regions, P x Q bins a region, g x h samples a bin.
Regions are `(image, x1, y1, x2, y2)` in image px; `spatial_scale` converts them to cells. Samples are in cells, with 0
at the centre of the first cell. Only the features have a gradient, as in mmcv.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

_MAX, _MEAN = 0, 1  # mmcv's numbers
_MOST_SAMPLES = 2**23  # values sampled at once: 32 MiB of float32
_NOWHERE = -2.0  # a coordinate outside every feature map: a bin without samples has no gradient


class Group(NamedTuple):
    """Regions of one image with the same number of samples a bin."""

    image: int  # index in the batch
    rows: Tensor  # (R,) indices of the regions
    y: Tensor  # (R, P, g) rows of the samples, in cells
    x: Tensor  # (R, Q, h) columns of the samples, in cells

    def parts(self, channels: int) -> Iterator['Group']:
        """Split the group into parts that are small enough to be sampled at once."""
        samples = channels * self.y[0].numel() * self.x[0].numel()
        size = max(1, _MOST_SAMPLES // samples)
        for rows, y, x in zip(self.rows.split(size), self.y.split(size), self.x.split(size), strict=True):
            yield Group(self.image, rows, y, x)


def roi_align_forward(
    input: Tensor,
    rois: Tensor,
    output: Tensor,
    argmax_y: Tensor,
    argmax_x: Tensor,
    *,
    pool_mode: int,
    **sampling: Any,
) -> None:
    """Fill `output` with the mean or the maximum of the samples of each bin.

    A bin without samples (of an empty region, if `aligned`) gives 0, where mmcv's maximum is -10000.

    Args:
        input: (B, C, H, W).
        rois: (R, 5) image index and xyxy in image px.
        output: (R, C, P, Q), zeros.
        argmax_y, argmax_x: (R, C, P, Q) place of the maximum in cells; empty unless `pool_mode` is 0.
        pool_mode: 0 for the maximum, 1 for the mean.
        **sampling: see `_groups`.
    """
    if pool_mode == _MAX:
        argmax_y.fill_(_NOWHERE)
        argmax_x.fill_(_NOWHERE)
    features = input.to(torch.promote_types(input.dtype, torch.float32))
    for group in _groups(features, rois, **sampling):
        if pool_mode == _MEAN:
            output[group.rows] = _means(features, group).to(output.dtype)
            continue
        best, y, x = _maxima(features, group)
        output[group.rows] = best.to(output.dtype)
        argmax_y[group.rows], argmax_x[group.rows] = y.to(output.dtype), x.to(output.dtype)


def roi_align_backward(
    grad_output: Tensor,
    rois: Tensor,
    argmax_y: Tensor,
    argmax_x: Tensor,
    grad_input: Tensor,
    *,
    pool_mode: int,
    **sampling: Any,
) -> None:
    """Fill `grad_input` (B, C, H, W), zeros, from `grad_output` (R, C, P, Q). Other arguments: see the forward pass."""
    if pool_mode == _MAX:
        _spread(grad_output, rois[:, 0].long(), argmax_y, argmax_x, grad_input)
        return
    dtype = torch.promote_types(grad_input.dtype, torch.float32)
    # The mean is linear in the features, so its gradient does not depend on them.
    features = torch.zeros_like(grad_input, dtype=dtype).requires_grad_()
    for group in _groups(features, rois, **sampling):
        with torch.enable_grad():
            means = _means(features, group)
        (gradient,) = torch.autograd.grad(means, features, grad_output[group.rows].to(dtype))
        grad_input += gradient.to(grad_input.dtype)


def _groups(
    features: Tensor,
    rois: Tensor,
    *,
    aligned_height: int,
    aligned_width: int,
    spatial_scale: float,
    sampling_ratio: int,
    aligned: bool,
) -> Iterator[Group]:
    """Yield groups of regions that can be sampled together, without the regions that have no samples.

    Args:
        features: (B, C, H, W).
        rois: (R, 5) image index and xyxy in image px.
        aligned_height, aligned_width: P and Q.
        spatial_scale: cells per px.
        sampling_ratio: samples a bin along each side; 0 for one a cell, rounded up.
        aligned: whether to shift by half a cell; if not, regions are at least a cell wide and high, as in older models.
    """
    size = (aligned_height, aligned_width)
    bins = torch.tensor(size, dtype=features.dtype, device=rois.device)
    corners = rois[:, 1:].to(features.dtype) * spatial_scale - (0.5 if aligned else 0.0)
    start = corners[:, [1, 0]]
    extent = corners[:, [3, 2]] - start
    extent = extent if aligned else extent.clamp(min=1)
    counts = torch.ceil(extent / bins).long() if sampling_ratio <= 0 else torch.full_like(extent, sampling_ratio).long()
    keys, group_of = torch.cat([rois[:, :1].long(), counts], dim=1).unique(dim=0, return_inverse=True)
    for number, (image, *sides) in enumerate(keys.tolist()):
        if min(sides) < 1:
            continue
        rows = (group_of == number).nonzero()[:, 0]
        y, x = (
            _positions(start[rows, axis], extent[rows, axis] / size[axis], size[axis], sides[axis]) for axis in (0, 1)
        )
        yield from Group(image, rows, y, x).parts(features.shape[1])


def _positions(start: Tensor, step: Tensor, bins: int, count: int) -> Tensor:
    """Return the samples along one axis (R, bins, count): the centres of `count` equal parts of each bin."""
    bin_index = torch.arange(bins, device=start.device, dtype=start.dtype)[:, None]
    part = (torch.arange(count, device=start.device, dtype=start.dtype) + 0.5) / count
    return start[:, None, None] + (bin_index + part) * step[:, None, None]


def _samples(features: Tensor, group: Group) -> Tensor:
    """Return the features at the samples of a group, (C, R, P, g, Q, h), by bilinear interpolation.

    Up to one cell outside of the map a sample has the value of the border, farther out it is 0.
    """
    _, channels, height, width = features.shape
    (regions, rows, down), (_, columns, across) = group.y.shape, group.x.shape
    y = group.y.reshape(regions, -1, 1)
    x = group.x.reshape(regions, 1, -1)
    # grid_sample takes coordinates from -1 to 1, edge to edge.
    grid = torch.stack(torch.broadcast_tensors((2 * x + 1) / width - 1, (2 * y + 1) / height - 1), dim=-1)
    # The regions of a group are stacked into one tall grid.
    grid = grid.reshape(1, -1, columns * across, 2)
    image = features[group.image : group.image + 1]
    sampled = functional.grid_sample(image, grid, padding_mode='border', align_corners=False)
    sampled = sampled.view(channels, regions, rows * down, columns * across)
    inside = (y >= -1) & (y <= height) & (x >= -1) & (x <= width)
    return (sampled * inside).view(channels, regions, rows, down, columns, across)


def _means(features: Tensor, group: Group) -> Tensor:
    """Return the mean of each bin, (R, C, P, Q)."""
    return _samples(features, group).mean(dim=(3, 5)).transpose(0, 1)


def _maxima(features: Tensor, group: Group) -> tuple[Tensor, Tensor, Tensor]:
    """Return the maximum of each bin, and its row and column in cells; (R, C, P, Q) each."""
    samples = _samples(features, group).permute(1, 0, 2, 4, 3, 5)
    best, place = samples.flatten(4).max(dim=-1)
    across = group.x.shape[-1]
    y = group.y[:, None, :, None].expand(*place.shape, -1).gather(-1, (place // across)[..., None])
    x = group.x[:, None, None].expand(*place.shape, -1).gather(-1, (place % across)[..., None])
    return best, y[..., 0], x[..., 0]


def _spread(gradient: Tensor, images: Tensor, y: Tensor, x: Tensor, grad_input: Tensor) -> None:
    """Add each value of `gradient` (R, C, P, Q) to the four cells around (y, x), by their bilinear weights."""
    _, channels, height, width = grad_input.shape
    inside = (y >= -1) & (y <= height) & (x >= -1) & (x <= width)
    y, x = y.clamp(0, height - 1), x.clamp(0, width - 1)
    top, left = y.floor(), x.floor()
    channel = torch.arange(channels, device=y.device)
    plane = (images[:, None] * channels + channel)[..., None, None] * height * width
    for row, down in ((top, 1 - (y - top)), ((top + 1).clamp(max=height - 1), y - top)):
        for column, across in ((left, 1 - (x - left)), ((left + 1).clamp(max=width - 1), x - left)):
            cell = plane + row.long() * width + column.long()
            grad_input.view(-1).index_add_(0, cell.flatten(), (gradient * inside * down * across).flatten())
