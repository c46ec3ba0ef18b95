"""Faults of an annotation file itself: ids, counts and names of joints, labels.

N annotations, K joints. A check returns its findings: none where all is well.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from hrpose.analysis.doctor.finding import Finding, Severity, rows_of, some_of
from hrpose.analysis.doctor.people import People

# Among fewer people a joint may be labelled on nobody by chance.
ENOUGH = 100


def joint_counts(people: People) -> list[Finding]:
    """Annotations with another number of key points than the metainfo has joints."""
    joints = len(people.names)
    wrong = (people.counts != joints) & (people.counts > 0)
    if not wrong.any():
        return []
    counts = Counter(f'{count:g}' for count in people.counts[wrong])
    have = '; '.join(f'{number} have {count}' for count, number in counts.most_common(3))
    explanation = f'{wrong.sum()} of {len(people)} annotations have not {joints} key points as the metainfo has: {have}'
    advice = 'write x, y, flag for each joint, zeros where unlabelled; or name the right metainfo'
    return [Finding('joint_counts', 'error', _annotations(people, wrong), explanation, advice)]


def joint_names(people: People) -> list[Finding]:
    """Names in the file's category that differ from the metainfo's, in number, in order or in themselves."""
    stated, names = people.joint_names, tuple(people.names)
    if not stated or [_letters(name) for name in stated] == [_letters(name) for name in names]:
        return []
    place, advice = f'categories of {people.file}', "the key points' order has to be the metainfo's keypoint_names"
    if len(stated) != len(names):
        explanation = f'the category names {len(stated)} key points, the metainfo {len(names)}'
        return [Finding('joint_names', 'error', place, explanation, advice)]
    pairs = zip(stated, names, strict=True)
    odd = [f'{number}: {a} here, {b} there' for number, (a, b) in enumerate(pairs) if _letters(a) != _letters(b)]
    if sorted(map(_letters, stated)) == sorted(map(_letters, names)):
        explanation = f'the file and the metainfo have the same joints in another order: {some_of(odd)}'
        return [Finding('joint_names', 'error', place, explanation, advice)]
    explanation = f'the file and the metainfo call joints differently: {some_of(odd)}'
    return [Finding('joint_names', 'warning', place, explanation, advice)]


def skeleton(people: People) -> list[Finding]:
    """Limbs in the file's category that were made for other joints: some are outside, or lack their mirror image."""
    names, flip = people.joint_names, people.metainfo['flip_indices']
    outside = [(a + 1, b + 1) for a, b in people.limbs if not (0 <= a < len(names) and 0 <= b < len(names))]
    if outside:
        explanation = f'the skeleton joins joints that do not exist: {some_of(outside)}'
    elif odd := _one_sided(people) if len(names) == len(flip) else []:
        explanation = f'the skeleton has limbs on one side that the other lacks: {some_of(odd)}'
    else:
        return []
    advice = 'only drawings suffer; state pairs of joints, counted from 1, or give a skeleton in the metainfo'
    explanation += '; it looks made for other joints'
    return [Finding('skeleton', 'note', f'categories of {people.file}', explanation, advice)]


def _one_sided(people: People) -> list[str]:
    """Return the limbs whose mirror image is none, by their joints' names."""
    names, flip, limbs = people.joint_names, people.metainfo['flip_indices'], set(map(frozenset, people.limbs))
    return [f'{names[a]} to {names[b]}' for a, b in people.limbs if frozenset((flip[a], flip[b])) not in limbs]


def duplicate_image_ids(people: People) -> list[Finding]:
    """Images that share an id, or lack one."""
    repeated = _repeated(people.image_ids)
    if not repeated:
        return []
    explanation = f'{len(repeated)} image ids are empty or used twice: which image their people are in is not known'
    place = f'image ids {some_of(repeated)} in {people.file}'
    return [Finding('duplicate_image_ids', 'error', place, explanation, 'give every image an id of its own')]


def duplicate_annotation_ids(people: People) -> list[Finding]:
    """Annotations that share an id, or lack one."""
    repeated = _repeated(people.ids)
    if not repeated:
        return []
    rows = np.isin(np.array(people.ids), repeated)
    explanation = (
        f'{len(repeated)} annotation ids are empty or used twice; of people with one id in one image, a test counts one'
    )
    return [
        Finding(
            'duplicate_annotation_ids',
            'error',
            f'annotation ids {some_of(repeated)} in {people.file}',
            explanation,
            'number the annotations anew',
            rows_of(rows & people.used),
        )
    ]


def duplicate_people(people: People) -> list[Finding]:
    """People of one image with all the same key points."""
    rows = np.flatnonzero(people.used)
    if not len(rows):
        return []
    same = np.column_stack([people.image[rows], people.keypoints[rows].reshape(len(rows), 2 * len(people.names))])
    _, group, count = np.unique(same, axis=0, return_inverse=True, return_counts=True)
    twins = np.zeros(len(people), dtype=bool)
    twins[rows[count[group.ravel()] > 1]] = True
    if not twins.any():
        return []
    explanation = f'{twins.sum()} annotations have the very key points of another one in their image'
    advice = 'remove the copies: each counts in training, and as a person not found in a test'
    return [Finding('duplicate_people', 'warning', _annotations(people, twins), explanation, advice, rows_of(twins))]


