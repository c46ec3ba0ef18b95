"""What the metrics read from the dict form of a `PoseDataSample`: one person a sample.

Letters: K joints. Coordinates are image px.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from hrpose.datasets.metainfo import FIELDS, resolve
from hrpose.errors import UserError


def metric_metainfo(
    given: str | Mapping[str, Any] | None, dataset_meta: Mapping[str, Any] | None, metric: str
) -> dict[str, Any]:
    """Return the complete metainfo for a metric: the one given to it, or else the data set's.

    Raises:
        UserError: there is neither, or the given one is wrong.
    """
    if given is not None:
        return resolve(given)
    if dataset_meta and dataset_meta.get('keypoint_names'):
        return resolve({field: dataset_meta[field] for field in FIELDS if field in dataset_meta})
    raise UserError(f"{metric} does not know the joints: give it metainfo='coco' or a dict with keypoint_names")


def only_person(instances: Mapping[str, Any], field: str) -> np.ndarray:
    """Return the one entry of a sample's field without its leading axis, as float64.

    Raises:
        ValueError: the sample holds another number of people than one.
    """
    values = np.asarray(instances[field], dtype=np.float64)
    if values.ndim < 1 or len(values) != 1:
        raise ValueError(f'a sample is one person, but its {field} has shape {values.shape}')
    return values[0]


def without_repeats(people: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return the people without those that a distributed sampler repeats to fill its last batch.

    Args:
        people: with `img_id` and `id`; where `id` is None nothing is known, and the person stays.
    """
    seen: set[tuple[str, str]] = set()
    kept = []
    for person in people:
        key = (str(person['img_id']), str(person['id']))
        if person['id'] is not None and key in seen:
            continue
        seen.add(key)
        kept.append(person)
    return kept


def check_joint_count(people: Sequence[Mapping[str, Any]], metainfo: Mapping[str, Any]) -> None:
    """Raise `UserError`, naming both numbers, if predictions and metainfo differ in joints."""
    count = len(metainfo['keypoint_names'])
    for person in people:
        predicted = len(person['keypoints'])
        if predicted != count:
            raise UserError(
                f'the model predicts {predicted} joints, but the metainfo '
                f"'{metainfo['dataset_name']}' has {count}; check the head's out_channels"
            )
