"""What the joints of a data set are: names, flip pairs, limbs, OKS sigmas, upper body. Plain Python data."""

from collections.abc import Mapping
from typing import Any

from hrpose.datasets.metainfo.coco import COCO
from hrpose.datasets.metainfo.lsp import LSP
from hrpose.datasets.metainfo.mpii import MPII
from hrpose.errors import UserError, nearest

KNOWN: dict[str, dict[str, Any]] = {'coco': COCO, 'lsp': LSP, 'mpii': MPII}

FIELDS = ('dataset_name', 'keypoint_names', 'flip_indices', 'skeleton', 'sigmas', 'upper_body_ids')


def resolve(metainfo: str | Mapping[str, Any]) -> dict[str, Any]:
    """Return the complete, checked metainfo of a data set.

    Args:
        metainfo: a name in `KNOWN`, or a mapping with at least `keypoint_names`. What a mapping leaves out:
            `dataset_name` 'custom', `flip_indices` from left_/right_ in the names, `skeleton` no limbs,
            `sigmas` 0.05 for every joint (COCO's are between 0.025 and 0.107), `upper_body_ids` none.

    Returns:
        A new dict with all of `FIELDS`; sequences as tuples. K is the number of `keypoint_names`.

    Raises:
        UserError: unknown name, unknown or missing field, a length other than K, an index outside the joints,
            or flip pairs that do not undo themselves.
    """
    if isinstance(metainfo, str):
        if metainfo not in KNOWN:
            raise UserError(f"no metainfo called '{metainfo}'; {nearest(metainfo, KNOWN)}")
        return dict(KNOWN[metainfo])
    if not isinstance(metainfo, Mapping):
        raise UserError(f"metainfo is the name of a data set or a dict with 'keypoint_names', not {metainfo!r}")
    if unknown := sorted(set(metainfo) - set(FIELDS)):
        raise UserError(f"metainfo has no field '{unknown[0]}'; {nearest(unknown[0], FIELDS)}")
    if not metainfo.get('keypoint_names'):
        raise UserError("metainfo needs 'keypoint_names', one name a joint in the order of the annotation")
    names = tuple(metainfo['keypoint_names'])
    complete = {
        'dataset_name': metainfo.get('dataset_name', 'custom'),
        'keypoint_names': names,
        'flip_indices': tuple(metainfo.get('flip_indices') or infer_flip_indices(names)),
        'skeleton': tuple((int(a), int(b)) for a, b in metainfo.get('skeleton') or ()),
        'sigmas': tuple(metainfo.get('sigmas') or (0.05,) * len(names)),
        'upper_body_ids': tuple(metainfo.get('upper_body_ids') or ()),
    }
    _check(complete)
    return complete


def infer_flip_indices(names: tuple[str, ...]) -> tuple[int, ...]:
    """Return, for each joint, the index of its mirror image: 'left_x' and 'right_x' swap, 'l_x' and 'r_x' too.

    Upper and lower case count alike. A joint without a partner is its own mirror image.
    """
    place = {name.lower(): index for index, name in enumerate(names)}
    return tuple(place.get(_other_side(name.lower()), index) for index, name in enumerate(names))


def _other_side(name: str) -> str:
    for side, other in (('left', 'right'), ('right', 'left')):
        if side in name:
            return name.replace(side, other)
        if name.startswith(f'{side[0]}_'):
            return f'{other[0]}_{name[2:]}'
    return name


def _check(info: Mapping[str, Any]) -> None:
    where, count = f"metainfo '{info['dataset_name']}'", len(info['keypoint_names'])
    if len(set(info['keypoint_names'])) != count:
        raise UserError(f'{where}: a joint name stands twice in keypoint_names')
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
                'mirroring twice has to give the joint back'
            )
