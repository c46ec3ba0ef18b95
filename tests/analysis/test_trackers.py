"""Trackers compared on made sequences: what the metrics say of known trackers, and that ours beat plain IoU."""

import json

import numpy as np
import pytest

from hrpose.analysis.trackers import (
    FOLLOWERS,
    NOT_TRACKED,
    Follower,
    Scene,
    compare_trackers,
    make_sequence,
    read_sequence,
    score_tracker,
    trackers_table,
)
from hrpose.errors import UserError
from hrpose.synthetic import make_videos

CLEAN = Scene(people=4, seconds=4.0, noise=0.0, missed=0.0, false=0.0, hidden=0.0)


class Oracle(Follower):
    """Gives each person found the id of the true one whose first joint is nearest."""

    def ids(self, frame, found):
        away = np.linalg.norm(found.keypoints[:, None, 0] - self.sequence.keypoints[frame, :, 0], axis=2)
        return away.argmin(axis=1) if len(away) else np.zeros(0, int)


class Nobody(Follower):
    def ids(self, frame, found):
        return np.full(len(found.boxes), NOT_TRACKED)


class Forgetful(Follower):
    """Gives new ids in every frame."""

    def ids(self, frame, found):
        return 100 * frame + np.arange(len(found.boxes))


@pytest.fixture
def score(monkeypatch):
    def run(kind, scene, seed=0):
        monkeypatch.setitem(FOLLOWERS, 'tried', kind)
        return score_tracker('tried', [make_sequence(scene, seed)])

    return run


def test_a_sequence_depends_on_its_seed_alone():
    first, again, other = (make_sequence(Scene(people=3, seconds=1.0), seed) for seed in (1, 1, 2))
    assert np.array_equal(first.keypoints, again.keypoints)
    assert all(np.array_equal(a.boxes, b.boxes) for a, b in zip(first.found, again.found, strict=True))
    assert not np.array_equal(first.keypoints, other.keypoints)


def test_people_walk_cross_hide_and_come_back():
    made = make_sequence(Scene(), 0)
    step = np.linalg.norm(np.diff(made.keypoints[:, :, 0], axis=0), axis=2) * made.scene.rate
    assert 30 < step.mean() < 150 and step.max() < 600  # px/s
    assert made.covered[made.labelled].mean() > 0.02
    away = np.diff(made.labelled.astype(int), axis=0)
    assert (away > 0).sum() > 10  # returns
    truth, found = made.labelled.sum(), sum(len(found.boxes) for found in made.found)
    assert 0.8 * truth < found < 1.05 * truth


def test_the_oracle_loses_only_whom_nobody_found(score):
    found = score(Oracle, CLEAN)
    made = make_sequence(CLEAN, 0)
    share = sum(len(one.boxes) for one in made.found) / made.labelled.sum()
    assert found.switches == 0
    assert found.association > found.mota - 0.01
    assert found.mota == pytest.approx(share, abs=0.02)


def test_trackers_that_do_nothing_score_nothing(score):
    # poseval counts a frame without any prediction as one miss and one false positive.
    assert score(Nobody, CLEAN)[:3] == (-1, 0, 0)
    made = make_sequence(CLEAN, 0)
    found = score(Forgetful, CLEAN)
    assert found.switches > 0.9 * (made.labelled[:-2].sum() - CLEAN.people)
    assert found.idf1 < 0.05


def test_the_online_tracker_beats_plain_iou():
    scores = compare_trackers(('online', 'confirmed', 'iou'), Scene(seconds=8.0), 3)
    for better in ('idf1', 'hota', 'association'):
        assert getattr(scores['online'], better) > getattr(scores['iou'], better) + 0.02
    assert scores['online'].switches < 0.8 * scores['iou'].switches
    assert scores['confirmed'].mota > scores['online'].mota + 0.01
    table = trackers_table(scores).splitlines()
    assert [row.split()[0] for row in table[2:]] == ['online', 'confirmed', 'iou']


