"""What the joints of a data set are: names, mirror pairs, limbs, OKS sigmas, upper body. Plain Python data."""

import logging
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from hrpose.datasets.annotations import read_coco_json
from hrpose.datasets.metainfo.known import KNOWN
from hrpose.datasets.metainfo.names import (
    describe_flip_pairs,
    infer_flip_indices,
    joint_sides,
    unpaired_joints,
    words_of,
)
from hrpose.errors import UserError, nearest

FROM_ANNOTATIONS = 'from annotations'  # instead of a name: the joints of the annotation file's category
DEFAULT_SIGMA = 0.05
FIELDS = ('dataset_name', 'keypoint_names', 'flip_indices', 'skeleton', 'sigmas', 'upper_body_ids')

__all__ = [
    'DEFAULT_SIGMA',
    'FIELDS',
    'FROM_ANNOTATIONS',
    'KNOWN',
    'describe_flip_pairs',
    'infer_flip_indices',
    'joint_sides',
    'reads_annotations',
    'resolve',
    'resolve_from_files',
    'sigma_source',
    'unpaired_joints',
    'words_of',
]


def resolve(metainfo: str | Mapping[str, Any] | None, ann_file: str | None = None) -> dict[str, Any]:
    """Return the complete, checked metainfo of a data set.

    Args:
        metainfo: a name in `KNOWN`, or a mapping with `keypoint_names`. Of the fields that a mapping leaves out,
            `dataset_name` is 'custom'; `flip_indices` follow from left and right in the names (`infer_flip_indices`);
            `skeleton` is empty; `sigmas` and `upper_body_ids` are those of the known data set with the same names, or
            else 0.05 for every joint (COCO's are between 0.025 and 0.107) and empty. None, 'from annotations' and a
            mapping without `keypoint_names` take names and skeleton from the category of `ann_file`.
        ann_file: COCO keypoint JSON.

    Returns:
        A new dict with all of `FIELDS`; sequences as tuples. K is the number of `keypoint_names`.

    Raises:
        UserError: an unknown name, an unknown or missing field, a length other than K, an index outside the joints,
            flip pairs that do not undo themselves, or a category that does not name the joints.
    """
    if isinstance(metainfo, str) and metainfo != FROM_ANNOTATIONS:
        if metainfo not in KNOWN:
            raise UserError(f"metainfo: there is no '{metainfo}'; {nearest(metainfo, [*KNOWN, FROM_ANNOTATIONS])}")
        return dict(KNOWN[metainfo])
    if not isinstance(metainfo, Mapping | str | None):
        raise UserError(f"metainfo: {metainfo!r} is neither the name of a data set nor a dict with 'keypoint_names'")
    given = metainfo if isinstance(metainfo, Mapping) else {}
    if unknown := sorted(set(given) - set(FIELDS)):
        raise UserError(f"metainfo: there is no field '{unknown[0]}'; {nearest(unknown[0], FIELDS)}")
    if reads_annotations(metainfo):
        if ann_file is None:
            raise UserError("metainfo: 'keypoint_names' is missing; give one name a joint, in the annotation's order")
        given = {**category_metainfo(read_categories(ann_file), ann_file), **given}
    complete = _completed(given)
    _check(complete)
    return complete


def _completed(given: Mapping[str, Any]) -> dict[str, Any]:
    names = tuple(given['keypoint_names'])
    known = next((info for info in KNOWN.values() if info['keypoint_names'] == names), {})
    return {
        'dataset_name': given.get('dataset_name', 'custom'),
        'keypoint_names': names,
        'flip_indices': tuple(given.get('flip_indices') or infer_flip_indices(names)),
        'skeleton': tuple((int(a), int(b)) for a, b in given.get('skeleton') or ()),
        'sigmas': tuple(given.get('sigmas') or known.get('sigmas') or (DEFAULT_SIGMA,) * len(names)),
        'upper_body_ids': tuple(given.get('upper_body_ids') or known.get('upper_body_ids') or ()),
    }


def reads_annotations(metainfo: Any) -> bool:
    """Say whether the joints' names of `metainfo`, as written in a config, come from the annotation file."""
    if isinstance(metainfo, Mapping):
        return not metainfo.get('keypoint_names')
    return metainfo is None or metainfo == FROM_ANNOTATIONS


