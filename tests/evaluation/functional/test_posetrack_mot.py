"""PoseTrack's tracking metrics: tiny sequences whose counts are known by hand."""

import numpy as np
import pytest

from hrpose.errors import UserError
from hrpose.evaluation import posetrack_identity, posetrack_mot
from hrpose.evaluation.functional.posetrack_ap import LabelledFrames
from hrpose.evaluation.functional.posetrack_mot import count_joints, videos

HEAD = 10.0  # px, the length of every head
JOINTS = 2
FAR = 1000.0  # px from one person to the next


def entry(frame, track, place, offset=0.0, *, video='a'):
    """Return a person of `place` whose joints all lie `offset` head lengths beside their true places."""
    points = np.array([[FAR * place + HEAD * offset, 50.0, 1.0], [FAR * place + HEAD * offset, 90.0, 1.0]])
    side = HEAD / 0.6 / np.sqrt(2)
    ids = {'id': 100 * frame + place, 'image_id': f'{video}{frame:04}', 'track_id': track}
    return {**ids, 'bbox_head': [0, 0, side, side], 'bbox': [0, 0, 9, 9], 'keypoints': points.ravel().tolist()}


def truth_of(annotations, **images):
    """Return a ground truth; `images` are further fields of an image, by its id."""
    ids = sorted({each['image_id'] for each in annotations} | set(images))
    return {
        'images': [{'id': each, 'vid_id': each[:-4]} | images.get(each, {}) for each in ids],
        'annotations': annotations,
    }


def still(frames=5, people=2, video='a'):
    """Return people who stand still, one track each: (person, frame) to entry, in the order of the frames."""
    return [entry(frame, 7 + place, place, video=video) for frame in range(frames) for place in range(people)]


def counts_of(annotations, results):
    """Return what is counted over all videos, by name, of the first joint."""
    frames = LabelledFrames.of(truth_of(annotations), results, JOINTS)
    total = sum(count_joints(video[:-1], JOINTS) for video in videos(frames))
    assert total[:, 0] == pytest.approx(total[:, 1])  # the joints move together
    return dict(
        zip(('labels', 'predicted', 'paired', 'switches', 'distance', 'logged'), total[:, 0].tolist(), strict=True)
    )


def test_the_truth_itself_has_1_everywhere():
    people = still()
    assert np.array(posetrack_mot(truth_of(people), people, JOINTS)) == pytest.approx(np.ones((5, JOINTS)))
    assert posetrack_identity(truth_of(people), people, JOINTS) == pytest.approx((1, 1, 1, 1))


def test_the_last_labelled_frame_of_each_video_is_left_out():
    people = still(frames=3) + still(frames=4, video='b')
    assert counts_of(people, people)['labels'] == 2 * (2 + 3)
    without_last = [each for each in people if each['image_id'] not in ('a0002', 'b0003')]
    assert posetrack_mot(truth_of(people), without_last, JOINTS).mota == pytest.approx([1, 1])
    # HOTA and IDF1 count it: 10 of 14 people are found.
    assert posetrack_identity(truth_of(people), without_last, JOINTS).detection == pytest.approx(10 / 14)


def test_a_swapped_identity_is_a_switch_for_each_of_the_two():
    people = still(frames=6)
    swapped = [{**each, 'track_id': 15 - each['track_id']} if each['image_id'] > 'a0002' else each for each in people]
    assert counts_of(people, swapped)['switches'] == 2
    assert posetrack_mot(truth_of(people), swapped, JOINTS).mota == pytest.approx([0.8] * 2)
    # Each true person is with either identity for 3 of 6 frames: 3 matches, and 6 + 6 - 3 frames of the two.
    identity = posetrack_identity(truth_of(people), swapped, JOINTS)
    assert identity == pytest.approx((np.sqrt(1 / 3), 1, 1 / 3, 0.5))


def test_a_switch_counts_however_long_ago_the_last_pair_was():
    people = still(frames=9, people=2)
    late = [
        each if each['track_id'] == 8 else {**each, 'track_id': 7 + 4 * (each['image_id'] > 'a0006')}
        for each in people
        if each['track_id'] == 8 or each['image_id'] < 'a0002' or each['image_id'] > 'a0006'
    ]
    counts = counts_of(people, late)
    assert counts == pytest.approx(
        {'labels': 16, 'predicted': 11, 'paired': 11, 'switches': 1, 'distance': 0, 'logged': 0}
    )


def test_the_last_pairing_is_kept_while_valid_though_another_is_nearer():
    people = still(frames=4, people=1)
    results = [entry(frame, 3, 0, 0.4) for frame in range(4)] + [entry(frame, 4, 0, 0.1) for frame in range(1, 4)]
    counts = counts_of(people, results)
    assert counts['switches'] == 0 and counts['distance'] == pytest.approx(3 * 0.4)
    # A move beyond half a head ends it, and the nearer one takes over for good.
    results[1] = entry(1, 3, 0, 0.6)
    counts = counts_of(people, results)
    assert counts['switches'] == 1 and counts['distance'] == pytest.approx(0.4 + 2 * 0.1)


def test_motp_of_poseval_adds_valid_pairs_and_new_identities_again():
    people = still(frames=4, people=1)
    results = [entry(0, 3, 0, 0.4), entry(1, 4, 0, 0.2), entry(2, 4, 0, 0.3), entry(3, 4, 0, 0.3)]
    found = posetrack_mot(truth_of(people), results, JOINTS)
    assert found.motp == pytest.approx([1 - 0.9 / 3] * 2)
    # Each distance twice, and that of the switch to an identity never seen a third time.
    assert found.motp_poseval == pytest.approx([1 - (2 * 0.9 + 0.2) / 3] * 2)


