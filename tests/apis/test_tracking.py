"""A stream with ids: people keep them over a video, results are otherwise the same, and joints are smoothed by id."""

from dataclasses import replace

import numpy as np
import pytest

from hrpose.apis import Boxes, PoseResult
from hrpose.apis.inferencer import CPU_BATCH
from hrpose.apis.sources import Frame
from hrpose.apis.tracking import smooth_results, smoothed, tracked
from hrpose.datasets.metainfo import resolve
from hrpose.errors import UserError
from hrpose.images.files import save_image
from hrpose.tracking import FlowTracker, OneEuroFilter, OnlineTracker, smooth_track
from tests.tracking.drawn import SIGMAS

PEOPLE = np.array([[4.0, 4, 30, 50], [50, 6, 76, 56]])  # boxes, image px


def boxes_of(frame):
    """Return two people who move 1 px a frame and change places in the list."""
    boxes = PEOPLE + [1, 0, 1, 0] * np.array(frame.index or 0)
    return boxes[:: -1 if (frame.index or 0) % 2 else 1]


def ids_of(results):
    return [result.track_ids.tolist() for result in results]


def test_people_keep_their_ids_when_their_order_changes(pose, make_image):
    results = list(pose.stream([make_image()] * 4, boxes=boxes_of, track=OnlineTracker(SIGMAS, similarity='iou')))
    assert ids_of(results) == [[0, 1], [1, 0], [0, 1], [1, 0]]


def test_tracking_changes_nothing_else(pose, make_image):
    images = [make_image() for _ in range(5)]
    plain = list(pose.stream(images, boxes=boxes_of))
    found = list(pose.stream(images, boxes=boxes_of, track=True))
    assert [replace(result, track_ids=None).to_dict() for result in found] == [one.to_dict() for one in plain]
    assert all(result.track_ids is None for result in plain)


def test_frames_share_batches_while_people_are_tracked(pose, make_image):
    taken = []
    frames = (taken.append(index) or make_image() for index in range(100))
    next(iter(pose.stream(frames, boxes='whole_image', track=True)))
    assert len(taken) == CPU_BATCH


def test_another_folder_has_other_people(pose, make_image, tmp_path):
    for name in ('a/1.png', 'a/2.png', 'b/1.png'):
        save_image(tmp_path / name, make_image())
    results = pose.stream(f'{tmp_path}/**', boxes='whole_image', track=OnlineTracker(SIGMAS, similarity='iou'))
    assert ids_of(results) == [[0], [0], [1]]


def test_the_published_tracker_adds_carried_people(make_image):
    def estimate(found):
        """Put each person's joints on the diagonal of the box."""
        for frame, (boxes, scores) in found:
            along = np.linspace(0.07, 0.93, 17)[:, None]
            joints = boxes[:, None, :2] * (1 - along) + boxes[:, None, 2:] * along
            yield PoseResult(joints, np.ones(joints.shape[:2]), boxes, scores, resolve('coco'), frame.size)

    rgb = make_image()
    missed = [(Frame(rgb, f'{n:06d}', None, n), Boxes(PEOPLE[: 2 - n % 2], np.ones(2 - n % 2))) for n in range(3)]
    results = list(tracked(estimate, FlowTracker(SIGMAS))(missed))
    assert ids_of(results) == [[0, 1]] * 3
    assert results[1].boxes == pytest.approx(PEOPLE, abs=1)


def test_people_whom_the_published_tracker_drops_are_left_out(pose, make_image):
    (result,) = pose.stream([make_image()], boxes=lambda frame: PEOPLE, track=FlowTracker(SIGMAS, joint_threshold=1e9))
    assert (len(result), len(result.keypoints), result.track_ids.tolist()) == (0, 0, [])


def test_people_without_an_id_are_left_out(pose, make_image):
    tracker = OnlineTracker(SIGMAS, similarity='iou', min_sightings=2)
    results = list(pose.stream([make_image()] * 3, boxes=boxes_of, track=tracker))
    assert ids_of(results) == [[], [1, 0], [0, 1]]
    assert [len(result.keypoints) for result in results] == [0, 2, 2]


