"""PCK, AUC and EPE as a metric of mmengine's.

Letters: N people, K joints. Coordinates are image px.
"""

import logging
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from mmengine.evaluator import BaseMetric
from mmengine.logging import print_log
from numpy.typing import NDArray

from hrpose.errors import UserError
from hrpose.evaluation.pck import epe, joint_distances, mean_share, share_within
from hrpose.evaluation.samples import (
    check_joint_count,
    metric_metainfo,
    only_person,
    without_repeats,
)
from hrpose.evaluation.tables import format_table
from hrpose.registry import METRICS

# The pairs of joints whose distance is the length of a person, by the names that data sets use; the
# first whose names are all there is taken. A torso is measured from a shoulder to the opposite hip.
_LENGTHS: dict[str, tuple[tuple[str, str], ...]] = {
    'torso': (('left_shoulder', 'right_hip'), ('right_shoulder', 'left_hip')),
    'head': (
        ('head_top', 'upper_neck'),
        ('head_top', 'neck'),
        ('head_top', 'head_bottom'),
        ('top_head', 'neck'),
        ('head', 'neck'),
        ('head_top', 'thorax'),
    ),
}
NORMALIZERS = ('box', *_LENGTHS)


@METRICS.register_module()
class PCKMetric(BaseMetric):
    """PCK, AUC and EPE, each the mean of the joints' values, and a table by joint.

    Returns, under the prefix, `PCK@t` for each threshold, `AUC` (mean PCK over 21 thresholds from 0
    to 0.5) in [0, 1], and `EPE` in image px; logs them by joint. The truth is the samples'
    `gt_instances`.

    Args:
        thresholds: in units of the normalizer.
        normalizer: 'box' is the larger side of the truth's box, 'torso' the mean of the labelled
            shoulder to opposite hip diagonals, 'head' from the top of the head to the neck. A
            person whose length is unknown (those joints not labelled) is left out, and counted in
            the log.
        metainfo: name or dict of the joints; None takes the data set's.
        collect_device: how results of several processes come together: 'gpu' by the process group, on CPUs too;
            'cpu' by files in a folder `.dist_test` that all hosts have to share.
        prefix: of the figures' names.

    Raises:
        UserError: wrong choice; later, no truth, numbers of joints that differ, or joints that the
            normalizer needs but the metainfo does not name.
    """

    default_prefix = 'pck'

    def __init__(
        self,
        thresholds: Sequence[float] = (0.2, 0.1),
        *,
        normalizer: str = 'box',
        metainfo: str | Mapping[str, Any] | None = None,
        collect_device: str = 'gpu',
        prefix: str | None = 'pck',
    ) -> None:
        super().__init__(collect_device=collect_device, prefix=prefix)
        if normalizer not in NORMALIZERS:
            raise UserError(f"PCKMetric has no normalizer '{normalizer}'; choices: {', '.join(NORMALIZERS)}")
        if not thresholds or not all(threshold > 0 for threshold in thresholds):
            raise UserError(f'PCKMetric needs thresholds above 0, got {list(thresholds)}')
        self.thresholds = tuple(float(threshold) for threshold in thresholds)
        self.normalizer = normalizer
        self.metainfo = metainfo

    def process(self, data_batch: Any, data_samples: Sequence[Mapping[str, Any]]) -> None:
        """Keep prediction and truth of each `PoseDataSample.to_dict()`: one entry a sample."""
        self.results.extend(_person(sample) for sample in data_samples)

    def compute_metrics(self, results: list) -> dict[str, float]:
        """Return PCK at each threshold, AUC and EPE of all people; 0 and NaN without any."""
        info = metric_metainfo(self.metainfo, self.dataset_meta, 'PCKMetric')
        check_joint_count(results, info)
        people = without_repeats(results)
        if not people:
            print_log('PCKMetric got no predictions', logger='current', level=logging.WARNING)
            return {**{name: 0.0 for name in self._names()}, 'AUC': 0.0, 'EPE': float('nan')}
        predicted, truth, visible, boxes = (_stack(people, field) for field in ('keypoints', 'truth', 'visible', 'box'))
        lengths = person_lengths(truth, visible, boxes, self.normalizer, info['keypoint_names'])
        distances = joint_distances(predicted, truth, visible, lengths)
        measured = lengths > 0
        columns = dict(zip(self._names(), (share_within(distances, t) for t in self.thresholds), strict=True))
        columns['AUC'] = mean_share(distances)
        columns['EPE'] = epe(predicted[measured], truth[measured], visible[measured])
        self._log(columns, info['keypoint_names'], (~np.isnan(distances)).sum(axis=0), measured)
        return {name: float(mean) for name, (_, mean) in columns.items()}

    def _names(self) -> list[str]:
        return [f'PCK@{threshold:g}' for threshold in self.thresholds]

    def _log(
        self,
        columns: Mapping[str, tuple[NDArray[np.float64], float]],
        names: Sequence[str],
        labelled: NDArray[np.int64],
        measured: NDArray[np.bool_],
    ) -> None:
        values = [by_joint for by_joint, _ in columns.values()]
        rows = [list(row) for row in zip(names, labelled, *values, strict=True)]
        rows.append(['mean of joints', labelled.sum(), *(mean for _, mean in columns.values())])
        left_out = f'; {(~measured).sum()} people without that length left out' if not measured.all() else ''
        print_log(
            f'PCK of {measured.sum()} people, in units of the {self.normalizer}{left_out}\n'
            + format_table(['joint', 'labelled', *columns], rows),
            logger='current',
        )


