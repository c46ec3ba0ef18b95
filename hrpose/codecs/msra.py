"""MSRA's heatmap codec: Gaussian targets at whole cells, decoding with a quarter offset.

B people, K joints, h and w the heatmap's height and width in cells. Input px and heatmap cells both count from the
centre of the first one; cell = input px / stride.

Source: the official release of Xiao et al. (2018) and Sun et al. (2019). Its code, which gave the published numbers, is
followed where it differs from the paper.
"""

from functools import lru_cache

import torch
from torch import Tensor

from hrpose.codecs.base import GaussianCodec, Size, constants, highest
from hrpose.errors import UserError
from hrpose.registry import CODECS


@CODECS.register_module()
class MSRAHeatmap(GaussianCodec):
    """Gaussian heatmaps cut off at three sigma, decoded by their maximum with a quarter offset.

    Args:
        input_size: (w, h) of the network's input, px.
        heatmap_size: (w, h) of the heatmaps, cells; a quarter of `input_size` unless given.
        sigma: standard deviation of the Gaussian, cells; published 2 for an input 256 px high, 3 for 384 px.
        offset: how far a decoded joint moves from the maximum towards its higher neighbours, cells; published 0.25.

    Raises:
        UserError: a size that is not two positive whole numbers, a sigma that is not positive, an offset outside 0 to
            0.5.
    """

    def __init__(
        self, input_size: Size, heatmap_size: Size | None = None, sigma: float = 2, *, offset: float = 0.25
    ) -> None:
        super().__init__(input_size, heatmap_size, sigma)
        if not isinstance(offset, int | float) or not 0 <= offset <= 0.5:
            raise UserError(f'MSRAHeatmap: offset has to be a number of cells from 0 to 0.5, not {offset!r}')
        self.offset = float(offset)

    @torch.no_grad()
    def encode(self, keypoints: Tensor, visible: Tensor) -> tuple[Tensor, Tensor]:
        """Return target heatmaps and the weight of each joint in the loss.

        Args:
            keypoints: (B, K, 2) input px.
            visible: (B, K), above zero where the joint is labelled (COCO's 1 and 2 alike).

        Returns:
            heatmaps (B, K, h, w) float32 with maximum 1; weights (B, K) float32 in {0, 1}, zero where the joint is
            unlabelled or its Gaussian lies outside the heatmap.
        """
        stride, size = constants((self.stride, self.heatmap_size), keypoints.device)
        # The published code truncates towards zero, so cell 0 also takes joints just left of the image.
        cells = torch.trunc(keypoints.float() / stride + 0.5)
        radius = int(3 * self.sigma)
        # As published, a Gaussian that ends one cell before the heatmap still counts as inside.
        on_heatmap = ((cells - radius < size) & (cells + radius + 1 >= 0)).all(dim=-1)
        weights = ((visible > 0) & on_heatmap).float()

        # A row of the table for each axis of each joint; the first row and the last are empty.
        width, height = self.heatmap_size
        table = gaussians(max(width, height), self.sigma, radius, keypoints.device)
        places = (cells + (radius + 1)).clamp_(0, len(table) - 1).long().clamp_(0)
        along_x, along_y = table[places].unbind(dim=-2)
        along_y = along_y[..., :height] * weights.unsqueeze(-1)
        return along_y.unsqueeze(-1) * along_x[..., :width].unsqueeze(-2), weights

    @torch.no_grad()
    def decode(self, heatmaps: Tensor) -> tuple[Tensor, Tensor]:
        """Return where each heatmap has its maximum, moved by `offset` towards the higher neighbour, and its value.

        As published, the offset follows the sign of the neighbours' difference on both axes, or on neither if the
        maximum is in one of the first two rows or columns or in the last one. A heatmap without a positive value gives
        (0, 0) and its maximum.

        Args:
            heatmaps: (B, K, h, w), any floating dtype.

        Returns:
            keypoints (B, K, 2) input px, scores (B, K), both float32. A score is not a probability and may exceed 1.
        """
        heatmaps = heatmaps.float()
        height, width = heatmaps.shape[-2:]
        flat = heatmaps.flatten(2)
        scores, peak = highest(flat)
        x, y = peak % width, torch.div(peak, width, rounding_mode='floor')

        inside = (x > 1) & (x < width - 1) & (y > 1) & (y < height - 1)
        safe = torch.where(inside, peak, torch.full_like(peak, width + 1))
        around = torch.stack([safe + 1, safe - 1, safe + width, safe - width], dim=-1)
        right, left, below, above = flat.gather(-1, around).unbind(-1)
        slope = torch.stack([right - left, below - above], dim=-1)

        cells = torch.stack([x, y], dim=-1).float() * (scores > 0).unsqueeze(-1)
        cells = cells + self.offset * slope.sign() * (inside & (scores > 0)).unsqueeze(-1)
        return cells * constants(self.stride, cells.device), scores


@lru_cache(maxsize=8)
def gaussians(length: int, sigma: float, radius: int, device: torch.device) -> Tensor:
    """Return `length + 2 radius + 2` rows of `length` cells; row r is the Gaussian around cell `r - radius - 1`.

    Each is zero beyond `radius` cells, so the first row and the last are zero. float32, on `device`.
    """
    cells = torch.arange(length, device=device, dtype=torch.float32)
    centers = torch.arange(-radius - 1, length + radius + 1, device=device, dtype=torch.float32)
    distance = (cells - centers.unsqueeze(-1)).abs()
    return torch.exp(-(distance**2) / (2 * sigma**2)) * (distance <= radius)
