"""The published tracker on a drawn sequence: textured people who move over a textured ground."""

import cv2
import numpy as np
import pytest

from hrpose.errors import UserError
from hrpose.registry import TASK_UTILS
from hrpose.tracking import DISFlow, FlowTracker
from hrpose.tracking.flow import greedy_pairs
from hrpose.tracking.people import box_iou
from tests.tracking.drawn import SIGMAS, people_at

SIZE = (480, 360)  # w, h
START = np.array([[30, 20], [300, 100], [120, 190]])
SPEED = np.array([[14, 3], [-12, 0], [9, -5]])  # px a frame


def texture(rng, width, height):
    """Return (height, width, 3) uint8 noise that is smooth enough for optical flow."""
    noise = cv2.GaussianBlur(rng.normal(size=(height, width, 3)), (0, 0), 2)
    return np.clip(128 + 200 * noise, 0, 255).astype(np.uint8)


RNG = np.random.default_rng(0)
GROUND, COATS = texture(RNG, *SIZE), [texture(RNG, 60, 150) for _ in START]


def corners(frame):
    return START + frame * SPEED


def draw(frame):
    """Return the frame, (H, W, 3) uint8 RGB."""
    canvas = GROUND.copy()
    for (x, y), coat in zip(corners(frame), COATS, strict=True):
        canvas[y : y + 150, x : x + 60] = coat
    return canvas


class KnownFlow:
    """The true flow from each drawn frame to the next, one a call."""

    def __init__(self):
        self.frame = 0

    def __call__(self, before, after):
        flow = np.zeros((*before.shape[:2], 2))
        for (x, y), speed in zip(corners(self.frame), SPEED, strict=True):
            flow[y : y + 150, x : x + 60] = speed
        self.frame += 1
        return flow


def no_flow(before, after):
    return np.zeros((*before.shape[:2], 2))


def pose_network(frame, boxes):
    """Return the joints (P, 17, 2) and scores (P, 17) of the person in each box; low scores where there is none."""
    points, _, truth = people_at(corners(frame))
    overlap = box_iou(boxes, truth)
    return points[overlap.argmax(axis=1)], np.where(overlap.max(axis=1) > 0.5, 0.9, 0.1)[:, None] * np.ones(17)


def follow(tracker, frames, missed=(), unseen=()):
    """Return the ids of the three people in each frame, -1 for those without one.

    Args:
        tracker: to be tried.
        frames: how many.
        missed: (frame, person) that the detector misses.
        unseen: (frame, person) whose joints the pose network misses as well.
    """
    table = []
    for frame in range(frames):
        truth = people_at(corners(frame))[2]
        found = [one for one in (2, 0, 1) if (frame, one) not in missed]
        boxes, scores = tracker.propose(draw(frame), truth[found], np.full(len(found), 0.8), frame=frame)
        people = box_iou(boxes, truth).argmax(axis=1)
        points, joint_scores = pose_network(frame, boxes)
        joint_scores[[(frame, one) in unseen for one in people]] = 0.1
        ids = np.full(3, -1)
        ids[people] = tracker.assign(points, joint_scores, boxes, scores)
        table.append(ids)
    return np.array(table)


@pytest.mark.parametrize('flow', [KnownFlow, DISFlow])
def test_ids_survive_a_missed_detection(flow):
    table = follow(FlowTracker(SIGMAS, flow=flow()), 10, missed={(4, 0), (7, 1)})
    assert np.all(table == table[0])
    assert sorted(table[0]) == [0, 1, 2]


def test_a_carried_box_surrounds_the_carried_joints_by_15_percent():
    tracker = FlowTracker(SIGMAS, flow=KnownFlow())
    points, scores, boxes = people_at(corners(0)[:1])
    tracker.propose(draw(0), boxes, [0.8], frame=0)
    tracker.assign(points, scores, boxes, [0.8])
    boxes, scores = tracker.propose(draw(1), [], [], frame=1)
    low, high = points[0].min(axis=0) + SPEED[0], points[0].max(axis=0) + SPEED[0]
    margin = 0.075 * (high - low)
    assert boxes[0] == pytest.approx(np.concatenate([low - margin, high + margin]))
    assert scores.tolist() == [0.8]


def test_dis_flow_is_that_of_the_drawing():
    found, true = DISFlow()(draw(0), draw(1)), KnownFlow()(draw(0), draw(1))
    inside = cv2.erode(np.any(true, axis=2).astype(np.uint8), np.ones((21, 21))) > 0
    assert np.abs(found - true)[inside].mean() < 0.1


def test_without_flow_fast_people_lose_their_ids():
    assert follow(FlowTracker(SIGMAS, flow=no_flow, min_oks=0.7), 3).max() > 2
    assert follow(FlowTracker(SIGMAS, flow=KnownFlow(), min_oks=0.7), 3).max() == 2


