"""What the joints of a data set are: names, flip pairs, limbs, OKS sigmas, upper body. Plain Python data."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from hrpose.datasets.metainfo.category import category_metainfo, read_categories, require_same_joints
from hrpose.datasets.metainfo.coco import COCO
from hrpose.datasets.metainfo.crowdpose import CROWDPOSE
from hrpose.datasets.metainfo.lsp import LSP
from hrpose.datasets.metainfo.mpii import MPII
from hrpose.datasets.metainfo.names import describe_flip_pairs, infer_flip_indices, words_of
from hrpose.datasets.metainfo.posetrack18 import POSETRACK18
from hrpose.errors import UserError, nearest

KNOWN: dict[str, dict[str, Any]] = {
    'coco': COCO,
    'crowdpose': CROWDPOSE,
    'lsp': LSP,
    'mpii': MPII,
    'posetrack18': POSETRACK18,
}

# Instead of a name: the joints are read from the category of the annotation file.
FROM_ANNOTATIONS = 'from annotations'

DEFAULT_SIGMA = 0.05

FIELDS = ('dataset_name', 'keypoint_names', 'flip_indices', 'skeleton', 'sigmas', 'upper_body_ids')

__all__ = [
    'DEFAULT_SIGMA',
    'FIELDS',
    'FROM_ANNOTATIONS',
    'KNOWN',
    'category_metainfo',
    'describe_flip_pairs',
    'infer_flip_indices',
    'reads_annotations',
    'resolve',
    'resolve_from_files',
    'sigma_source',
    'words_of',
]


def resolve(metainfo: str | Mapping[str, Any] | None, ann_file: str | None = None) -> dict[str, Any]:
    """Return the complete, checked metainfo of a data set.

    Args:
        metainfo: a name in `KNOWN`, or a mapping with `keypoint_names`. What a mapping leaves out: `dataset_name`
            'custom', `flip_indices` from left and right in the names (see `infer_flip_indices`), `skeleton` no limbs,
            `sigmas` and `upper_body_ids` those of the known data set with just these names, or else 0.05 for every
            joint (COCO's are between 0.025 and 0.107) and none. A mapping without `keypoint_names`, None and
            'from annotations' take the names, and what else it says, from the category of `ann_file`.
        ann_file: COCO key point JSON.

    Returns:
        A new dict with all of `FIELDS`; sequences as tuples. K is the number of `keypoint_names`.

    Raises:
        UserError: unknown name, unknown or missing field, a length other than K, an index outside the joints,
            flip pairs that do not undo themselves, or a category that does not say the joints.
    """
    if isinstance(metainfo, str) and metainfo != FROM_ANNOTATIONS:
        if metainfo not in KNOWN:
            choices = [*KNOWN, FROM_ANNOTATIONS]
            raise UserError(f"no metainfo called '{metainfo}'; {nearest(metainfo, choices)}")
        return dict(KNOWN[metainfo])
    if not isinstance(metainfo, Mapping | str | None):
        raise UserError(f"metainfo is the name of a data set or a dict with 'keypoint_names', not {metainfo!r}")
    given = metainfo if isinstance(metainfo, Mapping) else {}
    if unknown := sorted(set(given) - set(FIELDS)):
        raise UserError(f"metainfo has no field '{unknown[0]}'; {nearest(unknown[0], FIELDS)}")
    if reads_annotations(metainfo):
        if ann_file is None:
            raise UserError("metainfo needs 'keypoint_names', one name a joint in the order of the annotation")
        given = {**category_metainfo(read_categories(ann_file), ann_file), **given}
    complete = _completed(given)
    _check(complete)
    return complete


def _completed(given: Mapping[str, Any]) -> dict[str, Any]:
    names = tuple(given['keypoint_names'])
    known = _like_known(names)
    return {
        'dataset_name': given.get('dataset_name', 'custom'),
        'keypoint_names': names,
        'flip_indices': tuple(given.get('flip_indices') or infer_flip_indices(names)),
        'skeleton': tuple((int(a), int(b)) for a, b in given.get('skeleton') or ()),
        'sigmas': tuple(given.get('sigmas') or known.get('sigmas') or (DEFAULT_SIGMA,) * len(names)),
        'upper_body_ids': tuple(given.get('upper_body_ids') or known.get('upper_body_ids') or ()),
    }


def reads_annotations(metainfo: Any) -> bool:
    """Say whether a metainfo, as it is written, leaves the joints' names to the annotation file."""
    if isinstance(metainfo, Mapping):
        return not metainfo.get('keypoint_names')
    return metainfo is None or metainfo == FROM_ANNOTATIONS


def resolve_from_files(metainfo: str | Mapping[str, Any] | None, paths: Sequence[str]) -> dict[str, Any]:
    """Return the complete metainfo of a metainfo that `reads_annotations`.

    It is read from the first of `paths` that exists; the others that exist have to name the same joints.

    Raises:
        UserError: none of the files exists, they disagree, or as `resolve`.
    """
    there = [path for path in paths if Path(path).is_file()]
    if not there:
        raise UserError(
            f"metainfo '{FROM_ANNOTATIONS}' needs a file, but there is no {' and no '.join(paths) or 'data set'}; "
            'another place: --cfg-options data_root=/path/to/it. The config that a training saves in its work dir '
            'holds the joints, and needs no file'
        )
    complete = resolve(metainfo, there[0])
    for other in there[1:]:
        require_same_joints(complete, there[0], other)
    return complete


def sigma_source(metainfo: Mapping[str, Any]) -> str:
    """Return in words where a complete metainfo has its OKS sigmas from."""
    names, sigmas = metainfo['keypoint_names'], tuple(metainfo['sigmas'])
    for known, info in KNOWN.items():
        if (info['keypoint_names'], info['sigmas']) == (tuple(names), sigmas):
            return "COCO's" if known == 'coco' else f"those of metainfo '{known}'"
    return f'the default {DEFAULT_SIGMA} for every joint' if set(sigmas) == {DEFAULT_SIGMA} else 'given by the config'


def _like_known(names: tuple[str, ...]) -> Mapping[str, Any]:
    """Return the known metainfo of just these names in this order, an empty one if there is none."""
    return next((info for info in KNOWN.values() if info['keypoint_names'] == names), {})


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
