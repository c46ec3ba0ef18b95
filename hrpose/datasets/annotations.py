"""Annotation files: read from JSON and MATLAB's format, and what of one annotation or detection of COCO's can be used.

Real COCO files have numbers as text, ids of another type than the images', nulls, and NaN (which Python writes into
JSON). Everything with a clear meaning is read; other entries are left out with a reason. Boxes and keypoints are in
image px.
"""

import faulthandler
import json
import math
import os
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np

from hrpose.errors import UserError
from hrpose.structures import MAX_COORDINATE, clip_box_to_last_pixel

Entry = Mapping[str, Any]

NOT_FINITE = 'with NaN or infinity in its {}'
TOO_FAR = f'with a coordinate beyond {MAX_COORDINATE:.0f} px in its {{}}'

NORMALISED = 'box between 0 and 1, which looks normalised: multiply it and the keypoints by the size of the image'


# The joints of COCO-WholeBody's annotations and results, in the order of its metainfo.
WHOLE_BODY_PARTS = ('keypoints', 'foot_kpts', 'face_kpts', 'lefthand_kpts', 'righthand_kpts')


class LeftOut(Exception):
    """Raised for an entry that is not used, which is not an error; its text is the reason to count."""


def read_json(path: str) -> Any:
    """Return the content of a JSON file.

    Raises:
        UserError: the file cannot be read or is not JSON; the message names file and position.
    """
    try:
        return json.loads(Path(path).read_bytes())
    # Not JSON, not UTF-8, or a number with more digits than Python converts.
    except ValueError as error:
        raise UserError(f'{path}: not valid JSON: {error}') from error
    except RecursionError as error:
        raise UserError(f'{path}: nested too deeply') from error
    except OSError as error:
        raise UserError(f'{path}: cannot be read: {error.strerror}') from error


def read_coco_json(path: str) -> dict[str, Any]:
    """Return the content of a COCO file, checked to be a mapping that lists images.

    The files of a folder are joined, with the categories of the first one.

    Raises:
        UserError: not JSON, or not in COCO's layout.
    """
    if Path(path).is_dir():
        contents = [read_coco_json(str(file)) for file in sorted(Path(path).glob('*.json'))]
        if not contents:
            raise UserError(f'{path}: this folder has no .json file')
        parts = ('images', 'annotations')
        joined = {part: [entry for content in contents for entry in content.get(part) or []] for part in parts}
        return {'categories': contents[0].get('categories') or [], **joined}
    content = read_json(path)
    if not isinstance(content, dict) or not isinstance(content.get('images'), list):
        raise UserError(f"{path}: not a COCO keypoint file, which has lists 'images', 'annotations' and 'categories'")
    return content


def read_matlab(path: str | os.PathLike[str], **options: Any) -> dict[str, Any]:
    """Return the variables of a MATLAB file as `scipy.io.loadmat(path, **options)` does.

    SciPy's reader crashes the interpreter on about one in fifty damaged files, so it runs in a process of its own.

    Raises:
        UserError: there is no such file, or it cannot be read; the message names it.
    """
    if not os.path.isfile(path):
        raise UserError(f'{path}: there is no such MATLAB file')
    from scipy.io import loadmat  # before the fork: another thread could hold the lock on imports there

    fork = get_context('fork')
    receiver, sender = fork.Pipe(duplex=False)
    process = fork.Process(target=_send, args=(sender, partial(loadmat, path, **options)))
    process.start()
    sender.close()
    try:
        content = receiver.recv()
    except EOFError:
        content = "SciPy's reader crashed on it"
    process.join()
    if isinstance(content, str):
        raise UserError(f'{path}: cannot be read as a MATLAB file: {content}')
    return content


def _send(sender: Connection, read: Callable[[], dict[str, Any]]) -> None:
    """Send what `read` returns, or the error that it raises as text."""
    faulthandler.disable()  # the parent reports a crash in one sentence; an inherited handler would print the stack too
    try:
        sender.send(read())
    except Exception as error:  # a damaged file can make the reader raise anything
        sender.send(f'{type(error).__name__}: {error}')


def image_key(image_id: Any) -> str:
    """Return an image id as text; 785, 785.0, '785' and NumPy's 785 give the same."""
    text = str(image_id)
    return text.removesuffix('.0') if isinstance(image_id, float) else text


def file_name_of(image: Entry, path: str, key: str = 'file_name') -> str:
    """Return the file that an image of the annotation file `path` names; raise `UserError` for what names no file."""
    name = image[key]
    if not (isinstance(name, str) and name and name.isprintable()):
        raise UserError(f"{path}: '{key}' {name!a:.80} of image {image.get('id')!a:.40} is no printable text")
    if '://' in name:
        raise UserError(
            f"{path}: '{key}' {name:.80} is an address; fetch the images, and name the files, relative to data_prefix"
        )
    return name


def image_of(entry: Entry, images: Mapping[str, Entry]) -> Entry:
    """Return the entry's image from `images`, a mapping by `image_key`, or raise `LeftOut`."""
    image = images.get(image_key(entry['image_id']))
    if image is None:
        raise LeftOut('of an image that the annotation file does not list')
    return image


def category_of(entry: Entry) -> int:
    """Return the category id of an annotation or a result, 1 where it names none."""
    category = entry.get('category_id')
    return 1 if category is None else int(category)


def person_category(categories: Sequence[Entry], num_joints: int | None = None, path: str = '') -> int | None:
    """Return the id of the first category with keypoints, or with `num_joints` keypoints where that is given.

    If no category names keypoints, as in the image lists of test-dev, take the category called 'person'. If there is
    none of that name either, return None, which means any category.

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
        f'{path}: its category names {counts[0]} keypoints, but the metainfo has {num_joints}; '
        "set the config's metainfo to the keypoints of this file"
    )


def require_category(entry: Entry, category: int | None) -> None:
    """Raise `LeftOut` for an entry of another category. A category of None, there or here, fits all."""
    own = entry.get('category_id')
    if own is not None and category is not None and int(float(own)) != category:
        raise LeftOut('of another category')


def with_all_parts(entry: Entry) -> dict[str, Any]:
    """Return an entry of COCO-WholeBody with the joints of all its parts in `keypoints`.

    Visibility alone says what is labelled, as in the published code. The flags `face_valid` and so on are not read.
    """
    return {**entry, 'keypoints': [number for part in WHOLE_BODY_PARTS for number in entry.get(part) or ()]}


def labelled_joints(annotation: Entry) -> tuple[np.ndarray, np.ndarray]:
    """Return the keypoints (K, 2) and their visibility (K,) in {0, 1, 2}, float64; NaN of unlabelled ones becomes 0.

    Raises:
        LeftOut: no labelled keypoint. As in the official release, the keypoints decide, not `num_keypoints`.
        ValueError: not three numbers a keypoint.
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
    is_far = (~(np.abs(joints) <= MAX_COORDINATE)).any(axis=1)
    if (is_far & is_labelled).any():
        raise LeftOut(TOO_FAR.format('keypoints'))
    joints[is_far] = 0
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
        raise LeftOut(NORMALISED if 0 < box_xywh.max() <= 1 else 'box without an area inside the image')
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
    if not np.isfinite(values).all():
        raise LeftOut(NOT_FINITE.format('box'))
    if np.abs(values).max() > MAX_COORDINATE or np.abs(values[:2] + values[2:]).max() > MAX_COORDINATE:
        raise LeftOut(TOO_FAR.format('box'))
    return values
