"""What heatmap heads have in common: their codec, the loss of each output, and the decoding of the last one."""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from mmengine.model import BaseModule
from torch import Tensor, nn

from hrpose.codecs import Codec
from hrpose.codecs.base import mirror_signs
from hrpose.errors import UserError
from hrpose.models.losses import KeypointCrossEntropyLoss
from hrpose.registry import CODECS, MODELS

# New layers start as in SimpleBaseline and HRNet's official releases.
PUBLISHED_INIT = dict(type='Normal', layer=['Conv2d', 'ConvTranspose2d'], std=0.001)
PUBLISHED_LOSS = dict(type='KeypointMSELoss')


class BaseHeatmapHead(BaseModule):
    """Feature maps -> one or several outputs by name, each of them heatmaps (B, K, h, w).

    Every output is trained, each against the targets of its own codec (`codec_of`) by its own loss (`loss_of`). The
    last output is the head's result: `forward` returns it, and `predict` decodes it.
    Args:
        codec: config of the codec, or a codec. A codec with M maps a joint gives outputs (B, K M, h, w).
        out_channels: K, the number of joints.
        loss: config of the loss, which is called with (prediction, target, weights); unless given the codec's, or the
            published one.
        init_cfg: mmengine's; the published one unless given.

    Raises:
        UserError: a codec that lacks a part of `Codec`, or a loss for another number of maps a joint.
    """

    linked = {'codec': 'codec', 'out_channels': 'len(metainfo.keypoint_names)'}

    # Whether `in_channels` are those of every feature map; else those of one.
    takes_all_maps = False
    # Whether the head can give heatmaps that are distributions over their cells.
    gives_distributions = False
    # Whether `loss` is given COCO's visibility {0, 1, 2} in place of weights {0, 1}.
    takes_visibility = False

    def __init__(
        self,
        *,
        codec: Codec | Mapping[str, Any],
        out_channels: int,
        loss: Mapping[str, Any] | None = None,
        init_cfg: dict[str, Any] | Sequence[dict[str, Any]] | None = None,
    ) -> None:
        super().__init__(init_cfg if init_cfg is not None else PUBLISHED_INIT)
        self.codec: Codec = CODECS.build(codec) if isinstance(codec, Mapping) else codec
        if not isinstance(self.codec, Codec):
            raise UserError(
                f'model.head.codec: {type(self.codec).__name__} is not a codec; it needs input_size, heatmap_size, '
                'stride, encode and decode (see hrpose.codecs.Codec)'
            )
        self.out_channels = out_channels
        self.maps = out_channels * len(mirror_signs(self.codec))  # of each output
        self.loss_module = self.built_loss(loss)

    def built_loss(self, loss: Mapping[str, Any] | None) -> nn.Module:
        """Return a loss from its config, by default that of the codec; refuse one that does not suit the codec."""
        module = MODELS.build(dict(getattr(self.codec, 'loss', PUBLISHED_LOSS) if loss is None else loss))
        wanted, taken = len(mirror_signs(self.codec)), getattr(module, 'maps_per_joint', 1)
        if taken != wanted:
            raise UserError(
                f'model.head.loss: {type(module).__name__} takes {taken} maps a joint, but the codec '
                f'{type(self.codec).__name__} makes {wanted}; leave the loss out, or write '
                f'loss=dict(type={getattr(self.codec, "loss", PUBLISHED_LOSS)["type"]!r})'
            )
        if isinstance(module, KeypointCrossEntropyLoss):
            self.check_distributions()
        return module

    def check_distributions(self) -> None:
        """Raise `UserError` unless head and codec suit a loss over distributions."""
        if not self.gives_distributions:
            raise UserError(
                f'model.head.loss: {type(self).__name__} does not give what KeypointCrossEntropyLoss needs; '
                'take HeatmapHead, or leave the loss out'
            )
        if not hasattr(self.codec, 'sigma'):
            raise UserError(
                'model.head.loss: KeypointCrossEntropyLoss needs a codec of Gaussians, and '
                f'{type(self.codec).__name__} has no sigma; take another codec, or leave the loss out'
            )

    @abstractmethod
    def outputs(self, features: Sequence[Tensor]) -> dict[str, Tensor]:
        """Return heatmaps (B, K, h, w) by name from feature maps, finest first; the last output is the result."""

    def codec_of(self, name: str) -> Codec:
        """Return the codec that makes the targets of an output."""
        return self.codec

    def loss_of(self, name: str) -> nn.Module:
        """Return the loss of an output."""
        return self.loss_module

    def learns(self, name: str, visible: Tensor) -> Tensor:
        """Return which joints an output learns, (B, K) bool, from what `loss` is given as weights (B, K)."""
        return visible > 0

    def forward(self, features: Sequence[Tensor]) -> Tensor:
        """Return the last output, heatmaps (B, K, h, w), from feature maps, finest first."""
        return list(self.outputs(features).values())[-1]

    def loss(self, features: Sequence[Tensor], keypoints: Tensor, weights: Tensor) -> dict[str, Tensor]:
        """Return a scalar `loss_NAME` for each output. Targets and losses are computed on the device in float32.

        Args:
            features: feature maps, finest first.
            keypoints: (B, K, 2) input px.
            weights: (B, K), zero where a joint is not learnt; its visibility {0, 1, 2} if the head `takes_visibility`.

        Raises:
            UserError: heatmaps of another size than the codec's.
        """
        outputs = self.outputs(features)
        targets: dict[int, tuple[Tensor, Tensor]] = {}  # outputs may share a codec
        losses = {}
        with torch.autocast(keypoints.device.type, enabled=False):
            for name, heatmaps in outputs.items():
                codec = self.codec_of(name)
                check_size(heatmaps, codec)
                if id(codec) not in targets:
                    targets[id(codec)] = codec.encode(keypoints, weights)
                target, encoded = targets[id(codec)]
                losses[f'loss_{name}'] = self.loss_of(name)(
                    heatmaps.float(), target, encoded * self.learns(name, weights)
                )
        return losses

    def predict(self, heatmaps: Tensor) -> tuple[Tensor, Tensor]:
        """Return keypoints (B, K, 2) in input px and scores (B, K) from heatmaps (B, K, h, w)."""
        check_size(heatmaps, self.codec)
        return self.codec.decode(heatmaps)


def check_size(heatmaps: Tensor, codec: Codec) -> None:
    """Raise `UserError` unless heatmaps (B, K, h, w) have the codec's size."""
    height, width = heatmaps.shape[-2:]
    if (width, height) != tuple(codec.heatmap_size):
        raise UserError(
            f'the network gives heatmaps of {(width, height)} cells (w, h), but codec.heatmap_size is '
            f"{tuple(codec.heatmap_size)}; leave it out, or fit it to the backbone's stride"
        )
