"""PoseTrack's AP of single frames, and MOTA of tracks, as a metric of mmengine's."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from mmengine.logging import print_log

from hrpose.errors import UserError
from hrpose.evaluation.functional.pck import joint_mean
from hrpose.evaluation.functional.people import NO_TRACK, GroundTruth, Predictions
from hrpose.evaluation.functional.posetrack_ap import THRESHOLD, posetrack_ap
from hrpose.evaluation.functional.posetrack_mot import posetrack_identity, posetrack_mot
from hrpose.evaluation.metrics.base import format_table, only_person
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
    joint. The joints are ranked by their own scores. Where `pred_instances` have `track_ids` (1,), the identity of the
    person in its video, it also returns `MOTA MOTP MOTP_poseval Precision Recall`, the means over the joints, and `HOTA
    IDF1`, all in percent; see `posetrack_mot` and `posetrack_identity`. For COCO's AP on the same data put a
    `CocoMetric` beside it.

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

    def kept(self, sample: Mapping[str, Any]) -> dict[str, Any]:
        """Return what `CocoMetric` keeps, and the track id if there is one."""
        if 'track_ids' not in sample['pred_instances']:
            return super().kept(sample)
        return {**super().kept(sample), 'track_id': int(only_person(sample['pred_instances'], 'track_ids'))}

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
        return {'Mean': joint_mean(values), **by_part, **self._tracking(truth, found, len(names))}

    def _tracking(self, truth: GroundTruth, found: Predictions, num_joints: int) -> dict[str, float]:
        """Return and log the tracking metrics; return {} if no prediction has a track id."""
        if (found.tracks == NO_TRACK).all():
            return {}
        by_joint = posetrack_mot(truth, found, num_joints, threshold=self.threshold)
        whole = posetrack_identity(truth, found, num_joints, threshold=self.threshold)
        names = ('MOTA', 'MOTP', 'MOTP_poseval', 'Precision', 'Recall')
        metrics = {name: 100 * joint_mean(joints) for name, joints in zip(names, by_joint, strict=True)}
        metrics |= {'HOTA': 100 * whole.hota, 'IDF1': 100 * whole.idf1}
        print_log(f'Tracking, in percent:\n{format_table(list(metrics), [list(metrics.values())])}', logger='current')
        return metrics


def _places(part: str, names: Sequence[str]) -> np.ndarray:
    """Return the indices of a part's joints; raise `UserError` if there are none."""
    wanted = {side + name for name in PARTS[part] for side in ('', 'left_', 'right_')}
    places = [index for index, name in enumerate(names) if name in wanted]
    if not places:
        raise UserError(f"PoseTrack18Metric: no joint for '{part}'; name one of {', '.join(sorted(wanted))}")
    return np.array(places)
