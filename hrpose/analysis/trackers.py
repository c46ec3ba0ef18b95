"""Trackers side by side on made sequences: MOTA, IDF1, HOTA, identity switches, and time a frame.

The sequences are poses, not images: people walk, turn, stop, cross, hide for a while, and leave and come back. What a
detector and a pose network would see of them has noise, misses and false positives. All trackers get the same.

Letters: T frames, N people, P people found in a frame, K joints. Coordinates are in image px, times in seconds.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d
from scipy.optimize import linear_sum_assignment

from hrpose.datasets.annotations import read_coco_json
from hrpose.datasets.metainfo import KNOWN
from hrpose.datasets.metainfo.known import POSETRACK18
from hrpose.errors import UserError, nearest
from hrpose.evaluation.functional.people import NO_TRACK, GroundTruth
from hrpose.evaluation.functional.posetrack_ap import LabelledFrames
from hrpose.evaluation.functional.posetrack_folder import video_files
from hrpose.evaluation.functional.posetrack_mot import (
    count_joints,
    posetrack_identity,
    posetrack_mot,
    videos,
)
from hrpose.evaluation.metrics.base import format_table
from hrpose.images.files import read_image
from hrpose.tracking import FlowTracker, OnlineTracker
from hrpose.tracking.people import box_iou

Array = NDArray[np.float64]
Ids = NDArray[np.int64]

JOINTS = 17  # COCO's, and PoseTrack18's
NOT_TRACKED = -1  # in place of an id
# A standing person of height 1, (x, y) from the middle of the head's top, in COCO's order.
HALF = [
    (0.02, 0.055),
    (0.035, 0.065),
    (0.11, 0.19),
    (0.14, 0.35),
    (0.15, 0.5),
    (0.07, 0.52),
    (0.08, 0.75),
    (0.08, 0.97),
]
BODY = np.array([(0, 0.07), *((side * x, y) for x, y in HALF for side in (1, -1))])
# How far each joint swings in x while walking, in heights.
SWING = np.array([0] * 5 + [0, 0, 0.04, 0.04, 0.08, 0.08, 0, 0, 0.05, 0.05, 0.1, 0.1]) * ([1] + [1, -1] * 8)
HEAD = np.array([-0.06, 0.0, 0.12, 0.14])  # xywh of the head's box


@dataclass(frozen=True)
class Scene:
    """What a made sequence holds."""

    people: int = 12
    seconds: float = 20.0
    rate: float = 25.0  # frames a second
    size: tuple[int, int] = (960, 540)  # (w, h) px
    speed: float = 90.0  # px/s, typical
    noise: float = 0.012  # standard deviation of a joint, in heights of the person
    missed: float = 0.06  # probability that a person is not found in a frame
    false: float = 0.3  # false positives a frame
    hidden: float = 0.12  # times a second that a person hides, for 0.2 to 1.5 s


class Found(NamedTuple):
    """The people found in a frame."""

    keypoints: Array  # (P, K, 2)
    scores: Array  # (P, K)
    boxes: Array  # (P, 4) xyxy
    box_scores: Array  # (P,)


class MadeSequence(NamedTuple):
    """Truth and finds of T frames."""

    scene: Scene
    keypoints: Array  # (T, N, K, 2) of everybody
    joints: NDArray[np.bool_]  # (T, N, K) which of them are labelled
    heads: Array  # (T, N, 4) xywh
    boxes: Array  # (T, N, 4) xyxy
    labelled: NDArray[np.bool_]  # (T, N) whom the ground truth has: on the image and not hidden
    covered: NDArray[np.bool_]  # (T, N) whom somebody nearer covers for the most part
    found: list[Found]
    sigmas: Sequence[float]  # (K,)
    images: Sequence[Path] = ()  # T files, of an annotated video


def make_sequence(scene: Scene, seed: int) -> MadeSequence:
    """Return a sequence; the same seed gives the same one."""
    rng = np.random.default_rng(seed)
    frames = round(scene.seconds * scene.rate)
    height = rng.uniform(0.2, 0.45, scene.people) * scene.size[1]
    corner = _walks(scene, frames, height, rng)
    phase = rng.uniform(0, 2 * np.pi, scene.people) + 2 * np.pi * rng.uniform(0.7, 1.1, scene.people) * (
        np.arange(frames)[:, None] / scene.rate
    )
    body = np.broadcast_to(BODY, (frames, scene.people, JOINTS, 2)).copy()
    body[..., 0] += SWING * np.sin(phase)[..., None]
    keypoints = corner[:, :, None] + body * height[:, None, None]
    heads = np.concatenate(
        [corner + HEAD[:2] * height[:, None], np.tile(HEAD[2:] * height[:, None], (frames, 1, 1))], 2
    )
    margin = 0.04 * height[:, None]
    boxes = np.concatenate([keypoints.min(axis=2) - margin, keypoints.max(axis=2) + margin], axis=2)
    centres = (boxes[..., :2] + boxes[..., 2:]) / 2
    labelled = ((centres > 0) & (centres < scene.size)).all(axis=2) & ~_hidden(scene, frames, rng)
    covered = np.array([_covered(b, shown, height) for b, shown in zip(boxes, labelled, strict=True)])
    joints = np.ones(keypoints.shape[:3], dtype=bool)
    found = _all_found(scene, keypoints, joints, boxes, labelled, covered, rng)
    return MadeSequence(scene, keypoints, joints, heads, boxes, labelled, covered, found, KNOWN['coco']['sigmas'])


def read_sequence(path: Path, seed: int, scene: Scene) -> MadeSequence:
    """Return the annotated people of a video in PoseTrack18's form, found as in a made sequence.

    Args:
        path: JSON of the video, with `width` and `height` of its images. Their `file_name` begins where the folder
            `annotations` lies, as in the release.
        seed: of misses, false positives and noise.
        scene: their amount; its number of people, time and size are not looked at.

    Raises:
        UserError: the file has no people, or they lack what is needed.
    """
    content = read_coco_json(str(path))
    truth = GroundTruth.of(content, JOINTS, str(path))
    people, frames = np.unique(truth.tracks), len(truth.image_ids)
    if not len(people) or NO_TRACK in people or np.isnan([truth.heads, truth.boxes]).any():
        raise UserError(f'{path}: people need track_id, bbox and bbox_head; give annotations of PoseTrack18')
    image = content['images'][0]
    if not {'width', 'height'} <= image.keys():
        raise UserError(f'{path}: images lack width and height; add them, in px')
    scene = replace(scene, size=(int(image['width']), int(image['height'])))
    place = truth.image, np.searchsorted(people, truth.tracks)
    keypoints, boxes = np.zeros((frames, len(people), JOINTS, 2)), np.zeros((frames, len(people), 4))
    joints, labelled = np.zeros(keypoints.shape[:3], dtype=bool), np.zeros(keypoints.shape[:2], dtype=bool)
    heads = np.zeros_like(boxes)
    keypoints[place], joints[place], heads[place] = truth.keypoints[..., :2], truth.labelled, truth.heads
    boxes[place] = np.concatenate([truth.boxes[:, :2], truth.boxes[:, :2] + truth.boxes[:, 2:]], axis=1)
    labelled[place] = truth.labelled.any(axis=1)
    covered = np.zeros_like(labelled)  # hidden joints are not labelled, and hidden people are ignored regions
    found = _all_found(scene, keypoints, joints, boxes, labelled, covered, np.random.default_rng(seed))
    files = [path.absolute().parents[2] / str(each.get('file_name')) for each in content['images']]
    return MadeSequence(scene, keypoints, joints, heads, boxes, labelled, covered, found, POSETRACK18['sigmas'], files)


def _all_found(
    scene: Scene,
    keypoints: Array,
    joints: NDArray[np.bool_],
    boxes: Array,
    labelled: NDArray[np.bool_],
    covered: NDArray[np.bool_],
    rng: np.random.Generator,
) -> list[Found]:
    """Return what is found in each frame of the true people, who are described as in `MadeSequence`."""
    seen = labelled & (rng.random(labelled.shape) > scene.missed) & ~(covered & (rng.random(labelled.shape) < 0.7))
    return [
        _found(scene, keypoints[t, people], joints[t, people], boxes[t, people], rng) for t, people in enumerate(seen)
    ]


def _walks(scene: Scene, frames: int, height: Array, rng: np.random.Generator) -> Array:
    """Return the places (T, N, 2) of people who change speed and direction every second or so, and turn at a border."""
    velocity = rng.normal(scale=scene.speed, size=(frames, scene.people, 2)) * [1.0, 0.35]
    change = rng.random((frames, scene.people)) < 1 / scene.rate
    change[0] = True
    last = np.maximum.accumulate(np.where(change, np.arange(frames)[:, None], 0), axis=0)
    velocity = np.take_along_axis(velocity, last[..., None], axis=0)
    velocity *= np.where(rng.random((frames, scene.people)) < 0.2, 0.0, 1.0)[
        last, np.arange(scene.people), None
    ]  # stop
    velocity = gaussian_filter1d(velocity, 0.2 * scene.rate, axis=0, mode='nearest')
    width, tall = scene.size
    low = np.stack([np.full(scene.people, -0.1 * width), -0.4 * height], axis=1)
    high = np.stack([np.full(scene.people, 1.1 * width), tall - 0.6 * height], axis=1)
    path = rng.uniform(low, high) + np.cumsum(velocity, axis=0) / scene.rate - low
    span = high - low
    return low + span - np.abs(path % (2 * span) - span)  # reflected at the borders


def _hidden(scene: Scene, frames: int, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Return who (T, N) hides, behind what the image does not show."""
    hidden = np.zeros((frames, scene.people), dtype=bool)
    for start, person in np.argwhere(rng.random(hidden.shape) < scene.hidden / scene.rate):
        hidden[start : start + round(rng.uniform(0.2, 1.5) * scene.rate), person] = True
    return hidden


