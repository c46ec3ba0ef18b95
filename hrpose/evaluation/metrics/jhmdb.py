"""JHMDB's PCK as a metric of mmengine's.

Letters: N people, K joints. Coordinates are image px.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from mmengine.logging import print_log
from numpy.typing import NDArray

from hrpose.errors import UserError
from hrpose.evaluation.functional.pck import joint_distances, joint_mean, pck
from hrpose.evaluation.metrics.base import PoseMetric, format_table, truth_of, warn
from hrpose.registry import METRICS

# The columns of the published table, left and right averaged; neck and belly count in the mean only.
PARTS = ('Head', 'Shoulder', 'Elbow', 'Wrist', 'Hip', 'Knee', 'Ankle')
TORSO = ('left_shoulder', 'right_hip')
LEAST_TORSO = 1.0  # px; below it the predicted torso is taken

_Array = NDArray[np.float64]


@METRICS.register_module()
class JhmdbMetric(PoseMetric):
    """PCK of each part and its mean, in percent as published, in units of the box and of the torso.

    Returns, under the prefix, `PCK` (the first, by which the best checkpoint is chosen) and `tPCK`, the means over all
    joints, and for each part, for instance, `Head PCK` and `Head tPCK`; NaN where none of a part's joints is labelled.
    PCK is measured in the larger side of the true box, tPCK in the distance from left shoulder to right hip. Where that
    is below 1 px, the predicted distance is taken, as in mmpose. It logs both tables. The ground truth is the samples'
    `gt_instances`.

    Args:
        threshold: within which a joint is right; published 0.2.
        **options: `metainfo`, `collect_device` and `prefix`, see `PoseMetric`.

    Raises:
        UserError: a threshold that is not above 0; later, no ground truth, or joints of other names.
    """

    default_prefix = 'jhmdb'

    def __init__(self, threshold: float = 0.2, **options: Any) -> None:
        super().__init__(**options)
        if not threshold > 0:
            raise UserError(f'JhmdbMetric: threshold is {threshold!r}; give a number above 0')
        self.threshold = threshold

    def kept(self, sample: Mapping[str, Any]) -> dict[str, Any]:
        """Return the ground truth of a sample."""
        return truth_of(sample, type(self).__name__)

    def compute_metrics(self, results: list) -> dict[str, float]:
        """Return the metrics of all people; 0 without any."""
        people = self.people(results)
        names = self.info['keypoint_names']
        places = {part: _places(part, names) for part in PARTS}
        if not people:
            warn('JhmdbMetric got no predictions; every metric is 0')
            kinds = ('PCK', 'tPCK')
            return {name: 0.0 for name in (*kinds, *(f'{part} {kind}' for kind in kinds for part in PARTS))}
        predicted, truth, visible, boxes = (
            np.stack([person[field] for person in people]) for field in ('keypoints', 'truth', 'visible', 'box')
        )
        lengths = {'PCK': (boxes[:, 2:] - boxes[:, :2]).max(axis=1), 'tPCK': torso_lengths(predicted, truth, names)}
        means: dict[str, float] = {}
        parts: dict[str, float] = {}
        for kind, length in lengths.items():
            shares, mean = pck(joint_distances(predicted, truth, visible, length), self.threshold)
            means[kind] = 100 * mean
            by_part = {part: 100 * joint_mean(shares[at]) for part, at in places.items()}
            parts |= {f'{part} {kind}': value for part, value in by_part.items()}
            table = format_table([*by_part, 'Mean'], [[*by_part.values(), means[kind]]])
            print_log(f'{kind}@{self.threshold:g} of {len(people)} people, in percent:\n{table}', logger='current')
        return means | parts


def torso_lengths(predicted: _Array, truth: _Array, names: Sequence[str]) -> _Array:
    """Return the torsos' lengths (N,) in px of people with joints `predicted` and `truth`, both (N, K, 2) image px."""
    first, second = (list(names).index(name) for name in TORSO)
    lengths, found = (np.linalg.norm(joints[:, first] - joints[:, second], axis=1) for joints in (truth, predicted))
    return np.where(lengths < LEAST_TORSO, found, lengths)


def _places(part: str, names: Sequence[str]) -> NDArray[np.int64]:
    """Return the indices of a part's joints; raise `UserError` if the metainfo lacks one."""
    wanted = ['head'] if part == 'Head' else [f'{side}_{part.lower()}' for side in ('left', 'right')]
    if missing := [name for name in wanted if name not in names]:
        raise UserError(f"JhmdbMetric: the metainfo has no joint '{missing[0]}'; use metainfo = 'jhmdb', or PCKMetric")
    return np.array([list(names).index(name) for name in wanted])
