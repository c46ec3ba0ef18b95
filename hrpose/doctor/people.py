"""A COCO key point file as flat arrays, whatever is wrong with it: a data set class would refuse many such files.

N annotations, I images, K joints of the metainfo. Coordinates are image px.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hrpose.datasets.json_files import read_coco_json, read_json
from hrpose.errors import UserError
from hrpose.evaluation.coco_format import image_key

_Floats = NDArray[np.float64]
_Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class People:
    """Every annotation of a file, also those that no training uses.

    image_ids, image_names (I); image_sizes (I, 2) w, h, NaN where not stated; ids (N) as text, '' where missing;
    image (N,) index of the image, -1 where the file lists none such; counts (N,) key points an annotation has, in
    triples; keypoints (N, K, 2) and flags (N, K), zero where the count is not K; boxes_xywh (N, 4), NaN where missing
    or no numbers; has_box (N,) whether there is a `bbox`; crowd (N,); of_category (N,) whether of the category that
    has the joints; joint_names and limbs (pairs, from 0): what this category states, if anything.
    """

    ann_file: str
    metainfo: Mapping[str, Any]
    image_ids: list[str]
    image_names: list[str]
    image_sizes: _Floats
    ids: list[str]
    image: NDArray[np.int64]
    counts: _Floats
    keypoints: _Floats
    flags: _Floats
    boxes_xywh: _Floats
    has_box: _Mask
    crowd: _Mask
    of_category: _Mask
    joint_names: tuple[str, ...]
    limbs: tuple[tuple[int, int], ...]

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
        """(N,), whether training uses the annotation: as `CocoDataset` has it."""
        extent = np.nan_to_num(self.boxes_xywh[:, 2:]).min(axis=1, initial=np.inf) > 0
        return ~self.crowd & self.of_category & (self.image >= 0) & self.labelled.any(axis=1) & extent

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


def read_content(ann_file: str) -> dict[str, Any]:
    """Return a COCO file's content.

    Raises:
        UserError: no such file, no JSON, or not in COCO's layout; MPII's own layouts are named.
    """
    if Path(ann_file).suffix == '.mat':
        raise UserError(f"{ann_file} is a .mat file, like MPII's; the doctor reads COCO's JSON layout only")
    try:
        return read_coco_json(ann_file)
    except UserError:
        if Path(ann_file).is_file() and _is_mpii(ann_file):
            raise UserError(f"{ann_file} is in MPII's own JSON layout; the doctor reads COCO's only") from None
        raise


def _is_mpii(ann_file: str) -> bool:
    content = read_json(ann_file)
    first = content[0] if isinstance(content, list) and content else None
    return isinstance(first, dict) and {'joints', 'center', 'scale'} <= set(first)


def people_of(content: Mapping[str, Any], metainfo: Mapping[str, Any], ann_file: str) -> People:
    """Return a file's annotations as flat arrays.

    Args:
        content: of a COCO key point file.
        metainfo: complete, see `hrpose.datasets.metainfo.resolve`.
        ann_file: its path, for messages.

    Raises:
        UserError: an image or annotation that is no mapping.
    """
    images = _mappings(content.get('images') or [], 'images', ann_file)
    annotations = _mappings(content.get('annotations') or [], 'annotations', ann_file)
    joints = len(metainfo['keypoint_names'])
    category = _category(content.get('categories') or [], joints)
    image_ids = [_key(image.get('id')) for image in images]
    place = {key: index for index, key in enumerate(image_ids)}
    values = [entry if isinstance(entry := a.get('keypoints'), list) else [] for a in annotations]
    counts = np.array([len(entry) / 3 for entry in values])
    triples = numbers([entry if len(entry) == 3 * joints else () for entry in values], 3 * joints)
    triples = np.where((counts == joints)[:, None], triples, 0.0).reshape(-1, joints, 3)
    boxes = [annotation.get('bbox') for annotation in annotations]
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
        keypoints=triples[..., :2],
        flags=triples[..., 2],
        boxes_xywh=numbers([box if box else () for box in boxes], 4),
        has_box=np.array([bool(box) for box in boxes], dtype=bool),
        crowd=np.array([bool(annotation.get('iscrowd')) for annotation in annotations], dtype=bool),
        of_category=np.array(
            [wanted is None or _key(a.get('category_id', wanted)) == _key(wanted) for a in annotations], dtype=bool
        ),
        joint_names=tuple(category.get('keypoints') or ()),
        limbs=tuple((int(a) - 1, int(b) - 1) for a, b in category.get('skeleton') or ()),
    )


def numbers(rows: Sequence[Any], width: int) -> _Floats:
    """Return rows of numbers, or of numbers as text, as (N, width); NaN where one is not `width` numbers."""
    try:
        table = np.array(rows, dtype=np.float64)
    except (ValueError, TypeError):
        table = np.zeros(0)
    if table.shape == (len(rows), width):
        return table
    return np.array([_row(row, width) for row in rows]).reshape(len(rows), width)


def _row(row: Any, width: int) -> _Floats:
    try:
        values = np.array(row, dtype=np.float64)
    except (ValueError, TypeError):
        values = np.zeros(0)
    return values if values.shape == (width,) else np.full(width, np.nan)


def _key(value: Any) -> str:
    return '' if value is None else image_key(value)


def _mappings(entries: Any, what: str, ann_file: str) -> list[Mapping[str, Any]]:
    if not isinstance(entries, list) or not all(isinstance(entry, Mapping) for entry in entries):
        raise UserError(f"{ann_file}: '{what}' has to be a list of objects, as in COCO's layout")
    return entries


def _category(categories: Sequence[Mapping[str, Any]], joints: int) -> Mapping[str, Any]:
    """Return the category that has K key points, else the first that has any, else an empty one."""
    with_joints = [category for category in categories if category.get('keypoints')]
    fitting = [category for category in with_joints if len(category['keypoints']) == joints]
    return next(iter(fitting + with_joints), {})