def _covered(boxes: Array, shown: NDArray[np.bool_], height: Array) -> NDArray[np.bool_]:
    """Return who (N,) is covered by more than half by one taller person, who is nearer."""
    low, high = np.maximum(boxes[:, None, :2], boxes[:, :2]), np.minimum(boxes[:, None, 2:], boxes[:, 2:])
    share = np.clip(high - low, 0, None).prod(axis=2) / (boxes[:, 2:] - boxes[:, :2]).prod(axis=1)[:, None]
    return ((share > 0.5) & (height > height[:, None]) & shown).any(axis=1)


def _found(scene: Scene, keypoints: Array, joints: NDArray[np.bool_], boxes: Array, rng: np.random.Generator) -> Found:
    """Return what is found of the people seen in a frame, and false positives, in random order."""
    false = rng.poisson(scene.false)
    height = boxes[:, 3] - boxes[:, 1]
    tall = rng.uniform(0.2, 0.45, false) * scene.size[1]
    corners = rng.uniform(0, scene.size, (false, 2))
    wrong = corners[:, None] + (BODY + rng.normal(scale=0.05, size=(false, JOINTS, 2))) * tall[:, None, None]
    extents = np.concatenate([wrong.min(axis=1), wrong.max(axis=1)], axis=1)
    keypoints, boxes, height = (np.concatenate(both) for both in ((keypoints, wrong), (boxes, extents), (height, tall)))
    keypoints = keypoints + rng.normal(scale=scene.noise, size=keypoints.shape) * height[:, None, None]
    boxes = boxes + rng.normal(scale=0.02, size=boxes.shape) * height[:, None]
    right = np.arange(len(boxes)) < len(boxes) - false
    box_scores = np.where(right, rng.uniform(0.55, 1.0, len(boxes)), rng.uniform(0.3, 0.7, len(boxes)))
    scores = np.where(right[:, None], rng.uniform(0.5, 1.0, (len(boxes), JOINTS)), rng.uniform(0.1, 0.6, (1, JOINTS)))
    scores[: len(joints)][~joints] = 0.1
    order = rng.permutation(len(boxes))
    return Found(keypoints[order], scores[order], boxes[order], box_scores[order])


