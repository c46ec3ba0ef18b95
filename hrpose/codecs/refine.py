"""The refinement of DARK: one Newton step on the logarithm of the blurred heatmap, from its highest cell.

B people, K joints, h and w the heatmap's height and width in cells.

Source: Zhang et al. (CVPR 2020) and Huang et al. (CVPR 2020), as mmpose 1.x computes them. mmpose scales each blurred
heatmap back to its old maximum. The logarithm turns that factor into a constant without effect on the step, unless a
value is clamped. So only the cells around the peak are blurred, and the whole heatmap only where the factor matters.
"""

from collections.abc import Iterable
from functools import reduce

import cv2
import torch
from torch import Tensor
from torch.nn.functional import pad

from hrpose.codecs.base import GaussianCodec, is_recorded, kept
from hrpose.errors import UserError

Kernel = tuple[float, ...]


def kernel_of(codec: GaussianCodec, size: int | None) -> Kernel:
    """Return the kernel that a codec blurs with before decoding: OpenCV's Gaussian of `size` cells.

    By default the size follows from the codec's sigma as published: 11 for 2, and 17 for 3. The kernel's own standard
    deviation follows from its size.

    Raises:
        UserError: an even size, or none at all.
    """
    if size is None:
        size = max(3, 2 * int(3 * codec.sigma) - 1)
    if not isinstance(size, int) or size < 1 or size % 2 == 0:
        raise UserError(f'{type(codec).__name__}: blur_kernel_size has to be an odd number of cells, not {size!r}')
    return gaussian_kernel(size)


def gaussian_kernel(size: int) -> Kernel:
    """Return OpenCV's Gaussian kernel of `size` cells, whose standard deviation follows from its size."""
    return tuple(cv2.getGaussianKernel(size, 0, cv2.CV_32F).ravel().tolist())


def log_around(
    heatmaps: Tensor, peak: Tensor, scores: Tensor, *, reach: int, kernel: Kernel, low: float, high: float
) -> list[list[Tensor]]:
    """Return the logarithm of the blurred heatmaps around one cell of each, as rows of columns, each (B, K).

    The blur reads zeros outside the heatmap; the values of cells outside are those of the border.

    Args:
        heatmaps: (B, K, h, w) float32.
        peak: (B, K) int64, the index of the cell, row by row.
        scores: (B, K), the maximum of each heatmap, to which the blurred one is scaled.
        reach: how many cells to return on each side.
        kernel: weights of the blur.
        low, high: the values are clamped to these before the logarithm.
    """
    values = blurred_around(heatmaps, peak, reach, kernel)
    logs = (values * gain(heatmaps, scores, values, kernel, low, high)).clamp_(low, high).log_()
    return [list(row.unbind(0)) for row in logs.unbind(0)]


def blurred_around(heatmaps: Tensor, peak: Tensor, reach: int, kernel: Kernel) -> Tensor:
    """Return the blurred heatmaps (B, K, h, w) around the cells `peak` (B, K), (2 reach + 1, 2 reach + 1, B, K)."""
    height, width = heatmaps.shape[-2:]
    device, x, y = heatmaps.device, peak % width, torch.div(peak, width, rounding_mode='floor')
    along_x, along_y = taps(width, reach, kernel, device), taps(height, reach, kernel, device)
    # A window of each heatmap, which lies inside it. People and joints come last, for the sake of vector instructions.
    columns, rows = (torch.arange(taps.shape[1], device=device) for taps in (along_x, along_y))
    corner = window_start(y, height, len(rows)) * width + window_start(x, width, len(columns))
    heatmap = torch.arange(peak.numel(), device=device).view(peak.shape) * (height * width)
    places = (rows.unsqueeze(-1) * width + columns)[..., None, None] + (heatmap + corner)
    window = heatmaps.reshape(-1).index_select(0, places.flatten()).view(places.shape)
    # Neither `sum` nor matrix products, which round differently in batches of another size, on a GPU even to 10 bits.
    steps, device = 2 * reach + 1, heatmaps.device
    rows_blurred = torch.zeros(steps, window.shape[1], *peak.shape, device=device)
    for weight, row in zip(select(along_y, y), window, strict=True):
        rows_blurred.addcmul_(weight.unsqueeze(1), row)
    blurred = torch.zeros(steps, steps, *peak.shape, device=device)
    for weight, column in zip(select(along_x, x), rows_blurred.unbind(1), strict=True):
        blurred.addcmul_(weight, column.unsqueeze(1))
    return blurred


