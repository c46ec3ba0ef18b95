"""Heatmaps with sub-pixel centres: targets are not rounded, and a parabola through the logarithm decodes them.

B people, K joints, h and w the heatmap's height and width in cells. Input px and heatmap cells both count from the
centre of the first one; cell = input px / stride, as in `MSRAHeatmap`.

MSRA's codec rounds a joint to a whole cell, which costs up to half a cell (2 input px at stride 4) even for a perfect
network; its quarter offset recovers only a part. The logarithm of a Gaussian is a parabola,
log g(x) = -(x - mu)^2 / (2 sigma^2), so three cells around the peak give mu exactly:
    mu = x + (l[x-1] - l[x+1]) / (2 (l[x-1] - 2 l[x] + l[x+1])),  l = log g.
Zhang et al. (Distribution-Aware Coordinate Representation, CVPR 2020) use both. They smooth the heatmap first, and take
the offset from the whole Hessian; this is the plain separable form.
"""

import torch
from torch import Tensor

from hrpose.codecs import MSRAHeatmap
from hrpose.registry import CODECS

# A cell below this share of the peak carries no information about the Gaussian.
FLOOR = 1e-3


@CODECS.register_module()
class SubpixelHeatmap(MSRAHeatmap):
    """Gaussians centred on the joint itself, not on the nearest cell.

    Arguments, sizes and errors are those of `MSRAHeatmap`.
    """

    @torch.no_grad()
    def encode(self, keypoints: Tensor, visible: Tensor) -> tuple[Tensor, Tensor]:
        """Return heatmaps (B, K, h, w) float32, of height 1 at the joint itself, and weights (B, K) in {0, 1}.

        Args:
            keypoints: (B, K, 2) input px.
            visible: (B, K), above zero where the joint is labelled. A joint more than half a cell outside the heatmap
                has weight 0, because its peak is not visible.
        """
        cells = keypoints.float() / keypoints.new_tensor(self.stride, dtype=torch.float32)
        last = cells.new_tensor(self.heatmap_size) - 1
        inside = ((cells >= -0.5) & (cells <= last + 0.5)).all(dim=-1)
        weights = ((visible > 0) & inside).float()
        width, height = self.heatmap_size
        along_x, along_y = self._gaussian(cells[..., 0], width), self._gaussian(cells[..., 1], height)
        return (along_y * weights[..., None])[..., :, None] * along_x[..., None, :], weights

    def _gaussian(self, center: Tensor, length: int) -> Tensor:
        """Return the Gaussian along one axis: (B, K) cells -> (B, K, length)."""
        distance = torch.arange(length, device=center.device, dtype=torch.float32) - center[..., None]
        return torch.exp(-(distance**2) / (2 * self.sigma**2))

    @torch.no_grad()
    def decode(self, heatmaps: Tensor) -> tuple[Tensor, Tensor]:
        """Return the centre of each heatmap's Gaussian, and its highest value.

        Args:
            heatmaps: (B, K, h, w), any floating type.

        Returns:
            keypoints (B, K, 2) input px, scores (B, K); both float32. A heatmap without a positive value gives (0, 0).
        """
        heatmaps = heatmaps.float()
        height, width = heatmaps.shape[-2:]
        scores, peak = heatmaps.flatten(2).max(dim=-1)
        x, y = peak % width, torch.div(peak, width, rounding_mode='floor')
        logs = heatmaps.clamp_min((FLOOR * scores.clamp_min(1e-12))[..., None, None]).log()
        row = logs.gather(2, y[..., None, None].expand(-1, -1, 1, width)).squeeze(2)
        column = logs.gather(3, x[..., None, None].expand(-1, -1, height, 1)).squeeze(3)
        cells = torch.stack([x + parabola_offset(row, x), y + parabola_offset(column, y)], dim=-1)
        return cells * (scores > 0)[..., None] * cells.new_tensor(self.stride), scores


def parabola_offset(logs: Tensor, peak: Tensor) -> Tensor:
    """Return the distance from `peak` to the top of the parabola through it and its neighbours, at most half a cell.

    Args:
        logs: (B, K, N) logarithms along one axis.
        peak: (B, K) index of the highest value.

    Returns:
        (B, K) cells; zero at either end of the axis, where a neighbour is missing.
    """
    last = logs.shape[-1] - 1
    middle = peak.clamp(1, last - 1)
    left, top, right = (logs.gather(-1, (middle + step)[..., None]).squeeze(-1) for step in (-1, 0, 1))
    bend = left - 2 * top + right
    offset = torch.where(bend < 0, (left - right) / (2 * bend), torch.zeros_like(bend))
    return offset.clamp(-0.5, 0.5) * (peak == middle)
