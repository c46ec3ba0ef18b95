"""The joints that a COCO key point file names in its category."""

import logging
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from mmengine.logging import print_log

from hrpose.datasets.annotations.files import read_coco_json
from hrpose.errors import UserError


def category_metainfo(categories: Iterable[Mapping[str, Any]], path: str) -> dict[str, Any]:
    """Return `dataset_name`, `keypoint_names` and `skeleton` of the category with key points.

    The name is that of the file at `path` without its ending. COCO counts a skeleton's joints from 1, here they count
    from 0; limbs that lead to no joint are left out, and said.

    Raises:
        UserError: none of the categories, or more than one, has key points; names the file.
    """
    named = [category for category in categories if category.get('keypoints')]
    if not named:
        raise UserError(
            f"{path}: no category has 'keypoints', the names of the joints; write them there, or in the config: "
            'metainfo = dict(keypoint_names=[…])'
        )
    if len(named) > 1:
        which = ' and '.join(repr(category.get('name', category.get('id'))) for category in named)
        raise UserError(
            f'{path}: {len(named)} categories have key points, {which}, and a data set has one; say which joints are '
            'meant: metainfo = dict(keypoint_names=[…])'
        )
    names = named[0]['keypoints']
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise UserError(f"{path}: 'keypoints' of the category is not a list of joint names: {names!r:.80}")
    limbs = _limbs(named[0].get('skeleton') or [], names, path)
    return {'dataset_name': Path(path).stem, 'keypoint_names': tuple(names), 'skeleton': limbs}


def require_same_joints(metainfo: Mapping[str, Any], source: str, path: str) -> None:
    """Raise `UserError` if a file's category names other joints than a metainfo read from `source`.

    A file that names none (of images to test on, for instance) agrees with all.
    """
    for category in read_categories(path):
        if not category.get('keypoints'):
            continue
        expected, found = metainfo['keypoint_names'], tuple(category['keypoints'])
        if expected == found:
            continue
        ask = 'metainfo is read from the annotations, so they have to agree'
        if len(expected) != len(found):
            raise UserError(f'{source} names {len(expected)} key points, but {path} {len(found)}; {ask}')
        at, first, second = next(
            (at, *pair) for at, pair in enumerate(zip(expected, found, strict=True)) if pair[0] != pair[1]
        )
        raise UserError(f"key point {at + 1} is '{first}' in {source}, but '{second}' in {path}; {ask}")


def read_categories(path: str) -> tuple[dict[str, Any], ...]:
    """Return the categories of a COCO file, which is read once as long as it does not change.

    Raises:
        UserError: no such file, or not COCO's layout.
    """
    try:
        state = Path(path).stat()
    except OSError as error:
        raise UserError(f'{path} cannot be read: {error.strerror}') from error
    return _read(path, state.st_mtime_ns, state.st_size)


@lru_cache(maxsize=16)
def _read(path: str, changed: int, size: int) -> tuple[dict[str, Any], ...]:
    """Return what `read_categories` does; time of change and size make a changed file another one."""
    categories = read_coco_json(path).get('categories') or []
    if not isinstance(categories, list) or not all(isinstance(category, dict) for category in categories):
        raise UserError(f"{path}: 'categories' has to be a list of mappings, as COCO has it")
    return tuple(categories)


def _limbs(skeleton: Sequence[Any], names: Sequence[str], path: str) -> tuple[tuple[int, int], ...]:
    """Return a category's skeleton, counted from 0, without limbs that are no pair of joints."""
    fits = [_is_limb(limb, len(names)) for limb in skeleton]
    wrong = [limb for limb, fit in zip(skeleton, fits, strict=True) if not fit]
    if wrong:
        print_log(
            f"{path}: {len(wrong)} of {len(skeleton)} limbs of the category's skeleton are left out of drawings, such "
            f'as {wrong[0]}: joints count from 1 to {len(names)} there',
            'current',
            logging.WARNING,
        )
    return tuple((limb[0] - 1, limb[1] - 1) for limb, fit in zip(skeleton, fits, strict=True) if fit)


def _is_limb(limb: Any, count: int) -> bool:
    is_pair = isinstance(limb, list) and len(limb) == 2
    return is_pair and all(isinstance(end, int) and 1 <= end <= count for end in limb)