class Follower:
    """A tracker as it is compared: it gives the ids of the people in each frame.

    Attributes:
        seconds: that the tracker took for each frame so far.
    """

    def __init__(self, sequence: MadeSequence) -> None:
        self.sequence, self.scene = sequence, sequence.scene
        self.seconds: list[float] = []

    def ids(self, frame: int, found: Found) -> Ids:
        """Return the ids (P,) of the people found; `NOT_TRACKED` leaves one out."""
        raise NotImplementedError

    def __call__(self, frame: int) -> tuple[Found, Ids]:
        """Return the people in frame number `frame`, and their ids."""
        found = self.sequence.found[frame]
        started = time.perf_counter()
        ids = self.ids(frame, found)
        self.seconds.append(time.perf_counter() - started)
        return found, ids


class Online(Follower):
    """`OnlineTracker`."""

    def __init__(self, sequence: MadeSequence) -> None:
        super().__init__(sequence)
        self.tracker = OnlineTracker(sequence.sigmas)

    def ids(self, frame: int, found: Found) -> Ids:
        return self.tracker(found.keypoints, found.scores, found.boxes, time=frame / self.scene.rate)


class Confirmed(Online):
    """`OnlineTracker` that gives ids from the second frame on."""

    def __init__(self, sequence: MadeSequence) -> None:
        super().__init__(sequence)
        self.tracker = OnlineTracker(sequence.sigmas, min_sightings=2)


