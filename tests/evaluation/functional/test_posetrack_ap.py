"""PoseTrack's AP: a slow reference that follows poseval step by step, values by hand, annotated frames."""

import numpy as np
import pytest

from hrpose.errors import UserError
from hrpose.evaluation import average_precision, in_regions, posetrack_ap, right_joints
from tests.evaluation.cases import POSETRACK_EARS


def slow_assignment(predicted, truth, labelled, lengths):
    """Return (P, K) labels: poseval's `assignGTmulti` in loops."""
    share = np.zeros((len(predicted), len(truth)))
    near = np.zeros((*share.shape, predicted.shape[1]), dtype=bool)
    for p, person in enumerate(predicted):
        for g, true in enumerate(truth):
            for k in np.flatnonzero(labelled[g] & ~np.isnan(person[:, 0])):
                near[p, g, k] = np.linalg.norm(person[k, :2] - true[k]) / lengths[g] <= 0.5
            share[p, g] = near[p, g].sum() / max(labelled[g].sum(), 1)
    for p in range(len(predicted)):
        for g in range(len(truth)):
            if g != np.argmax(share[p]):
                share[p, g] = 0
    labels = np.zeros(predicted.shape[:2], dtype=bool)
    for g in range(len(truth)):
        if len(predicted) and share[:, g].max() > 0:
            p = np.argmax(share[:, g])
            labels[p] = near[p, g]
    return labels


def slow_ap(scores, labels, total):
    """Return the area under one joint's curve: poseval's `computeRPC` and `VOCap`."""
    hits, recall, precision = 0, [0.0], [0.0]
    for rank, index in enumerate(np.argsort(-scores, kind='stable'), start=1):
        hits += labels[index]
        recall.append(hits / total)
        precision.append(hits / rank)
    recall, precision = [*recall, 1.0], [*precision, 0.0]
    for i in range(len(precision) - 2, -1, -1):
        precision[i] = max(precision[i], precision[i + 1])
    return sum((recall[i] - recall[i - 1]) * precision[i] for i in range(1, len(recall)))


def slow_posetrack_ap(dataset, results, joints):
    """Return (K,) AP, frame by frame and joint by joint."""
    from shapely import Point, Polygon

    scores, labels, totals = [[] for _ in range(joints)], [[] for _ in range(joints)], np.zeros(joints)
    for image in dataset['images']:
        people = [a for a in dataset['annotations'] if a['image_id'] == image['id']]
        if not people:
            continue
        people = [a for a in people if any(a['keypoints'][2::3])]
        polygons = [
            Polygon(zip(x, y, strict=True))
            for x, y in zip(image['ignore_regions_x'], image['ignore_regions_y'], strict=True)
        ]
        found = []
        for result in results:
            person = np.reshape(result['keypoints'], (-1, 3)).copy()
            for joint in person:
                if any(polygon.contains(Point(joint[:2])) for polygon in polygons):
                    joint[:] = np.nan
            if result['image_id'] == image['id'] and not np.isnan(person).all():
                found.append(person)
        truth = np.reshape([a['keypoints'] for a in people], (-1, joints, 3))
        for joint in truth.reshape(-1, 3):
            if any(polygon.contains(Point(joint[:2])) for polygon in polygons):
                joint[2] = 0
        lengths = [0.6 * np.hypot(*a['bbox_head'][2:]) for a in people]
        right = slow_assignment(np.reshape(found, (-1, joints, 3)), truth[:, :, :2], truth[:, :, 2] > 0, lengths)
        totals += (truth[:, :, 2] > 0).sum(axis=0)
        for person, hits in zip(found, right, strict=True):
            for k in np.flatnonzero(~np.isnan(person[:, 0])):
                scores[k].append(person[k, 2])
                labels[k].append(hits[k])
    return [slow_ap(np.array(s), y, n) if n else np.nan for s, y, n in zip(scores, labels, totals, strict=True)]


