"""CrowdPose's AP as a metric of mmengine's."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from hrpose.errors import UserError
from hrpose.evaluation.functional.crowdpose_ap import (
    CODE_LIMITS,
    CROWDPOSE_METRICS,
    LEVELS,
    crowd_levels,
    evaluate_crowdpose,
)
from hrpose.evaluation.functional.people import GroundTruth, Predictions
from hrpose.evaluation.metrics.coco import CocoMetric, log_tables
from hrpose.registry import METRICS


@METRICS.register_module()
class CrowdPoseMetric(CocoMetric):
    """CrowdPose's AP and AR, and its AP for easy, medium and hard images, after rescoring and OKS-NMS as on COCO.

    Returns, under the prefix, AP AP50 AP75 AR AR50 AR75 AP_easy AP_medium AP_hard in [0, 1] (-1 where the ground truth
    has nobody). It logs them with the number of images of each level, followed by a table by joint.

    Args:
        ann_file: CrowdPose JSON with the ground truth and each image's `crowdIndex`.
        limits: crowd index from which an image is medium, and from which it is hard. (0.2, 0.8) are those of the
            evaluation code, behind the published results; the paper says (0.1, 0.8).
        **options: those of `CocoMetric`.

    Raises:
        UserError: wrong limits, and as `CocoMetric` and `evaluate_crowdpose`.
    """

    default_prefix = 'crowdpose'
    metric_names = CROWDPOSE_METRICS

    def __init__(self, ann_file: str, *, limits: Sequence[float] = CODE_LIMITS, **options: Any) -> None:
        super().__init__(ann_file, **options)
        if len(limits) != 2 or not 0 < limits[0] < limits[1] < 1:
            raise UserError(f'CrowdPoseMetric: limits are {limits!r}; give two rising numbers between 0 and 1')
        self.limits = tuple(limits)

    def evaluate_results(self, truth: GroundTruth, found: Predictions, info: Mapping[str, Any]) -> dict[str, float]:
        metrics = evaluate_crowdpose(truth, found, info['sigmas'], limits=self.limits, backend=self.backend)
        images = np.bincount(crowd_levels(truth, self.limits), minlength=len(LEVELS))
        counts = ', '.join(f'{count} {level}' for count, level in zip(images, LEVELS, strict=True))
        levels = f'images: {counts}; by crowd index, at {self.limits[0]:g} and {self.limits[1]:g}'
        log_tables(f'CrowdPose metrics ({self.backend}; {levels})', metrics, truth, found, info)
        return metrics
