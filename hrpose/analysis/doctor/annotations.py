"""Checks of what an annotation file states: ids, numbers and names of joints, flags. N annotations, K joints."""

from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np

from hrpose.analysis.doctor.finding import Finding, rows_of
from hrpose.analysis.doctor.people import People
from hrpose.datasets.metainfo.names import compare_names
from hrpose.errors import some_of
from hrpose.structures import MAX_COORDINATE


def joint_counts(people: People) -> Iterator[Finding]:
    """Find annotations with another number of keypoints than the metainfo has joints."""
    joints = len(people.names)
    wrong = (people.counts != joints) & (people.counts > 0)
    if wrong.any():
        counts = Counter(f'{count:g}' for count in people.counts[wrong])
        have = '; '.join(f'{number} have {count}' for count, number in counts.most_common(3))
        explanation = f'{wrong.sum()} of {len(people)} annotations do not have {joints} keypoints, one a joint: {have}'
        advice = 'write x, y, flag for each joint, zeros where unlabelled; or name the right metainfo'
        yield people.finding('joint_counts', 'error', wrong, explanation, advice, draw=False)


def joint_names(people: People) -> Iterator[Finding]:
    """Find names in the category that differ from the metainfo's in number, order or meaning."""
    found = compare_names(people.joint_names, people.names) if len(people) else None
    if found:
        place = f'categories of {people.file}'
        yield Finding('joint_names', 'error' if found.is_error else 'warning', place, found.reason, found.advice)


def skeleton(people: People) -> Iterator[Finding]:
    """Find a skeleton that was made for other joints: limbs to missing joints, or on one side of the body only."""
    names, flip, limbs = people.joint_names, people.metainfo['flip_indices'], set(map(frozenset, people.limbs))
    outside = [(a + 1, b + 1) for a, b in people.limbs if not (0 <= a < len(names) and 0 <= b < len(names))]
    if outside:
        wrong = f'limbs lead to joints that do not exist: {some_of(outside)}'
    elif len(names) == len(flip) and (
        lone := [f'{names[a]} to {names[b]}' for a, b in people.limbs if frozenset((flip[a], flip[b])) not in limbs]
    ):
        wrong = f'limbs of one side are missing on the other: {some_of(lone)}'
    else:
        return
    explanation = f'{wrong}; the skeleton looks made for other joints'
    advice = 'only drawings suffer; state pairs of joints, counted from 1, or give a skeleton in the metainfo'
    yield Finding('skeleton', 'note', f'categories of {people.file}', explanation, advice)


def duplicate_image_ids(people: People) -> Iterator[Finding]:
    """Find images that share an id or lack one."""
    if repeated := _repeated(people.image_ids):
        place = f'image ids {some_of(repeated)} in {people.file}'
        explanation = f'{len(repeated)} image ids are empty or used twice, so the images of their people are unknown'
        yield Finding('duplicate_image_ids', 'error', place, explanation, 'give every image an id of its own')


def duplicate_annotation_ids(people: People) -> Iterator[Finding]:
    """Find annotations that share an id or lack one."""
    if repeated := _repeated(people.ids):
        rows = np.isin(np.array(people.ids), repeated) & people.used
        explanation = (
            f'{len(repeated)} annotation ids are empty or used twice; of people with one id in an image, a test counts '
            'only one'
        )
        place = f'annotation ids {some_of(repeated)} in {people.file}'
        yield Finding(
            'duplicate_annotation_ids', 'error', place, explanation, 'renumber the annotations', rows_of(rows)
        )


def unknown_images(people: People) -> Iterator[Finding]:
    """Find annotations of images that the file does not list."""
    lost = people.image < 0
    if lost.any():
        explanation = f'{lost.sum()} of {len(people)} annotations are of images that the file does not list: not used'
        yield people.finding('unknown_images', 'error', lost, explanation, "add the images to 'images'", draw=False)


def not_numbers(people: People) -> Iterator[Finding]:
    """Find keypoints or boxes with text, null, NaN, infinity or a number beyond all images."""
    wrong = people.broken
    if wrong.any():
        explanation = (
            f'{wrong.sum()} annotations have keypoints or a box with text, null, NaN, infinity or a number beyond '
            f'{MAX_COORDINATE:.0f} px: text stops a training, the others are left out'
        )
        advice = 'write keypoints as a flat list x, y, flag, … and a box as x, y, width, height, in px'
        yield people.finding('not_numbers', 'error', wrong, explanation, advice, draw=False)


def flags(people: People) -> Iterator[Finding]:
    """Find visibility flags other than 0, 1 and 2."""
    wrong = np.any(np.isfinite(people.flags) & ~np.isin(people.flags, (0, 1, 2)), axis=1)
    if wrong.any():
        values = some_of([f'{value:g}' for value in np.setdiff1d(people.flags[wrong], (0, 1, 2, np.nan))])
        explanation = f'{wrong.sum()} annotations have visibility flags such as {values}'
        advice = 'write 0 for not labelled, 1 for labelled but hidden, 2 for visible; all above 0 count as labelled'
        yield people.finding('flags', 'warning', wrong, explanation, advice)


def left_out(people: People) -> Iterator[Finding]:
    """Tell what training leaves out on purpose."""
    labelled = people.labelled.any(axis=1)
    reasons = {
        'crowds': people.crowd,
        'of another category': ~people.crowd & ~people.of_category,
        'without a labelled joint': ~people.crowd & people.of_category & ~labelled & ~people.broken,
        'without a box': ~people.crowd & labelled & ~people.has_box,
    }
    if counted := '; '.join(f'{mask.sum()} {reason}' for reason, mask in reasons.items() if mask.any()):
        explanation = f'{people.used.sum()} of {len(people)} annotations are used; left out: {counted}'
        yield Finding('left_out', 'note', people.file, explanation, 'nothing to do if you expect this')


def unstated_sizes(people: People) -> Iterator[Finding]:
    """Find images without width and height in the file."""
    bare = np.asarray(~np.isfinite(people.image_sizes).all(axis=1))
    if bare.any():
        place = f'image ids {some_of([people.image_ids[i] for i in np.flatnonzero(bare)])} of {people.file}'
        explanation = f'{bare.sum()} of {len(bare)} images have no width and height, so boxes are not clipped to them'
        yield Finding('unstated_sizes', 'warning', place, explanation, 'state the size in px of the stored file')


def _repeated(ids: Sequence[str]) -> list[str]:
    """Return the ids that are empty or used twice, in their order."""
    return [key or '(none)' for key, count in Counter(ids).items() if count > 1 or not key]
