"""COCO's key point files, brought into the one plain form that every evaluation backend takes.

The backends disagree on what a file must hold: some crash without `area` or `iscrowd`, some count
labelled joints themselves while others trust `num_keypoints`, some take an annotation id of 0 for
"no match", and those in C take only integers as ids. All of that is settled here, on copies, so
that a backend cannot change a figure.

Letters: K joints. Boxes are (x, y, w, h) and key points (x, y, visibility) in image px.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from hrpose.datasets.annotations.coco_entries import image_key
from hrpose.errors import UserError

# The usual share of its box that a person covers: the convention of xtcocotools for files without
# `area`.
AREA_SHARE_OF_BOX = 0.53

ImageNumbers = dict[str, int]


def plain_ground_truth(
    dataset: Mapping[str, Any], num_keypoints: int
) -> tuple[dict[str, list[dict[str, Any]]], ImageNumbers]:
    """Return a copy of a COCO key point data set in plain form, and how its images are numbered.

    Annotations are numbered from 1 in their order, images from 1 in the order of their ids.
    `num_keypoints` is counted from the flags, a missing `area` is 0.53 of the box, a missing `bbox`
    the extent of the labelled joints, a missing `iscrowd` 0. An annotation with neither box nor
    labelled joint is left out, for there is nothing to match with it.

    Args:
        dataset: a COCO key point file's content; its `annotations` may hold any further field.
        num_keypoints: K.

    Returns:
        The plain data set (`images`, `annotations`, `categories`), and the number of each image by
        `image_key`.

    Raises:
        UserError: an annotation with another number of joints than K.
    """
    annotations = dataset.get('annotations', ())
    ids = [image['id'] for image in dataset.get('images', ())]
    numbers = _number_images(ids + [annotation['image_id'] for annotation in annotations])
    copies = [_plain_annotation(annotation, num_keypoints, numbers) for annotation in annotations]
    plain = [annotation for annotation in copies if annotation is not None]
    for number, annotation in enumerate(plain, start=1):
        annotation['id'] = number
    categories = {c['id'] for c in dataset.get('categories', ())} | {a['category_id'] for a in plain}
    return {
        'images': [{'id': number} for number in numbers.values()],
        'annotations': plain,
        'categories': [{'id': category, 'name': str(category)} for category in sorted(categories)],
    }, numbers


def plain_results(
    results: Iterable[Mapping[str, Any]], num_keypoints: int, numbers: ImageNumbers
) -> list[dict[str, Any]]:
    """Return copies of COCO key point results: images numbered, only what is evaluated kept.

    A `bbox` would be taken for the area of the person in place of the joints' extent, and the
    joints' scores would make one backend leave out people whose scores are all 0; neither is passed
    on.

    Args:
        results: `image_id`, `keypoints` (3K numbers), `score`, and `category_id` (1 if missing).
        num_keypoints: K.
        numbers: as returned by `plain_ground_truth`.

    Returns:
        `image_id`, `category_id`, `score`, and `keypoints`, (3K,) float64, of each.

    Raises:
        UserError: another number of joints than K, or an image that the annotations do not have.
    """
    results = list(results)
    check_images(results, numbers)
    joints = all_triples(results, num_keypoints, 'a prediction')
    joints[:, :, 2] = 1
    return [
        {
            'image_id': numbers[image_key(result['image_id'])],
            'category_id': _category(result),
            'keypoints': row,
            'score': float(result['score']),
        }
        for result, row in zip(results, joints.reshape(len(joints), 3 * num_keypoints), strict=True)
    ]


def coco_result(
    image_id: Any, category_id: int, keypoints: np.ndarray, scores: np.ndarray, score: float
) -> dict[str, Any]:
    """Return one person as a COCO key point result.

    Args:
        image_id: of the image in the annotations.
        category_id: of the person in the annotations.
        keypoints: (K, 2) image px.
        scores: (K,) of the joints; they stand where an annotation has its visibility.
        score: of the person.
    """
    return {
        'image_id': image_id.item() if isinstance(image_id, np.generic) else image_id,
        'category_id': category_id,
        'keypoints': np.column_stack([keypoints, scores]).ravel().tolist(),
        'score': float(score),
    }


def person_category(dataset: Mapping[str, Any]) -> int:
    """Return the category that predictions are about: 'person', or else the first with joints.

    Args:
        dataset: a COCO key point file's content.
    """
    used = [_category(annotation) for annotation in dataset.get('annotations', ())]
    categories = [c for c in dataset.get('categories', ()) if not used or c['id'] in set(used)]
    persons = [c['id'] for c in categories if c.get('name') == 'person']
    with_joints = [c['id'] for c in categories if c.get('keypoints')]
    candidates = persons + with_joints + used
    return int(candidates[0]) if candidates else 1


def _category(entry: Mapping[str, Any]) -> int:
    category = entry.get('category_id')
    return 1 if category is None else int(category)


def joint_count(dataset: Mapping[str, Any]) -> int | None:
    """Return the number of joints of the first annotation that has key points, None if none has."""
    lengths = (len(annotation.get('keypoints') or ()) for annotation in dataset.get('annotations', ()))
    length = next((length for length in lengths if length), None)
    return None if length is None else length // 3


def _number_images(ids: Sequence[Any]) -> ImageNumbers:
    """Number images from 1 in the order of their ids, which decides between equal scores."""
    keys = {image_key(image_id) for image_id in ids}
    in_order = sorted(keys, key=int) if all(key.isdecimal() for key in keys) else sorted(keys)
    return {key: number for number, key in enumerate(in_order, start=1)}


def _plain_annotation(
    annotation: Mapping[str, Any], num_keypoints: int, numbers: ImageNumbers
) -> dict[str, Any] | None:
    joints = triples(annotation, num_keypoints, f'annotation {annotation.get("id")}')
    labelled = joints[:, 2] > 0
    box = annotation.get('bbox') or None
    if box is None and not labelled.any():
        return None
    x, y, w, h = _extent(joints[labelled]) if box is None else map(float, box)
    area = annotation.get('area')
    return {
        'image_id': numbers[image_key(annotation['image_id'])],
        'category_id': _category(annotation),
        'keypoints': joints.ravel().tolist(),
        'num_keypoints': int(labelled.sum()),
        'bbox': [x, y, w, h],
        'area': w * h * AREA_SHARE_OF_BOX if area is None else float(area),
        'iscrowd': int(annotation.get('iscrowd') or 0),
    }


def triples(entry: Mapping[str, Any], num_keypoints: int, what: str) -> np.ndarray:
    """Return the key points (K, 3) of an entry; zeros where it has none.

    Args:
        entry: an annotation or a result: `image_id`, and `keypoints` (3K numbers).
        num_keypoints: K.
        what: the entry's name in a message.

    Raises:
        UserError: another number of joints than K.
    """
    values = np.asarray(entry.get('keypoints') or (), dtype=np.float64).ravel()
    if len(values) == 0:
        return np.zeros((num_keypoints, 3))
    if len(values) != 3 * num_keypoints:
        raise UserError(
            f'{what} of image {entry["image_id"]} has {len(values) / 3:g} joints, '
            f'but the metainfo has {num_keypoints}; they must be the same'
        )
    return values.reshape(num_keypoints, 3)


def all_triples(entries: Sequence[Mapping[str, Any]], num_keypoints: int, what: str) -> np.ndarray:
    """Return the key points (N, K, 3) of N entries, as `triples` has each, in one conversion where all have theirs."""
    rows = [entry.get('keypoints') or () for entry in entries]
    if {len(row) for row in rows} == {3 * num_keypoints}:
        return np.array(rows, dtype=np.float64).reshape(-1, num_keypoints, 3)
    each = [triples(entry, num_keypoints, what) for entry in entries]
    return np.array(each).reshape(-1, num_keypoints, 3)


def _extent(points: np.ndarray) -> list[float]:
    low, high = points[:, :2].min(axis=0), points[:, :2].max(axis=0)
    return [*low.tolist(), *(high - low).tolist()]


def check_images(results: Sequence[Mapping[str, Any]], known: Collection[str]) -> None:
    """Raise `UserError` if there are results for other images than the `known` ones, by `image_key`."""
    unknown = {image_key(result['image_id']) for result in results} - set(known)
    if unknown:
        raise UserError(
            f'{len(unknown)} of the predicted images are not in the annotations, '
            f'such as {sorted(unknown)[0]}; '
            'predictions and annotations must come from the same file'
        )