class Flow(Follower):
    """`FlowTracker` with the true optical flow, which is not timed.

    In a box that the flow carries, the pose network finds the uncovered person who fills most of it, if there is one.
    """

    def __init__(self, sequence: MadeSequence) -> None:
        super().__init__(sequence)
        self.tracker = FlowTracker(sequence.sigmas, flow=lambda before, after: self.known_flow)
        self.rng, self.frame = np.random.default_rng(0), 0
        self.image = np.zeros((*self.scene.size[::-1], 3), np.uint8)
        self.known_flow = np.zeros((*self.image.shape[:2], 2), np.float32)

    def __call__(self, frame: int) -> tuple[Found, Ids]:
        self.frame, found = frame, self.sequence.found[frame]
        self.look()
        started = time.perf_counter()
        boxes, box_scores = self.tracker.propose(self.image, found.boxes, found.box_scores, frame=frame)
        proposed = time.perf_counter()
        found = self.estimate(boxes, box_scores, found)
        estimated = time.perf_counter()
        ids = self.tracker.assign(*found)
        self.seconds.append(proposed - started + time.perf_counter() - estimated)
        return found, ids

    def look(self) -> None:
        """Prepare what the tracker's flow looks at."""
        if self.frame:
            self.known_flow = self.true_flow()

    def true_flow(self) -> np.ndarray:
        """Return the flow (H, W, 2) px from the last frame to this one: each person's box moves as a whole."""
        flow = np.zeros((*self.image.shape[:2], 2), np.float32)
        boxes, later = self.sequence.boxes[self.frame - 1], self.sequence.boxes[self.frame]
        corners = np.clip(np.rint(boxes), 0, [*self.scene.size] * 2).astype(int)
        both = self.sequence.labelled[self.frame - 1] & self.sequence.labelled[self.frame]
        for person in np.argsort(boxes[:, 3] - boxes[:, 1]):  # those nearer last
            if not both[person]:
                continue
            x1, y1, x2, y2 = corners[person]
            flow[y1:y2, x1:x2] = (later[person] - boxes[person]).reshape(2, 2).mean(axis=0)
        return flow

    def estimate(self, boxes: Array, box_scores: Array, found: Found) -> Found:
        """Return the people in detected boxes, as found, and in carried ones."""
        given = (boxes[:, None] == found.boxes).all(axis=2)
        row = given.argmax(axis=1) if given.size else np.zeros(len(boxes), int)
        detected = given.any(axis=1)
        keypoints, scores = np.zeros((len(boxes), JOINTS, 2)), np.full((len(boxes), JOINTS), 0.1)
        keypoints[detected], scores[detected] = found.keypoints[row[detected]], found.scores[row[detected]]
        there = np.flatnonzero(self.sequence.labelled[self.frame] & ~self.sequence.covered[self.frame])
        carried = np.flatnonzero(~detected)
        if len(there) and len(carried):
            truth = self.sequence.boxes[self.frame, there]
            overlap = box_iou(boxes[carried], truth)
            person, enough = there[overlap.argmax(axis=1)], overlap.max(axis=1) > 0.4
            tall = np.ptp(self.sequence.boxes[self.frame, person][:, 1::2], axis=1)
            noise = self.rng.normal(scale=self.scene.noise, size=(len(carried), JOINTS, 2)) * tall[:, None, None]
            keypoints[carried] = self.sequence.keypoints[self.frame, person] + noise
            scores[carried[enough]] = self.rng.uniform(0.5, 1.0, (enough.sum(), JOINTS))
        return Found(keypoints, scores, boxes, box_scores)


