"""UDP's heatmap codec: the region, the input and the heatmap have the centres of their corner pixels in common.

B people, K joints, h and w the heatmap's height and width in cells. Input px and heatmap cells both count from the
centre of the first one. Lengths are distances between the centres of the first and the last pixel, one less than the
number of pixels: cell = input px (w - 1) / (input width - 1).

Source: Huang et al. (CVPR 2020), as mmpose 1.x computes it.
"""

import torch
from torch import Tensor

from hrpose.codecs.base import GaussianCodec, Size, constants, highest
from hrpose.codecs.refine import blurred, gaussian_kernel, kernel_of, log_around, newton_step
from hrpose.errors import UserError, nearest
from hrpose.registry import CODECS

EPSILON = torch.finfo(torch.float32).eps  # added to the diagonal of the Hessian, as published


@CODECS.register_module()
class UDPHeatmap(GaussianCodec):
    """Heatmaps of exact keypoints on a grid of aligned corners.

    The targets are 'gaussian', decoded by DARK's Newton step, or 'combined': three maps a joint, in this order. The
    first is 1 on a disc around the joint and 0 elsewhere; the others are the offsets from a cell of the disc to the
    joint along x and y, in units of the disc's radius.

    Args:
        input_size: (w, h) of the network's input, px.
        heatmap_size: (w, h) of the heatmaps, cells; a quarter of `input_size` unless given.
        sigma: standard deviation of the Gaussian, cells; published 2 for an input 256 px high, 3 for 384 px.
        blur_kernel_size: of the Gaussian blur before decoding, cells, odd; published 11 for a sigma of 2 and 17 for 3,
            which is the default's rule. Combined targets take a kernel of 2 n + 1 cells instead of n.
        target: 'gaussian' or 'combined'.
        radius_factor: of the disc of combined targets, to the heatmap's longer side; mmpose 0.0546875.

    Raises:
        UserError: a size that is not two numbers of at least 2, a sigma or a factor that is not positive, an even
            kernel, another target.
    """

    align_corners = True
    targets = ('gaussian', 'combined')

    def __init__(
        self,
        input_size: Size,
        heatmap_size: Size | None = None,
        sigma: float = 2,
        *,
        blur_kernel_size: int | None = None,
        target: str = 'gaussian',
        radius_factor: float = 0.0546875,
    ) -> None:
        super().__init__(input_size, heatmap_size, sigma)
        if target not in self.targets:
            raise UserError(f"UDPHeatmap: there is no target '{target}'; {nearest(str(target), self.targets)}")
        if not isinstance(radius_factor, int | float) or not radius_factor > 0:
            raise UserError(f'UDPHeatmap: radius_factor has to be a positive number, not {radius_factor!r}')
        self.target, self.radius = target, radius_factor * max(self.heatmap_size)
        self.kernel = kernel_of(self, blur_kernel_size)
        if target == 'combined':
            self.kernel = gaussian_kernel(2 * len(self.kernel) + 1)
            self.mirror_signs, self.loss = (1, -1, 1), dict(type='CombinedTargetMSELoss')

    @torch.no_grad()
    def encode(self, keypoints: Tensor, visible: Tensor) -> tuple[Tensor, Tensor]:
        """Return target heatmaps and the weight of each joint in the loss.

        Args:
            keypoints: (B, K, 2) input px.
            visible: (B, K), above zero where the joint is labelled (COCO's 1 and 2 alike).

        Returns:
            heatmaps float32; weights (B, K) float32 in {0, 1}, zero where the joint is unlabelled. Gaussian heatmaps
            (B, K, h, w) are cut off three sigma from the cell of the joint, and the weight is also zero if nothing of a
            Gaussian is left. Combined ones (B, 3 K, h, w) are zero where the joint is unlabelled.
        """
        stride, size = constants((self.stride, self.heatmap_size), keypoints.device)
        cells = keypoints.float() / stride
        return self._discs(cells, visible) if self.target == 'combined' else self._gaussians(cells, visible, size)

    def _gaussians(self, cells: Tensor, visible: Tensor, size: Tensor) -> tuple[Tensor, Tensor]:
        middle = torch.trunc(cells + 0.5)  # towards zero, as published
        radius = int(3 * self.sigma)
        on_heatmap = ((middle - radius < size) & (middle + radius + 1 >= 0)).all(dim=-1)
        weights = ((visible > 0) & on_heatmap).float()

        # The part of each Gaussian that is left, put into a row with room for it on both sides of the heatmap.
        steps = torch.arange(-radius, radius + 1, device=cells.device)
        curves = self.gaussian(steps + (middle - cells).unsqueeze(-1))
        (width, height), room = self.heatmap_size, radius + 1
        rows = curves.new_zeros(*cells.shape, max(width, height) + 4 * room)
        places = (middle.clamp(-room, max(width, height) + room) + 2 * room).long().clamp_(room)
        along_x, along_y = rows.scatter_(-1, places.unsqueeze(-1) + steps, curves)[..., 2 * room :].unbind(dim=-2)
        along_y = along_y[..., :height] * weights.unsqueeze(-1)
        return along_y.unsqueeze(-1) * along_x[..., :width].unsqueeze(-2), weights

    def _discs(self, cells: Tensor, visible: Tensor) -> tuple[Tensor, Tensor]:
        weights = (visible > 0).float()
        width, height = self.heatmap_size
        steps = torch.arange(max(width, height), device=cells.device)
        # Anything beyond the radius is outside the disc, as is what is no number or not labelled.
        offsets = ((cells.unsqueeze(-1) - steps) / self.radius).nan_to_num_(nan=2.0).clamp_(-2, 2)
        x, y = offsets.masked_fill_(weights[..., None, None] == 0, 2.0).unbind(dim=-2)
        x, y = x[..., None, :width], y[..., :height, None]
        maps = x.new_empty(*weights.shape, 3, height, width)
        disc, *moves = maps.unbind(dim=2)
        disc.copy_(x.square() <= 1 - y.square())
        for move, offset in zip(moves, (x, y), strict=True):
            torch.mul(disc, offset, out=move)
        return maps.flatten(1, 2), weights

    @torch.no_grad()
    def decode(self, heatmaps: Tensor) -> tuple[Tensor, Tensor]:
        """Return the keypoint of each joint and its score.

        Gaussian: where the blurred heatmap would peak if it were a Gaussian, and the maximum before the blur. Combined:
        the highest cell of the blurred first map, moved by the offsets that the others have there, and its value.

        As published, the step has no limit: a heatmap that is not like a Gaussian may be decoded to a place far from
        its maximum. A heatmap without a positive value gives (0, 0) and its maximum.

        Args:
            heatmaps: (B, K, h, w), combined (B, 3 K, h, w), any floating dtype.

        Returns:
            keypoints (B, K, 2), scores (B, K), both float32. Keypoints are in px of an input whose width, not the
            distance between its outer pixels, spans the region (see `Codec.decode`). A score is not a probability and
            may exceed 1.
        """
        decode = self._decode_discs if self.target == 'combined' else self._decode_gaussians
        cells, scores = decode(heatmaps.float())
        size, last = constants((self.input_size, tuple(side - 1 for side in self.heatmap_size)), cells.device)
        return cells * (scores > 0).unsqueeze(-1) / last * size, scores

    def _decode_discs(self, heatmaps: Tensor) -> tuple[Tensor, Tensor]:
        width = heatmaps.shape[-1]
        discs, *offsets = heatmaps.unflatten(1, (-1, 3)).unbind(dim=2)
        # The blur of mmpose mirrors the map about its border, which moves the maximum of a disc near it off the disc.
        scores, peak = highest(blurred(discs, self.kernel).flatten(2))
        moved = [offset.flatten(2).gather(-1, peak.unsqueeze(-1)).squeeze(-1) * self.radius for offset in offsets]
        cells = torch.stack([peak % width, torch.div(peak, width, rounding_mode='floor')], dim=-1)
        return cells + torch.stack(moved, dim=-1), scores

    def _decode_gaussians(self, heatmaps: Tensor) -> tuple[Tensor, Tensor]:
        width = heatmaps.shape[-1]
        scores, peak = highest(heatmaps.flatten(2))
        x, y = peak % width, torch.div(peak, width, rounding_mode='floor')

        # Two floats: PyTorch's ONNX exporter takes no limits of different types.
        log = log_around(heatmaps, peak, scores, reach=1, kernel=self.kernel, low=1e-3, high=50.0)
        # The columns to the left of the peak, at it, and to its right.
        (above0, above1, _), (level0, level1, level2), (_, below1, below2) = log
        gradient = (level2 - level0) / 2, (below1 - above1) / 2
        dxx = level2 - 2 * level1 + level0 + EPSILON
        dyy = below1 - 2 * level1 + above1 + EPSILON
        dxy = (below2 - level2 - below1 + 2 * level1 - level0 - above1 + above0) / 2

        return torch.stack([x, y], dim=-1) + newton_step(gradient, (dxx, dxy, dyy)), scores