def resolve_from_files(metainfo: str | Mapping[str, Any] | None, paths: Sequence[str]) -> dict[str, Any]:
    """Return the complete metainfo where `reads_annotations(metainfo)`, from the first of `paths` that exists.

    Raises:
        UserError: none of the files exists, two of them name different joints, or as `resolve`.
    """
    there = [path for path in paths if Path(path).is_file()]
    if not there:
        raise UserError(
            f"metainfo '{FROM_ANNOTATIONS}': there is no {' and no '.join(paths) or 'data set'}; set the folder by "
            '--cfg-options data_root=/path/to/it, or use the config in the work dir of a training, which holds the '
            'joints and needs no file'
        )
    complete = resolve(metainfo, there[0])
    for other in there[1:]:
        require_same_joints(complete, there[0], other)
    return complete


def sigma_source(metainfo: Mapping[str, Any]) -> str:
    """Return in words where the OKS sigmas of a complete metainfo come from."""
    names, sigmas = metainfo['keypoint_names'], tuple(metainfo['sigmas'])
    for known, info in KNOWN.items():
        if (info['keypoint_names'], info['sigmas']) == (tuple(names), sigmas):
            return "COCO's" if known == 'coco' else f"those of metainfo '{known}'"
    return f'the default {DEFAULT_SIGMA} for every joint' if set(sigmas) == {DEFAULT_SIGMA} else 'given by the config'


def _check(info: Mapping[str, Any]) -> None:
    where, count = f"metainfo '{info['dataset_name']}'", len(info['keypoint_names'])
    if len(set(info['keypoint_names'])) != count:
        raise UserError(f'{where}: keypoint_names has a name twice; give each joint a name of its own')
    for field in ('flip_indices', 'sigmas'):
        if len(info[field]) != count:
            raise UserError(f'{where}: {field} has {len(info[field])} entries for {count} keypoint_names')
    flip = info['flip_indices']
    ends = [joint for limb in info['skeleton'] for joint in limb]
    for field, joints in (('flip_indices', flip), ('upper_body_ids', info['upper_body_ids']), ('skeleton', ends)):
        if outside := [joint for joint in joints if not 0 <= joint < count]:
            raise UserError(f'{where}: {field} names joint {outside[0]}, which is outside 0 to {count - 1}')
    for joint, mirror in enumerate(flip):
        if flip[mirror] != joint:
            raise UserError(
                f'{where}: flip_indices sends joint {joint} to {mirror}, but {mirror} to {flip[mirror]}; '
                'flipping twice has to give the joint back'
            )


def category_metainfo(categories: Iterable[Mapping[str, Any]], path: str) -> dict[str, Any]:
    """Return `dataset_name`, `keypoint_names` and `skeleton` of the category with keypoints.

    Args:
        categories: of a COCO file. Its skeleton counts keypoints from 1, the returned one from 0. Limbs to keypoints
            that do not exist are left out, with a warning.
        path: of the file, whose stem becomes `dataset_name`.

    Raises:
        UserError: none of the categories has keypoints, or several have.
    """
    named = [category for category in categories if category.get('keypoints')]
    advice = 'metainfo = dict(keypoint_names=[…])'
    if not named:
        raise UserError(f"{path}: no category names its 'keypoints'; name them there, or in the config: {advice}")
    if len(named) > 1:
        which = ' and '.join(repr(category.get('name', category.get('id'))) for category in named)
        raise UserError(f'{path}: {len(named)} categories have keypoints, {which}; name those to use: {advice}')
    names = named[0]['keypoints']
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise UserError(f"{path}: 'keypoints' of the category is not a list of names: {names!r:.80}")
    limbs = _limbs(named[0].get('skeleton') or [], names, path)
    return {'dataset_name': Path(path).stem, 'keypoint_names': tuple(names), 'skeleton': limbs}


def require_same_joints(metainfo: Mapping[str, Any], source: str, path: str) -> None:
    """Raise `UserError` if the category of file `path` names other joints than `metainfo`, which is from `source`.

    A file without joint names, as one of test images, agrees with all.
    """
    expected, advice = metainfo['keypoint_names'], 'name the keypoints to use in the config: metainfo'
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

    def is_limb(limb: Any) -> bool:
        is_pair = isinstance(limb, list) and len(limb) == 2
        return is_pair and all(isinstance(end, int) and 1 <= end <= len(names) for end in limb)

    if wrong := [limb for limb in skeleton if not is_limb(limb)]:
        from mmengine.logging import print_log  # the runtime without PyTorch has no annotations

        print_log(
            f"{path}: {len(wrong)} of {len(skeleton)} limbs of the category's skeleton are not drawn, for instance "
            f'{wrong[0]}: a limb is a pair of joints from 1 to {len(names)}',
            'current',
            logging.WARNING,
        )
    return tuple((a - 1, b - 1) for a, b in filter(is_limb, skeleton))
