"""Left and right in joint names, in the usual spellings, and the mirror pairs that follow from them."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from hrpose.errors import UserError

LEFT, RIGHT, CENTRE = 'left', 'right', 'centre'

# Splits 'LeftHand', 'left_hand', 'LEFT HAND', 'hand.L' and 'LHand' into their words.
_WORD = re.compile(r'\d+|[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|[^\W\d_a-zA-Z]+')

# Spellings of a side, the least ambiguous first: left_hand, hand_left, lefthand; l_hand, hand_l, LHand; lhand.
_SPELLINGS = tuple(map(re.compile, (r'left|right', r'\b[lr]\b', r'^[lr]')))
_OTHER_SIDE = {'left': 'right', 'right': 'left', 'l': 'r', 'r': 'l'}


def words_of(name: str) -> tuple[str, ...]:
    """Return the words of a joint's name in lower case: 'LeftHand' and 'left_hand' both give ('left', 'hand')."""
    return tuple(word.lower() for word in _WORD.findall(name))


def infer_flip_indices(names: Sequence[str]) -> tuple[int, ...]:
    """Return for each of K joints the index of the joint with the same name on the other side.

    The side may be a word (`left_x`, `x_left`, `LeftX`, `leftx`) or a letter (`l_x`, `x.l`, `Lx`, `lx`). A joint
    without such a partner gets its own index.
    """
    keys = [' '.join(words_of(name)) for name in names]
    flip = list(range(len(names)))
    for spelling in _SPELLINGS:
        alone = {key: index for index, key in enumerate(keys) if flip[index] == index}
        for key, index in alone.items():
            flip[index] = alone.get(spelling.sub(lambda side: _OTHER_SIDE[side[0]], key), index)
    return tuple(flip)


def joint_sides(metainfo: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the side of the body of each of K joints: 'left', 'right' or 'centre'.

    Names decide ('left_knee', 'RAnkle', 'wrist_l'). If no name has a side, the first joint of each flip pair counts as
    the left one.

    Args:
        metainfo: of a data set, with `keypoint_names` or `flip_indices`.

    Raises:
        UserError: the metainfo has neither.
    """
    names, flip = metainfo.get('keypoint_names') or (), metainfo.get('flip_indices') or ()
    if not names and not flip:
        raise UserError(
            'telling left joints from right ones needs keypoint_names or flip_indices in the metainfo, which has only: '
            f'{", ".join(sorted(metainfo)) or "nothing"}'
        )
    by_name = tuple(_side_of(words_of(name)) for name in names)
    if any(side != CENTRE for side in by_name) or not flip:
        return by_name
    return tuple(CENTRE if joint == mirror else LEFT if joint < mirror else RIGHT for joint, mirror in enumerate(flip))


def _side_of(words: Sequence[str]) -> str:
    for side in (LEFT, RIGHT):
        if any(word.startswith(side) for word in words) or (words and side[0] in (words[0], words[-1])):
            return side
    return CENTRE


def describe_flip_pairs(metainfo: Mapping[str, Any]) -> str:
    """Return in words which joints a flip exchanges, and which keep their place."""
    names, flip = metainfo['keypoint_names'], metainfo['flip_indices']
    pairs = [f'{names[joint]} - {names[mirror]}' for joint, mirror in enumerate(flip) if joint < mirror]
    alone = [names[joint] for joint, mirror in enumerate(flip) if joint == mirror]
    return f'mirror pairs: {", ".join(pairs) or "none"}; not mirrored: {", ".join(alone) or "none"}'
