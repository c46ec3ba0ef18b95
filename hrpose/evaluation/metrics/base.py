"""What the metrics share: one person a sample, whose joints the metainfo names, and plain text tables for logs."""

import logging
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from mmengine.evaluator import BaseMetric
from mmengine.logging import print_log
from numpy.typing import NDArray

from hrpose.datasets.metainfo import FIELDS, resolve
from hrpose.errors import UserError

Person = Mapping[str, Any]
Cell = str | float | np.integer | np.floating | None


class PoseMetric(BaseMetric):
    """A metric of people, one a sample.

    Args:
        metainfo: name or dict of the joints; None takes the data set's.
        collect_device: how results of several processes come together: 'gpu' by the process group, on CPUs too; 'cpu'
            by files in a folder `.dist_test` that all hosts have to share.
        prefix: of the metrics' names; None takes the class's own.
    """

    linked = {'metainfo': 'metainfo'}

    def __init__(
        self,
        *,
        metainfo: str | Mapping[str, Any] | None = None,
        collect_device: str = 'gpu',
        prefix: str | None = None,
    ) -> None:
        super().__init__(collect_device=collect_device, prefix=prefix)
        self.metainfo = metainfo

    def process(self, data_batch: Any, data_samples: Sequence[Mapping[str, Any]]) -> None:
        """Keep what is evaluated of each `PoseDataSample.to_dict()`: one entry a sample."""
        for sample in data_samples:
            keypoints = only_person(sample['pred_instances'], 'keypoints')
            person = {'img_id': sample['img_id'], 'id': sample.get('id'), 'keypoints': keypoints}
            self.results.append(person | self.kept(sample))

    def kept(self, sample: Mapping[str, Any]) -> dict[str, Any]:
        """Return what is kept of a sample beside `img_id`, `id`, and the predicted `keypoints` (K, 2) in image px."""
        return {}

    @property
    def info(self) -> dict[str, Any]:
        """The complete metainfo: the one given to the metric, or else the data set's.

        Raises:
            UserError: there is neither, or the given one is wrong.
        """
        if self.metainfo is not None:
            return resolve(self.metainfo)
        known = {field: value for field, value in (self.dataset_meta or {}).items() if field in FIELDS}
        if known.get('keypoint_names'):
            return resolve(known)
        raise UserError(
            f"{type(self).__name__} does not know the joints; give it metainfo='coco' or a dict with keypoint_names"
        )

    def people(self, results: Sequence[Person]) -> list[Person]:
        """Return the people without those that a distributed sampler repeats to fill its last batch.

        A person whose `id` is None stays, since nothing tells whether it is a repeat.

        Raises:
            UserError: a prediction of another number of joints than the metainfo's.
        """
        info = self.info
        count = len(info['keypoint_names'])
        if wrong := {len(person['keypoints']) for person in results} - {count}:
            raise UserError(
                f'{type(self).__name__}: the model predicts {min(wrong)} joints, but the metainfo '
                f"'{info['dataset_name']}' has {count}; check the head's out_channels"
            )
        first: dict[Any, Person] = {}
        for number, person in enumerate(results):
            first.setdefault(number if person['id'] is None else (str(person['img_id']), str(person['id'])), person)
        return list(first.values())


def only_person(instances: Mapping[str, Any], field: str) -> NDArray[np.float64]:
    """Return the one entry of a sample's field without its leading axis.

    Raises:
        ValueError: the sample holds another number of people than one.
    """
    values = np.asarray(instances[field], dtype=np.float64)
    if values.ndim < 1 or len(values) != 1:
        raise ValueError(f'{field} of a sample has shape {values.shape}; it must be of one person, (1, …)')
    return values[0]


def truth_of(sample: Mapping[str, Any], metric: str) -> dict[str, NDArray[np.float64]]:
    """Return `truth` (K, 2), `visible` (K,), `box` (4,) xyxy, and `true_area` if it is known, of a sample; image px.

    Raises:
        UserError: the sample has no `gt_instances`, or they lack a field.
    """
    truth = sample.get('gt_instances') or {}
    names = {'truth': 'keypoints', 'visible': 'keypoints_visible', 'box': 'bboxes', 'true_area': 'areas'}
    found = {name: only_person(truth, field) for name, field in names.items() if field in truth}
    if not {'truth', 'visible', 'box'} <= set(found):
        raise UserError(f'{metric}: a sample has no ground truth in gt_instances; test with annotated boxes')
    return found


def warn(message: str) -> None:
    """Log a warning."""
    print_log(message, logger='current', level=logging.WARNING)


def format_table(header: Sequence[str], rows: Sequence[Sequence[Cell]]) -> str:
    """Return an aligned table: the header, a rule and the rows, joined by newlines.

    Text stands to the left, numbers to the right with three decimals; integers are written whole, NaN and None as '-'.
    """
    cells = [list(header)] + [[_text(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    align = ['<' if all(isinstance(row[place], str) for row in rows) else '>' for place in range(len(header))]
    cells.insert(1, ['-' * width for width in widths])
    line = '  '.join(f'{{:{side}{width}}}' for side, width in zip(align, widths, strict=True))
    return '\n'.join(line.format(*row).rstrip() for row in cells)


def _text(cell: Cell) -> str:
    if isinstance(cell, str):
        return cell
    if cell is None or not np.isfinite(cell):
        return '-'
    return str(int(cell)) if isinstance(cell, int | np.integer) else f'{cell:.3f}'
