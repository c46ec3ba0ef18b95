"""Colours of joints and limbs: left, right and centre, told from the metainfo.

The three hues (blue, orange, green) stay apart for the common kinds of colour blindness. All
colours are RGB.
"""

from collections.abc import Mapping
from typing import Any

from hrpose.datasets.metainfo import words_of
from hrpose.errors import UserError

Colour = tuple[int, int, int]

LEFT, RIGHT, CENTRE = 'left', 'right', 'centre'
SIDE_COLOURS: dict[str, Colour] = {
    LEFT: (30, 148, 255),
    RIGHT: (255, 136, 20),
    CENTRE: (60, 214, 120),
}
DARK: Colour = (28, 28, 28)
LIGHT: Colour = (248, 248, 248)
BOX: Colour = (235, 235, 235)


def joint_sides(metainfo: Mapping[str, Any]) -> tuple[str, ...]:
    """The side of the body of each joint: 'left', 'right' or 'centre'.

    Names decide ('left_knee', 'RAnkle', 'wrist_l'). Where no name says a side, the first joint of
    each flip pair counts as the left one.

    Args:
        metainfo: a data set's metainfo; `keypoint_names` or `flip_indices` must be there.

    Returns:
        K sides.

    Raises:
        UserError: metainfo has neither.
    """
    names = metainfo.get('keypoint_names') or ()
    flip = metainfo.get('flip_indices') or ()
    if not names and not flip:
        raise UserError(
            'Drawing a pose needs keypoint_names or flip_indices in the metainfo, to tell left '
            f'from right; this metainfo has only: {", ".join(sorted(metainfo)) or "nothing"}.'
        )
    by_name = tuple(_side_of_name(name) for name in names)
    if any(side != CENTRE for side in by_name) or not flip:
        return by_name
    return tuple(_side_of_pair(index, other) for index, other in enumerate(flip))


def limb_side(side_a: str, side_b: str) -> str:
    """The side of a limb from those of its two joints; one that joins left to right is 'centre'."""
    sides = {side_a, side_b} - {CENTRE}
    return sides.pop() if len(sides) == 1 else CENTRE


def _side_of_name(name: str) -> str:
    words = words_of(name)
    for side, letter in ((LEFT, 'l'), (RIGHT, 'r')):
        if any(word.startswith(side) for word in words):
            return side
        if words and letter in (words[0], words[-1]):
            return side
    return CENTRE


def _side_of_pair(index: int, other: int) -> str:
    if index == other:
        return CENTRE
    return LEFT if index < other else RIGHT
