"""Faults of the metainfo: most of them before `hrpose.datasets.metainfo.resolve` refuses it.

K joints.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from hrpose.analysis.doctor.finding import Finding, some_of
from hrpose.analysis.doctor.people import People
from hrpose.datasets.metainfo import infer_flip_indices
from hrpose.visualization.palette import CENTRE, joint_sides

Metainfo = Mapping[str, Any]

PLACE = 'metainfo of the config'


def check_metainfo(metainfo: Any) -> list[Finding]:
    """Return the faults of a config's metainfo; none of one that is a name, which is known to be right."""
    if not isinstance(metainfo, Mapping) or not metainfo.get('keypoint_names'):
        return []
    return [*flip_pairs(metainfo), *flip_names(metainfo), *sigma_count(metainfo)]


def usable_metainfo(metainfo: Any, findings: Sequence[Finding]) -> Any:
    """Return the metainfo without the fields that have errors, so that the rest of a data set can be examined."""
    wrong = {'flip_indices' if finding.fault == 'flip_pairs' else 'sigmas' for finding in _errors(findings)}
    return {key: value for key, value in metainfo.items() if key not in wrong} if wrong else metainfo


def flip_pairs(metainfo: Metainfo) -> list[Finding]:
    """Flip pairs that do not undo themselves, or that are not one a joint."""
    flip, names = metainfo.get('flip_indices'), metainfo['keypoint_names']
    if not flip:
        return []
    advice = (
        'give each joint the index of its mirror image, or leave flip_indices out and name joints left_… and right_…'
    )
    if len(flip) != len(names) or any(index not in range(len(names)) for index in flip):
        explanation = f'flip_indices {list(flip)} is not one index from 0 to {len(names) - 1} for each of the joints'
        return [Finding('flip_pairs', 'error', PLACE, explanation, advice)]
    wrong = [joint for joint, mirror in enumerate(flip) if flip[mirror] != joint]
    if not wrong:
        return []
    chains = [f'{names[joint]} -> {names[flip[joint]]} -> {names[flip[flip[joint]]]}' for joint in wrong]
    explanation = (
        f'mirroring twice has to give a joint back, but: {some_of(chains)}; every flipped sample would be wrong'
    )
    return [Finding('flip_pairs', 'error', PLACE, explanation, advice)]


def flip_names(metainfo: Metainfo) -> list[Finding]:
    """Flip pairs that contradict the joints' names: left_knee and right_hip, or left_knee and itself."""
    flip, names = metainfo.get('flip_indices'), tuple(metainfo['keypoint_names'])
    if not flip or flip_pairs(metainfo):
        return []
    by_name = infer_flip_indices(names)
    odd = [
        f'{names[joint]} with {names[flip[joint]]}'
        for joint, mirror in enumerate(by_name)
        if mirror != joint and flip[joint] != mirror
    ]
    if not odd:
        return []
    explanation = f'flip_indices pairs {some_of(odd)}, although the names say otherwise'
    return [
        Finding('flip_names', 'warning', PLACE, explanation, 'leave flip_indices out: the pairs follow from the names')
    ]


def unpaired_sides(people: People) -> list[Finding]:
    """Joints that are of one side by their name, but are their own mirror image."""
    flip = people.metainfo['flip_indices']
    sides = joint_sides({'keypoint_names': people.names})
    lonely = [people.names[k] for k, side in enumerate(sides) if side != CENTRE and flip[k] == k]
    if not lonely:
        return []
    explanation = (
        f'{some_of(lonely)}: of one side by name, but without a mirror image, so flipping teaches wrong joints'
    )
    advice = 'call pairs left_… and right_…, or give flip_indices in the metainfo'
    return [Finding('unpaired_sides', 'warning', f'joints of {people.file}', explanation, advice)]


def sigma_count(metainfo: Metainfo) -> list[Finding]:
    """Sigmas that are not one positive number a joint."""
    sigmas, names = metainfo.get('sigmas'), metainfo['keypoint_names']
    if not sigmas:
        return []
    if len(sigmas) == len(names) and all(isinstance(value, int | float) and value > 0 for value in sigmas):
        return []
    explanation = f'sigmas has {len(sigmas)} entries for {len(names)} joints; OKS needs one number above 0 for each'
    return [Finding('sigma_count', 'error', PLACE, explanation, 'give one a joint, or leave sigmas out: 0.05 for all')]


def _errors(findings: Sequence[Finding]) -> list[Finding]:
    return [finding for finding in findings if finding.severity == 'error']
