"""PCKh on MPII as a metric of mmengine's.

Letters: N people, K joints.
"""

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.evaluator import BaseMetric
from mmengine.logging import print_log
from numpy.typing import NDArray

from hrpose.errors import UserError
from hrpose.evaluation.functional.pckh import MpiiTruth, head_lengths, mean_over_labels, pckh, read_mpii_truth
from hrpose.evaluation.metrics.samples import check_joint_count, metric_metainfo, only_person, without_repeats
from hrpose.evaluation.metrics.tables import format_table
from hrpose.registry import METRICS

# The rows of the published table, by the truth's names of the joints; left and right are averaged.
PARTS = {
    'Head': ('head',),
    'Shoulder': ('lsho', 'rsho'),
    'Elbow': ('lelb', 'relb'),
    'Wrist': ('lwri', 'rwri'),
    'Hip': ('lhip', 'rhip'),
    'Knee': ('lkne', 'rkne'),
    'Ankle': ('lank', 'rank'),
}
NOT_IN_MEAN = ('pelv', 'thor')
# Of the official code: row 11 of a table in steps of 0.01 from 0 is read for "0.1".
THRESHOLDS = {'Mean': 0.5, 'Mean@0.1': 0.11, 'Mean@0.1_exact': 0.1}
AT_HALF, AT_TENTH = 0, 2  # places among them


@METRICS.register_module()
class MpiiMetric(BaseMetric):
    """PCKh@0.5 of each part and its mean, and the mean at 0.1, in percent as MPII publishes them; logged by joint too.

    Returns, under the prefix, `Mean` (the first, by which the best checkpoint is chosen), `Mean@0.1` as published,
    which the official code reads at 0.11 head lengths, `Mean@0.1_exact`, read at 0.10, and `Head Shoulder Elbow
    Wrist Hip Knee Ankle`. Pelvis and thorax are not in a mean.

    Args:
        gt_file: `gt_valid.mat` of the official release, whose people are those of `valid.json` in the same order. A
            sample's `id` is its place there.
        metainfo: name or dict of the joints; None takes the data set's.
        collect_device: how results of several processes come together: 'gpu' by the process group, on CPUs too;
            'cpu' by files in a folder `.dist_test` that all hosts have to share.
        prefix: of the figures' names.

    Raises:
        UserError: `gt_file` is not there; later, another number of people or joints than it has.
    """

    linked = {'metainfo': 'metainfo', 'gt_file': '{ann_file.parent}/gt_{ann_file.stem}.mat'}
    default_prefix = 'mpii'

    def __init__(
        self,
        gt_file: str,
        metainfo: str | Mapping[str, Any] | None = None,
        *,
        collect_device: str = 'gpu',
        prefix: str | None = 'mpii',
    ) -> None:
        super().__init__(collect_device=collect_device, prefix=prefix)
        if not Path(gt_file).is_file():
            raise UserError(f"MpiiMetric's gt_file does not exist: {gt_file}; it comes with the official release")
        self.gt_file = gt_file
        self.metainfo = metainfo

    def process(self, data_batch: Any, data_samples: Sequence[Mapping[str, Any]]) -> None:
        """Keep the place and the key points (K, 2), image px, of each `PoseDataSample.to_dict()`."""
        for sample in data_samples:
            keypoints = only_person(sample['pred_instances'], 'keypoints')
            self.results.append({'img_id': sample['img_id'], 'id': sample['id'], 'keypoints': keypoints})

    def compute_metrics(self, results: list) -> dict[str, float]:
        """Return the figures of all people of the truth."""
        check_joint_count(results, metric_metainfo(self.metainfo, self.dataset_meta, 'MpiiMetric'))
        truth = self._truth
        predicted = self._in_order_of_truth(without_repeats(results))
        # The truth counts pixels from 1.
        shares = 100 * pckh(
            predicted + 1, truth.keypoints, truth.visible, head_lengths(truth.head_boxes), [*THRESHOLDS.values()]
        )
        counted = np.array([name not in NOT_IN_MEAN for name in truth.joint_names])
        means = dict(zip(THRESHOLDS, mean_over_labels(shares, truth.visible, counted).tolist(), strict=True))
        by_joint = dict(zip(truth.joint_names, shares[AT_HALF].tolist(), strict=True))
        parts = {part: float(np.mean([by_joint[name] for name in names])) for part, names in PARTS.items()}
        table = format_table([*parts, *means], [[*parts.values(), *means.values()]])
        columns = (truth.joint_names, (truth.visible > 0).sum(axis=0), shares[AT_HALF], shares[AT_TENTH])
        joints = format_table(('joint', 'labelled', 'PCKh@0.5', 'PCKh@0.1'), list(zip(*columns, strict=True)))
        print_log(
            f'PCKh@0.5 of {len(predicted)} people, in percent; Mean@0.1 is read at 0.11:\n{table}\n'
            f'By joint, in percent; PCKh@0.1 is read at 0.10:\n{joints}',
            'current',
        )
        return means | parts

    @cached_property
    def _truth(self) -> MpiiTruth:
        truth = read_mpii_truth(self.gt_file)
        wanted = {name for names in PARTS.values() for name in names}
        if missing := wanted - set(truth.joint_names):
            raise UserError(f"{self.gt_file} has no joint called '{min(missing)}'")
        return truth

    def _in_order_of_truth(self, people: Sequence[Mapping[str, Any]]) -> NDArray[np.float64]:
        """Return the key points (N, K, 2), one row for each person of the truth."""
        count, joints = self._truth.keypoints.shape[:2]
        places = np.array([person['id'] for person in people], dtype=np.int64)
        if sorted(places.tolist()) != list(range(count)):
            raise UserError(
                f'{self.gt_file} has {count} people, but {len(people)} were predicted'
                + (f', with ids up to {places.max()}' if len(places) else '')
                + '; test on valid.json whole, the file that it belongs to'
            )
        keypoints = np.stack([person['keypoints'] for person in people])
        if keypoints.shape[1] != joints:
            raise UserError(f'{self.gt_file} has {joints} joints, but {keypoints.shape[1]} were predicted')
        ordered = np.empty_like(keypoints)
        ordered[places] = keypoints
        return ordered
