"""Top-k accuracy of image classifiers."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from mmengine.evaluator import BaseMetric

from hrpose.errors import UserError
from hrpose.registry import METRICS


@METRICS.register_module()
class AccuracyMetric(BaseMetric):
    """The percentage of images whose class is among the k of the highest scores; 100 minus it is the published error.

    Args:
        topk: the values of k.
        collect_device: see `PoseMetric`.
        prefix: of the metrics' names; None for 'accuracy'.

    Raises:
        UserError: in evaluation, if the model has another number of classes than the data.
    """

    default_prefix = 'accuracy'

    def __init__(self, topk: Sequence[int] = (1, 5), *, collect_device: str = 'gpu', prefix: str | None = None) -> None:
        super().__init__(collect_device=collect_device, prefix=prefix)
        self.topk = tuple(topk)

    def process(self, data_batch: Any, data_samples: Sequence[Mapping[str, Any]]) -> None:
        """Keep the rank of each image's true class, 0 for the best; ties and NaN count against it.

        Raises:
            UserError: the model has another number of classes than the data.
        """
        classes = (self.dataset_meta or {}).get('classes')
        for sample in data_samples:
            scores, label = np.asarray(sample['pred_scores']), sample['gt_label']
            if classes is not None and len(scores) != len(classes):
                raise UserError(
                    f'AccuracyMetric: the model has {len(scores)} classes, but the data have {len(classes)}; set '
                    'model.num_classes, or add the missing folders'
                )
            self.results.append(int((~(scores < scores[label])).sum()) - 1)

    def compute_metrics(self, results: list) -> dict[str, float]:
        """Return `topK` in percent for each k."""
        ranks = np.asarray(results)
        return {f'top{k}': float(100 * np.mean(ranks < k)) for k in self.topk}