def test_the_published_tracker_finds_whom_the_detector_missed():
    scene = Scene(people=4, seconds=4.0, missed=0.2, false=0.0, hidden=0.0)
    scores = compare_trackers(('flow', 'online'), scene, 2)
    assert scores['flow'].mota > scores['online'].mota + 0.05


def posetrack_file(path, made):
    """Write the true people of a made sequence as annotations in PoseTrack18's form."""
    images, people = [], []
    for frame in range(len(made.found)):
        images.append({'id': frame, 'vid_id': '1', 'width': made.scene.size[0], 'height': made.scene.size[1]})
        for one in np.flatnonzero(made.labelled[frame]):
            x1, y1, x2, y2 = made.boxes[frame, one].tolist()
            keypoints = np.insert(made.keypoints[frame, one], 2, 1, axis=1)
            keypoints[3:5] = 0  # as ears in PoseTrack
            people.append(
                {
                    'image_id': frame,
                    'category_id': 1,
                    'track_id': int(one) + 7,
                    'bbox': [x1, y1, x2 - x1, y2 - y1],
                    'bbox_head': made.heads[frame, one].tolist(),
                    'keypoints': keypoints.ravel().tolist(),
                }
            )
    categories = [{'id': 1, 'name': 'person'}]
    path.write_text(json.dumps({'images': images, 'annotations': people, 'categories': categories}))


def test_annotated_videos_are_read_and_followed(tmp_path):
    made = make_sequence(CLEAN, 0)
    posetrack_file(tmp_path / 'a.json', made)
    read = read_sequence(tmp_path / 'a.json', 0, CLEAN)
    shown = made.labelled.any(axis=0)
    assert np.array_equal(read.labelled, made.labelled[:, shown])
    assert read.joints[read.labelled].sum(axis=1).tolist() == [15] * read.labelled.sum()
    assert read.scene.size == CLEAN.size
    found = compare_trackers(('online', 'flow'), CLEAN, 1, tmp_path)
    assert found['online'].mota > 0.95
    assert found['flow'].mota > 0.95


def test_the_published_tracker_sees_flow_in_the_images(tmp_path):
    make_videos(tmp_path, train=1, val=0, frames=24, seed=5, workers=1, size=(160, 120))
    (score,) = compare_trackers(['dis'], CLEAN, 1, tmp_path / 'annotations/train').values()
    assert score.mota > 0.8
    next(tmp_path.glob('images/train/*/000007.jpg')).unlink()
    with pytest.raises(UserError, match='000007.jpg'):
        compare_trackers(['dis'], CLEAN, 1, tmp_path / 'annotations/train')
    with pytest.raises(UserError, match="tracker 'dis': made sequences have no images; give annotated videos by"):
        compare_trackers(['dis'], CLEAN, 1)


def test_annotations_without_people_or_heads_are_refused(tmp_path):
    posetrack_file(tmp_path / 'a.json', make_sequence(CLEAN, 0))
    content = json.loads((tmp_path / 'a.json').read_text())
    headless = [{**content['annotations'][0], 'bbox_head': None}, *content['annotations'][1:]]
    lacking = 'people need track_id, bbox and bbox_head; give annotations of PoseTrack18'
    for wrong, message in (
        (
            content | {'annotations': headless},
            'people need track_id, bbox and bbox_head; give annotations of PoseTrack18',
        ),
        (content | {'annotations': []}, lacking),
        (content | {'images': [{'id': n} for n in range(100)]}, 'images lack width and height; add them, in px'),
    ):
        (tmp_path / 'a.json').write_text(json.dumps(wrong))
        with pytest.raises(UserError, match=message):
            read_sequence(tmp_path / 'a.json', 0, CLEAN)


def test_unknown_trackers_and_missing_libraries_are_explained(monkeypatch):
    with pytest.raises(UserError, match="there is no tracker 'onlin'; nearest: online"):
        compare_trackers(['onlin'], CLEAN, 1)
    monkeypatch.setitem(__import__('sys').modules, 'norfair', None)
    with pytest.raises(UserError, match='the library norfair cannot be imported .*; install it, or leave its trackers'):
        compare_trackers(['norfair'], CLEAN, 1)
