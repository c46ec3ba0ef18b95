"""Left and right: pairs of joints that contradict the others, and data sets in which all are exchanged.

Left means the person's own left. Of somebody who faces the camera it lies on the image's right, of somebody seen from
behind on the image's left, and so it does for each pair of joints at once: where the left shoulder is on the image's
right, the left hip nearly always is too. Two criteria follow.

1. One pair against the others. Among the people of whom both can be told, count how often a pair lies the same way
   round as the majority of the other pairs. Measured on Leeds Sports Pose Extended, whose crowd-sourced labels are
   noisy and whose athletes cross their limbs: 0.82 (ankles) to 0.96 (shoulders); a pair labelled the wrong way round
   gives one minus that. Reported below `CONTRADICTS`.
2. All pairs at once. That needs to know who faces the camera: people with the nose and both eyes (or ears) labelled
   do, so their left eye has to lie on the image's right. Without a face, people photographed from the front have to
   be the majority: measured on Leeds Sports Pose Extended, 0.6 to 0.7 of each pair lie that way. Reported where
   significantly few do, as a warning only, since a data set of people from behind looks the same.

Both are reported only where the share is also significantly below one half: by 3.3 standard deviations of a coin
that is thrown as often as there are people, so that small data sets give no false alarm. A pair counts for a
person where its horizontal distance, in units of the box, is at least half of the pair's median one: seen from the
side, nobody can tell.

N annotations, P pairs.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from hrpose.analysis.doctor.finding import Finding, rows_of
from hrpose.analysis.doctor.people import People
from hrpose.visualization.palette import LEFT, joint_sides

CONTRADICTS = 0.4
DEVIATIONS = 3.3


@dataclass(frozen=True)
class Sides:
    """Which way round each pair lies.

    pairs: (left joint, right joint), P of them; ways (N, P): 1 where the left joint clearly lies on the image's right,
    -1 where on its left, 0 where it cannot be told.
    """

    pairs: list[tuple[int, int]]
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


def swapped_pairs(people: People) -> list[Finding]:
    """Pairs that mostly lie the other way round than the other pairs of the same person."""
    sides, findings = sides_of(people), []
    for number, (left, right) in enumerate(sides.pairs):
        own, others = sides.ways[:, number], sides.others[:, number]
        told = (own != 0) & (others != 0)
        agree = told & (own == others)
        if not _few(agree.sum(), told.sum()):
            continue
        names = f'{people.names[left]} and {people.names[right]}'
        explanation = (
            f'in only {agree.sum() / told.sum():.0%} of {told.sum()} people they lie the same way round as the '
            'other pairs (80 % to 97 % is usual): they look exchanged, or the others are'
        )
        advice = 'look at the sheet; exchange the two joints in the annotation, or their names in the metainfo'
        rows = rows_of(told & ~agree)
        findings.append(Finding('swapped_pair', 'error', f'{names} in {people.file}', explanation, advice, rows))
    return findings


def swapped_everywhere(people: People) -> list[Finding]:
    """Data sets in which left is where right should be, judged by faces, or without them by most people."""
    sides = sides_of(people)
    by_face = _faces(people, sides)
    own = by_face if by_face.any() else np.sign(sides.ways.sum(axis=1))
    told, right_way = own != 0, own > 0
    if not _few(right_way.sum(), told.sum()):
        return []
    share = f'{right_way.sum() / told.sum():.0%} of {told.sum()} people'
    meaning = "left is the person's own left, which lies on the image's right of somebody who faces the camera"
    advice = 'look at the sheet; if left and right are exchanged, or were told by the side of the image, exchange them'
    rows = rows_of(told & ~right_way)
    if by_face.any():
        explanation = f"only {share} who show their face have the left eye or ear on the image's right; {meaning}"
        return [Finding('swapped_everywhere', 'error', people.file, explanation, advice, rows)]
    explanation = f"only {share} have their left joints on the image's right; {meaning}. Or most are seen from behind"
    return [Finding('swapped_everywhere', 'warning', people.file, explanation, advice, rows)]


def _faces(people: People, sides: Sides) -> NDArray[np.int64]:
    """Return (N,) the way of the eyes, or else of the ears, of people whose nose is labelled too; 0 elsewhere."""
    names = [name.lower() for name in people.names]
    if 'nose' not in names:
        return np.zeros(len(people), dtype=np.int64)
    nose = people.labelled[:, names.index('nose')]
    for part in ('eye', 'ear'):
        ways = [sides.ways[:, number] for number, (left, _) in enumerate(sides.pairs) if _part(names[left]) == part]
        if ways and ways[0].any():
            return np.where(nose, ways[0], 0)
    return np.zeros(len(people), dtype=np.int64)


def _part(name: str) -> str:
    return name.replace('left', '').strip('_ ')


def _few(count: int, total: int) -> bool:
    """Say whether a share is below `CONTRADICTS` and significantly below one half."""
    return total > 0 and count / total < CONTRADICTS and count / total + DEVIATIONS * 0.5 / np.sqrt(total) < 0.5
