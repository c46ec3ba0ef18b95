"""The annotations of a data set as flat arrays, whatever is wrong with them: a data set class refuses many such files.

N annotations, I images, K joints of the metainfo. Coordinates are image px.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from os.path import relpath
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hrpose.analysis.doctor.finding import Fault, Finding, Severity, rows_of
from hrpose.datasets.annotations import image_key
from hrpose.errors import UserError, some_of
from hrpose.structures import MAX_COORDINATE

NOT_CROWD = (None, 0, '', '0')

_Floats = NDArray[np.float64]
_Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class People:
    """All annotations of a file, also those that training does not use."""

    ann_file: str  # the file
    metainfo: Mapping[str, Any]  # complete
    image_ids: list[str]  # (I) as text
    image_names: list[str]  # (I)
    image_sizes: _Floats  # (I, 2) w, h; NaN where not stated
    ids: list[str]  # (N) as text, '' where missing
    image: NDArray[np.int64]  # (N,) index of the image, -1 where the file does not list it
    counts: _Floats  # (N,) keypoints of each annotation, in triples
    keypoints: _Floats  # (N, K, 2), zero where the count is not K or a number is not usable
    flags: _Floats  # (N, K) visibility, likewise
    boxes_xywh: _Floats  # (N, 4), NaN where missing or not usable
    broken: _Mask  # (N,) whether joints or box have a number that is not usable: none, not finite or too far
    has_box: _Mask  # (N,) whether there is a `bbox`
    areas: _Floats  # (N,), NaN where missing
    crowd: _Mask  # (N,)
    of_category: _Mask  # (N,) whether the category is the one with the joints
    joint_names: tuple[str, ...]  # of that category, if it names any
    limbs: tuple[tuple[int, int], ...]  # of that category, pairs of joints counted from 0

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def file(self) -> str:
        """The annotation file without its folder."""
        return Path(self.ann_file).name

    @property
    def names(self) -> Sequence[str]:
        """(K) of the metainfo's joints."""
        return self.metainfo['keypoint_names']

    @cached_property
    def labelled(self) -> _Mask:
        """(N, K), whether a joint is labelled."""
        return self.flags > 0

    @cached_property
    def used(self) -> _Mask:
        """(N,), whether `CocoDataset` trains on the annotation."""
        extent = np.nan_to_num(self.boxes_xywh[:, 2:]).min(axis=1, initial=np.inf) > 0
        return ~self.crowd & self.of_category & (self.image >= 0) & self.labelled.any(axis=1) & extent & ~self.broken

    @cached_property
    def sizes_of_images(self) -> _Floats:
        """(N, 2) w, h of each annotation's image, NaN where unknown."""
        if not len(self.image_sizes):
            return np.full((len(self), 2), np.nan)
        return np.where(self.image[:, None] >= 0, self.image_sizes[self.image], np.nan)

    def path(self, image: int, folder: str) -> str:
        """Return the path of an image, given the folder of the images."""
        name = self.image_names[image]
        return f'{folder.rstrip("/")}/{name}' if folder else name

    def finding(
        self, fault: Fault, severity: Severity, wrong: np.ndarray, explanation: str, advice: str, *, draw: bool = True
    ) -> Finding:
        """Return a finding about the annotations (N,) that are `wrong`; `draw` puts them on the overlay sheet."""
        ids = some_of([self.ids[row] or f'number {row}' for row in np.flatnonzero(wrong)])
        rows = rows_of(wrong) if draw else ()
        return Finding(fault, severity, f'annotations {ids} of {self.file}', explanation, advice, rows)


def people_of(content: Mapping[str, Any], metainfo: Mapping[str, Any], ann_file: str) -> People:
    """Return the annotations of a COCO keypoint file with this content; `metainfo` is complete.

    Raises:
        UserError: an image or annotation is not a mapping.
    """
    images = mappings(content.get('images') or [], 'images', ann_file)
    annotations = mappings(content.get('annotations') or [], 'annotations', ann_file)
    joints = len(metainfo['keypoint_names'])
    category = _category(mappings(content.get('categories') or [], 'categories', ann_file), joints)
    image_ids = [_key(image.get('id')) for image in images]
    place = {key: index for index, key in enumerate(image_ids)}
    values = [entry if isinstance(entry := a.get('keypoints'), list) else [] for a in annotations]
    counts = np.array([len(entry) / 3 for entry in values])
    triples = numbers([entry if len(entry) == 3 * joints else () for entry in values], 3 * joints)
    triples = np.where((counts == joints)[:, None], triples, 0.0).reshape(-1, joints, 3)
    boxes = [annotation.get('bbox') for annotation in annotations]
    has_box = np.array([bool(box) for box in boxes], dtype=bool)
    boxes_xywh = numbers([box if box else () for box in boxes], 4)
    is_good, is_good_box = _in_range(triples), np.asarray(_in_range(boxes_xywh).all(axis=1))
    wanted = category.get('id')
    return People(
        ann_file=ann_file,
        metainfo=metainfo,
        image_ids=image_ids,
        image_names=[str(image.get('file_name', '')) for image in images],
        image_sizes=numbers([(image.get('width'), image.get('height')) for image in images], 2),
        ids=[_key(annotation.get('id')) for annotation in annotations],
        image=np.array([place.get(_key(a.get('image_id')), -1) for a in annotations], dtype=np.int64),
        counts=counts,
        keypoints=np.where(is_good, triples, 0.0)[..., :2],
        flags=np.where(is_good, triples, 0.0)[..., 2],
        boxes_xywh=np.where(is_good_box[:, None], boxes_xywh, np.nan),
        broken=~is_good.all(axis=(1, 2)) | (has_box & ~is_good_box),
        has_box=has_box,
        areas=numbers([[annotation.get('area')] for annotation in annotations], 1)[:, 0],
        crowd=np.array([annotation.get('iscrowd') not in NOT_CROWD for annotation in annotations], dtype=bool),
        of_category=np.array(
            [wanted is None or _key(a.get('category_id', wanted)) == _key(wanted) for a in annotations], dtype=bool
        ),
        joint_names=tuple(map(str, category.get('keypoints') or ())),
        limbs=_limbs(category),
    )


