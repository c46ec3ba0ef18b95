"""What COCO-WholeBody (Jin et al., ECCV 2020) and Halpe (Fang et al., 2022) share: joints of foot, face and hands."""

FOOT = ('big_toe', 'small_toe', 'heel')
FACE = tuple(f'face-{number}' for number in range(68))
_FINGERS = ('thumb', 'forefinger', 'middle_finger', 'ring_finger', 'pinky_finger')
HAND = ('hand_root', *(f'{finger}{number}' for finger in _FINGERS for number in range(1, 5)))
HANDS = tuple(f'{side}_{joint}' for side in ('left', 'right') for joint in HAND)

# Parts of the face by their first and last point, each with the part that it becomes in a mirror: itself, or that of
# the other side. The order turns round. Points on the middle line that are in no part stay as they are.
_TURNED = (
    ((0, 16), (0, 16)),  # jaw
    ((17, 21), (22, 26)),  # brows
    ((31, 35), (31, 35)),  # nostrils
    ((36, 39), (42, 45)),  # eyes, above and below
    ((40, 41), (46, 47)),
    ((48, 54), (48, 54)),  # lips, from outside to inside
    ((55, 59), (55, 59)),
    ((60, 64), (60, 64)),
    ((65, 67), (65, 67)),
)


def mirrored_face() -> tuple[int, ...]:
    """Return (68,) the point of the face that each one becomes in a mirror."""
    mirror = list(range(len(FACE)))
    for (first, last), (other_first, other_last) in _TURNED:
        for step in range(last - first + 1):
            mirror[first + step] = other_last - step
            mirror[other_last - step] = first + step
        assert last - first == other_last - other_first
    return tuple(mirror)


def hand_limbs(base: int, root: int | None = None) -> tuple[tuple[int, int], ...]:
    """Return the limbs of a hand: each finger from the root to its tip.

    Args:
        base: index of the hand's first joint, its root.
        root: index of the joint that fingers start at, by default that root.
    """
    start = base if root is None else root
    starts = (base + 1 + 4 * finger for finger in range(len(_FINGERS)))
    return tuple(limb for first in starts for limb in ((start, first), *((first + n, first + n + 1) for n in range(3))))


# COCO-WholeBody's own sigmas.
FOOT_SIGMAS = (0.068, 0.066, 0.066, 0.092, 0.094, 0.094)
FACE_SIGMAS = (
    0.042, 0.043, 0.044, 0.043, 0.04, 0.035, 0.031, 0.025, 0.02, 0.023, 0.029, 0.032, 0.037, 0.038, 0.043, 0.041, 0.045,
    0.013, 0.012, 0.011, 0.011, 0.012, 0.012, 0.011, 0.011, 0.013, 0.015, 0.009, 0.007, 0.007, 0.007, 0.012, 0.009,
    0.008, 0.016, 0.01, 0.017, 0.011, 0.009, 0.011, 0.009, 0.007, 0.013, 0.008, 0.011, 0.012, 0.01, 0.034, 0.008, 0.008,
    0.009, 0.008, 0.008, 0.007, 0.01, 0.008, 0.009, 0.009, 0.009, 0.007, 0.007, 0.008, 0.011, 0.008, 0.008, 0.008, 0.01,
    0.008,
)  # fmt: skip
HAND_SIGMAS = (
    0.029, 0.022, 0.035, 0.037, 0.047, 0.026, 0.025, 0.024, 0.035, 0.018, 0.024, 0.022, 0.026, 0.017, 0.021, 0.021,
    0.032, 0.02, 0.019, 0.022, 0.031,
)  # fmt: skip

# Joints of the lower body for half-body augmentation; face and hands belong to neither half.
LOWER_BODY_IDS = {'coco_wholebody': tuple(range(11, 23)), 'halpe': (*range(11, 17), *range(19, 26))}