def unknown_images(people: People) -> list[Finding]:
    """Annotations of images that the file does not list."""
    lost = people.image < 0
    if not lost.any():
        return []
    explanation = (
        f'{lost.sum()} of {len(people)} annotations are of images that the file does not list, and are left out'
    )
    return [Finding('unknown_images', 'error', _annotations(people, lost), explanation, "add the images to 'images'")]


def not_numbers(people: People) -> list[Finding]:
    """Key points or boxes that are no numbers."""
    wrong = ~np.isfinite(people.keypoints).all(axis=(1, 2)) | ~np.isfinite(people.flags).all(axis=1)
    wrong |= people.has_box & ~np.isfinite(people.boxes_xywh).all(axis=1)
    if not wrong.any():
        return []
    explanation = f'{wrong.sum()} annotations have something else than numbers as key points, or not four as a box'
    advice = 'write key points as a flat list x, y, flag, … and a box as x, y, width, height'
    return [Finding('not_numbers', 'error', _annotations(people, wrong), explanation, advice)]


def flags(people: People) -> list[Finding]:
    """Visibility flags other than 0, 1 and 2."""
    odd = np.any(np.isfinite(people.flags) & ~np.isin(people.flags, (0, 1, 2)), axis=1)
    if not odd.any():
        return []
    values = np.setdiff1d(people.flags[odd], (0, 1, 2, np.nan))
    explanation = f'{odd.sum()} annotations have visibility flags such as {some_of([f"{value:g}" for value in values])}'
    advice = '0 is not labelled, 1 labelled but hidden, 2 visible; anything above 0 counts as labelled'
    return [Finding('flags', 'warning', _annotations(people, odd), explanation, advice, rows_of(odd & people.used))]


def unlabelled_joints(people: People) -> list[Finding]:
    """Joints that nobody has labelled."""
    real = (people.counts == len(people.names)) & ~people.crowd
    if not real.any():
        return []
    missing = np.logical_not(people.labelled[real].any(axis=0))
    place = f'{real.sum()} annotations of {people.file}'
    if missing.all():
        explanation = 'nobody has a labelled joint: every flag is 0, so there is nothing to learn'
        return [Finding('unlabelled_joints', 'error', place, explanation, 'set the flag of a labelled joint to 1 or 2')]
    if not missing.any():
        return []
    names = some_of([name for name, lost in zip(people.names, missing, strict=True) if lost])
    explanation = f'labelled on nobody, so never learnt and never tested: {names}'
    advice = 'right for a data set without them; else look at the flags, or leave the joints out of the metainfo'
    severity: Severity = 'warning' if real.sum() >= ENOUGH else 'note'
    return [Finding('unlabelled_joints', severity, place, explanation, advice)]


def no_people(people: People) -> list[Finding]:
    """A file without anybody to train on, for another reason than that no joint is labelled."""
    if people.used.any() or (len(people) and not people.labelled.any()):
        return []
    if len(people):
        explanation = f'none of the {len(people)} annotations can be used: there is nobody to train on or to test'
        advice = 'the other findings say why; crowds, other categories and boxes without an area do not count'
        return [Finding('no_people', 'error', people.file, explanation, advice)]
    explanation = 'the file has no annotations: there is nobody to train on, and nothing to score a test with'
    advice = "right for a test set without labels, which is run on a detector's boxes (bbox_file)"
    return [Finding('no_people', 'warning', people.file, explanation, advice)]


def joints_at_origin(people: People) -> list[Finding]:
    """Joints that count as labelled but lie at (0, 0), as converters write what is missing."""
    at_origin = np.asarray(people.labelled & (people.keypoints == 0).all(axis=2))
    if not at_origin.any():
        return []
    rows = np.any(at_origin, axis=1)
    explanation = f'{at_origin.sum()} joints of {rows.sum()} people are flagged as labelled, but lie at (0, 0)'
    advice = 'set the flag of what is missing to 0'
    return [Finding('joints_at_origin', 'warning', _annotations(people, rows), explanation, advice, rows_of(rows))]


def left_out(people: People) -> list[Finding]:
    """What training leaves out without it being a fault."""
    reasons = {
        'crowds': people.crowd,
        'of another category': ~people.crowd & ~people.of_category,
        'without a labelled joint': ~people.crowd & people.of_category & ~people.labelled.any(axis=1),
        'without a box': ~people.crowd & people.labelled.any(axis=1) & ~people.has_box,
    }
    counted = '; '.join(f'{mask.sum()} {reason}' for reason, mask in reasons.items() if mask.any())
    if not counted:
        return []
    explanation = f'{people.used.sum()} of {len(people)} annotations are used; left out: {counted}'
    return [Finding('left_out', 'note', people.file, explanation, 'none is needed if that is what you expect')]


def _annotations(people: People, mask: np.ndarray) -> str:
    """Return the place of some annotations: their first ids, or their first positions where they have none."""
    ids = [people.ids[row] or f'number {row}' for row in np.flatnonzero(mask)]
    return f'annotations {some_of(ids)} of {people.file}'


def _repeated(ids: Sequence[str]) -> list[str]:
    """Return the ids that are empty or used twice, in their order."""
    return [key or '(none)' for key, count in Counter(ids).items() if count > 1 or not key]


def _letters(name: Any) -> str:
    return ''.join(letter for letter in str(name).lower() if letter.isalnum())
