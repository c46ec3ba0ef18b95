"""The heatmap head: a 1x1 convolution from the finest feature map to one heatmap a joint."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from mmengine.model import BaseModule
from torch import Tensor, nn

from hrpose.codecs import Codec
from hrpose.errors import UserError
from hrpose.registry import CODECS, MODELS

PUBLISHED_INIT = dict(type='Normal', layer='Conv2d', std=0.001)
PUBLISHED_LOSS = dict(type='KeypointMSELoss')


@MODELS.register_module()
class HeatmapHead(BaseModule):
    """Feature maps -> heatmaps (B, K, h, w); their targets and loss in training, their keypoints in prediction.

    Args:
        codec: config of the codec, or a codec.
        in_channels: of the finest feature map.
        out_channels: K, the number of joints.
        loss: config of the loss, which is called with (prediction, target, weights).
        init_cfg: mmengine's; the published one unless given.

    Raises:
        UserError: a codec that lacks a part of `Codec`.
    """

    linked = {'codec': 'codec', 'out_channels': 'len(metainfo.keypoint_names)'}

    def __init__(
        self,
        *,
        codec: Codec | Mapping[str, Any],
        in_channels: int,
        out_channels: int,
        loss: Mapping[str, Any] = PUBLISHED_LOSS,
        init_cfg: dict[str, Any] | Sequence[dict[str, Any]] | None = None,
    ) -> None:
        super().__init__(init_cfg if init_cfg is not None else PUBLISHED_INIT)
        self.codec: Codec = CODECS.build(codec) if isinstance(codec, Mapping) else codec
        if not isinstance(self.codec, Codec):
            raise UserError(
                f'model.head.codec: {type(self.codec).__name__} is not a codec; it needs input_size, heatmap_size, '
                'stride, encode and decode (see hrpose.codecs.Codec)'
            )
        self.final_layer = nn.Conv2d(in_channels, out_channels, kernel_size=1)
        self.loss_module = MODELS.build(dict(loss))

    @property
    def out_channels(self) -> int:
        """K, the number of joints."""
        return self.final_layer.out_channels

    def forward(self, features: Sequence[Tensor]) -> Tensor:
        """Return heatmaps (B, K, h, w) from feature maps, of which only the first and finest is used."""
        return self.final_layer(features[0])

    def loss(self, features: Sequence[Tensor], keypoints: Tensor, weights: Tensor) -> dict[str, Tensor]:
        """Return `{'loss_keypoint': scalar}`. Targets and loss are computed on the features' device in float32.

        Args:
            features: feature maps, finest first.
            keypoints: (B, K, 2) input px.
            weights: (B, K), zero where a joint is not learnt.

        Raises:
            UserError: heatmaps of another size than the codec's.
        """
        heatmaps = self(features)
        with torch.autocast(heatmaps.device.type, enabled=False):
            self._check_size(heatmaps)
            targets, weights = self.codec.encode(keypoints, weights)
            return {'loss_keypoint': self.loss_module(heatmaps.float(), targets, weights)}

    def predict(self, heatmaps: Tensor) -> tuple[Tensor, Tensor]:
        """Return keypoints (B, K, 2) in input px and scores (B, K) from heatmaps (B, K, h, w)."""
        self._check_size(heatmaps)
        return self.codec.decode(heatmaps)

    def _check_size(self, heatmaps: Tensor) -> None:
        height, width = heatmaps.shape[-2:]
        if (width, height) != tuple(self.codec.heatmap_size):
            raise UserError(
                f'the network gives heatmaps of {(width, height)} cells (w, h), but codec.heatmap_size is '
                f"{tuple(self.codec.heatmap_size)}; leave it out, or fit it to the backbone's stride"
            )