def window_start(cells: Tensor, length: int, size: int) -> Tensor:
    """Return where windows of `size` cells around `cells` start on a line of `length` cells, moved to lie on it."""
    return (cells - size // 2).clamp(0, length - size)


def in_order(terms: Iterable[Tensor]) -> Tensor:
    """Return the sum of tensors, added one after the other."""
    return reduce(Tensor.add_, terms)


def select(table: Tensor, places: Tensor) -> Tensor:
    """Return the entries (p, n, B, K) of a table (length, p, n) at places (B, K)."""
    return table.index_select(0, places.flatten()).movedim(0, -1).contiguous().unflatten(-1, places.shape)


@kept
def taps(length: int, reach: int, kernel: Kernel, device: torch.device) -> Tensor:
    """Return (length, p, 2 reach + 1): the weights of the p cells of a window, for the blurred values around a cell.

    Args:
        length: of the line, cells.
        reach: how many values are wanted on each side of the cell.
        kernel: weights of the blur.
        device: of the result.
    """
    half = len(kernel) // 2
    size = min(length, 2 * (reach + half) + 1)
    cells = torch.arange(length, device=device).view(-1, 1, 1)
    wanted = (cells + torch.arange(-reach, reach + 1, device=device)).clamp(0, length - 1)
    window = window_start(cells, length, size) + torch.arange(size, device=device).unsqueeze(-1)
    tap = window - wanted + half
    return torch.tensor(kernel, device=device)[tap.clamp(0, len(kernel) - 1)] * ((tap >= 0) & (tap < len(kernel)))


def gain(heatmaps: Tensor, scores: Tensor, values: Tensor, kernel: Kernel, low: float, high: float) -> Tensor:
    """Return the factor (B, K) that gives each blurred heatmap its old maximum, or 1 where it has no effect.

    Args:
        heatmaps: (B, K, h, w) before the blur.
        scores: (B, K), their maxima.
        values: (n, n, B, K), the blurred cells that are used.
        kernel: weights of the blur.
        low, high: `values` times the factor are clamped to these.
    """
    if heatmaps.device.type != 'cpu' or is_recorded():  # to find where it has an effect would wait for the device
        return scores / highest_blurred(heatmaps, kernel)
    # The factor is at least 1, and no value times the factor exceeds the score.
    clamped = ((values.amin(dim=(0, 1)) < low) | (scores > high)) & (scores > 0)
    factor = torch.ones_like(scores)
    if clamped.any():
        factor[clamped] = scores[clamped] / highest_blurred(heatmaps[clamped], kernel)
    return factor


def highest_blurred(heatmaps: Tensor, kernel: Kernel) -> Tensor:
    """Return the maximum (...) of each blurred heatmap (..., h, w), at least 1e-30, with zeros outside the heatmap."""
    half, (height, width) = len(kernel) // 2, heatmaps.shape[-2:]
    padded = pad(heatmaps, (half, half, half, half))
    rows = in_order(weight * padded.narrow(-2, start, height) for start, weight in enumerate(kernel))
    blurred = in_order(weight * rows.narrow(-1, start, width) for start, weight in enumerate(kernel))
    return blurred.amax(dim=(-2, -1)).clamp_min(1e-30)


def blurred(heatmaps: Tensor, kernel: Kernel) -> Tensor:
    """Return heatmaps (..., h, w) blurred, with zeros outside them."""
    rows, columns = (blur_matrix(side, kernel, heatmaps.device) for side in heatmaps.shape[-2:])
    return rows @ heatmaps @ columns


@kept
def blur_matrix(length: int, kernel: Kernel, device: torch.device) -> Tensor:
    """Return the (length, length) matrix that blurs a line of cells; it is symmetric, as the kernel is."""
    cells = torch.arange(length, device=device)
    tap = cells - cells.unsqueeze(-1) + len(kernel) // 2
    inside = (tap >= 0) & (tap < len(kernel))
    return torch.tensor(kernel, device=device)[tap.clamp(0, len(kernel) - 1)] * inside


def newton_step(gradient: tuple[Tensor, Tensor], hessian: tuple[Tensor, Tensor, Tensor]) -> Tensor:
    """Return the step (..., 2) to where the gradient (x, y) vanishes; 0 where the Hessian (xx, xy, yy) is singular."""
    (dx, dy), (dxx, dxy, dyy) = gradient, hessian
    step = torch.stack([dxy * dy - dyy * dx, dxy * dx - dxx * dy], dim=-1) / (dxx * dyy - dxy * dxy).unsqueeze(-1)
    return torch.where(step.isfinite(), step, torch.zeros_like(step))
