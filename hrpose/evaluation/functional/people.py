"""The people of an evaluation as arrays, read once: ground truth and predictions in COCO's form.

The evaluation backends disagree on what a file must hold. Some crash without `area` or `iscrowd`, some count labelled
joints themselves while others trust `num_keypoints`, and those in C++ take only integers as ids. Reading settles all of
that, so that the choice of a backend changes no metric.

Letters: I images, N people, K joints. Boxes are (x, y, w, h), keypoints (x, y, visibility or score), all in image px.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Self, cast

import numpy as np
from numpy.typing import NDArray

from hrpose.datasets.annotations.coco_entries import category_of, image_key, person_category
from hrpose.errors import UserError

# The share of its box that a person usually covers; xtcocotools' convention for files without `area`.
AREA_SHARE_OF_BOX = 0.53

Entry = Mapping[str, Any]
_Floats = NDArray[np.float64]
_Integers = NDArray[np.int64]
_NO_BOX = [np.nan] * 4


@dataclass(frozen=True)
class People:
    """People of several images; each array has one row a person.

    Attributes:
        image: (N,) index of the image in `GroundTruth.image_ids`.
        categories: (N,) category ids.
        keypoints: (N, K, 3).
    """

    image: _Integers
    categories: _Integers
    keypoints: _Floats

    def __len__(self) -> int:
        """N, the number of people."""
        return len(self.image)

    def take(self, rows: NDArray[Any]) -> Self:
        """Return the people at `rows`: indices, or a mask (N,)."""
        columns = {field.name: getattr(self, field.name) for field in fields(self)}
        return replace(self, **{name: v[rows] for name, v in columns.items() if isinstance(v, np.ndarray)})


@dataclass(frozen=True)
class GroundTruth(People):
    """The annotated people of a COCO keypoint file. The third column of `keypoints` is the visibility, 0 to 2.

    Attributes:
        ids: (N,) annotation ids as the file has them.
        boxes: (N, 4); the extent of the labelled joints where the file has no box, NaN where it has neither.
        has_box: (N,) bool, whether the file has a box.
        areas: (N,) px²; 0.53 of the box where the file has none.
        num_keypoints: (N,) as the file states; the number of labelled joints where it does not.
        crowd: (N,) bool.
        heads: (N, 4) PoseTrack's `bbox_head`; NaN where there is none.
        image_ids: I ids as the file has them, sorted. Of two equal scores, the one of the earlier image ranks first.
        crowd_index: I numbers, CrowdPose's `crowdIndex`; NaN where there is none.
        regions: for each image, PoseTrack's ignored regions, (V, 2) polygons of V corners in image px.
        category: id of the category that predictions are about.
    """

    ids: NDArray[np.object_]
    boxes: _Floats
    has_box: NDArray[np.bool_]
    areas: _Floats
    num_keypoints: _Integers
    crowd: NDArray[np.bool_]
    heads: _Floats
    image_ids: tuple[Any, ...]
    crowd_index: tuple[float, ...]
    regions: tuple[list[_Floats], ...]
    category: int

    @classmethod
    def of(
        cls, content: 'Mapping[str, Any] | GroundTruth', num_joints: int, where: str = 'ground truth'
    ) -> 'GroundTruth':
        """Read the content of a COCO keypoint file. A `GroundTruth` is returned as it is.

        Args:
            content: `images`, `annotations` and `categories`. Ids may be numbers or text.
            num_joints: K.
            where: name of the file in messages.

        Raises:
            UserError: content that is not in COCO's layout, or annotations of another number of joints than K.
        """
        if isinstance(content, GroundTruth):
            return content
        images, annotations = (
            _entries(content, 'images', 'id', where),
            _entries(content, 'annotations', 'image_id', where),
        )

        def column(part: str, entries: Sequence[Entry], name: str, convert: Callable[[Any], Any], default: Any) -> list:
            values = [entry.get(name) for entry in entries]
            return _converted(values, convert, default, f'{where} is not in COCO layout: {name} of {part}')

        by_key = {image_key(image['id']): place for place, image in enumerate(images)}
        owners = [image_key(annotation['image_id']) for annotation in annotations]
        ids = dict(zip(owners, (annotation['image_id'] for annotation in annotations), strict=True))
        ids |= {key: images[place]['id'] for key, place in by_key.items()}
        keys = sorted(ids, key=int) if all(map(str.isdecimal, ids)) else sorted(ids)
        number = {key: place for place, key in enumerate(keys)}
        crowd_index = column('images', images, 'crowdIndex', float, np.nan)
        polygons = [(image.get('ignore_regions_x') or (), image.get('ignore_regions_y') or ()) for image in images]
        regions = _converted(polygons, _polygons, [], f'{where} is not in COCO layout: ignore_regions of images')

        categories = np.array(column('annotations', annotations, 'category_id', _integer, 1), dtype=np.int64)
        keypoints = _keypoints(annotations, num_joints, f'{where}: annotation')
        labelled = keypoints[..., 2] > 0
        boxes = _boxes(column('annotations', annotations, 'bbox', _box, _NO_BOX))
        has_box = np.isnan(boxes).sum(axis=1) < 4
        boxes = np.where(has_box[:, None], boxes, _extents(keypoints[..., :2], labelled))
        areas = np.array(column('annotations', annotations, 'area', float, np.nan), dtype=np.float64)
        counts = np.array(column('annotations', annotations, 'num_keypoints', _integer, -1), dtype=np.int64)
        return cls(
            image=np.array([number[key] for key in owners], dtype=np.int64),
            categories=categories,
            keypoints=keypoints,
            ids=np.array([annotation.get('id') for annotation in annotations], dtype=object),
            boxes=boxes,
            has_box=has_box,
            areas=np.where(np.isnan(areas), boxes[:, 2] * boxes[:, 3] * AREA_SHARE_OF_BOX, areas),
            num_keypoints=np.where(counts < 0, labelled.sum(axis=1), counts),
            crowd=np.array(column('annotations', annotations, 'iscrowd', _flag, False), dtype=bool),
            heads=_boxes(column('annotations', annotations, 'bbox_head', _box, _NO_BOX)),
            image_ids=tuple(ids[key] for key in keys),
            crowd_index=tuple(crowd_index[by_key[key]] if key in by_key else np.nan for key in keys),
            regions=tuple(regions[by_key[key]] if key in by_key else [] for key in keys),
            category=_category(content, categories, where),
        )

    @property
    def labelled(self) -> NDArray[np.bool_]:
        """(N, K) whether a joint is labelled."""
        return self.keypoints[..., 2] > 0

    @property
    def num_labelled(self) -> _Integers:
        """(N,) how many joints of a person are labelled."""
        return self.labelled.sum(axis=1)

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
    """Predicted people. The third column of `keypoints` is the score of the joint.

    Attributes:
        scores: (N,) of the people.
    """

    scores: _Floats

    @classmethod
    def of(cls, results: Iterable[Entry] | Self, truth: GroundTruth) -> Self:
        """Read COCO keypoint results. `Predictions` are returned as they are.

        Args:
            results: `image_id`, `keypoints` (3K numbers), `score` (NaN if missing) and `category_id` (1 if missing).
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
    joints = keypoints.reshape(-1, 3 * keypoints.shape[1]).tolist()
    return [
        {
            'image_id': image_id.item() if isinstance(image_id, np.generic) else image_id,
            'category_id': int(category),
            'keypoints': row,
            'score': score,
        }
        for image_id, category, row, score in zip(image_ids, categories, joints, scores.tolist(), strict=True)
    ]


