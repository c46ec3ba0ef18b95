"""DARK's heatmap codec: Gaussian targets around the exact keypoint, decoding by one Newton step.

B people, K joints, h and w the heatmap's height and width in cells. Input px and heatmap cells both count from the
centre of the first one; cell = input px / stride, as in MSRA's codec.

Source: Zhang et al. (CVPR 2020), as mmpose 1.x computes it (`MSRAHeatmap(unbiased=True)`).
"""

import torch
from torch import Tensor

from hrpose.codecs.base import GaussianCodec, Size, constants, highest
from hrpose.codecs.refine import kernel_of, log_around, newton_step
from hrpose.registry import CODECS


@CODECS.register_module()
class DarkHeatmap(GaussianCodec):
    """Gaussian heatmaps around the exact keypoint, decoded from the curvature at their maximum.

    Args:
        input_size: (w, h) of the network's input, px.
        heatmap_size: (w, h) of the heatmaps, cells; a quarter of `input_size` unless given.
        sigma: standard deviation of the Gaussian, cells; published 2 for an input 256 px high, 3 for 384 px.
        blur_kernel_size: of the Gaussian blur before decoding, cells, odd; published 11 for a sigma of 2 and 17 for 3,
            which is the default's rule.

    Raises:
        UserError: a size that is not two positive whole numbers, a sigma that is not positive, an even kernel.
    """

    def __init__(
        self,
        input_size: Size,
        heatmap_size: Size | None = None,
        sigma: float = 2,
        *,
        blur_kernel_size: int | None = None,
    ) -> None:
        super().__init__(input_size, heatmap_size, sigma)
        self.kernel = kernel_of(self, blur_kernel_size)

    @torch.no_grad()
    def encode(self, keypoints: Tensor, visible: Tensor) -> tuple[Tensor, Tensor]:
        """Return target heatmaps and the weight of each joint in the loss.

        Args:
            keypoints: (B, K, 2) input px.
            visible: (B, K), above zero where the joint is labelled (COCO's 1 and 2 alike).

        Returns:
            heatmaps (B, K, h, w) float32, not cut off, at most 1; weights (B, K) float32 in {0, 1}, zero where the
            joint is unlabelled or farther than three sigma from the heatmap.
        """
        stride, size = constants((self.stride, self.heatmap_size), keypoints.device)
        cells = keypoints.float() / stride
        radius = 3 * self.sigma
        on_heatmap = ((cells - radius < size) & (cells + radius + 1 >= 0)).all(dim=-1)
        weights = ((visible > 0) & on_heatmap).float()

        width, height = self.heatmap_size
        steps = torch.arange(max(width, height), device=cells.device)
        along_x, along_y = self.gaussian(steps - cells.unsqueeze(-1)).unbind(dim=-2)
        along_y = along_y[..., :height] * weights.unsqueeze(-1)
        return along_y.unsqueeze(-1) * along_x[..., :width].unsqueeze(-2), weights

    @torch.no_grad()
    def decode(self, heatmaps: Tensor) -> tuple[Tensor, Tensor]:
        """Return where the blurred heatmap would peak if it were a Gaussian, and the maximum before the blur.

        As published, a maximum in one of the outer two rows or columns stays where it is, and the step has no limit: a
        heatmap that is not like a Gaussian may be decoded to a place far from its maximum. A heatmap without a positive
        value gives (0, 0) and its maximum.

        Args:
            heatmaps: (B, K, h, w), any floating dtype.

        Returns:
            keypoints (B, K, 2) input px, scores (B, K), both float32. A score is not a probability and may exceed 1.
        """
        heatmaps = heatmaps.float()
        height, width = heatmaps.shape[-2:]
        scores, peak = highest(heatmaps.flatten(2))
        x, y = peak % width, torch.div(peak, width, rounding_mode='floor')
        inside = (x > 1) & (x < width - 2) & (y > 1) & (y < height - 2)

        near = log_around(heatmaps, peak, scores, reach=2, kernel=self.kernel, low=1e-10, high=torch.inf)
        # near[2 + dy][2 + dx] is the value dx columns to the right of the peak and dy rows below it.
        gradient = (near[2][3] - near[2][1]) / 2, (near[3][2] - near[1][2]) / 2
        dxx = (near[2][4] - 2 * near[2][2] + near[2][0]) / 4
        dyy = (near[4][2] - 2 * near[2][2] + near[0][2]) / 4
        dxy = (near[3][3] - near[1][3] - near[3][1] + near[1][1]) / 4
        step = newton_step(gradient, (dxx, dxy, dyy)) * inside.unsqueeze(-1)

        cells = (torch.stack([x, y], dim=-1) + step) * (scores > 0).unsqueeze(-1)
        return cells * constants(self.stride, cells.device), scores
