"""CrowdPose's AP as a metric of mmengine's."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from mmengine.logging import print_log

from hrpose.errors import UserError
from hrpose.evaluation.functional.by_joint import joint_agreement
from hrpose.evaluation.functional.crowdpose_ap import (
    CODE_LIMITS,
    CROWDPOSE_FIGURES,
    LEVELS,
    crowd_levels,
    evaluate_crowdpose,
)
from hrpose.evaluation.metrics.coco import CocoMetric, log_figures, log_joints
from hrpose.registry import METRICS


@METRICS.register_module()
class CrowdPoseMetric(CocoMetric):
    """CrowdPose's AP and AR, and its AP for easy, medium and hard images, after rescoring and OKS-NMS as on COCO.

    Returns, under the prefix, AP AP50 AP75 AR AR50 AR75 AP_easy AP_medium AP_hard in [0, 1] (-1 where the truth has
    nobody), and logs them with the number of images of each level, followed by a table by joint.

    Args:
        ann_file: CrowdPose JSON with the truth and each image's `crowdIndex`.
        metainfo: name or dict of the joints; None takes the data set's.
        limits: crowd index from which an image is medium, and from which it is hard. (0.2, 0.8) are those of the
            evaluation code, behind the published figures; the paper says (0.1, 0.8).
        prefix: of the figures' names.
        **options: those of `CocoMetric`.

    Raises:
        UserError: wrong limits, and all that `CocoMetric` and `evaluate_crowdpose` raise.
    """

    default_prefix = 'crowdpose'
    figures = CROWDPOSE_FIGURES

    def __init__(
        self,
        ann_file: str,
        metainfo: str | Mapping[str, Any] | None = None,
        *,
        limits: Sequence[float] = CODE_LIMITS,
        prefix: str | None = 'crowdpose',
        **options: Any,
    ) -> None:
        super().__init__(ann_file, metainfo, prefix=prefix, **options)
        if len(limits) != 2 or not 0 < limits[0] < limits[1] < 1:
            raise UserError(f'CrowdPoseMetric.limits are two rising numbers between 0 and 1, not {limits!r}')
        self.limits = tuple(limits)

    def evaluate_results(
        self, truth: Mapping[str, Any], detections: list[dict[str, Any]], info: Mapping[str, Any]
    ) -> dict[str, float]:
        """Return CrowdPose's nine figures and log them; arguments as in `CocoMetric`."""
        figures = evaluate_crowdpose(truth, detections, info['sigmas'], limits=self.limits, backend=self.backend)
        log_figures(f'CrowdPose figures ({self.backend})', figures)
        images = np.bincount(list(crowd_levels(truth['images'], self.limits).values()), minlength=len(LEVELS))
        counts = ', '.join(f'{count} {level}' for count, level in zip(images, LEVELS, strict=True))
        print_log(f'Images: {counts}; by crowd index, at {self.limits[0]:g} and {self.limits[1]:g}', logger='current')
        log_joints(joint_agreement(truth, detections, info['sigmas']), info)
        return figures
