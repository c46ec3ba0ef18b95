"""Ids follow people through motion, crossings and lost frames."""

import numpy as np
import pytest

from hrpose.errors import UserError
from hrpose.tracking import OnlineTracker
from hrpose.tracking.people import box_iou, box_nms, pose_similarity
from tests.tracking.drawn import SIGMAS, people_at

RATE = 25
START = np.array([[50.0, 40.0], [400.0, 60.0], [200.0, 300.0]])
SPEED = np.array([[9.0, 0.0], [-9.0, 1.0], [2.0, -4.0]])  # px a frame; the first two cross


def follow(tracker, frames, hidden=()):
    """Return the ids of the people in each frame, -1 where hidden, in the people's own order; people come shuffled."""
    rng = np.random.default_rng(0)
    table = []
    for frame in range(frames):
        order = [one for one in rng.permutation(3) if (frame, one) not in hidden]
        corners = (START + frame * SPEED + rng.normal(scale=1.5, size=(3, 2)))[order]
        ids = np.full(3, -1)
        ids[order] = tracker(*people_at(corners), time=frame / RATE)
        table.append(ids)
    return np.array(table)


@pytest.mark.parametrize('similarity', ['oks', 'iou', 'both'])
def test_ids_survive_a_crossing(similarity):
    table = follow(OnlineTracker(SIGMAS, similarity=similarity), 40)
    assert len(np.unique(table)) == 3
    assert np.all(table == table[0])


@pytest.mark.parametrize('similarity', ['oks', 'iou', 'both'])
def test_ids_survive_lost_frames_in_motion(similarity):
    # In seven frames the first person goes further than the box is wide.
    hidden = {(frame, 0) for frame in range(10, 17)}
    table = follow(OnlineTracker(SIGMAS, similarity=similarity), 25, hidden)
    assert np.all(table[:, 1:] == table[0, 1:])
    assert np.all(table[[*range(10), *range(17, 25)], 0] == table[0, 0])


def test_a_person_lost_for_too_long_gets_a_new_id():
    hidden = {(frame, 0) for frame in range(5, 12)}
    table = follow(OnlineTracker(SIGMAS, max_lost=6 / RATE), 14, hidden)
    assert np.all(table[12:, 0] == 3)
    assert np.all(table[:, 1:] == table[0, 1:])


def test_lost_people_are_forgotten():
    tracker = OnlineTracker(SIGMAS, max_lost=0.5)
    tracker(*people_at(START), time=0.0)
    assert tracker([], [], [], time=0.4).shape == (0,)
    assert len(tracker.tracks) == 3
    tracker([], [], [], time=0.6)
    assert len(tracker.tracks) == 0


def test_motion_is_in_seconds_not_in_frames():
    # Every frame, then every third one: what counts is the time between them.
    tracker = OnlineTracker(SIGMAS)
    for frame in (0, 1, 2, 3, 6, 9, 12):
        ids = tracker(*people_at(START + frame * 3 * SPEED), time=frame / RATE)
    assert ids.tolist() == [0, 1, 2]
    assert tracker.tracks.velocities == pytest.approx(3 * SPEED * RATE)
    assert tracker.tracks.sightings.tolist() == [7, 7, 7]


def test_a_person_of_one_frame_gets_no_id_if_two_are_asked_for():
    tracker = OnlineTracker(SIGMAS, min_sightings=2)
    assert tracker(*people_at(START[:2]), time=0.0).tolist() == [-1, -1]
    assert tracker(*people_at(START[1:]), time=0.04).tolist() == [1, -1]
    # The first one was lost before there was an id, and begins anew; the second one is kept while lost.
    assert tracker(*people_at(START[:1]), time=0.08).tolist() == [-1]
    assert tracker(*people_at(START[:2]), time=0.12).tolist() == [3, 1]


def test_a_newcomer_elsewhere_gets_a_new_id():
    tracker = OnlineTracker(SIGMAS)
    tracker(*people_at(START), time=0.0)
    assert tracker(*people_at([[900.0, 500.0], *START[::-1]]), time=0.04).tolist() == [3, 2, 1, 0]


def test_pairs_have_the_largest_total_similarity():
    # The best single pair is (new 0, old 1); it would leave new 1 without a partner.
    tracker = OnlineTracker(SIGMAS, similarity='iou', min_similarity=0.3)
    tracker(*people_at([[0.0, 0.0], [26.0, 0.0]]), time=0.0)
    ids = tracker(*people_at([[16.0, 0.0], [42.0, 0.0]]), time=0.04)
    assert ids.tolist() == [0, 1]


