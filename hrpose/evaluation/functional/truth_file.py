"""The truth of a COCO key point file, looked at whole before anything is computed from it."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from hrpose.datasets.annotations.files import read_coco_json
from hrpose.errors import UserError


def read_truth(path: str) -> dict[str, Any]:
    """Return a COCO key point file's content, or that of a folder of them, fit for every evaluation.

    Raises:
        UserError: not in COCO's layout; names the entry and its field.
    """
    content = {part: value for part, value in read_coco_json(path).items() if value is not None}
    for part, needs, fields in _PARTS:
        entries = content.get(part, [])
        if not isinstance(entries, list):
            raise UserError(f'{path} is not in COCO layout: {part} is no list')
        _check(entries, f'{path} is not in COCO layout: {part}', needs, fields)
    return content


def _check(entries: Iterable[Any], what: str, needs: Iterable[str], fields: Mapping[str, Callable[[Any], Any]]) -> None:
    for number, entry in enumerate(entries):
        place = f'{what}, entry {number} (counted from 0)'
        if not isinstance(entry, Mapping):
            raise UserError(f'{place} is no mapping')
        if missing := [name for name in needs if name not in entry]:
            raise UserError(f'{place}: {missing[0]} is missing')
        for name, convert in fields.items():
            if entry.get(name) is None:
                continue
            try:
                convert(entry[name])
            except (TypeError, ValueError, OverflowError) as error:
                raise UserError(f'{place}: {name} is {entry[name]!r:.80}: {error}') from error


def _scalar(value: Any) -> None:
    if isinstance(value, list | dict):
        raise TypeError('it has to be a number or text')


def _whole(value: Any) -> None:
    if not isinstance(value, int):
        raise TypeError('it has to be a whole number')


def _flag(value: Any) -> None:
    int(value or 0)


def _numbers(value: Any) -> None:
    if not isinstance(value, list):
        raise TypeError('it has to be a list of numbers')
    np.asarray(value, dtype=np.float64)


def _box(value: Any) -> None:
    if value and len([float(number) for number in value]) != 4:
        raise ValueError('it has to be x, y, width and height')


def _polygons(value: Any) -> None:
    for line in value:
        if np.asarray(line, dtype=np.float64).ndim != 1:
            raise ValueError('it has to be a list of lists of numbers')


# Part, what each entry needs, and what its fields have to be where they are given.
_PARTS: tuple[tuple[str, tuple[str, ...], dict[str, Callable[[Any], Any]]], ...] = (
    (
        'images',
        ('id',),
        {'id': _scalar, 'crowdIndex': float, 'ignore_regions_x': _polygons, 'ignore_regions_y': _polygons},
    ),
    (
        'annotations',
        ('image_id',),
        {
            **{'image_id': _scalar, 'category_id': int, 'iscrowd': _flag, 'area': float, 'num_keypoints': int},
            **{'bbox': _box, 'bbox_head': _box, 'keypoints': _numbers},
        },
    ),
    ('categories', ('id',), {'id': _whole, 'keypoints': list}),
)