def test_the_queue_bridges_a_frame_without_joints():
    unseen = {(4, 0), (5, 0)}
    table = follow(FlowTracker(SIGMAS, flow=KnownFlow(), queue=3), 8, unseen=unseen)
    assert table[:, 0].tolist() == [table[0, 0]] * 4 + [-1, -1] + [table[0, 0]] * 2
    table = follow(FlowTracker(SIGMAS, flow=KnownFlow(), queue=2), 8, unseen=unseen)
    assert table[:, 0].tolist() == [table[0, 0]] * 4 + [-1, -1, 3, 3]


def test_a_detected_box_wins_against_a_carried_one():
    tracker = FlowTracker(SIGMAS, flow=KnownFlow())
    points, scores, boxes = people_at(corners(0))
    tracker.propose(draw(0), boxes, [0.99] * 3, frame=0)
    tracker.assign(points, scores, boxes, [0.99] * 3)
    detected = people_at(corners(1))[2][:2]
    boxes, scores = tracker.propose(draw(1), detected, [0.6, 0.7], frame=1)
    assert np.array_equal(boxes[:2], detected[::-1])
    assert scores.tolist() == [0.7, 0.6, 0.99]


def test_low_boxes_and_people_without_joints_are_dropped():
    tracker = FlowTracker(SIGMAS, flow=KnownFlow())
    points, scores, boxes = people_at(corners(0))
    kept, kept_scores = tracker.propose(draw(0), boxes, [0.5, 0.49, 0.9], frame=0)
    assert np.array_equal(kept, boxes[[2, 0]])
    assert kept_scores.tolist() == [0.9, 0.5]
    scores[1], scores[2, 1:] = 0.39, 0.39
    scores[2, 0] = 0.4
    assert tracker.assign(points, scores, boxes, [0.5, 0.9, 0.9]).tolist() == [0, -1, 1]


def test_greedy_pairs_take_the_highest_first():
    # The largest total would be 0.8 + 0.7.
    assert greedy_pairs(np.array([[0.9, 0.8], [0.7, 0.2]]), np.array([5, 6]), 0.3) == ([0], [5])
    # An id of several frames is used once.
    assert greedy_pairs(np.array([[0.9, 0.8, 0.1], [0.7, 0.85, 0.4]]), np.array([5, 5, 6]), 0.3) == ([0, 1], [5, 6])


def test_frames_may_be_empty_and_sizes_change():
    tracker = FlowTracker(SIGMAS)
    assert tracker.propose(draw(0), [], [], frame=0)[0].shape == (0, 4)
    assert tracker.assign([], [], [], []).shape == (0,)
    points, scores, boxes = people_at(corners(1))
    tracker.propose(draw(1), boxes, [0.9] * 3, frame=1)
    assert tracker.assign(points, scores, boxes, [0.9] * 3).tolist() == [0, 1, 2]
    tracker.propose(draw(1)[::2], boxes, [0.9] * 3, frame=2)
    assert tracker.assign(points, scores, boxes, [0.9] * 3).tolist() == [3, 4, 5]


def test_flow_comes_from_the_registry():
    tracker = FlowTracker(SIGMAS, flow=dict(type='DISFlow', preset='fast'))
    assert isinstance(tracker.flow, TASK_UTILS.get('DISFlow'))


@pytest.mark.parametrize(
    ('call', 'message'),
    [
        (lambda t: t.propose(draw(1), [], [], frame=3), 'flow tracker: frame 3 follows 3; give the frames in order'),
        (lambda t: t.assign([], [], [], []), 'assign was called twice, or before propose'),
        (lambda t: t.propose(draw(1), np.zeros((2, 4)), [0.9], frame=4), '1 people need finite boxes'),
        (lambda t: FlowTracker(SIGMAS, queue=0), 'queue 0'),
        (lambda t: DISFlow('slow'), "no preset 'slow'; choices: ultrafast, fast, medium"),
        (lambda t: FlowTracker(SIGMAS, flow=dict(type='DISFlw')), 'DISFlow'),
    ],
)
def test_mistakes_are_explained(call, message):
    tracker = FlowTracker(SIGMAS)
    tracker.propose(draw(0), [], [], frame=3)
    tracker.assign([], [], [], [])
    with pytest.raises(UserError, match=message):
        call(tracker)


def test_a_flow_of_the_wrong_shape_is_refused():
    tracker = FlowTracker(SIGMAS, flow=lambda before, after: np.zeros((2, 360, 480)))
    tracker.propose(draw(0), [], [], frame=0)
    tracker.assign([], [], [], [])
    with pytest.raises(UserError, match=r'the flow has shape \(2, 360, 480\); it must be \(360, 480, 2\)'):
        tracker.propose(draw(1), [], [], frame=1)
