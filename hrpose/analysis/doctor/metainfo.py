"""Checks of the metainfo that a config writes out, before `hrpose.datasets.metainfo.resolve` refuses it. K joints."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from hrpose.analysis.doctor.finding import Finding, some_of
from hrpose.datasets.metainfo import infer_flip_indices

PLACE = 'metainfo of the config'


def check_metainfo(metainfo: Any) -> list[Finding]:
    """Return the faults of a config's metainfo; a name, which stands for a known metainfo, has none."""
    if not isinstance(metainfo, Mapping) or not metainfo.get('keypoint_names'):
        return []
    return [*flip_indices(metainfo), *sigma_count(metainfo)]


def usable_metainfo(metainfo: Any, findings: Sequence[Finding]) -> Any:
    """Return the metainfo without the fields that have errors, so that the rest of a data set can be examined."""
    errors = [finding for finding in findings if finding.severity == 'error']
    wrong = {'flip_indices' if finding.fault == 'flip_pairs' else 'sigmas' for finding in errors}
    return {key: value for key, value in metainfo.items() if key not in wrong} if wrong else metainfo


def flip_indices(metainfo: Mapping[str, Any]) -> Iterator[Finding]:
    """Find flip pairs that do not undo themselves, that are not one a joint, or that contradict the joints' names."""
    flip, names = metainfo.get('flip_indices'), tuple(metainfo['keypoint_names'])
    if not flip:
        return
    advice = 'give each joint the index of its mirrored joint; or leave it out and name joints left_… and right_…'
    if len(flip) != len(names) or any(index not in range(len(names)) for index in flip):
        explanation = f'flip_indices {list(flip)} is not one index from 0 to {len(names) - 1} for each joint'
        yield Finding('flip_pairs', 'error', PLACE, explanation, advice)
    elif wrong := [joint for joint, mirror in enumerate(flip) if flip[mirror] != joint]:
        chains = [f'{names[joint]} -> {names[flip[joint]]} -> {names[flip[flip[joint]]]}' for joint in wrong]
        explanation = f'flipping twice has to give a joint back, but: {some_of(chains)}; flipped samples would be wrong'
        yield Finding('flip_pairs', 'error', PLACE, explanation, advice)
    elif other := [
        f'{names[joint]} with {names[flip[joint]]}'
        for joint, mirror in enumerate(infer_flip_indices(names))
        if mirror not in (joint, flip[joint])
    ]:
        explanation = f'flip_indices pairs {some_of(other)}, which contradicts their names'
        advice = 'leave flip_indices out: the pairs follow from the names'
        yield Finding('flip_names', 'warning', PLACE, explanation, advice)


def sigma_count(metainfo: Mapping[str, Any]) -> Iterator[Finding]:
    """Find sigmas that are not one positive number a joint."""
    sigmas, count = metainfo.get('sigmas'), len(metainfo['keypoint_names'])
    if sigmas and not (len(sigmas) == count and all(isinstance(s, int | float) and s > 0 for s in sigmas)):
        explanation = f'sigmas has {len(sigmas)} entries for {count} joints; OKS needs a number above 0 for each joint'
        yield Finding('sigma_count', 'error', PLACE, explanation, 'give one a joint, or none: then all are 0.05')