def rows_by_image(image: _Integers, images: int) -> list[_Integers]:
    """Return for each of `images` images the rows of its people, in order, from the (N,) image of each person."""
    order = np.argsort(image, kind='stable')
    return np.split(order, np.searchsorted(image[order], np.arange(images + 1)))[1:-1]


def _entries(content: Mapping[str, Any], part: str, needed: str, where: str) -> Sequence[Entry]:
    """Return a list of the file; every entry is a mapping that has the field `needed`."""
    entries = content.get(part) or []
    if not isinstance(entries, list | tuple):
        raise UserError(f'{where} is not in COCO layout: {part} is not a list')
    for number, entry in enumerate(entries):
        if not isinstance(entry, Mapping) or needed not in entry:
            wrong = f'{needed} is missing' if isinstance(entry, Mapping) else 'it is not a mapping'
            raise UserError(f'{where} is not in COCO layout: {part}, entry {number} (counted from 0): {wrong}')
    return entries


def _converted(values: Iterable[Any], convert: Callable[[Any], Any], default: Any, what: str) -> list[Any]:
    """Return `values` converted, `default` in place of None."""
    converted = []
    for number, value in enumerate(values):
        try:
            converted.append(default if value is None else convert(value))
        except (TypeError, ValueError, OverflowError) as error:
            raise UserError(f'{what}, entry {number} (counted from 0), is {value!r:.80}: {error}') from error
    return converted


