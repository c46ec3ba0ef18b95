"""The people of an evaluation as arrays, read once: ground truth and predictions in COCO's form.

The evaluation backends disagree on what a file must hold. Some crash without `area` or `iscrowd`, some count labelled
joints themselves while others trust `num_keypoints`, and those in C++ take only integers as ids. Reading settles all of
that, so that the choice of a backend changes no metric.

Letters: I images, N people, K joints. Boxes are (x, y, w, h), keypoints (x, y, visibility or score), all in image px.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray

from hrpose.datasets.annotations import category_of, image_key, person_category
from hrpose.errors import UserError

if TYPE_CHECKING:
    from typing_extensions import Self

# The share of its box that a person usually covers; xtcocotools' convention for files without `area`.
AREA_SHARE_OF_BOX = 0.53
NO_TRACK = -1  # in place of the track id of a person who has none

Entry = Mapping[str, Any]
_Floats = NDArray[np.float64]
_Integers = NDArray[np.int64]
_NO_BOX = [np.nan] * 4


@dataclass(frozen=True)
class People:
    """People of several images; each array has one row a person."""

    image: _Integers  # (N,) index of the image in `GroundTruth.image_ids`
    categories: _Integers  # (N,) category ids
    keypoints: _Floats  # (N, K, 3)
    tracks: _Integers  # (N,) identities within a video; `NO_TRACK` where there is none

    def __len__(self) -> int:
        """N, the number of people."""
        return len(self.image)

    def take(self, rows: NDArray[Any]) -> Self:
        """Return the people at `rows`: indices, or a mask (N,)."""
        columns = {name: value[rows] for name, value in vars(self).items() if isinstance(value, np.ndarray)}
        return replace(self, **columns)


@dataclass(frozen=True)
class GroundTruth(People):
    """The annotated people of a COCO keypoint file. The third column of `keypoints` is the visibility, 0 to 2."""

    ids: NDArray[np.object_]  # (N,) annotation ids as the file has them
    boxes: _Floats  # (N, 4); the extent of the labelled joints where the file has no box, NaN where it has neither
    has_box: NDArray[np.bool_]  # (N,) whether the file has a box
    areas: _Floats  # (N,) px²; 0.53 of the box where the file has none
    num_keypoints: _Integers  # (N,) as the file states; the number of labelled joints where it does not
    crowd: NDArray[np.bool_]  # (N,)
    heads: _Floats  # (N, 4) PoseTrack's `bbox_head`; NaN where there is none
    # I ids as the file has them, sorted. Of two equal scores, the one of the earlier image ranks first.
    image_ids: tuple[Any, ...]
    crowd_index: tuple[float, ...]  # I numbers, CrowdPose's `crowdIndex`; NaN where there is none
    regions: tuple[list[_Floats], ...]  # for each image, PoseTrack's ignored regions: polygons (V, 2) of V corners
    videos: tuple[str, ...]  # for each image, PoseTrack's `vid_id`; empty where there is none
    category: int  # id of the category that predictions are about

    @classmethod
    def of(cls, content: Mapping[str, Any] | Self, num_joints: int, where: str = 'ground truth') -> Self:
        """Read the content of a COCO keypoint file; return a `GroundTruth` as it is.

        Args:
            content: `images`, `annotations` and `categories`. Ids may be numbers or text.
            num_joints: K.
            where: name of the file in messages.

        Raises:
            UserError: content that is not in COCO's layout, or annotations of another number of joints than K.
        """
        if isinstance(content, cls):
            return content
        content = cast(Mapping[str, Any], content)
        layout = f'{where} is not in COCO layout'
        annotations = _entries(content, 'annotations', 'image_id', layout)

        def column(field: str, convert: Callable[[Any], Any], default: Any) -> NDArray[Any]:
            values = _values(annotations, field, convert, default, f'{layout}: annotations')
            return np.array(values, dtype=np.array(default).dtype).reshape(len(values), *np.shape(default))

        keypoints = _keypoints(annotations, num_joints, f'{where}: annotation')
        labelled = keypoints[..., 2] > 0
        boxes, areas = column('bbox', _box, _NO_BOX), column('area', float, np.nan)
        has_box = np.isnan(boxes).sum(axis=1) < 4
        boxes = np.where(has_box[:, None], boxes, _extents(keypoints[..., :2], labelled))
        categories, counts = column('category_id', _integer, 1), column('num_keypoints', _integer, -1)
        _entries(content, 'categories', 'id', layout)
        (category,) = _values([content], 'categories', person_category, None, layout)
        return cls(
            **_of_images(_entries(content, 'images', 'id', layout), annotations, f'{layout}: images'),
            categories=categories,
            keypoints=keypoints,
            tracks=column('track_id', _integer, NO_TRACK),
            ids=np.array([annotation.get('id') for annotation in annotations], dtype=object),
            boxes=boxes,
            has_box=has_box,
            areas=np.where(np.isnan(areas), boxes[:, 2] * boxes[:, 3] * AREA_SHARE_OF_BOX, areas),
            num_keypoints=np.where(counts < 0, labelled.sum(axis=1), counts),
            crowd=column('iscrowd', lambda value: bool(int(value or 0)), False),
            heads=column('bbox_head', _box, _NO_BOX),
            category=next(map(int, categories), 1) if category is None else category,
        )

    @property
    def labelled(self) -> NDArray[np.bool_]:
        """(N, K) whether a joint is labelled."""
        return self.keypoints[..., 2] > 0

    @property
    def num_labelled(self) -> _Integers:
        """(N,) how many joints of a person are labelled."""
        return self.labelled.sum(axis=1)

    def with_areas_of_boxes(self) -> Self:
        """Return the same people with areas of 0.53 of their boxes, whatever areas the file has.

        Raises:
            UserError: a person without a box.
        """
        if not self.has_box.all():
            raise UserError(f'annotation {self.ids[~self.has_box][0]} has no box, from which its area is to be taken')
        return replace(self, areas=self.boxes[:, 2] * self.boxes[:, 3] * AREA_SHARE_OF_BOX)

    def places(self, image_ids: Iterable[Any]) -> _Integers:
        """Return the (N,) indices of images in `image_ids`.

        Raises:
            UserError: an image that the ground truth does not have.
        """
        known = {image_key(image_id): place for place, image_id in enumerate(self.image_ids)}
        keys = [image_key(image_id) for image_id in image_ids]
        if unknown := set(keys) - set(known):
            raise UserError(
                f'{len(unknown)} of the predicted images are not in the annotations, such as {min(unknown)}; '
                'predictions and annotations must come from the same file'
            )
        return np.array([known[key] for key in keys], dtype=np.int64)


@dataclass(frozen=True)
class Predictions(People):
    """Predicted people. The third column of `keypoints` is the score of the joint."""

    scores: _Floats  # (N,) of the people
    areas: _Floats | None = None  # (N,) px², which says their size; None for that of the joints' extent

    @classmethod
    def of(cls, results: Iterable[Entry] | Self, truth: GroundTruth) -> Self:
        """Read COCO keypoint results. `Predictions` are returned as they are.

        Args:
            results: `image_id`, `keypoints` (3K numbers), `score` (NaN if missing), `category_id` (1 if missing) and
                `track_id` (`NO_TRACK` if missing).
            truth: with K joints, of the same images.

        Raises:
            UserError: another number of joints than K, or an image that `truth` does not have.
        """
        if isinstance(results, cls):
            return results
        entries = list(cast(Iterable[Entry], results))
        return cls(
            image=truth.places(entry['image_id'] for entry in entries),
            categories=np.array([category_of(entry) for entry in entries], dtype=np.int64),
            keypoints=_keypoints(entries, truth.keypoints.shape[1], 'prediction'),
            tracks=np.array(_values(entries, 'track_id', _integer, NO_TRACK, 'predictions'), dtype=np.int64),
            scores=np.array([entry.get('score', np.nan) for entry in entries], dtype=np.float64),
        )


def coco_results(
    image_ids: Iterable[Any], categories: Iterable[int], keypoints: _Floats, scores: _Floats
) -> list[dict[str, Any]]:
    """Return people as COCO keypoint results, which JSON takes.

    Args:
        image_ids: N ids as the annotations have them.
        categories: N category ids.
        keypoints: (N, K, 3) image px and the joints' scores.
        scores: (N,) of the people.
    """
    return as_dicts(
        {
            'image_id': [each.item() if isinstance(each, np.generic) else each for each in image_ids],
            'category_id': list(map(int, categories)),
            'keypoints': keypoints.reshape(-1, 3 * keypoints.shape[1]).tolist(),
            'score': scores.tolist(),
        }
    )


def as_dicts(columns: Mapping[str, Sequence[Any]]) -> list[dict[str, Any]]:
    """Return one dict a row of columns of one length."""
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def rows_by_image(image: _Integers, images: int) -> list[_Integers]:
    """Return for each of `images` images the rows of its people, in order, from the (N,) image of each person."""
    order = np.argsort(image, kind='stable')
    return np.split(order, np.searchsorted(image[order], np.arange(images + 1)))[1:-1]


def _of_images(images: Sequence[Entry], annotations: Sequence[Entry], where: str) -> dict[str, Any]:
    """Return the fields of a `GroundTruth` that are about images, listed or named by annotations only."""
    listed, owners = [image_key(each['id']) for each in images], [image_key(each['image_id']) for each in annotations]
    ids = {key: annotation['image_id'] for key, annotation in zip(owners, annotations, strict=True)}
    ids |= {key: image['id'] for key, image in zip(listed, images, strict=True)}
    keys = sorted(ids, key=int) if all(map(str.isdecimal, ids)) else sorted(ids)
    place = {key: number for number, key in enumerate(keys)}
    axes = [{'ignore_regions': [image.get(f'ignore_regions_{axis}') or () for axis in 'xy']} for image in images]
    crowd_index = dict(zip(listed, _values(images, 'crowdIndex', float, np.nan, where), strict=True))
    videos = dict(zip(listed, _values(images, 'vid_id', str, '', where), strict=True))
    regions = dict(zip(listed, _values(axes, 'ignore_regions', _polygons, [], where), strict=True))
    return {
        'image': np.array([place[key] for key in owners], dtype=np.int64),
        'image_ids': tuple(ids[key] for key in keys),
        'crowd_index': tuple(crowd_index.get(key, np.nan) for key in keys),
        'regions': tuple(regions.get(key, []) for key in keys),
        'videos': tuple(videos.get(key, '') for key in keys),
    }


def _entries(content: Mapping[str, Any], part: str, needed: str, layout: str) -> Sequence[Entry]:
    """Return a list of the file; every entry is a mapping that has the field `needed`."""
    entries = content.get(part) or []
    if not isinstance(entries, list | tuple):
        raise UserError(f'{layout}: {part} is not a list')
    for number, entry in enumerate(entries):
        if not isinstance(entry, Mapping) or needed not in entry:
            wrong = f'{needed} is missing' if isinstance(entry, Mapping) else 'it is not a mapping'
            raise UserError(f'{layout}: {part}, entry {number} (counted from 0): {wrong}')
    return entries


def _values(entries: Iterable[Entry], field: str, convert: Callable[[Any], Any], default: Any, where: str) -> list[Any]:
    """Return a field of each entry, converted; `default` where it is missing or null."""
    values = []
    for number, entry in enumerate(entries):
        value = entry.get(field)
        try:
            values.append(default if value is None else convert(value))
        except (TypeError, ValueError, OverflowError) as error:
            raise UserError(f'{where}, entry {number} (counted from 0): {field} is {value!r:.80}: {error}') from error
    return values


def _keypoints(entries: Sequence[Entry], num_joints: int, what: str) -> _Floats:
    """Return the keypoints (N, K, 3) of annotations or results; zeros where an entry has none."""
    joined = np.zeros((len(entries), 3 * num_joints))
    with suppress(TypeError, ValueError, OverflowError):  # some entry has none, or is wrong
        rows = np.array([entry.get('keypoints') for entry in entries], dtype=np.float64)
        if rows.shape == joined.shape:
            return rows.reshape(-1, num_joints, 3)
    arrays = _values(entries, 'keypoints', lambda row: np.asarray(row, dtype=np.float64).ravel(), (), f'{what}s')
    if arrays and not any(map(len, arrays)):
        raise UserError(f'{what}s have no keypoints; is it a file of boxes or masks?')
    for row, entry, array in zip(joined, entries, arrays, strict=True):
        if len(array) not in (0, len(row)):
            raise UserError(
                f'{what} of image {entry["image_id"]} has {len(array) / 3:g} joints, but the metainfo has {num_joints};'
                ' they must be the same'
            )
        row[:] = array if len(array) else 0
    return joined.reshape(-1, num_joints, 3)


def _extents(points: _Floats, labelled: NDArray[np.bool_]) -> _Floats:
    """Return the boxes (N, 4) around the labelled of points (N, K, 2); NaN where nothing is labelled."""
    low = np.where(labelled[..., None], points, np.inf).min(axis=1)
    high = np.where(labelled[..., None], points, -np.inf).max(axis=1)
    return np.where(labelled.any(axis=1, keepdims=True), np.hstack([low, high - low]), np.nan)


def _box(value: Any) -> list[float]:
    box = [float(number) for number in value]
    if box and len(box) != 4:
        raise ValueError('it has to be x, y, width and height')
    return box or _NO_BOX


def _polygons(axes: Sequence[Sequence[Any]]) -> list[_Floats]:
    """Return polygons (V, 2) from lists of their x and y; those of fewer than three corners have no inside."""
    pairs = zip(*axes, strict=True)
    return [np.array([x, y], dtype=np.float64).reshape(2, len(x)).T for x, y in pairs if len(x) > 2]


def _integer(value: Any) -> np.int64:
    return np.int64(int(value))  # which refuses what 64 bits do not hold
