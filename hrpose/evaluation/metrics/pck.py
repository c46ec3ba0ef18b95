"""PCK, AUC and EPE as metrics of mmengine's, each with a table by joint.

Letters: N people, K joints. Coordinates are image px.
"""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from mmengine.logging import print_log
from numpy.typing import NDArray

from hrpose.errors import UserError
from hrpose.evaluation.functional.pck import (
    AUC_THRESHOLDS,
    Measure,
    Normalizer,
    auc,
    check_normalizer,
    describe_normalizer,
    epe,
    joint_distances,
    length_ends,
    pck,
    person_lengths,
)
from hrpose.evaluation.metrics.base import PoseMetric, format_table, truth_of, warn
from hrpose.registry import METRICS

_Array = NDArray[np.float64]


class DistanceMetric(PoseMetric):
    """A metric made of the distances between predicted and true joints; subclasses say which columns.

    The ground truth is the samples' `gt_instances`. A person whose length is unknown, because the joints that it lies
    between are not labelled, is left out and counted in the log.
    """

    def __init__(self, *, normalizer: Normalizer, **options: Any) -> None:
        super().__init__(**options)
        check_normalizer(normalizer, type(self).__name__)
        self.normalizer = normalizer
        if self.metainfo is not None:  # name a missing joint now rather than after an epoch of training
            length_ends(normalizer, self.info['keypoint_names'])

    @abstractmethod
    def columns(self, distances: _Array, pixels: _Array) -> dict[str, Measure]:
        """Return the metrics, by name, of people whose length is known.

        Args:
            distances: (N, K) in lengths; NaN where the joint is not labelled.
            pixels: (N, K) the same in px.
        """

    def describe(self) -> str:
        """Return what the table is of, in words."""
        return f'{type(self).__name__} in units of {describe_normalizer(self.normalizer)},'

    def kept(self, sample: Mapping[str, Any]) -> dict[str, Any]:
        return truth_of(sample, type(self).__name__)

    def compute_metrics(self, results: list) -> dict[str, float]:
        """Return each metric's mean over the joints; without any person shares are 0 and EPE is NaN."""
        names = self.info['keypoint_names']
        people = self.people(results)
        if not people:
            warn(f'{type(self).__name__} got no predictions')
            nothing = np.full((1, len(names)), np.nan)
            return {name: np.nan if name == 'EPE' else 0.0 for name in self.columns(nothing, nothing)}
        predicted, truth, visible, boxes = (
            np.stack([person[field] for person in people]) for field in ('keypoints', 'truth', 'visible', 'box')
        )
        lengths = person_lengths(truth, visible, boxes, self.normalizer, names)
        known = lengths > 0
        pixels = joint_distances(predicted[known], truth[known], visible[known])
        columns = self.columns(pixels / lengths[known, None], pixels)
        labelled = (~np.isnan(pixels)).sum(axis=0)
        rows = [list(row) for row in zip(names, labelled, *(values for values, _ in columns.values()), strict=True)]
        rows.append(['mean of joints', labelled.sum(), *(mean for _, mean in columns.values())])
        unknown = (~known).sum()
        left_out = f'; {unknown} people without that length left out' if unknown else ''
        table = format_table(['joint', 'labelled', *columns], rows)
        print_log(f'{self.describe()} of {len(pixels)} people{left_out}\n{table}', logger='current')
        return {name: float(mean) for name, (_, mean) in columns.items()}