def _keypoints(entries: Sequence[Entry], num_joints: int, what: str) -> _Floats:
    """Return the keypoints (N, K, 3) of annotations or results; zeros where an entry has none."""
    rows = [entry.get('keypoints') for entry in entries]
    try:
        joined = np.array(rows, dtype=np.float64)
    except (TypeError, ValueError, OverflowError):  # some entry has none, or is wrong
        joined = np.empty(0)
    if joined.shape == (len(rows), 3 * num_joints):
        return joined.reshape(-1, num_joints, 3)
    arrays = _converted(rows, lambda row: np.asarray(row, dtype=np.float64).ravel(), (), f'{what}s: keypoints')
    if arrays and not any(map(len, arrays)):
        raise UserError(f'{what}s have no keypoints; is it a file of boxes or masks?')
    joined = np.zeros((len(rows), num_joints, 3))
    for place, (entry, array) in enumerate(zip(entries, arrays, strict=True)):
        if len(array) not in (0, 3 * num_joints):
            raise UserError(
                f'{what} of image {entry["image_id"]} has {len(array) / 3:g} joints, but the metainfo has {num_joints};'
                ' they must be the same'
            )
        if len(array):
            joined[place] = array.reshape(-1, 3)
    return joined


def _category(content: Mapping[str, Any], categories: _Integers, where: str) -> int:
    """Return the category that predictions are about: of people, or else of the first annotation."""
    listed = _entries(content, 'categories', 'id', where)
    (found,) = _converted([listed], person_category, None, f'{where} is not in COCO layout: categories')
    return next(map(int, categories), 1) if found is None else found


def _extents(points: _Floats, labelled: NDArray[np.bool_]) -> _Floats:
    """Return the boxes (N, 4) around the labelled of points (N, K, 2); NaN where nothing is labelled."""
    low, high = (
        reduce(np.where(labelled[..., None], points, empty), axis=1)
        for reduce, empty in ((np.min, np.inf), (np.max, -np.inf))
    )
    return np.where(labelled.any(axis=1, keepdims=True), np.hstack([low, high - low]), np.nan)


def _boxes(rows: list[list[float]]) -> _Floats:
    return np.array(rows, dtype=np.float64).reshape(-1, 4)


def _box(value: Any) -> list[float]:
    box = [float(number) for number in value]
    if box and len(box) != 4:
        raise ValueError('it has to be x, y, width and height')
    return box or _NO_BOX


def _polygons(columns: tuple[Sequence[Any], Sequence[Any]]) -> list[_Floats]:
    """Return polygons (V, 2) from lists of their x and y; those of fewer than three corners have no inside."""
    pairs = zip(*columns, strict=True)
    return [np.array([x, y], dtype=np.float64).reshape(2, len(x)).T for x, y in pairs if len(x) > 2]


def _integer(value: Any) -> np.int64:
    return np.int64(int(value))  # which refuses what 64 bits do not hold


def _flag(value: Any) -> bool:
    return bool(int(value or 0))
