"""A stream with ids: people keep them over a video, and results are otherwise the same."""

from dataclasses import replace

import numpy as np
import pytest

from hrpose.apis import Boxes, PoseResult
from hrpose.apis.inferencer import CPU_BATCH
from hrpose.apis.sources import Frame
from hrpose.apis.tracking import tracked
from hrpose.datasets.metainfo import resolve
from hrpose.errors import UserError
from hrpose.images.files import save_image
from hrpose.tracking import FlowTracker, OnlineTracker
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