class DenseFlow(Flow):
    """`FlowTracker` with its default, OpenCV's optical flow of the images. Flow is timed, reading images is not."""

    def __init__(self, sequence: MadeSequence) -> None:
        super().__init__(sequence)
        if not sequence.images:
            raise UserError("tracker 'dis': made sequences have no images; give annotated videos by --annotations")
        self.tracker = FlowTracker(sequence.sigmas)

    def look(self) -> None:
        self.image = read_image(self.sequence.images[self.frame])


class PlainIoU(Follower):
    """The reference: boxes are paired with those seen last by the Hungarian method on IoU, without a motion model."""

    def __init__(self, sequence: MadeSequence) -> None:
        super().__init__(sequence)
        self.known, self.boxes, self.last = np.zeros(0, np.int64), np.zeros((0, 4)), np.zeros(0)
        self.next_id = 0

    def ids(self, frame: int, found: Found) -> Ids:
        recent = frame - self.last <= self.scene.rate
        known, boxes, last = self.known[recent], self.boxes[recent], self.last[recent]
        overlap = box_iou(found.boxes, boxes)
        new, old = linear_sum_assignment(overlap, maximize=True)
        possible = overlap[new, old] >= 0.2
        new, old = new[possible], old[possible]
        ids = np.full(len(found.boxes), NOT_TRACKED)
        ids[new] = known[old]
        fresh = ids == NOT_TRACKED
        ids[fresh] = self.next_id + np.arange(fresh.sum())
        self.next_id += int(fresh.sum())
        lost = np.setdiff1d(np.arange(len(known)), old)
        self.known = np.concatenate([ids, known[lost]])
        self.boxes = np.concatenate([found.boxes, boxes[lost]])
        self.last = np.concatenate([np.full(len(ids), frame), last[lost]])
        return ids


class Norfair(Follower):
    """norfair's tracker, by its distance for poses: a Kalman filter for each joint, and votes of near joints."""

    def __init__(self, sequence: MadeSequence) -> None:
        super().__init__(sequence)
        norfair = _library('norfair')
        near = norfair.distances.create_keypoints_voting_distance(
            keypoint_distance_threshold=self.scene.size[1] / 20, detection_threshold=0.2
        )
        self.detection = norfair.Detection
        self.tracker = norfair.Tracker(
            near, distance_threshold=0.6, hit_counter_max=round(self.scene.rate), initialization_delay=0
        )

    def ids(self, frame: int, found: Found) -> Ids:
        given = [
            self.detection(points=points, scores=scores, data=row)
            for row, (points, scores) in enumerate(zip(found.keypoints, found.scores, strict=True))
        ]
        ids = np.full(len(given), NOT_TRACKED)
        for person in self.tracker.update(detections=given):
            if any(person.last_detection is one for one in given):
                ids[person.last_detection.data] = person.id
        return ids


class Roboflow(Follower):
    """A tracker of Roboflow's `trackers`, on boxes and their scores, with its defaults."""

    name = 'SORTTracker'

    def __init__(self, sequence: MadeSequence) -> None:
        super().__init__(sequence)
        self.detections = _library('supervision').Detections
        kind = getattr(_library('trackers'), self.name)
        # All of them may keep somebody for a second, and need not wait before they give an id.
        self.tracker = kind(
            lost_track_buffer=30, frame_rate=self.scene.rate, minimum_consecutive_frames=1, **self.options
        )

    options: Mapping[str, Any] = {}

    def ids(self, frame: int, found: Found) -> Ids:
        rows = np.arange(len(found.boxes))
        given = self.detections(
            xyxy=found.boxes.astype(np.float32), confidence=found.box_scores, class_id=np.zeros(len(rows), int)
        )
        given.data['row'] = rows
        tracked = self.tracker.update(given)
        ids = np.full(len(rows), NOT_TRACKED)
        if len(tracked):
            ids[tracked.data['row']] = tracked.tracker_id
        return ids


class ByteTrack(Roboflow):
    """ByteTrack (Zhang et al., ECCV 2022) as in `trackers`."""

    name = 'ByteTrackTracker'


class OCSort(Roboflow):
    """OC-SORT (Cao et al., CVPR 2023) as in `trackers`."""

    name = 'OCSORTTracker'


FOLLOWERS: dict[str, Callable[[MadeSequence], Follower]] = {
    'online': Online,
    'confirmed': Confirmed,
    'flow': Flow,
    'dis': DenseFlow,
    'iou': PlainIoU,
    'norfair': Norfair,
    'sort': Roboflow,
    'bytetrack': ByteTrack,
    'ocsort': OCSort,
}