@pytest.mark.parametrize(
    ('track', 'message'),
    [
        ('oks', "track: 'oks' is no tracker; give True, an OnlineTracker or a FlowTracker"),
        (OnlineTracker([0.1]), 'the tracker has 1 sigmas, the network 17 joints'),
    ],
)
def test_what_is_no_tracker_is_refused(pose, make_image, track, message):
    with pytest.raises(UserError, match=message):
        pose.stream([make_image()], boxes='whole_image', track=track)


def swaying(frames=60, rate=30.0, ids=(4, 2), source='a/clip.mp4'):
    """Return the results of a video of people who sway, with noise; every other frame has them in another order."""
    rng = np.random.default_rng(0)
    info = resolve('coco')
    order = [np.arange(len(ids))[:: 1 if frame % 2 else -1] for frame in range(frames)]
    sway = np.sin(np.arange(frames) / rate)[:, None, None, None] * [60.0, 20.0]
    joints = 100.0 + 50 * np.arange(len(ids))[:, None, None] + sway + rng.normal(size=(frames, len(ids), 17, 2))
    return [
        PoseResult(
            joints[n, order[n]],
            np.ones((len(ids), 17), np.float32),
            np.tile([0.0, 0, 90, 90], (len(ids), 1)),
            np.ones(len(ids)),
            info,
            (640, 480),
            source,
            n,
            f'{source}/{n:06d}',
            rate,
            track_ids=np.array(ids)[order[n]],
        )
        for n in range(frames)
    ]


def of_person(results, number):
    return np.array([result.keypoints[result.track_ids == number][0] for result in results])


def test_a_smoothed_stream_is_that_of_the_filter(pose, make_image):
    images = [make_image() for _ in range(5)]
    options = dict(boxes=boxes_of, track=OnlineTracker(SIGMAS, similarity='iou'))
    plain = list(pose.stream(images, **options))
    found = list(pose.stream(images, **options, smooth=OneEuroFilter(min_cutoff=0.5)))
    smooth = OneEuroFilter(min_cutoff=0.5)
    for n, (before, after) in enumerate(zip(plain, found, strict=True)):
        expected = smooth(before.keypoints, before.scores, after.track_ids, time=n / 25)  # images: 25 frames a second
        assert np.array_equal(after.keypoints, expected)
        assert replace(after, keypoints=before.keypoints, track_ids=before.track_ids).to_dict() == before.to_dict()
    assert not np.array_equal(found[4].keypoints, plain[4].keypoints)


def test_smoothing_follows_the_rate_of_each_video_and_starts_anew():
    videos = [*swaying(rate=60.0, source='a.mp4'), *swaying(rate=15.0, source='b.mp4')]
    found = list(smoothed(lambda results: iter(results), OneEuroFilter())(videos))
    for part, rate in ((slice(60), 60), (slice(60, 120), 15)):
        smooth = OneEuroFilter()
        for n, (before, after) in enumerate(zip(videos[part], found[part], strict=True)):
            expected = smooth(before.keypoints, None, before.track_ids, time=n / rate)
            assert np.array_equal(after.keypoints, expected)


def test_a_whole_video_is_smoothed_by_person():
    results = [*swaying(), *swaying(frames=20, rate=15.0, source='b.mp4')]
    results[7] = replace(results[7], **{name: getattr(results[7], name)[:0] for name in PEOPLE_FIELDS})
    found = smooth_results(iter(results))
    first, second = found[:60], found[60:]
    for number in (2, 4):
        track = of_person([*results[:7], *results[8:60]], number)
        expected = smooth_track(np.insert(track, 7, np.nan, axis=0), rate=30.0)
        assert np.array_equal(of_person([*first[:7], *first[8:]], number), np.delete(expected, 7, axis=0))
        assert np.array_equal(of_person(second, number), smooth_track(of_person(results[60:], number), rate=15.0))
    assert [len(one) for one in found] == [len(one) for one in results]


def test_a_tracker_that_is_reset_at_a_cut_gives_new_ids_and_joints_start_anew(pose, make_image):
    tracker, images = OnlineTracker(SIGMAS, similarity='iou'), [make_image() for _ in range(4)]
    plain = list(pose.stream(images, boxes=lambda frame: PEOPLE))
    stream = pose.stream(images, boxes=lambda frame: PEOPLE, track=tracker, smooth=True)
    ids, keypoints = [], []
    for result in stream:
        ids.append(result.track_ids.tolist())
        keypoints.append(result.keypoints)
        if result.frame_index == 1:  # the next frame is the first one after the cut
            tracker.reset()
    assert ids == [[0, 1], [0, 1], [2, 3], [2, 3]]
    assert np.array_equal(keypoints[2], plain[2].keypoints)