def people_of_records(dataset: Any) -> People:
    """Return the records of a data set, whatever the layout of its file.

    What the file states besides is unknown: names of joints, sizes of images, areas, and what the data set left out.
    """
    records = [dataset.get_data_info(index) for index in range(len(dataset))]
    joints = dataset.num_joints
    folder = dataset.data_prefix['img'] or '.'
    names = {_key(record['img_id']): relpath(record['img_path'], folder) for record in records}
    place = {key: index for index, key in enumerate(names)}
    corners = np.array([record['box'] for record in records], dtype=np.float64).reshape(-1, 4)
    every = np.ones(len(records), dtype=bool)
    return People(
        ann_file=dataset.ann_file,
        metainfo=dataset.metainfo,
        image_ids=list(names),
        image_names=list(names.values()),
        image_sizes=np.full((len(names), 2), np.nan),
        ids=[_key(record['id']) for record in records],
        image=np.array([place[_key(record['img_id'])] for record in records], dtype=np.int64),
        counts=np.full(len(records), float(joints)),
        keypoints=np.array([record.get('keypoints', np.zeros((joints, 2))) for record in records]),
        flags=np.array([record.get('visible', np.zeros(joints)) for record in records]),
        boxes_xywh=np.concatenate([corners[:, :2], corners[:, 2:] - corners[:, :2]], axis=1),
        broken=~every,
        has_box=every,
        areas=np.full(len(records), np.nan),
        crowd=~every,
        of_category=every,
        joint_names=(),
        limbs=(),
    )


def numbers(rows: Sequence[Any], width: int) -> _Floats:
    """Return rows of numbers, or of numbers as text, as (N, width); NaN where a row is not `width` numbers."""
    table = _floats(rows)
    if table.shape == (len(rows), width):
        return table
    parts = [part if (part := _floats(row)).shape == (width,) else np.full(width, np.nan) for row in rows]
    return np.array(parts).reshape(len(rows), width)


def _floats(values: Any) -> _Floats:
    """Return values as an array, or, where they are not numbers, an empty one of three dimensions."""
    try:
        return np.array(values, dtype=np.float64)
    except (ValueError, TypeError):
        return np.zeros((0, 0, 0))


def _in_range(values: _Floats) -> _Mask:
    """Say which values are finite, and near enough for an image."""
    return np.abs(values) <= MAX_COORDINATE  # False for NaN


def mappings(entries: Any, what: str, ann_file: str) -> list[Mapping[str, Any]]:
    """Return `entries` of a file, checked to be a list of mappings; raise a `UserError` that names `what` otherwise."""
    if not isinstance(entries, list) or not all(isinstance(entry, Mapping) for entry in entries):
        raise UserError(f"{ann_file}: '{what}' is not a list of mappings, as in COCO's files")
    return entries


def _key(value: Any) -> str:
    return '' if value is None else image_key(value)


def _limbs(category: Mapping[str, Any]) -> tuple[tuple[int, int], ...]:
    """Return the pairs of joints, from 0, of a category's `skeleton`, which counts from 1; () if it has no pairs."""
    skeleton = category.get('skeleton')
    pairs = numbers(skeleton if isinstance(skeleton, list) else [], 2)
    return () if np.isnan(pairs).any() else tuple((int(a) - 1, int(b) - 1) for a, b in pairs)


def _category(categories: Sequence[Mapping[str, Any]], joints: int) -> Mapping[str, Any]:
    """Return the category that has K keypoints, else the first that has any, else an empty one."""
    with_joints = [c for c in categories if isinstance(c.get('keypoints'), list) and c['keypoints']]
    fitting = [category for category in with_joints if len(category['keypoints']) == joints]
    return next(iter(fitting + with_joints), {})