def _library(name: str) -> Any:
    from importlib import import_module

    try:
        return import_module(name)
    except ImportError as error:
        raise UserError(
            f'the library {name} cannot be imported ({error}); install it, or leave its trackers out'
        ) from error


class Score(NamedTuple):
    """What a tracker achieves on several sequences."""

    mota: float  # mean over joints
    idf1: float
    hota: float
    association: float  # HOTA's AssA
    switches: float  # identity switches of a joint, mean over joints
    milliseconds: float  # a frame, median


def score_tracker(name: str, sequences: Sequence[MadeSequence]) -> Score:
    """Follow the people of sequences by a tracker of `FOLLOWERS`, and return its metrics over all of them.

    Raises:
        UserError: an unknown tracker, or its library is not installed.
    """
    if name not in FOLLOWERS:
        raise UserError(f"there is no tracker '{name}'; {nearest(name, FOLLOWERS)}")
    images: list[dict[str, Any]] = []
    people: list[dict[str, Any]] = []
    results: list[dict[str, Any]] = []
    seconds: list[float] = []
    for number, sequence in enumerate(sequences):
        follower = FOLLOWERS[name](sequence)
        for frame in range(len(sequence.found)):
            image = len(images)
            images.append({'id': image, 'vid_id': str(number)})
            people += _annotations(sequence, frame, image)
            results += _results(*follower(frame), image)
        seconds += follower.seconds
    truth = {'images': images, 'annotations': people, 'categories': [{'id': 1, 'name': 'person'}]}
    joints = posetrack_mot(truth, results, JOINTS)
    identity = posetrack_identity(truth, results, JOINTS)
    labelled = LabelledFrames.of(truth, results, JOINTS)
    switches = sum(count_joints(video[:-1], JOINTS)[3].mean() for video in videos(labelled))
    return Score(
        float(np.nanmean(joints.mota)),
        identity.idf1,
        identity.hota,
        identity.association,
        float(switches),
        1000 * float(np.median(seconds)),
    )


def _annotations(sequence: MadeSequence, frame: int, image: int) -> list[dict[str, Any]]:
    return [
        {
            'image_id': image,
            'category_id': 1,
            'track_id': int(person),
            'keypoints': np.insert(
                sequence.keypoints[frame, person] * sequence.joints[frame, person, :, None],
                2,
                2 * sequence.joints[frame, person],
                axis=1,
            )
            .ravel()
            .tolist(),
            'bbox_head': sequence.heads[frame, person].tolist(),
        }
        for person in np.flatnonzero(sequence.labelled[frame])
    ]


def _results(found: Found, ids: Ids, image: int) -> list[dict[str, Any]]:
    joints = np.concatenate([found.keypoints, found.scores[..., None]], axis=2).reshape(len(ids), 3 * JOINTS)
    return [
        {
            'image_id': image,
            'category_id': 1,
            'track_id': int(ids[row]),
            'score': 1.0,
            'keypoints': joints[row].tolist(),
        }
        for row in np.flatnonzero(ids != NOT_TRACKED)
    ]


def compare_trackers(
    names: Sequence[str], scene: Scene, seeds: int, annotations: Path | None = None
) -> dict[str, Score]:
    """Return the metrics of trackers over one sequence for each seed, or for each seed and each annotated video.

    Args:
        names: of `FOLLOWERS`.
        scene: what the sequences hold.
        seeds: how many.
        annotations: folder of one JSON a video in PoseTrack18's form; None makes the sequences.
    """
    if annotations is None:
        sequences = [make_sequence(scene, seed) for seed in range(seeds)]
    else:
        files = video_files(annotations).values()
        sequences = [read_sequence(path, seed, scene) for seed in range(seeds) for path in files]
    return {name: score_tracker(name, sequences) for name in names}


def trackers_table(scores: Mapping[str, Score]) -> str:
    """Return the metrics as text."""
    rows = [
        [name, *(f'{100 * value:.1f}' for value in score[:4]), f'{score.switches:.0f}', f'{score.milliseconds:.2f}']
        for name, score in scores.items()
    ]
    return format_table(('tracker', 'MOTA', 'IDF1', 'HOTA', 'AssA', 'switches', 'ms a frame'), rows)