def generated_frames(rng, *, frames=25, joints=5):
    """Return frames of a few people with heads of about 40 px, ignored squares, and results of mixed quality."""
    images, annotations, results = [], [], []
    for frame in range(frames):
        corner = rng.uniform(0, 250, 2)
        square = corner + [[0, 0], [60, 0], [60, 60], [0, 60]]
        x, y = square.T.tolist()
        images.append({'id': frame, 'ignore_regions_x': [x], 'ignore_regions_y': [y]})
        for number in range(rng.integers(0, 4)):
            xy = rng.uniform(0, 300, (joints, 2))
            flags = (rng.random((joints, 1)) > 0.25) * (rng.random() > 0.1)
            head = [0.0, 0.0, *rng.uniform(20, 40, 2).tolist()]
            entry = {'id': number, 'image_id': frame, 'bbox_head': head, 'bbox': [0, 0, 300, 300]}
            annotations.append({**entry, 'keypoints': np.hstack([xy, flags]).ravel().tolist()})
            for _ in range(rng.integers(0, 3)):
                moved = xy + rng.normal(0, rng.choice([2, 10, 20]), xy.shape)
                joined = np.hstack([moved, rng.random((joints, 1))])
                results.append({'image_id': frame, 'keypoints': joined.ravel().tolist(), 'score': 1.0})
        if rng.random() < 0.3:
            wrong = np.hstack([rng.uniform(0, 300, (joints, 2)), rng.random((joints, 1))])
            results.append({'image_id': frame, 'keypoints': wrong.ravel().tolist(), 'score': 1.0})
    return {'images': images, 'annotations': annotations}, results


@pytest.mark.parametrize('seed', range(4))
def test_ap_is_that_of_a_slow_reference_that_follows_poseval(seed):
    dataset, results = generated_frames(np.random.default_rng(seed))
    values, labels = posetrack_ap(dataset, results, 5)
    assert 0.1 < values.mean() < 0.95 and labels.min() > 5
    assert values == pytest.approx(slow_posetrack_ap(dataset, results, 5), abs=1e-12)


def test_average_precision_by_hand():
    # Ranked right, wrong, right, of 4 labels: 1/4 at precision 1, 1/4 at precision 2/3.
    scores, right = [[0.9], [0.8], [0.7], [0.95]], [[True], [False], [True], [True]]
    counted = [[True], [True], [True], [False]]
    assert average_precision(scores, right, counted, [4]) == pytest.approx([(1 + 2 / 3) / 4])
    assert np.isnan(average_precision(scores, right, counted, [0])).all()
    assert average_precision(np.zeros((0, 1)), np.zeros((0, 1)), np.zeros((0, 1)), [3]).tolist() == [0.0]


def test_of_two_predictions_the_one_with_more_joints_is_matched():
    truth, labelled = np.zeros((1, 3, 2)), np.array([[True, True, False]])
    predicted = np.zeros((2, 3, 2))
    predicted[0, 0] = 6.0  # 8.5 px away, more than half of 10 px
    right = right_joints(predicted, np.ones((2, 3), bool), truth, labelled, [10.0])
    assert right.tolist() == [[False] * 3, [True, True, False]]


def test_a_joint_at_exactly_half_a_head_is_right():
    predicted = np.array([[[3.0, 4.0], [3.0, 4.01]]])
    ones = np.ones((1, 2), bool)
    assert right_joints(predicted, ones, np.zeros((1, 2, 2)), ones, [10.0]).tolist() == [[True, False]]


def test_points_in_ignored_regions_are_those_that_shapely_finds(posetrack, rng):
    shapely = pytest.importorskip('shapely')
    images = posetrack[1]['images']
    points = rng.uniform(0, 1920, (20_000, 2))
    for image in images:
        regions = [np.column_stack(xy) for xy in zip(image['ignore_regions_x'], image['ignore_regions_y'], strict=True)]
        for region in regions:
            polygon = shapely.Polygon(region)
            if polygon.is_valid:
                assert np.array_equal(in_regions(points, [region]), shapely.contains_xy(polygon, points))
        one_by_one = [in_regions(points, [region]) for region in regions]
        assert np.array_equal(in_regions(points, regions), np.any(one_by_one, axis=0))


def frame_with_a_region(people):
    """Return one frame that ignores the square from (0, 0) to (100, 100); people are (K, 3), their heads 30 px long."""
    side = [0, 100, 100, 0], [0, 0, 100, 100]
    entries = [{'image_id': 1, 'keypoints': np.ravel(person).tolist()} for person in people]
    annotations = [{**entry, 'id': number, 'bbox_head': [0, 0, 30, 40]} for number, entry in enumerate(entries)]
    images = [{'id': 1, 'ignore_regions_x': [side[0]], 'ignore_regions_y': [side[1]]}]
    return {'images': images, 'annotations': annotations}


def test_a_label_in_an_ignored_region_is_not_missed():
    truth = [[[50, 50, 1], [200, 200, 1]], [[300, 300, 1], [300, 350, 1]]]
    found = [[[50, 50, 0.9], [200, 200, 0.9]], [[300, 300, 0.8], [300, 350, 0.8]]]
    # Joint 0: one label left of two, found; it would be 1/2 were the deleted one still a label.
    values, labels = posetrack_ap(frame_with_a_region(truth), frame_with_a_region(found)['annotations'], 2)
    assert labels.tolist() == [1, 2] and values.tolist() == [1.0, 1.0]