def test_the_published_tracker_can_be_reset_at_a_cut_too(pose, make_image):
    tracker, ids = FlowTracker(SIGMAS, joint_threshold=-10.0), []
    for result in pose.stream([make_image()] * 4, boxes=lambda frame: PEOPLE, track=tracker):
        ids.append(set(result.track_ids.tolist()))
        if result.frame_index == 1:
            tracker.reset()
    assert ids[0] and ids[2] and not (ids[0] | ids[1]) & (ids[2] | ids[3])


def test_without_a_reset_people_are_paired_by_place_across_a_cut(pose, make_image):
    after = np.array([[6.0, 4, 30, 50], [600, 400, 640, 470]])
    boxes = {0: PEOPLE, 1: after}
    tracker = OnlineTracker(SIGMAS, similarity='iou')
    results = pose.stream([make_image(700, 500)] * 2, boxes=lambda frame: boxes[frame.index], track=tracker)
    assert ids_of(results) == [[0, 1], [0, 2]]


@pytest.mark.parametrize('kind', [OnlineTracker, FlowTracker])
def test_another_frame_size_gives_new_ids_and_joints_start_anew(pose, make_image, kind):
    images = [make_image(90, 70), make_image(90, 70), make_image(120, 70), make_image(120, 70)]
    tracker = kind(SIGMAS, joint_threshold=-10.0)
    results = list(pose.stream(images, boxes=lambda frame: PEOPLE[:1], track=tracker, smooth=True))
    ids = [set(each) for each in ids_of(results)]
    assert 0 in ids[0] and not (ids[0] | ids[1]) & (ids[2] | ids[3])
    plain = pose(images[2], boxes=PEOPLE[:1])
    assert np.array_equal(results[2].keypoints[:1], plain.keypoints)


@pytest.mark.parametrize('kind', [OnlineTracker, FlowTracker])
@pytest.mark.parametrize('empty', [(0,), (1, 2), (0, 1, 2, 3)])
def test_frames_without_people_are_tracked_and_smoothed(pose, make_image, kind, empty):
    tracker = kind(SIGMAS, joint_threshold=-10.0)
    results = pose.stream(
        [make_image()] * 4,
        boxes=lambda frame: [] if frame.index in empty else PEOPLE[:1],
        track=tracker,
        smooth=OneEuroFilter(),
    )
    found = list(results)
    assert [result.keypoints.shape[1:] for result in found] == [(17, 2)] * 4
    if kind is OnlineTracker:
        assert ids_of(found) == [[] if index in empty else [0] for index in range(4)]
    assert [len(one) for one in smooth_results(found)] == [len(one) for one in found]


PEOPLE_FIELDS = ('keypoints', 'scores', 'boxes', 'box_scores', 'track_ids')


def test_results_without_ids_are_not_smoothed():
    with pytest.raises(UserError, match='has no ids, by which joints are smoothed; give the results of track=True'):
        smooth_results([replace(swaying(1)[0], track_ids=None)])


@pytest.mark.parametrize('rate', [0.0, np.nan, np.inf, -25.0])
def test_a_frame_rate_that_is_none_is_refused_by_both_filters(rate):
    wrong = [replace(result, rate=rate) for result in swaying(2)]
    for smooth in (smooth_results, lambda results: list(smoothed(iter, OneEuroFilter())(results))):
        with pytest.raises(UserError, match='is not a positive number; give the rate of the video'):
            smooth(wrong)


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (dict(smooth=True), 'smooth: joints are smoothed by person, and people have no ids; give track=True too'),
        (dict(smooth='one-euro', track=True), "smooth: 'one-euro' is no filter; give True or a OneEuroFilter"),
    ],
)
def test_smoothing_that_cannot_be_is_refused(pose, make_image, options, message):
    with pytest.raises(UserError, match=message):
        pose.stream([make_image()], boxes='whole_image', **options)
