"""Identities frame by frame: predicted people and seen ones are paired so that their total similarity is largest.

After SORT (Bewley et al., "Simple online and realtime tracking", ICIP 2016), with OKS beside IoU and without its
Kalman filter: each person moves on at a constant velocity, which is estimated by exponential averaging.

Letters: N people seen, M people known, K joints. Coordinates are in image px, times in seconds.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hrpose.errors import UserError
from hrpose.tracking.people import (
    Array,
    Mask,
    box_iou,
    checked_boxes,
    checked_people,
    joints_present,
    mean_areas,
    pose_similarity,
    require_later,
)

SIMILARITIES = ('oks', 'iou', 'both')
NO_ID = -1
Ids = NDArray[np.int64]


@dataclass
class Tracks:
    """The people whom a tracker knows, M rows each; as each was seen last."""

    ids: Ids  # (M,)
    keypoints: Array  # (M, K, 2)
    present: Mask  # (M, K)
    boxes: Array  # (M, 4) xyxy
    velocities: Array  # (M, 2) px/s, of the whole person
    times: Array  # (M,) seconds
    sightings: Ids  # (M,) in how many frames the person was seen

    def __len__(self) -> int:
        return len(self.ids)

    def __getitem__(self, rows: NDArray) -> 'Tracks':
        return Tracks(*(getattr(self, field.name)[rows] for field in fields(self)))

    def joined(self, other: 'Tracks') -> 'Tracks':
        """Return the rows of both."""
        pairs = ((getattr(self, field.name), getattr(other, field.name)) for field in fields(self))
        return Tracks(*map(np.concatenate, pairs))


class OnlineTracker:
    """Gives each person of each frame an id that survives a few frames in which the person is not found.

    Known people are moved to the time of the frame at constant velocity. The Hungarian method pairs them with the
    people seen. Who is left starts with a new id; ids count from 0 and are never used twice. Who has not been seen for
    longer than `max_lost` is forgotten.

    A cut is not recognised by itself: call `reset` there. Otherwise people are paired by place across it, so somebody
    who appears where another one stood gets that one's id. At a change of the image size, pixels mean other places:
    the tracker resets itself.

    Args:
        sigmas: (K,) the joints' OKS sigmas, from the metainfo.
        similarity: 'oks' of the joints that both have, on the mean area of both boxes; 'iou' of the boxes; or 'both',
            the mean of the two. Where two people have fewer than `min_joints` joints in common, OKS is 0, and 'both'
            is the IoU.
        min_similarity: pairs below it are different people.
        max_lost: seconds that a person may be lost and still get the old id.
        joint_threshold: joints with a lower score do not count.
        min_joints: that two people need in common for their OKS to count.
        inertia: in [0, 1): the weight of the old velocity against that between the last two sightings.
        min_sightings: frames in a row in which a person has to be found to get an id; until then it is -1. With 2, a
            false positive of a single frame gets none, and neither does anybody in their first frame.

    Attributes:
        tracks: the people known, among them those who are lost.

    Raises:
        UserError: an unknown similarity, or a number outside its range.
    """

    def __init__(
        self,
        sigmas: Sequence[float],
        *,
        similarity: str = 'both',
        min_similarity: float = 0.2,
        max_lost: float = 1.0,
        joint_threshold: float = 0.2,
        min_joints: int = 3,
        inertia: float = 0.5,
        min_sightings: int = 1,
    ) -> None:
        if similarity not in SIMILARITIES:
            raise UserError(f"tracker: there is no similarity '{similarity}'; choices: {', '.join(SIMILARITIES)}")
        if not (0 < min_similarity <= 1 and 0 <= max_lost < math.inf and 0 <= inertia < 1):
            raise UserError(
                f'tracker: min_similarity {min_similarity}, max_lost {max_lost}, inertia {inertia}: they must be in '
                '(0, 1], at least 0, and in [0, 1)'
            )
        if not (min_joints >= 1 and min_sightings >= 1):
            raise UserError(f'tracker: min_joints {min_joints}, min_sightings {min_sightings}: they must be at least 1')
        self.sigmas = np.asarray(sigmas, dtype=np.float64)
        self.similarity, self.min_similarity, self.max_lost = similarity, min_similarity, max_lost
        self.joint_threshold, self.min_joints, self.inertia = joint_threshold, min_joints, inertia
        self.min_sightings = min_sightings
        self._next_id = 0
        self.reset()

    def reset(self) -> None:
        """Forget everybody, as between two videos or at a cut. Ids go on counting."""
        self._time: float | None = None
        self._image_size: tuple[int, int] | None = None
        no_people = np.zeros((0, len(self.sigmas), 2)), np.ones((0, len(self.sigmas)), bool), np.zeros((0, 4))
        self.tracks = self._started(*no_people, time=0.0)

    def __call__(
        self,
        keypoints: ArrayLike,
        scores: ArrayLike | None,
        boxes: ArrayLike,
        *,
        time: float,
        image_size: tuple[int, int] | None = None,
    ) -> Ids:
        """Return the ids (N,) int64 of the people in a frame, -1 for those without.

        A frame without people is called with empty lists.

        Args:
            keypoints: (N, K, 2) image px; NaN for a joint that is not there.
            scores: (N, K); None counts every joint that is not NaN.
            boxes: (N, 4) xyxy in image px.
            time: of the frame, see `frame_time`; later than that of the last call. Frames may be left out.
            image_size: (w, h) px of the frame; None does not look for a change.

        Raises:
            UserError: shapes do not fit, or the frame is not later than the last one.
        """
        points, scores = checked_people(keypoints, scores, len(self.sigmas))
        boxes = checked_boxes(boxes, len(points))
        if image_size is not None and self._image_size not in (None, image_size):
            self.reset()
        require_later('tracker: time', time, self._time)
        self._time, self._image_size = time, image_size or self._image_size
        present = joints_present(points, scores, self.joint_threshold)
        known = self.tracks[time - self.tracks.times <= self.max_lost]
        seen, old = self._pairs(points, present, boxes, _moved(known, time))
        fresh = np.setdiff1d(np.arange(len(points)), seen)
        lost = np.setdiff1d(np.arange(len(known)), old)
        met = self._continued(known[old], points[seen], present[seen], boxes[seen], time)
        started = self._started(points[fresh], present[fresh], boxes[fresh], time=time)
        # Whoever is lost before there is an id is forgotten.
        self.tracks = met.joined(started).joined(known[lost[known.sightings[lost] >= self.min_sightings]])
        ids = np.empty(len(points), dtype=np.int64)
        ids[seen], ids[fresh] = (
            np.where(one.sightings >= self.min_sightings, one.ids, NO_ID) for one in (met, started)
        )
        return ids

    def _pairs(self, points: Array, present: Mask, boxes: Array, known: Tracks) -> tuple[NDArray, NDArray]:
        """Return the rows of the people seen and of those known, that are pairs."""
        iou: NDArray = np.zeros(()) if self.similarity == 'oks' else box_iou(boxes, known.boxes)
        oks: NDArray = np.full((), np.nan)
        if self.similarity != 'iou':
            areas = mean_areas(boxes, known.boxes)
            oks = pose_similarity(
                points,
                known.keypoints,
                present_a=present,
                present_b=known.present,
                areas=areas,
                sigmas=self.sigmas,
                min_joints=self.min_joints,
            )
        weight = np.where(np.isnan(oks), 0.0, 0.5 if self.similarity == 'both' else 1.0)
        similar = weight * np.nan_to_num(oks) + (1 - weight) * iou
        # Pairs that cannot be are worth nothing, so that they do not displace possible ones.
        similar[similar < self.min_similarity] = 0.0
        from scipy.optimize import linear_sum_assignment  # imported here, as SciPy takes a second to load

        seen, old = linear_sum_assignment(similar, maximize=True)
        possible = similar[seen, old] > 0
        return seen[possible], old[possible]

    def _started(self, points: Array, present: Mask, boxes: Array, *, time: float) -> Tracks:
        """Return tracks of people seen for the first time."""
        count = len(points)
        ids = np.arange(self._next_id, self._next_id + count)
        self._next_id += count
        ones = np.ones(count, dtype=np.int64)
        return Tracks(ids, points, present, boxes, np.zeros((count, 2)), np.full(count, time), ones)

    def _continued(self, old: Tracks, points: Array, present: Mask, boxes: Array, time: float) -> Tracks:
        """Return tracks with what is seen now. The first velocity is taken as it is, later ones are averaged."""
        shift = _shift(old, points, present, boxes)
        inertia = np.where(old.sightings > 1, self.inertia, 0.0)[:, None]
        velocities = inertia * old.velocities + (1 - inertia) * shift / (time - old.times)[:, None]
        return Tracks(old.ids, points, present, boxes, velocities, np.full(len(old), time), old.sightings + 1)


def _moved(tracks: Tracks, time: float) -> Tracks:
    """Return where the people are at `time` if they keep their velocities."""
    shift = tracks.velocities * (time - tracks.times)[:, None]
    boxes = tracks.boxes + np.tile(shift, 2)
    keypoints = tracks.keypoints + shift[:, None]
    return Tracks(tracks.ids, keypoints, tracks.present, boxes, tracks.velocities, tracks.times, tracks.sightings)


def _shift(old: Tracks, points: Array, present: Mask, boxes: Array) -> Array:
    """Return how far (M, 2) px people moved: the mean of the joints seen both times, of the box where there is none."""
    both = (old.present & present)[..., None]
    joints = np.where(both, points - old.keypoints, 0.0).sum(axis=1) / np.maximum(both.sum(axis=1), 1)
    centres = (boxes - old.boxes).reshape(-1, 2, 2).mean(axis=1)
    return np.where(both.any(axis=1), joints, centres)