def test_absent_joints_do_not_count():
    tracker = OnlineTracker(SIGMAS, similarity='oks')
    tracker(*people_at(START), time=0.0)
    points, scores, boxes = people_at(START)
    points[:, :8], scores[:, 8:12] = np.nan, 0.0
    points[:, 8:12] += 1e4
    assert tracker(points, scores, boxes, time=0.04).tolist() == [0, 1, 2]
    # Two joints are in common: too few for OKS; the box decides if it may.
    scores[:, 8:15] = 0.0
    both = OnlineTracker(SIGMAS)
    both(*people_at(START), time=0.0)
    assert both(points, scores, boxes, time=0.08).tolist() == [0, 1, 2]
    assert tracker(points, scores, boxes, time=0.08).tolist() == [3, 4, 5]


def test_another_image_size_begins_anew():
    tracker = OnlineTracker(SIGMAS)
    tracker(*people_at(START), time=0.0, image_size=(640, 480))
    assert tracker(*people_at(START), time=0.04, image_size=(640, 480)).tolist() == [0, 1, 2]
    assert tracker(*people_at(START), time=0.08, image_size=(320, 240)).tolist() == [3, 4, 5]


def test_reset_allows_an_earlier_time_and_no_old_id():
    tracker = OnlineTracker(SIGMAS)
    tracker(*people_at(START), time=5.0)
    tracker.reset()
    assert tracker(*people_at(START), time=0.0).tolist() == [3, 4, 5]


@pytest.mark.parametrize(
    ('call', 'message'),
    [
        (lambda t: t(*people_at(START), time=1.0), r'tracker: time 1 follows 1.0; give the frames in order'),
        (lambda t: t(*people_at(START), time=0.5), 'tracker: time 0.5 follows 1.0'),
        (lambda t: t(*people_at(START), time=np.nan), 'tracker: time nan follows 1.0'),
        (lambda t: t(*people_at(START)[:2], np.zeros((2, 4)), time=2.0), '3 people need finite boxes'),
        (lambda t: t(*people_at(START)[:2], np.full((3, 4), np.nan), time=2.0), '3 people need finite boxes'),
        (lambda t: t(np.zeros((1, 5, 2)), None, np.zeros((1, 4)), time=2.0), r'must be \(people, 17, 2\)'),
        (lambda t: OnlineTracker(SIGMAS, similarity='iuo'), "no similarity 'iuo'; choices: oks, iou, both"),
        (lambda t: OnlineTracker(SIGMAS, min_similarity=0), r'must be in \(0, 1\]'),
        (lambda t: OnlineTracker(SIGMAS, inertia=1.0), 'inertia 1.0'),
        (lambda t: OnlineTracker(SIGMAS, min_sightings=0), 'min_joints 3, min_sightings 0: they must be at least 1'),
    ],
)
def test_mistakes_are_explained(call, message):
    tracker = OnlineTracker(SIGMAS)
    tracker(*people_at(START), time=1.0)
    with pytest.raises(UserError, match=message):
        call(tracker)
    assert tracker(*people_at(START), time=3.0).tolist() in ([0, 1, 2], [3, 4, 5])  # lost for longer than max_lost


def test_pose_similarity_is_oks_over_common_joints():
    a, b = np.zeros((1, 3, 2)), np.array([[[3.0, 4.0], [0.0, 0.0], [np.nan, np.nan]]])
    arguments = dict(present_a=np.ones((1, 3), bool), areas=np.full((1, 1), 100.0), sigmas=np.full(3, 0.1))
    found = pose_similarity(a, b, present_b=np.array([[True, True, False]]), **arguments)
    assert found[0, 0] == pytest.approx((np.exp(-25 / (2 * 100 * 0.2**2)) + 1) / 2)
    assert np.isnan(pose_similarity(a, b, present_b=np.zeros((1, 3), bool), **arguments))


def test_iou_and_nms_of_boxes():
    boxes = np.array([[0.0, 0, 10, 10], [0, 5, 10, 15], [20, 20, 30, 30], [5, 5, 5, 5]])
    assert box_iou(boxes[:1], boxes)[0] == pytest.approx([1, 1 / 3, 0, 0])
    scores = np.array([0.5, 0.9, 0.4, 0.1])
    assert box_nms(boxes, scores, 0.3).tolist() == [1, 2, 3]
    assert box_nms(boxes, scores, 0.4).tolist() == [1, 0, 2, 3]
    assert box_nms(boxes[:0], scores[:0], 0.4).tolist() == []
