"""Left and right: pairs of joints that contradict the others, and data sets in which all are exchanged.

Left means the person's own left. For a person who faces the camera it lies on the image's right, for a person seen from
behind on the image's left. This holds for all pairs of joints at once: where the left shoulder is on the image's right,
the left hip nearly always is too. Two criteria follow.

1. One pair against the others: in how many people does a pair lie the same way round as the majority of their other
   pairs? Measured on Leeds Sports Pose Extended, whose crowd-sourced labels are noisy and whose athletes cross their
   limbs: 0.82 (ankles) to 0.96 (shoulders). A pair labelled the wrong way round gives one minus that. Reported below
   `CONTRADICTS`.
2. All pairs at once. People with the nose and both eyes (or ears) labelled face the camera, so their left eye lies on
   the image's right. Without faces, most people are taken to be photographed from the front: on Leeds Sports Pose
   Extended, 0.6 to 0.7 of each pair lie that way. Few of them give only a warning, since a data set of people seen from
   behind looks the same.

Both are reported only where the share is also significantly below one half, by 3.3 standard deviations of as many coin
tosses, so that small data sets give no false alarm. A pair counts for a person where its horizontal distance, relative
to the box, is at least half of the pair's median: seen from the side, left and right cannot be told apart.

N annotations, P pairs.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from hrpose.analysis.doctor.finding import Finding, rows_of
from hrpose.analysis.doctor.people import People
from hrpose.datasets.metainfo.names import LEFT, joint_sides

CONTRADICTS = 0.4
STANDARD_DEVIATIONS = 3.3


@dataclass(frozen=True)
class Sides:
    """Which way round each pair lies."""

    pairs: list[tuple[int, int]]  # P of (left joint, right joint)
    # (N, P): 1 where the left joint clearly lies on the image's right, -1 where on its left, 0 where unclear
    ways: NDArray[np.int64]

    @cached_property
    def others(self) -> NDArray[np.int64]:
        """(N, P), the way of the majority of the other pairs; 0 where they are split."""
        return np.sign(self.ways.sum(axis=1, keepdims=True) - self.ways)


def sides_of(people: People) -> Sides:
    """Return which way round each pair of joints lies in the people that training uses."""
    flip, sides = people.metainfo['flip_indices'], joint_sides(people.metainfo)
    pairs = [(joint, mirror) for joint, mirror in enumerate(flip) if mirror != joint and sides[joint] == LEFT]
    if not pairs:
        return Sides([], np.zeros((len(people), 0), dtype=np.int64))
    left, right = np.array(pairs).T
    both = people.labelled[:, left] & people.labelled[:, right] & people.used[:, None]
    extent = np.where(people.used, people.boxes_xywh[:, 2:].max(axis=1), 1.0)
    distance = np.where(both, (people.keypoints[:, left, 0] - people.keypoints[:, right, 0]) / extent[:, None], np.nan)
    clear = np.array([0.5 * np.median(np.abs(d[~np.isnan(d)])) if not np.isnan(d).all() else 0.0 for d in distance.T])
    with np.errstate(invalid='ignore'):
        told = both & (np.abs(distance) >= clear) & (distance != 0)
    return Sides(pairs, np.where(told, np.sign(np.nan_to_num(distance)), 0).astype(np.int64))


def swapped_pairs(people: People) -> Iterator[Finding]:
    """Find pairs that mostly lie the other way round than the other pairs of the same person."""
    sides = sides_of(people)
    for (left, right), own, others in zip(sides.pairs, sides.ways.T, sides.others.T, strict=True):
        told = (own != 0) & (others != 0)
        agree = told & (own == others)
        if _few(agree.sum(), told.sum()):
            place = f'{people.names[left]} and {people.names[right]} in {people.file}'
            explanation = (
                f'in only {agree.sum() / told.sum():.0%} of {told.sum()} people they lie the same way round as the '
                'other pairs (80 % to 97 % is usual): they look exchanged, or the others are'
            )
            advice = 'look at the sheet; exchange the two joints in the annotation, or their names in the metainfo'
            yield Finding('swapped_pair', 'error', place, explanation, advice, rows_of(told & ~agree))


def swapped_everywhere(people: People) -> Iterator[Finding]:
    """Find data sets with left and right exchanged, judged by faces, or without faces by most people."""
    sides = sides_of(people)
    by_face = _faces(people, sides)
    own = by_face if by_face.any() else np.sign(sides.ways.sum(axis=1))
    told, right_way = own != 0, own > 0
    if not _few(right_way.sum(), told.sum()):
        return
    share, rows = f'{right_way.sum() / told.sum():.0%} of {told.sum()} people', rows_of(told & ~right_way)
    meaning = "left is the person's own left, which lies on the image's right if the person faces the camera"
    advice = 'look at the sheet; if left and right are exchanged, or mean the sides of the image, exchange them'
    if by_face.any():
        explanation = f"only {share} who show their face have the left eye or ear on the image's right; {meaning}"
        yield Finding('swapped_everywhere', 'error', people.file, explanation, advice, rows)
    else:
        explanation = f"only {share} have the left joints on the image's right; {meaning}. Or most are seen from behind"
        yield Finding('swapped_everywhere', 'warning', people.file, explanation, advice, rows)


def _faces(people: People, sides: Sides) -> NDArray[np.int64]:
    """Return (N,) the way of the eyes, or else of the ears, of people whose nose is labelled too; 0 elsewhere."""
    names = [name.lower() for name in people.names]
    if 'nose' in names:
        nose = people.labelled[:, names.index('nose')]
        for part in ('eye', 'ear'):
            for (left, _), ways in zip(sides.pairs, sides.ways.T, strict=True):
                if names[left].replace('left', '').strip('_ ') == part and ways.any():
                    return np.where(nose, ways, 0)
    return np.zeros(len(people), dtype=np.int64)


def _few(count: int, total: int) -> bool:
    """Say whether a share is below `CONTRADICTS` and significantly below one half."""
    standard_error = 0.5 / np.sqrt(max(total, 1))
    return total > 0 and count / total < min(CONTRADICTS, 0.5 - STANDARD_DEVIATIONS * standard_error)