def test_a_frame_without_predictions_is_one_miss_and_one_false_positive():
    people = still(frames=4, people=3)
    some = [each for each in people if each['image_id'] != 'a0001']
    counts = counts_of(people, some)
    assert (counts['labels'], counts['predicted'], counts['paired']) == (3 + 1 + 3, 3 + 1 + 3, 6)


def test_a_frame_whose_people_are_all_ignored_is_one_of_each_too():
    people = still(frames=3, people=1)
    square = {'ignore_regions_x': [[-50, 50, 50, -50]], 'ignore_regions_y': [[0, 0, 99, 99]]}
    stranger = entry(1, 3, 5)
    frames = LabelledFrames.of(truth_of(people, a0001=square), [*people, stranger], JOINTS)
    (video,) = videos(frames)
    assert [(len(frame.found), len(frame.true)) for frame in video] == [(1, 1), (1, 0), (1, 1)]
    assert count_joints(video[:-1], JOINTS)[:3, 0].tolist() == [2, 2, 1]


def test_predictions_of_unlabelled_frames_do_not_count():
    people = still()
    labelled = [each for each in people if each['image_id'] != 'a0002']
    whole = posetrack_mot(truth_of(labelled, a0002={}), people, JOINTS)
    assert np.array(whole) == pytest.approx(np.ones((5, JOINTS)))


def test_the_order_of_frames_and_people_in_the_files_does_not_matter(rng):
    people = still(frames=6, people=3)
    results = [entry(n // 3, int(rng.integers(3)) * 3 + n % 3, n % 3, rng.uniform(-0.7, 0.7)) for n in range(18)]
    expected = posetrack_mot(truth_of(people), results, JOINTS)
    truth = truth_of(list(rng.permutation(people)))
    truth['images'] = truth['images'][::-1]
    assert 0 < expected.recall[0] < 1
    assert np.array(posetrack_mot(truth, list(rng.permutation(results)), JOINTS)) == pytest.approx(np.array(expected))


def test_predictions_shifted_by_a_frame_lose_moving_people():
    people = [entry(frame, 7, 0, 0.3 * frame) for frame in range(6)]
    near, far = ([{**each, 'image_id': f'a{frame + n:04}'} for frame, each in enumerate(people[:-n])] for n in (1, 2))
    # Two of six frames are left without predictions at most, then one miss and one false positive each.
    assert posetrack_mot(truth_of(people), near, JOINTS).motp == pytest.approx([0.7] * 2)
    assert posetrack_mot(truth_of(people), far, JOINTS).recall.tolist() == [0, 0]


def test_hota_and_idf1_by_hand():
    # One person of 4 frames: found under one identity, missed, then found under another with one of the two joints.
    people = still(frames=4, people=1)
    half = entry(3, 5, 0)
    half['keypoints'][0] += FAR
    found = [entry(0, 4, 0), entry(1, 4, 0), half]
    identity = posetrack_identity(truth_of(people), found, JOINTS)
    # Up to a similarity of 0.5 (10 thresholds) 3 people are matched, above it 2.
    low, high = (3 / 4, (2 * 2 / 4 + 1 * 1 / 4) / 3), (2 / 5, (2 * 2 / 4) / 2)
    assert identity.detection == pytest.approx((10 * low[0] + 9 * high[0]) / 19)
    assert identity.association == pytest.approx((10 * low[1] + 9 * high[1]) / 19)
    assert identity.hota == pytest.approx((10 * np.sqrt(low[0] * low[1]) + 9 * np.sqrt(high[0] * high[1])) / 19)
    assert identity.idf1 == pytest.approx(2 * 2 / (4 + 3))


def test_without_predictions_recall_is_0_and_precision_that_of_the_rule():
    people = still(frames=3)
    nothing = posetrack_mot(truth_of(people), [], JOINTS)
    # Two frames of one miss and one false positive.
    assert (nothing.mota.tolist(), nothing.motp_poseval.tolist()) == ([-1, -1], [0, 0])
    assert (nothing.precision.tolist(), nothing.recall.tolist()) == ([0, 0], [0, 0])
    assert np.isnan(nothing.motp).all()
    assert posetrack_identity(truth_of(people), [], JOINTS) == pytest.approx((0, 0, 0, 0))


def test_a_joint_that_nobody_labels_is_not_evaluated():
    people = still()
    for each in people:
        each['keypoints'][5] = 0
    values = np.array(posetrack_mot(truth_of(people), still(), JOINTS))
    assert values[:, 0] == pytest.approx(np.ones(5)) and np.isnan(values[:, 1]).all()


@pytest.mark.parametrize('metric', [posetrack_mot, posetrack_identity])
def test_wrong_identities_are_sentences(metric):
    people = still()
    nameless = [{name: value for name, value in each.items() if name != 'track_id'} for each in people]
    with pytest.raises(UserError, match='predictions: image a0000: a person has no track_id'):
        metric(truth_of(people), nameless, JOINTS)
    with pytest.raises(UserError, match='ground truth: image a0000: two people have the same track_id'):
        metric(truth_of([{**each, 'track_id': 1} for each in people]), people, JOINTS)
    truth = truth_of(people)
    del truth['images'][2]['vid_id']
    with pytest.raises(UserError, match="image a0002 has no 'vid_id'"):
        metric(truth, people, JOINTS)
    with pytest.raises(UserError, match='track_id is'):
        metric(truth_of(people), [{**people[0], 'track_id': 'first'}], JOINTS)
