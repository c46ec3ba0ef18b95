"""The length of a person in which PCK and AUC measure: of the box, the torso, the head, or between two joints.

Letters: N people, K joints. Coordinates are image px.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from hrpose.datasets.metainfo import words_of
from hrpose.errors import UserError, nearest

# 'box', 'torso' or 'head'; the names of two joints; or a number of px, the same for everybody.
Normalizer = str | float | Sequence[str]

# The pairs of joints whose distance is the length. A torso is the mean of those that are there; a head is the first
# whose names are. A torso is measured from a shoulder to the opposite hip (Yang and Ramanan, PAMI 2013).
_LENGTHS: dict[str, tuple[tuple[str, str], ...]] = {
    'torso': (('left_shoulder', 'right_hip'), ('right_shoulder', 'left_hip')),
    'head': (
        ('head_top', 'upper_neck'),
        ('head_top', 'neck'),
        ('head_top', 'head_bottom'),
        ('head', 'neck'),
        ('head_top', 'thorax'),
    ),
}
NORMALIZERS = ('box', *_LENGTHS)


def check_normalizer(normalizer: Normalizer, metric: str) -> None:
    """Raise `UserError`, naming the choices, if a metric's normalizer is none."""
    if isinstance(normalizer, str):
        right = normalizer in NORMALIZERS
    elif isinstance(normalizer, Sequence):
        right = len(normalizer) == 2 and all(isinstance(name, str) for name in normalizer) and len({*normalizer}) == 2
    else:
        right = isinstance(normalizer, int | float) and normalizer > 0
    if not right:
        raise UserError(
            f'{metric} has no normalizer {normalizer!r}; choices: {", ".join(NORMALIZERS)}, a pair of joint names, or '
            'a number of px above 0'
        )


def describe_normalizer(normalizer: Normalizer) -> str:
    """Return a normalizer in words: 'the box', 'the distance from neck to pelvis', '30 px'."""
    if isinstance(normalizer, str):
        return f'the {normalizer}'
    if isinstance(normalizer, Sequence):
        return f'the distance from {normalizer[0]} to {normalizer[1]}'
    return f'{normalizer:g} px'


def length_ends(normalizer: Normalizer, names: Sequence[str]) -> NDArray[np.int64]:
    """Return the pairs of joints (P, 2), as indices, whose distances' mean is the length; none for a box or px.

    Args:
        normalizer: see `Normalizer`.
        names: K, in any spelling of the sides.

    Raises:
        UserError: joints that are needed are not among the names; tells which.
    """
    if normalizer == 'box' or isinstance(normalizer, int | float):
        return np.zeros((0, 2), dtype=np.int64)
    place = {_canonical(name): index for index, name in enumerate(names)}
    wanted = _LENGTHS[normalizer] if isinstance(normalizer, str) else ((normalizer[0], normalizer[1]),)
    pairs = [[place.get(_canonical(end), -1) for end in pair] for pair in wanted]
    found = [pair for pair in pairs if min(pair) >= 0]
    if not found:
        raise UserError(_missing_joints(normalizer, wanted, place, names))
    return np.array(found if normalizer == 'torso' else found[:1], dtype=np.int64)


def person_lengths(
    truth: NDArray[np.float64],
    visible: NDArray[np.float64],
    boxes: NDArray[np.float64],
    normalizer: Normalizer,
    names: Sequence[str],
) -> NDArray[np.float64]:
    """Return each person's length (N,) in px, NaN where it is unknown: where none of its pairs of joints is labelled.

    Args:
        truth: (N, K, 2) image px.
        visible: (N, K), above 0 where the joint is labelled.
        boxes: (N, 4) xyxy image px.
        normalizer: see `Normalizer`; a box is its larger side.
        names: (K) of the joints.

    Raises:
        UserError: as `length_ends`.
    """
    if normalizer == 'box':
        return (boxes[:, 2:] - boxes[:, :2]).max(axis=1)
    if isinstance(normalizer, int | float):
        return np.full(len(truth), float(normalizer))
    ends = length_ends(normalizer, names)
    lengths = np.linalg.norm(truth[:, ends[:, 0]] - truth[:, ends[:, 1]], axis=2)
    known = (visible[:, ends] > 0).all(axis=2)
    number = known.sum(axis=1)
    total = np.where(known, lengths, 0.0).sum(axis=1)
    return np.divide(total, number, out=np.full(len(truth), np.nan), where=number > 0)


def _canonical(name: str) -> tuple[str, ...]:
    """Return a joint's words in one order and spelling: 'LHip', 'hip_left' and 'left_hip' give the same."""
    return tuple(sorted({'l': 'left', 'r': 'right'}.get(word, word) for word in words_of(name)))


def _missing_joints(
    normalizer: Normalizer, wanted: Sequence[tuple[str, str]], place: dict[tuple[str, ...], int], names: Sequence[str]
) -> str:
    needs = ' or '.join(' and '.join(pair) for pair in wanted)
    missing = sorted({end for pair in wanted for end in pair if _canonical(end) not in place})
    advice = nearest(missing[0], names) if len(wanted) == 1 else "use 'box', or name two joints of yours"
    return f'the normalizer {normalizer!r} needs joints called {needs}; there is no {", no ".join(missing)}; {advice}'
