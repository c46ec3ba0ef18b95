"""What the metrics of distances share: they compare each person with its own truth, and print a table by joint.

Letters: N people, K joints. Coordinates are image px.
"""

import logging
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from mmengine.evaluator import BaseMetric
from mmengine.logging import print_log
from numpy.typing import NDArray

from hrpose.errors import UserError
from hrpose.evaluation.functional.lengths import (
    Normalizer,
    check_normalizer,
    describe_normalizer,
    length_ends,
    person_lengths,
)
from hrpose.evaluation.functional.pck import joint_distances
from hrpose.evaluation.metrics.samples import check_joint_count, metric_metainfo, only_person, without_repeats
from hrpose.evaluation.metrics.tables import format_table

_Array = NDArray[np.float64]
# One value a joint (K,), and their mean.
Column = tuple[_Array, float]


class DistanceMetric(BaseMetric):
    """A metric made of the distances between predicted and true joints; subclasses say which columns.

    The truth is the samples' `gt_instances`. A person whose length is unknown (its joints are not labelled) is left
    out, and counted in the log.
    """

    linked = {'metainfo': 'metainfo'}

    def __init__(
        self,
        *,
        normalizer: Normalizer,
        metainfo: str | Mapping[str, Any] | None,
        collect_device: str,
        prefix: str | None,
    ) -> None:
        super().__init__(collect_device=collect_device, prefix=prefix)
        check_normalizer(normalizer, type(self).__name__)
        self.normalizer = normalizer
        self.metainfo = metainfo
        if metainfo is not None:  # a joint that is not there is better named now than after an epoch of training
            length_ends(normalizer, metric_metainfo(metainfo, None, type(self).__name__)['keypoint_names'])

    @abstractmethod
    def columns(self, distances: _Array, pixels: _Array) -> dict[str, Column]:
        """Return the figures, by name, of people whose length is known.

        Args:
            distances: (N, K) in lengths; NaN where the joint is not labelled.
            pixels: (N, K) the same in px.
        """

    def process(self, data_batch: Any, data_samples: Sequence[Mapping[str, Any]]) -> None:
        """Keep prediction and truth of each `PoseDataSample.to_dict()`: one entry a sample."""
        self.results.extend(_person(sample, type(self).__name__) for sample in data_samples)

    def compute_metrics(self, results: list) -> dict[str, float]:
        """Return each figure's mean over the joints; without any person shares are 0 and EPE is NaN."""
        info = metric_metainfo(self.metainfo, self.dataset_meta, type(self).__name__)
        check_joint_count(results, info)
        people = without_repeats(results)
        if not people:
            print_log(f'{type(self).__name__} got no predictions', logger='current', level=logging.WARNING)
            nothing = np.full((1, len(info['keypoint_names'])), np.nan)
            return {name: np.nan if name == 'EPE' else 0.0 for name in self.columns(nothing, nothing)}
        predicted, truth, visible, boxes = (_stack(people, field) for field in ('keypoints', 'truth', 'visible', 'box'))
        lengths = person_lengths(truth, visible, boxes, self.normalizer, info['keypoint_names'])
        measured = lengths > 0
        pixels = joint_distances(predicted[measured], truth[measured], visible[measured])
        columns = self.columns(pixels / lengths[measured, None], pixels)
        labelled = (~np.isnan(pixels)).sum(axis=0)
        self._log(columns, info['keypoint_names'], labelled, len(pixels), len(people))
        return {name: float(mean) for name, (_, mean) in columns.items()}

    def _log(
        self,
        columns: Mapping[str, Column],
        names: Sequence[str],
        labelled: NDArray[np.int64],
        measured: int,
        people: int,
    ) -> None:
        values = [by_joint for by_joint, _ in columns.values()]
        rows = [list(row) for row in zip(names, labelled, *values, strict=True)]
        rows.append(['mean of joints', labelled.sum(), *(mean for _, mean in columns.values())])
        left_out = f'; {people - measured} people without that length left out' if measured < people else ''
        print_log(
            f'{self.describe()} of {measured} people{left_out}\n' + format_table(['joint', 'labelled', *columns], rows),
            logger='current',
        )

    def describe(self) -> str:
        """Return what the table is of, in words."""
        return f'{type(self).__name__} in units of {describe_normalizer(self.normalizer)},'


def _person(sample: Mapping[str, Any], metric: str) -> dict[str, Any]:
    truth = sample.get('gt_instances') or {}
    if not {'keypoints', 'keypoints_visible', 'bboxes'} <= set(truth):
        raise UserError(f'{metric} has no truth: its samples have no gt_instances (boxes of a detector?)')
    return {
        'img_id': sample['img_id'],
        'id': sample.get('id'),
        'keypoints': only_person(sample['pred_instances'], 'keypoints'),
        'truth': only_person(truth, 'keypoints'),
        'visible': only_person(truth, 'keypoints_visible'),
        'box': only_person(truth, 'bboxes'),
    }


def _stack(people: Sequence[Mapping[str, Any]], field: str) -> _Array:
    return np.stack([person[field] for person in people])
