"""PCKh on MPII as a metric of mmengine's.

Letters: N people, K joints.
"""

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.logging import print_log
from numpy.typing import NDArray

from hrpose.errors import UserError
from hrpose.evaluation.functional.pck import MpiiTruth, head_lengths, mean_over_labels, pckh, read_mpii_truth
from hrpose.evaluation.metrics.base import Person, PoseMetric, format_table
from hrpose.registry import METRICS

# The rows of the published table, by the joints' names in gt_valid.mat; left and right are averaged.
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
# For "0.1" the official code reads row 11 of a table in steps of 0.01 from 0.
THRESHOLDS = {'Mean': 0.5, 'Mean@0.1': 0.11, 'Mean@0.1_exact': 0.1}
AT_HALF, AT_TENTH = 0, 2  # indices among them


@METRICS.register_module()
class MpiiMetric(PoseMetric):
    """PCKh@0.5 of each part and its mean, and the mean at 0.1, in percent as MPII publishes them; logged by joint too.

    Returns, under the prefix, `Mean` (the first, by which the best checkpoint is chosen), `Mean@0.1` as published,
    which the official code reads at 0.11 head lengths, `Mean@0.1_exact`, read at 0.10, and `Head Shoulder Elbow Wrist
    Hip Knee Ankle`. Pelvis and thorax are not in a mean.

    Args:
        gt_file: `gt_valid.mat` of the official release, whose people are those of `valid.json` in the same order. A
            sample's `id` is its index there.
        metainfo: name or dict of the joints; None takes the data set's.
        **options: `collect_device` and `prefix`, see `PoseMetric`.

    Raises:
        UserError: `gt_file` does not exist; later, another number of people or joints than it has.
    """

    linked = {'metainfo': 'metainfo', 'gt_file': '{ann_file.parent}/gt_{ann_file.stem}.mat'}
    default_prefix = 'mpii'

    def __init__(self, gt_file: str, metainfo: str | Mapping[str, Any] | None = None, **options: Any) -> None:
        super().__init__(metainfo=metainfo, **options)
        if not Path(gt_file).is_file():
            raise UserError(f'MpiiMetric: its gt_file does not exist: {gt_file}; it comes with the official release')
        self.gt_file = gt_file

    def compute_metrics(self, results: list) -> dict[str, float]:
        """Return the metrics over all people of `gt_file`."""
        predicted = self._in_order_of_truth(self.people(results))
        truth = self._truth
        # The ground truth counts pixels from 1, predictions from 0.
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
            raise UserError(f"{self.gt_file} has no joint called '{min(missing)}'; use the official gt_valid.mat")
        return truth

    def _in_order_of_truth(self, people: Sequence[Person]) -> NDArray[np.float64]:
        """Return the keypoints (N, K, 2), one row for each person of `gt_file`."""
        count, joints = self._truth.keypoints.shape[:2]
        places = np.array([person['id'] for person in people], dtype=np.int64)
        if not np.array_equal(np.sort(places), np.arange(count)):
            raise UserError(
                f'{self.gt_file} has {count} people, but {len(people)} were predicted'
                + (f', with ids up to {places.max()}' if len(places) else '')
                + '; test on valid.json whole, the file that it belongs to'
            )
        keypoints = np.stack([person['keypoints'] for person in people])
        if keypoints.shape[1] != joints:
            raise UserError(f'{self.gt_file} has {joints} joints, but {keypoints.shape[1]} were predicted')
        return keypoints[np.argsort(places)]