def person_lengths(
    truth: NDArray[np.float64],
    visible: NDArray[np.float64],
    boxes: NDArray[np.float64],
    normalizer: str,
    names: Sequence[str],
) -> NDArray[np.float64]:
    """Return each person's length in px, NaN where it is unknown.

    Args:
        truth: (N, K, 2) image px.
        visible: (N, K), above 0 where the joint is labelled.
        boxes: (N, 4) xyxy image px.
        normalizer: 'box', 'torso' or 'head', as in `PCKMetric`.
        names: (K) of the joints.

    Raises:
        UserError: the joints that the normalizer needs are not among the names.
    """
    if normalizer == 'box':
        return (boxes[:, 2:] - boxes[:, :2]).max(axis=1)
    pairs = [pair for pair in _LENGTHS[normalizer] if set(pair) <= set(names)]
    if not pairs:
        wanted = ' or '.join(' and '.join(pair) for pair in _LENGTHS[normalizer])
        raise UserError(f"the normalizer '{normalizer}' needs joints called {wanted}; use 'box' instead")
    if normalizer == 'head':
        pairs = pairs[:1]
    ends = np.array([[names.index(a), names.index(b)] for a, b in pairs])
    lengths = np.linalg.norm(truth[:, ends[:, 0]] - truth[:, ends[:, 1]], axis=2)
    known = (visible[:, ends] > 0).all(axis=2)
    number = known.sum(axis=1)
    total = np.where(known, lengths, 0.0).sum(axis=1)
    return np.divide(total, number, out=np.full(len(truth), np.nan), where=number > 0)


def _person(sample: Mapping[str, Any]) -> dict[str, Any]:
    truth = sample.get('gt_instances') or {}
    if not {'keypoints', 'keypoints_visible', 'bboxes'} <= set(truth):
        raise UserError('PCKMetric has no truth: its samples have no gt_instances (boxes of a detector?)')
    return {
        'img_id': sample['img_id'],
        'id': sample.get('id'),
        'keypoints': only_person(sample['pred_instances'], 'keypoints'),
        'truth': only_person(truth, 'keypoints'),
        'visible': only_person(truth, 'keypoints_visible'),
        'box': only_person(truth, 'bboxes'),
    }


def _stack(people: Sequence[Mapping[str, Any]], field: str) -> NDArray[np.float64]:
    return np.stack([person[field] for person in people])
