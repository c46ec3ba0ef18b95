"""PoseTrack's tracking metrics: MOTA, MOTP, precision and recall by joint, and HOTA and IDF1 of whole poses.

Sources: Bernardin and Stiefelhagen, "Evaluating Multiple Object Tracking Performance: The CLEAR MOT Metrics" (2008), as
poseval, PoseTrack's own evaluation, applies them; Luiten et al., "HOTA" (IJCV 2021); Ristani et al., "Performance
Measures and a Data Set for Multi-Target, Multi-Camera Tracking" (ECCV 2016 Workshops) for IDF1.

Every joint is tracked by itself, under the track id of its person. A pair of a predicted and a true joint is valid
within half a head. In each frame, a true joint keeps the prediction it was last paired with, however long ago, if that
pair is valid; the other valid pairs are those of the Hungarian method. A true joint that gets another identity than its
last one is a switch.

Two rules are poseval's own. The last labelled frame of each video does not count. A frame without any true person, or
without any prediction, counts as one miss and one false positive of each joint, however many people the other side has.

Letters: P predicted and G true people of one frame; K joints; T tracks. Coordinates are image px.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hrpose.errors import UserError
from hrpose.evaluation.functional.people import NO_TRACK, GroundTruth, Predictions
from hrpose.evaluation.functional.posetrack_ap import THRESHOLD, LabelledFrames, pair_distances, share

HOTA_THRESHOLDS = np.arange(1, 20) / 20
IDF1_THRESHOLD = 0.5

_Array = NDArray[np.float64]
_Integers = NDArray[np.int64]


class JointTracking(NamedTuple):
    """The tracking metrics of each joint (K,), 1 at best; NaN where there is nothing to divide by."""

    mota: _Array  # 1 - (misses + switches + false positives) / labels
    motp: _Array  # 1 - mean distance of the found joints, in head lengths
    motp_poseval: _Array  # the same with the distances that poseval adds up; 0 where nothing is found
    precision: _Array
    recall: _Array


class IdentityMetrics(NamedTuple):
    """How well whole poses keep their identity, in [0, 1]; NaN without anybody."""

    hota: float
    detection: float  # HOTA's DetA
    association: float  # HOTA's AssA
    idf1: float


class TrackedFrame(NamedTuple):
    """The people of a frame with a joint left outside ignored regions."""

    found: _Integers  # (P,) tracks, counted from 0 within the video
    true: _Integers  # (G,)
    present: NDArray[np.bool_]  # (P, K)
    labelled: NDArray[np.bool_]  # (G, K)
    distances: _Array  # (P, G, K) head lengths; infinite where the pair is not valid


def posetrack_mot(
    gt_annotations: Mapping[str, Any] | GroundTruth,
    results: Iterable[Mapping[str, Any]] | Predictions,
    num_joints: int,
    *,
    threshold: float = THRESHOLD,
) -> JointTracking:
    """Return MOTA, MOTP, precision and recall of each joint over all videos.

    Frames without an annotated person are left out, with what is predicted in them. Frames of a video are in the order
    of their ids. Joints that are labelled nowhere are not evaluated. poseval's MOTP adds up the distances of all events
    that motmetrics logs: each valid pair once, then each found joint, then those whose identity is new (see
    `count_joints`), so that it is lower than the MOTP of the definition.

    Args:
        gt_annotations: as in `posetrack_ap`; annotations have `track_id`, images `vid_id`.
        results: as in `posetrack_ap`; with `track_id`.
        num_joints: K.
        threshold: head lengths within which a pair is valid.

    Raises:
        UserError: a person without a track id, two of one id in a frame, images without `vid_id`, and all that
            `posetrack_ap` raises.
    """
    frames = LabelledFrames.of(gt_annotations, results, num_joints)
    counts = sum(
        [count_joints(video[:-1], num_joints) for video in videos(frames, threshold)], np.zeros((6, num_joints))
    )
    labels, predicted, paired, switches, distance, logged = counts * frames.labelled.any(axis=0)
    return JointTracking(
        mota=share(2 * paired - predicted - switches, labels),
        motp=1 - share(distance, paired),
        motp_poseval=np.where((paired == 0) & (labels > 0), 0.0, 1 - share(logged, paired)),
        precision=share(paired, predicted),
        recall=share(paired, labels),
    )


def posetrack_identity(
    gt_annotations: Mapping[str, Any] | GroundTruth,
    results: Iterable[Mapping[str, Any]] | Predictions,
    num_joints: int,
    *,
    threshold: float = THRESHOLD,
) -> IdentityMetrics:
    """Return HOTA and IDF1 of whole poses over all videos.

    The similarity of a predicted and a true person is the share of the true person's labelled joints that are found
    within half a head, as in PoseTrack's AP. HOTA is the mean over similarities of at least 0.05, 0.1, …, 0.95; IDF1
    takes 0.5. All labelled frames count, the last ones too; what lies in ignored regions does not.

    Args:
        gt_annotations, results, num_joints, threshold: as in `posetrack_mot`, which raises the same errors.
    """
    frames = LabelledFrames.of(gt_annotations, results, num_joints)
    none = np.zeros(len(HOTA_THRESHOLDS))
    parts = [(none, none, 0.0, 0), *map(count_identities, videos(frames, threshold))]
    matched, associated, same, people = map(sum, zip(*parts, strict=True))
    if not people:
        return IdentityMetrics(*[np.nan] * 4)
    detection, association = matched / (people - matched), associated / np.maximum(matched, 1)
    means = np.stack([np.sqrt(detection * association), detection, association]).mean(axis=1)
    return IdentityMetrics(*[*means.tolist(), 2 * same / people])


def videos(frames: LabelledFrames, threshold: float = THRESHOLD) -> Iterator[list[TrackedFrame]]:
    """Yield the labelled frames of each video, in the order of their ids."""
    owners = frames.truth.videos
    by_video: dict[str, list[int]] = {}
    for image in sorted(frames.rows):
        if not owners[image]:
            raise UserError(
                f"image {frames.truth.image_ids[image]} has no 'vid_id', the video in which people are tracked; add it "
                'to the annotations'
            )
        by_video.setdefault(owners[image], []).append(image)
    # A person counts only with an evaluated joint. PoseTrack never labels ears, so ears alone are not enough.
    evaluated = frames.labelled.any(axis=0)
    for images in by_video.values():
        rows = [
            (p[(frames.present[p] & evaluated).any(axis=1)], g[frames.labelled[g].any(axis=1)])
            for p, g in (frames.rows[image] for image in images)
        ]
        found = _tracks(frames.found, [p for p, _ in rows], 'predictions', frames.truth.image_ids)
        true = _tracks(frames.truth, [g for _, g in rows], 'ground truth', frames.truth.image_ids)
        yield [
            TrackedFrame(found[place], true[place], frames.present[p] & evaluated, frames.labelled[g],
                         _within(pair_distances(*frames.people(p, g)), threshold))
            for place, (p, g) in enumerate(rows)
        ]  # fmt: skip


def count_joints(frames: Sequence[TrackedFrame], num_joints: int) -> _Array:
    """Return what CLEAR MOT counts in one video.

    Returns:
        (6, K): labels, predicted joints, pairs, switches, the sum of the pairs' distances in head lengths, and the sum
        that poseval takes instead. It is over all events of motmetrics: all valid pairs (RAW), the pairs (MATCH or
        SWITCH), and of the pairs that the Hungarian method gives again those whose prediction was last given to another
        true joint (TRANSFER), those of them whose true joint was never paired before (MIGRATE), and switches to an
        identity never paired before (ASCEND).
    """
    people = 1 + max((frame.true.max(initial=-1) for frame in frames), default=-1)
    identities = 1 + max((frame.found.max(initial=-1) for frame in frames), default=-1)
    last = np.full((people, num_joints), NO_TRACK)  # the identity that a person was last paired with
    owner = np.full((identities, num_joints), NO_TRACK)  # to whom the Hungarian method last gave an identity
    paired_before = np.zeros((identities, num_joints), dtype=bool)
    counts = np.zeros((6, num_joints))
    for found, true, present, labelled, distances in frames:
        if not len(found) or not len(true):
            counts[:2] += 1
            continue
        kept = np.isfinite(distances) & (found[:, None, None] == last[true])
        kept &= kept.cumsum(axis=1) == 1  # the first of two true joints that were last paired with one identity
        given = _hungarian(np.where(kept.any(axis=0) | kept.any(axis=1, keepdims=True), np.inf, distances))
        p, g, k = given.nonzero()
        identity, person, away = found[p], true[g], distances[p, g, k]
        before = last[person, k]
        switched = (before != NO_TRACK) & (before != identity)
        transferred = (owner[identity, k] != NO_TRACK) & (owner[identity, k] != person)
        again = (switched & ~paired_before[identity, k]).astype(float) + transferred * (1.0 + (before == NO_TRACK))
        pairs = np.where(kept | given, distances, 0).sum(axis=(0, 1))
        valid = np.where(np.isfinite(distances), distances, 0).sum(axis=(0, 1))
        counts += [
            labelled.sum(axis=0),
            present.sum(axis=0),
            (kept | given).sum(axis=(0, 1)),
            np.bincount(k[switched], minlength=num_joints),
            pairs,
            valid + pairs + np.bincount(k, again * away, minlength=num_joints),
        ]
        last[person, k], owner[identity, k] = identity, person
        paired_before[found] |= (kept | given).any(axis=1)
    return counts


def count_identities(frames: Sequence[TrackedFrame]) -> tuple[_Array, _Array, float, int]:
    """Return what HOTA and IDF1 count in one video.

    Returns:
        At each of HOTA's thresholds, the matched people and the sum of their association scores, (19,) each; the people
        who keep one identity in the best pairing of identities over the video (IDTP); and the number of all people,
        predicted and true.
    """
    from scipy.optimize import linear_sum_assignment

    alike = [np.isfinite(frame.distances).sum(axis=2) / frame.labelled.sum(axis=1) for frame in frames]
    seen_found, seen_true = (
        np.bincount(np.concatenate(tracks)) for tracks in zip(*[f[:2] for f in frames], strict=True)
    )
    together = np.zeros((2, len(seen_found), len(seen_true)))
    for frame, similarity in zip(frames, alike, strict=True):
        union = similarity.sum(axis=0) + similarity.sum(axis=1, keepdims=True) - similarity
        overlap = np.divide(similarity, union, out=np.zeros_like(union), where=union > 0)
        together[:, frame.found[:, None], frame.true] += overlap, similarity >= IDF1_THRESHOLD
    seen = seen_found[:, None] + seen_true
    alignment = together[0] / (seen - together[0])
    matches = np.zeros((len(HOTA_THRESHOLDS), *seen.shape))
    for frame, similarity in zip(frames, alike, strict=True):
        p, g = linear_sum_assignment(alignment[frame.found[:, None], frame.true] * similarity, maximize=True)
        matches[:, frame.found[p], frame.true[g]] += similarity[p, g] >= HOTA_THRESHOLDS[:, None]
    associated = (matches**2 / (seen - matches)).sum(axis=(1, 2))
    same = together[1][linear_sum_assignment(together[1], maximize=True)].sum()
    return matches.sum(axis=(1, 2)), associated, float(same), int(seen_found.sum() + seen_true.sum())


def _hungarian(distances: _Array) -> NDArray[np.bool_]:
    """Return (P, G, K) the pairs of each joint: as many as the finite distances (P, G, K) allow, and the shortest."""
    from scipy.optimize import linear_sum_assignment  # takes a second, and all metrics are imported together

    pairs = np.zeros(distances.shape, dtype=bool)
    allowed = np.isfinite(distances)
    # SciPy takes one matrix at a time; few joints have pairs left.
    for joint in np.flatnonzero(allowed.any(axis=(0, 1))):
        p, g = linear_sum_assignment(np.where(allowed[..., joint], distances[..., joint], _forbidding(distances)))
        pairs[p, g, joint] = allowed[p, g, joint]
    return pairs


def _forbidding(distances: _Array) -> float:
    """Return a cost above that of all pairs of distances (P, G, K) that one assignment can hold."""
    return (1 + distances[np.isfinite(distances)].max()) * (1 + min(distances.shape[:2]))


def _within(distances: _Array, threshold: float) -> _Array:
    return np.where(distances <= threshold, distances, np.inf)


def _tracks(
    people: GroundTruth | Predictions, rows: list[_Integers], what: str, image_ids: tuple[Any, ...]
) -> list[_Integers]:
    """Return the tracks of each frame's people, counted from 0 within the video; raise `UserError` for wrong ones."""
    joined = people.tracks[np.concatenate(rows)]
    for each in rows:
        tracks = people.tracks[each]
        if (tracks == NO_TRACK).any() or len(np.unique(tracks)) < len(tracks):
            wrong = 'a person has no track_id' if (tracks == NO_TRACK).any() else 'two people have the same track_id'
            raise UserError(
                f'{what}: image {image_ids[people.image[each[0]]]}: {wrong}; give each person of a frame an identity'
            )
    numbers = np.unique(joined, return_inverse=True)[1].astype(np.int64)
    return np.split(numbers, np.cumsum([len(each) for each in rows])[:-1])