@METRICS.register_module()
class PCKMetric(DistanceMetric):
    """PCK, AUC and EPE, each the mean of the joints' values, and a table by joint.

    Returns, under the prefix, `PCK@t` for each threshold, `AUC` (mean PCK over 21 thresholds from 0 to 0.5) in [0, 1],
    and `EPE` in image px; logs them by joint. The ground truth is the samples' `gt_instances`.

    Args:
        thresholds: in units of the normalizer.
        normalizer: 'box' is the larger side of the true box, 'torso' the mean of the labelled diagonals from shoulder
            to opposite hip, 'head' from the top of the head to the neck (not MPII's head box, for which there is
            `MpiiMetric`); or the names of two joints, or a number of px. A person in whom those joints are not labelled
            is left out, and counted in the log.
        **options: `metainfo`, `collect_device` and `prefix`, see `PoseMetric`.

    Raises:
        UserError: wrong choice, or joints that the normalizer needs but the metainfo does not name; later, no ground
            truth, or numbers of joints that differ.
    """

    default_prefix = 'pck'

    def __init__(
        self, thresholds: Sequence[float] = (0.2, 0.1), *, normalizer: Normalizer = 'box', **options: Any
    ) -> None:
        self.thresholds = _checked_thresholds(thresholds, 'PCKMetric', least=np.nextafter(0, 1))
        super().__init__(normalizer=normalizer, **options)

    def columns(self, distances: _Array, pixels: _Array) -> dict[str, Measure]:
        shares = {f'PCK@{threshold:g}': pck(distances, threshold) for threshold in self.thresholds}
        return {**shares, 'AUC': auc(distances), 'EPE': epe(pixels)}


@METRICS.register_module(name=['AUC', 'AUCMetric'])
class AUCMetric(DistanceMetric):
    """The area under the curve of PCK: its mean over evenly spaced thresholds, and a table by joint.

    Returns `AUC` in [0, 1] under the prefix, the mean of the joints' values. The default range, 0 to 0.5, is that of
    MPII's AUC (Insafutdinov et al., DeeperCut, ECCV 2016: PCKh up to 0.5), in 21 thresholds. For hands, mmpose has
    `normalizer=30` px and `thresholds=[step / 20 for step in range(20)]`.

    Arguments are as in `PCKMetric`, and so are errors.
    """

    default_prefix = 'auc'

    def __init__(
        self, thresholds: Sequence[float] = AUC_THRESHOLDS, *, normalizer: Normalizer = 'box', **options: Any
    ) -> None:
        self.thresholds = _checked_thresholds(thresholds, 'AUCMetric', least=0.0)
        super().__init__(normalizer=normalizer, **options)

    def columns(self, distances: _Array, pixels: _Array) -> dict[str, Measure]:
        return {'AUC': auc(distances, self.thresholds)}

    def describe(self) -> str:
        low, high = min(self.thresholds), max(self.thresholds)
        unit = describe_normalizer(self.normalizer)
        return f'AUC, mean PCK over {len(self.thresholds)} thresholds from {low:g} to {high:g} times {unit},'


@METRICS.register_module(name=['EPE', 'EPEMetric'])
class EPEMetric(DistanceMetric):
    """The end-point error: the mean distance between predicted and true joints in image px, and a table by joint.

    Returns `EPE` in px under the prefix, the mean of the joints' values. Less is better, and a config whose first
    metric this is keeps the checkpoint with the least. mmpose's EPE weighs a joint by how often it is labelled; where
    all are labelled equally often, the two are the same. Options are as in `PCKMetric`.
    """

    default_prefix = 'epe'
    rule = 'less'  # of the best checkpoint

    def __init__(self, **options: Any) -> None:
        super().__init__(normalizer=1.0, **options)

    def columns(self, distances: _Array, pixels: _Array) -> dict[str, Measure]:
        return {'EPE': epe(pixels)}

    def describe(self) -> str:
        return 'EPE, mean distance in image px,'


def _checked_thresholds(thresholds: Sequence[float], metric: str, *, least: float) -> tuple[float, ...]:
    """Return thresholds as floats; refuse an empty list, and thresholds below `least`."""
    values = tuple(float(threshold) for threshold in thresholds)
    if not values or min(values) < least:
        wanted = 'above 0' if least > 0 else 'of at least 0'
        raise UserError(f'{metric}: thresholds are {list(thresholds)}; give one or more {wanted}')
    return values
