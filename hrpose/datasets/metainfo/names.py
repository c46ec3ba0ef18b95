"""Left and right in joint names, in the usual spellings: mirror pairs, and whether two lists name the same joints."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from hrpose.errors import UserError, some_of

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


def unpaired_joints(metainfo: Mapping[str, Any]) -> list[str]:
    """Return the joints that are left or right by name, but that a flip exchanges with no other."""
    names, flip = metainfo['keypoint_names'], metainfo['flip_indices']
    sides = joint_sides({'keypoint_names': names})
    return [name for at, name in enumerate(names) if sides[at] != CENTRE and flip[at] == at]


def describe_flip_pairs(metainfo: Mapping[str, Any]) -> str:
    """Return in words which joints a flip exchanges, and which keep their place."""
    names, flip = metainfo['keypoint_names'], metainfo['flip_indices']
    pairs = [f'{names[joint]} - {names[mirror]}' for joint, mirror in enumerate(flip) if joint < mirror]
    alone = [names[joint] for joint, mirror in enumerate(flip) if joint == mirror]
    return f'mirror pairs: {", ".join(pairs) or "none"}; not mirrored: {", ".join(alone) or "none"}'


class Disagreement(NamedTuple):
    """Why the names that an annotation file gives its joints are not those of the metainfo, and what to do."""

    is_error: bool  # whether joints would be learnt under wrong names; otherwise they may be the same joints
    reason: str
    advice: str


def compare_names(stated: Sequence[str], names: Sequence[str]) -> Disagreement | None:
    """Compare the names in an annotation file with those of the metainfo; return None if they mean the same joints.

    Spelling does not count: 'Left Hand', 'hand_left', 'LHand' and 'left-hand' are one joint. So are two names at the
    same place if one has all words of the other ('head' and 'top_head'). A joint at another place is an error.

    Args:
        stated: names in the file, () if it has none.
        names: (K) `keypoint_names` of the metainfo.
    """
    if not stated:
        reason = f'the file names no keypoints, so they are taken to be, in this order: {some_of(names)}'
        return Disagreement(False, reason, "name them in the category's 'keypoints', and the order is checked")
    if len(stated) != len(names):
        reason = f'the category names {len(stated)} keypoints, the metainfo {len(names)}'
        return Disagreement(True, reason, "set the config's metainfo to the keypoints of this file")
    own, found = _joints_of(names), _joints_of(stated)
    differ = [at for at in range(len(names)) if own[at].key != found[at].key]
    places = {joint.key for joint in found}
    if moved := [at for at in differ if own[at].key in places]:
        reason = f'file and metainfo have the same joints in another order: {_listed(moved, stated, names)}'
        advice = "give keypoint_names the order of the file, or set metainfo = 'from annotations'"
        return Disagreement(True, reason, advice)
    if other := [at for at in differ if not own[at].resembles(found[at])]:
        reason = f'file and metainfo have different names for joints: {_listed(other, stated, names)}'
        return Disagreement(False, reason, 'check that they mean the same joints in the same order')
    return None


def _listed(joints: Sequence[int], stated: Sequence[str], names: Sequence[str]) -> str:
    return some_of([f"keypoint {at + 1} is '{stated[at]}' in the file, '{names[at]}' in the metainfo" for at in joints])


class _Joint(NamedTuple):
    """A joint's name, without its spelling."""

    side: str  # 'l', 'r' or ''
    words: tuple[str, ...]  # the others, in lower case

    @property
    def key(self) -> tuple[str, str]:
        """What is equal for two spellings of one name."""
        return self.side, ''.join(self.words)

    def resembles(self, other: '_Joint') -> bool:
        """Say whether one of the two names has all words of the other."""
        few, many = sorted((self.words, other.words), key=len)
        return self.side == other.side and bool(few) and set(few) <= set(many)


def _joints_of(names: Sequence[str]) -> list[_Joint]:
    joints, flip = [], infer_flip_indices(names)
    for at, name in enumerate(names):
        text, side = ' '.join(words_of(name)) or name, ''
        # The letter of 'lhand' is a side only if there is an 'rhand'.
        for spelling in _SPELLINGS if flip[at] != at else _SPELLINGS[:-1]:
            if found := spelling.search(text):
                text, side = spelling.sub('', text, count=1), found[0][0]
                break
        joints.append(_Joint(side, tuple(text.split())))
    return joints
