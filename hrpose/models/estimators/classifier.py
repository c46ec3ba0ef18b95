"""The image classifier, whose backbone pose networks start from."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from mmengine.model import BaseModel
from mmengine.structures import BaseDataElement
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from hrpose.errors import UserError
from hrpose.models.estimators.topdown import DEFAULT_PREPROCESSOR
from hrpose.registry import MODELS


@MODELS.register_module()
class ImageClassifier(BaseModel):
    """Backbone, neck and a linear layer; mmengine calls its modes `loss`, `predict` and `tensor`.

    Args:
        backbone: config; images (B, 3, H, W) -> feature maps, finest first, of `out_channels` channels.
        neck: config; feature maps -> features (B, C), C its `out_channels`. Its `in_channels` follow the backbone.
        num_classes: number of classes, M.
        data_preprocessor: config.
        init_cfg: mmengine's.
    """

    def __init__(
        self,
        *,
        backbone: Mapping[str, Any],
        neck: Mapping[str, Any],
        num_classes: int,
        data_preprocessor: Mapping[str, Any] = DEFAULT_PREPROCESSOR,
        init_cfg: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(data_preprocessor=MODELS.build(dict(data_preprocessor)), init_cfg=init_cfg)
        self.backbone = MODELS.build(dict(backbone))
        self.neck = MODELS.build({'in_channels': self.backbone.out_channels, **neck})
        self.classifier = nn.Linear(self.neck.out_channels, num_classes)
        self.to(memory_format=torch.channels_last)

    def forward(
        self, inputs: Tensor, data_samples: Sequence[BaseDataElement] | None = None, mode: str = 'tensor'
    ) -> Tensor | dict[str, Tensor] | Sequence[BaseDataElement]:
        """Classify normalised images (B, 3, H, W).

        Args:
            inputs: the images.
            data_samples: B samples, with `gt_label` for 'loss'.
            mode: 'tensor' returns logits (B, M), 'loss' the cross entropy, 'predict' the samples with `pred_scores`
                (M,), which are probabilities.

        Raises:
            UserError: an unknown mode, no samples where they are needed, or a label of a class that is not there.
        """
        if mode not in ('tensor', 'loss', 'predict'):
            raise UserError(f"mode is 'tensor', 'loss' or 'predict', not '{mode}'")
        if mode != 'tensor' and data_samples is None:
            raise UserError(f"mode='{mode}' needs data_samples")
        logits = self.classifier(self.neck(self.backbone(inputs)))
        if data_samples is None or mode == 'tensor':
            return logits
        if mode == 'loss':
            return {'loss': cross_entropy(logits, self._labels(data_samples).to(logits.device))}
        for sample, scores in zip(data_samples, logits.float().softmax(dim=-1).cpu(), strict=True):
            sample.pred_scores = scores
        return data_samples

    def _labels(self, data_samples: Sequence[BaseDataElement]) -> Tensor:
        labels = torch.tensor([sample.gt_label for sample in data_samples])
        if (top := int(labels.max())) >= (classes := self.classifier.out_features):
            raise UserError(
                f'the data have a class {top}, counted from 0, but model.num_classes is {classes}; raise it'
            )
        return labels
