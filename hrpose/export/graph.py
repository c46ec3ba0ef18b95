"""Crops to keypoints as one module, which is what is exported."""

from typing import Any

import torch
from torch import Tensor, nn

from hrpose.codecs.base import mirror_signs
from hrpose.models import TopdownPoseEstimator
from hrpose.models.estimators.flip import average_flip
from hrpose.models.inference import fold_norms


class CropsToKeypoints(nn.Module):
    """uint8 RGB crops (B, h, w, 3) -> keypoints (B, K, 2) in crop px and scores (B, K), both float32.

    Normalisation, the network with its batch normalisations folded, flip test and decoding are inside. Keypoints are as
    `Codec.decode` returns them.

    Args:
        model: a pose estimator, whose weights are copied.
        flip_test: average the heatmaps with those of the mirrored crop.
        dtype: of the network's weights and computation. Normalisation and decoding are in float32.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, model: TopdownPoseEstimator, *, flip_test: bool, dtype: torch.dtype = torch.float32) -> None:
        super().__init__()
        parts = [part for part in (model.backbone, model.neck, model.head) if part is not None]
        self.network = nn.Sequential(*(fold_norms(part.eval()) for part in parts)).to(dtype)
        self.head: Any = model.head  # for its decoding
        preprocessor: Any = model.data_preprocessor
        self.bgr, self.dtype = preprocessor.channel_order == 'bgr', dtype
        self.register_buffer('mean', preprocessor.mean.clone())
        self.register_buffer('std', preprocessor.std.clone())
        self.flip_test, self.flip_shift = flip_test, model.flip_shift
        self.flip_indices, self.signs = tuple(model.metainfo['flip_indices']), mirror_signs(model.head.codec)

    def forward(self, crops: Tensor) -> tuple[Tensor, Tensor]:
        """Return keypoints and scores."""
        images = crops.permute(0, 3, 1, 2).to(torch.float32)
        if self.bgr:
            images = images.flip(1)
        images = (images - self.mean) / self.std
        heatmaps = self.heatmaps(torch.cat([images, images.flip(-1)]) if self.flip_test else images)
        if self.flip_test:
            plain, mirrored = heatmaps.unflatten(0, (2, crops.shape[0])).unbind(0)
            heatmaps = average_flip(plain, mirrored, self.flip_indices, shift=self.flip_shift, signs=self.signs)
        return self.head.predict(heatmaps)

    def heatmaps(self, images: Tensor) -> Tensor:
        """Return the network's heatmaps (B, K, h, w) float32 for normalised images (B, 3, H, W) float32."""
        return self.network(images.to(self.dtype)).to(torch.float32)