def test_a_prediction_beside_a_deleted_label_is_wrong():
    truth = [[[95, 50, 1], [200, 200, 1]], [[300, 300, 1], [300, 350, 1]]]
    found = [[[105, 50, 0.9], [200, 200, 0.9]], [[300, 300, 0.8], [300, 350, 0.8]]]
    # Joint 0: ranked wrong (10 px from a deleted label, outside the region), right: precision 1/2 at its only label.
    values, labels = posetrack_ap(frame_with_a_region(truth), frame_with_a_region(found)['annotations'], 2)
    assert labels.tolist() == [1, 2] and values.tolist() == [0.5, 1.0]


def test_deleted_labels_do_not_lower_the_share_found():
    # Of the first person one label of three is left, so finding it is all of them; of the second, half.
    truth = [[[50, 50, 1], [60, 60, 1], [200, 200, 1]], [[300, 300, 1], [350, 300, 1], [0, 0, 0]]]
    found = [[[300, 300, 0.9], [400, 300, 0.9], [200, 200, 0.9]]]
    values, labels = posetrack_ap(frame_with_a_region(truth), frame_with_a_region(found)['annotations'], 3)
    assert labels.tolist() == [1, 1, 1] and values.tolist() == [0.0, 0.0, 1.0]


def test_a_point_on_the_edge_of_a_region_is_outside():
    square, triangle = [[0, 0], [10, 0], [10, 10], [0, 10]], [[0, 0], [10, 0], [5, 10]]
    on_square = [[0, 5], [10, 5], [5, 0], [5, 10], [0, 0], [10, 10], [0, 10], [10, 0]]
    assert not in_regions(on_square, [square]).any()
    assert not in_regions([[0, 0], [5, 0], [5, 10], [2.5, 5], [7.5, 5]], [triangle]).any()
    assert in_regions([[5, 5], [1e-9, 5], [10 - 1e-9, 5]], [square]).all()


def results_of(annotations):
    return [{'image_id': a['image_id'], 'keypoints': a['keypoints']} for a in annotations]


def test_labels_in_ignored_regions_are_deleted(posetrack):
    _, content = posetrack
    inside = labelled_inside(content)
    assert 0 < inside.sum() < 20
    values, labels = posetrack_ap(content, results_of(content['annotations']), 17)
    every_label = (np.reshape([a['keypoints'] for a in content['annotations']], (-1, 17, 3))[:, :, 2] > 0).sum(axis=0)
    assert np.array_equal(labels, every_label - inside)
    assert values[labels > 0].tolist() == [1.0] * 15


def labelled_inside(content):
    """Return (K,) how many labelled joints lie in an ignored region of their image."""
    count = np.zeros(17, dtype=int)
    for image in content['images']:
        regions = [np.column_stack(xy) for xy in zip(image['ignore_regions_x'], image['ignore_regions_y'], strict=True)]
        for person in (a for a in content['annotations'] if a['image_id'] == image['id']):
            joints = np.reshape(person['keypoints'], (-1, 3))
            count += in_regions(joints[:, :2], regions) & (joints[:, 2] > 0)
    return count


def test_frames_that_nobody_annotated_do_not_count(posetrack):
    _, content = posetrack
    results = results_of(content['annotations'])
    expected, _ = posetrack_ap(content, results, 17)
    content['images'].append({'id': 5, 'is_labeled': False})
    values, _ = posetrack_ap(content, [{**results[0], 'image_id': 5}, *results], 17)
    assert np.array_equal(values, expected, equal_nan=True)


def test_the_ground_truth_as_prediction_has_ap_1_and_no_ears(posetrack):
    _, content = posetrack
    values, labels = posetrack_ap(content, results_of(content['annotations']), 17)
    assert values[labels > 0].tolist() == [1.0] * 15
    assert np.flatnonzero(np.isnan(values)).tolist() == np.flatnonzero(labels == 0).tolist() == POSETRACK_EARS


def test_mistakes_are_sentences(posetrack):
    _, content = posetrack
    with pytest.raises(UserError, match='not in the annotations'):
        posetrack_ap(content, [{'image_id': 1, 'keypoints': [0] * 51}], 17)
    del content['annotations'][2]['bbox_head']
    with pytest.raises(UserError, match=f"{content['annotations'][2]['id']} has no 'bbox_head'"):
        posetrack_ap(content, [], 17)
