"""PoseTrack's AP of single frames as a metric of mmengine's."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from mmengine.logging import print_log

from hrpose.errors import UserError
from hrpose.evaluation.functional.pck import joint_mean
from hrpose.evaluation.functional.people import GroundTruth, Predictions
from hrpose.evaluation.functional.posetrack_ap import THRESHOLD, posetrack_ap
from hrpose.evaluation.metrics.base import format_table
from hrpose.evaluation.metrics.coco import CocoMetric
from hrpose.registry import METRICS

# The columns of the published table, by the joints' names without their side.
PARTS = {'Head': ('nose', 'head_bottom', 'head_top')} | {
    name.title(): (name,) for name in ('shoulder', 'elbow', 'wrist', 'hip', 'knee', 'ankle')
}


@METRICS.register_module()
class PoseTrack18Metric(CocoMetric):
    """PoseTrack18's AP by part and its mean, in percent as PoseTrack publishes them, after OKS-NMS as on COCO.

    Returns, under the prefix, `Mean`, over the joints that are labelled at all (15: the ears are not), then `Head
    Shoulder Elbow Wrist Hip Knee Ankle`, NaN where none of a part's joints is labelled. It logs these and a table by
    joint. The joints are ranked by their own scores. For COCO's AP on the same data put a `CocoMetric` beside it.

    Args:
        ann_file: PoseTrack18 JSON with the ground truth, or the folder of one file a video.
        threshold: in head lengths, within which a joint is right.
        **options: those of `CocoMetric` but `backend`; the person's score decides in NMS only.

    Raises:
        UserError: a wrong option, joints of other names, and all that `CocoMetric` and `posetrack_ap` raise.
    """

    default_prefix = 'posetrack18'
    metric_names = ('Mean', *PARTS)

    def __init__(self, ann_file: str, *, threshold: float = THRESHOLD, **options: Any) -> None:
        if 'backend' in options:
            raise UserError('PoseTrack18Metric has no backend: none computes its AP; leave it out')
        super().__init__(ann_file, **options)
        if not threshold > 0:
            raise UserError(f'PoseTrack18Metric: threshold is {threshold!r}; give head lengths above 0')
        self.threshold = threshold

    def evaluate_results(self, truth: GroundTruth, found: Predictions, info: Mapping[str, Any]) -> dict[str, float]:
        names = info['keypoint_names']
        places = {part: _places(part, names) for part in PARTS}
        values, labels = posetrack_ap(truth, found, len(names), threshold=self.threshold)
        values *= 100
        by_part = {part: joint_mean(values[places[part]]) for part in PARTS}
        rows = list(zip(names, labels, values, strict=True))
        print_log(
            f"PoseTrack's AP within {self.threshold:g} head lengths, in percent:\n"
            + format_table([*PARTS, 'Mean'], [[*by_part.values(), joint_mean(values)]])
            + f'\nBy joint\n{format_table(("joint", "labelled", "AP"), rows)}',
            logger='current',
        )
        return {'Mean': joint_mean(values), **by_part}


def _places(part: str, names: Sequence[str]) -> np.ndarray:
    """Return the indices of a part's joints; raise `UserError` if there are none."""
    wanted = {side + name for name in PARTS[part] for side in ('', 'left_', 'right_')}
    places = [index for index, name in enumerate(names) if name in wanted]
    if not places:
        raise UserError(f"PoseTrack18Metric: no joint for '{part}'; name one of {', '.join(sorted(wanted))}")
    return np.array(places)
