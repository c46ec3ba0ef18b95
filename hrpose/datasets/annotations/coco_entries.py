"""One annotation or detection of a COCO file: its usable fields, or why it is left out.

Real files have numbers as text, ids of another type than the images', nulls, and NaN (which Python writes into JSON).
Everything with a clear meaning is read; the rest is left out with a reason. Boxes and points are in image px.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from hrpose.errors import UserError
from hrpose.structures import clip_box_to_last_pixel

Entry = Mapping[str, Any]

UNKNOWN_IMAGE = 'of an image that the annotation file does not list'
OTHER_CATEGORY = 'of another category'
NOT_FINITE = 'with NaN or infinity in its {}'


class LeftOut(Exception):
    """Raised for an entry that is not used, which is not an error; its text is the reason to count."""


def image_key(image_id: Any) -> str:
    """Return an image id as text; 785, 785.0, '785' and NumPy's 785 give the same."""
    text = str(image_id)
    return text.removesuffix('.0') if isinstance(image_id, float) else text


def image_of(entry: Entry, images: Mapping[str, Entry]) -> Entry:
    """Return the entry's image from `images`, a mapping by `image_key`, or raise `LeftOut`."""
    image = images.get(image_key(entry['image_id']))
    if image is None:
        raise LeftOut(UNKNOWN_IMAGE)
    return image


def category_of(entry: Entry) -> int:
    """Return the category id of an annotation or a result, 1 where it names none."""
    category = entry.get('category_id')
    return 1 if category is None else int(category)


def person_category(categories: Sequence[Entry], num_joints: int | None = None, path: str = '') -> int | None:
    """Return the id of the first category with keypoints, or with `num_joints` keypoints where that is given.

    Where no category names keypoints, as in the image lists of test-dev, the category called 'person' is taken. Where
    there is none of that name either, return None, which means any category.

    Raises:
        UserError: categories of the file `path` name keypoints, but none names `num_joints`.
    """
    with_joints = [category for category in categories if category.get('keypoints')]
    if not with_joints:
        return next((int(category['id']) for category in categories if category.get('name') == 'person'), None)
    counts = [len(category['keypoints']) for category in with_joints]
    if num_joints is None or num_joints in counts:
        return int(with_joints[0 if num_joints is None else counts.index(num_joints)]['id'])
    raise UserError(
        f'{path}: its category names {counts[0]} keypoints, but the metainfo has {num_joints} joints; '
        "set the config's metainfo to the joints of this file"
    )


def require_category(entry: Entry, category: int | None) -> None:
    """Raise `LeftOut` for an entry of another category. A category of None, there or here, fits all."""
    own = entry.get('category_id')
    if own is not None and category is not None and int(float(own)) != category:
        raise LeftOut(OTHER_CATEGORY)


def labelled_joints(annotation: Entry) -> tuple[np.ndarray, np.ndarray]:
    """Return the keypoints (K, 2) and their visibility (K,) in {0, 1, 2}, float64; NaN of unlabelled joints becomes 0.

    Raises:
        LeftOut: no labelled joint. As in the official release, the joints decide, not `num_keypoints`.
        ValueError: not three numbers a joint.
    """
    values = np.array(annotation.get('keypoints') or (), dtype=np.float64).ravel()
    is_labelled = values[2::3] > 0
    if not is_labelled.any():
        raise LeftOut('without a labelled keypoint')
    if len(values) % 3:
        raise ValueError(f'{len(values)} numbers are not x, y and visibility of keypoints')
    joints = values.reshape(-1, 3)
    if not np.isfinite(joints[is_labelled]).all():
        raise LeftOut(NOT_FINITE.format('keypoints'))
    if not np.isfinite(joints).all():
        joints[~is_labelled] = np.nan_to_num(joints[~is_labelled], posinf=0, neginf=0)
    return joints[:, :2], joints[:, 2]


def annotated_box(annotation: Entry, image: Entry) -> np.ndarray:
    """Return an annotation's box (4,) xyxy, clipped as published; raise `LeftOut` if it then has no area."""
    box_xywh = _box_xywh(annotation)
    # Without a stated size the box is not clipped.
    size = (float(image.get('width') or math.inf), float(image.get('height') or math.inf))
    box = clip_box_to_last_pixel(box_xywh, size)
    area = annotation.get('area')
    area = box_xywh[2] * box_xywh[3] if area is None else float(area)
    # The official test accepts a box of one pixel, but a region needs an extent.
    if not (area > 0 and box[2] >= box[0] and box[3] >= box[1] and (box[2] > box[0] or box[3] > box[1])):
        raise LeftOut('box without an area inside the image')
    return box


def detected_box(detection: Entry) -> np.ndarray:
    """Return a detection's box (4,) xyxy, not clipped, as published; raise `LeftOut` if it has no area."""
    x, y, width, height = _box_xywh(detection)
    if not (width > 0 and height > 0):
        raise LeftOut('box without an area')
    return np.array([x, y, x + width, y + height])


def detected_score(detection: Entry, threshold: float) -> float:
    """Return a detection's score, or raise `LeftOut` if it is below the threshold."""
    score = float(detection['score'])
    if not math.isfinite(score):
        raise LeftOut(NOT_FINITE.format('score'))
    if score < threshold:
        raise LeftOut('detection below the score threshold')
    return score


def _box_xywh(entry: Entry) -> np.ndarray:
    box = entry.get('bbox')
    if box is None or len(box) == 0:
        raise LeftOut('without a box')
    values = np.asarray(box, dtype=np.float64)
    if values.shape != (4,):
        raise ValueError(f'bbox {box} is not x, y, width and height')
    with np.errstate(over='ignore'):
        far_corner = values[:2] + values[2:]
    if not (np.isfinite(values).all() and np.isfinite(far_corner).all()):
        raise LeftOut(NOT_FINITE.format('box'))
    return values
