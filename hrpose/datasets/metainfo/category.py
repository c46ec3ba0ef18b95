"""The joints that the category of a COCO keypoint file names."""

import logging
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from mmengine.logging import print_log

from hrpose.datasets.annotations.files import read_coco_json
from hrpose.errors import UserError


def category_metainfo(categories: Iterable[Mapping[str, Any]], path: str) -> dict[str, Any]:
    """Return `dataset_name`, `keypoint_names` and `skeleton` of the category with keypoints.

    Args:
        categories: of a COCO file. A skeleton counts joints from 1 there, from 0 in what is returned; limbs to joints
            that do not exist are left out, with a warning.
        path: of the file, whose stem becomes `dataset_name`.

    Raises:
        UserError: none of the categories has keypoints, or several have.
    """
    named = [category for category in categories if category.get('keypoints')]
    advice = 'metainfo = dict(keypoint_names=[…])'
    if not named:
        raise UserError(f"{path}: no category names its 'keypoints'; name the joints there, or in the config: {advice}")
    if len(named) > 1:
        which = ' and '.join(repr(category.get('name', category.get('id'))) for category in named)
        raise UserError(f'{path}: {len(named)} categories have keypoints, {which}; name the joints to use: {advice}')
    names = named[0]['keypoints']
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise UserError(f"{path}: 'keypoints' of the category is not a list of joint names: {names!r:.80}")
    limbs = _limbs(named[0].get('skeleton') or [], names, path)
    return {'dataset_name': Path(path).stem, 'keypoint_names': tuple(names), 'skeleton': limbs}


def require_same_joints(metainfo: Mapping[str, Any], source: str, path: str) -> None:
    """Raise `UserError` if the category of file `path` names other joints than `metainfo`, which is from `source`.

    A file without joint names, as one of test images, agrees with all.
    """
    expected, advice = metainfo['keypoint_names'], 'name the joints to use in the config: metainfo'
    for category in read_categories(path):
        found = tuple(category.get('keypoints') or expected)
        if len(expected) != len(found):
            raise UserError(f'{path}: {len(found)} keypoints, but {source} has {len(expected)}; {advice}')
        for at, (first, second) in enumerate(zip(expected, found, strict=True), start=1):
            if first != second:
                raise UserError(f"{path}: keypoint {at} is '{second}', but '{first}' in {source}; {advice}")


def read_categories(path: str) -> tuple[dict[str, Any], ...]:
    """Return the categories of a COCO file; the file is read again only if it has changed.

    Raises:
        UserError: the file is missing or not in COCO's layout.
    """
    try:
        state = Path(path).stat()
    except OSError as error:
        raise UserError(f'{path}: cannot be read: {error.strerror}') from error
    return _read(path, state.st_mtime_ns, state.st_size)


@lru_cache(maxsize=16)
def _read(path: str, changed: int, size: int) -> tuple[dict[str, Any], ...]:
    categories = read_coco_json(path).get('categories') or []
    if not isinstance(categories, list) or not all(isinstance(category, dict) for category in categories):
        raise UserError(f"{path}: 'categories' is not a list of mappings, as in COCO's files")
    return tuple(categories)


def _limbs(skeleton: Sequence[Any], names: Sequence[str], path: str) -> tuple[tuple[int, int], ...]:
    """Return the limbs of a skeleton that are pairs of joints, counted from 0; warn of the others."""
    limbs = [limb for limb in skeleton if _is_limb(limb, len(names))]
    if wrong := [limb for limb in skeleton if not _is_limb(limb, len(names))]:
        print_log(
            f"{path}: {len(wrong)} of {len(skeleton)} limbs of the category's skeleton are not drawn, for instance "
            f'{wrong[0]}: a limb is a pair of joints from 1 to {len(names)}',
            'current',
            logging.WARNING,
        )
    return tuple((a - 1, b - 1) for a, b in limbs)


def _is_limb(limb: Any, count: int) -> bool:
    is_pair = isinstance(limb, list) and len(limb) == 2
    return is_pair and all(isinstance(end, int) and 1 <= end <= count for end in limb)
