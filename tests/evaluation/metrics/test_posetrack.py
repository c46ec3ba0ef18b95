"""PoseTrack's AP: a slow reference that follows poseval step by step, values by hand, annotated frames."""

import json

import numpy as np
import pytest
from mmengine.evaluator import Evaluator
from mmengine.structures import InstanceData

from hrpose.datasets import PoseTrack18Dataset
from hrpose.errors import UserError
from hrpose.evaluation import (
    CocoMetric,
    PoseTrack18Metric,
    average_precision,
    in_regions,
    posetrack_ap,
    right_joints,
)
from hrpose.registry import METRICS
from hrpose.structures import PoseDataSample

EARS = [3, 4]


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


def test_points_in_ignored_regions_are_those_that_shapely_finds(sample_data, rng):
    shapely = pytest.importorskip('shapely')
    images = json.loads(annotation_file(sample_data).read_text())['images']
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


def annotation_file(sample_data):
    return sample_data / 'posetrack18' / 'annotations' / 'test_posetrack18_val.json'


def samples_of(annotations, *, moved=(0.0, 0.0), scores=None):
    """Return one sample a person that predicts its annotation, `moved` by (x, y) head lengths.

    What is not labelled scores 0: a network predicts it all the same, and only ranked last it costs nothing.
    """
    samples = []
    for number, person in enumerate(annotations):
        joints = np.reshape(person['keypoints'], (-1, 3)).astype(float)
        length = 0.6 * np.hypot(*person['bbox_head'][2:])
        sample = PoseDataSample(
            metainfo=dict(img_id=person['image_id'], id=number, box_size=np.array(person['bbox'][2:]))
        )
        sample.pred_instances = InstanceData(
            keypoints=(joints[:, :2] + np.multiply(moved, length))[None],
            keypoint_scores=(joints[:, 2] > 0)[None] * (0.9 if scores is None else scores[number]),
            bboxes=np.zeros((1, 4)),
            bbox_scores=np.ones(1),
        )
        samples.append(sample)
    return samples


def evaluate(metric, samples):
    evaluator = Evaluator(metric)
    evaluator.process(samples)
    return evaluator.evaluate(len(samples))


@pytest.fixture
def annotated(sample_data):
    """The annotations of the sample: their file and its content."""
    content = json.loads(annotation_file(sample_data).read_text())
    return annotation_file(sample_data), content


def without_regions(path, content, folder):
    """Write the truth without ignored regions; returns its path."""
    for image in content['images']:
        image['ignore_regions_x'] = image['ignore_regions_y'] = []
    (folder / 'truth.json').write_text(json.dumps(content))
    return str(folder / 'truth.json')


def test_the_ground_truth_as_prediction_has_100_and_no_ears(annotated, tmp_path):
    path, content = annotated
    metrics = evaluate(
        PoseTrack18Metric(without_regions(path, content, tmp_path), 'posetrack18'), samples_of(content['annotations'])
    )
    assert list(metrics) == [f'posetrack18/{name}' for name in PoseTrack18Metric.metric_names]
    assert set(metrics.values()) == {100.0}
    values, labels = posetrack_ap(content, results_of(content['annotations']), 17)
    assert values[labels > 0].tolist() == [1.0] * 15
    assert np.flatnonzero(np.isnan(values)).tolist() == np.flatnonzero(labels == 0).tolist() == EARS


def results_of(annotations):
    return [{'image_id': a['image_id'], 'keypoints': a['keypoints']} for a in annotations]


def test_labels_in_ignored_regions_are_deleted(annotated):
    _, content = annotated
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


@pytest.mark.parametrize(('heads', 'expected'), [(0.499, 100.0), (0.501, 0.0)])
def test_joints_half_a_head_away_are_the_border_between_100_and_0(heads, expected, annotated, tmp_path):
    path, content = annotated
    truth = without_regions(path, content, tmp_path)
    one_a_frame = list({a['image_id']: a for a in content['annotations']}.values())
    content['annotations'] = one_a_frame
    (tmp_path / 'truth.json').write_text(json.dumps(content))
    metrics = evaluate(PoseTrack18Metric(truth, 'posetrack18'), samples_of(one_a_frame, moved=(heads, 0.0)))
    assert metrics['posetrack18/Mean'] == expected


def test_a_wrong_person_ranked_first_costs_what_the_curve_says(annotated, tmp_path):
    path, content = annotated
    people = [a for a in content['annotations'] if a['num_keypoints'] >= 14][:3]
    for number, person in enumerate(people):  # on three frames, all joints but the ears labelled
        person.update(image_id=content['images'][number]['id'], bbox=[0, 0, 10, 10])
        person['keypoints'] = [v for k in range(17) for v in (100 + 9 * k, 100, int(k not in EARS))]
    content['annotations'] = people
    truth = without_regions(path, content, tmp_path)
    samples = samples_of(people, scores=[0.9, 0.8, 0.7])
    samples[0].pred_instances.keypoints += 1000.0
    # Ranked wrong, right, right, of 3 labels: precision 2/3 up to recall 2/3.
    metrics = evaluate(PoseTrack18Metric(truth, 'posetrack18', nms=None), samples)
    assert metrics['posetrack18/Mean'] == pytest.approx(100 * 4 / 9, abs=1e-9)


def test_one_file_a_video_gives_what_the_joined_file_gives(annotated, sample_data):
    path, content = annotated
    samples = samples_of(content['annotations'], moved=(0.3, 0.45), scores=np.linspace(0.9, 0.3, 14))
    folder = sample_data / 'posetrack18' / 'annotations' / 'val'
    whole, parts = (evaluate(PoseTrack18Metric(str(p), 'posetrack18'), samples) for p in (path, folder))
    assert whole == parts and whole['posetrack18/Mean'] < 50
    one = PoseTrack18Dataset(str(path), data_root=str(sample_data / 'posetrack18'), test_mode=True)
    many = PoseTrack18Dataset(str(folder), data_root=str(sample_data / 'posetrack18'), test_mode=True)
    assert len(one) == len(many) == len(content['annotations']) == 14
    assert sorted(r['id'] for r in map(one.get_data_info, range(14))) == sorted(
        r['id'] for r in map(many.get_data_info, range(14))
    )


def test_cocos_ap_on_posetracks_sigmas_is_1_for_the_truth(annotated):
    path, content = annotated
    metrics = evaluate(CocoMetric(str(path), 'posetrack18'), samples_of(content['annotations']))
    assert metrics['coco/AP'] == pytest.approx(1.0)


def test_frames_that_nobody_annotated_do_not_count(annotated):
    _, content = annotated
    results = results_of(content['annotations'])
    expected, _ = posetrack_ap(content, results, 17)
    content['images'].append({'id': 5, 'is_labeled': False})
    values, _ = posetrack_ap(content, [{**results[0], 'image_id': 5}, *results], 17)
    assert np.array_equal(values, expected, equal_nan=True)


def test_mistakes_are_sentences(annotated, tmp_path):
    path, content = annotated
    with pytest.raises(UserError, match='does not exist'):
        METRICS.build(dict(type='PoseTrack18Metric', ann_file=str(tmp_path / 'no')))
    with pytest.raises(UserError, match='no backend'):
        PoseTrack18Metric(str(path), backend='faster-coco-eval')
    with pytest.raises(UserError, match='threshold'):
        PoseTrack18Metric(str(path), threshold=0)
    with pytest.raises(UserError, match="no joint for 'Head'"):
        names = {'keypoint_names': [f'j{n}' for n in range(17)]}
        evaluate(PoseTrack18Metric(str(path), names), samples_of(content['annotations']))
    del content['annotations'][2]['bbox_head']
    with pytest.raises(UserError, match=f"{content['annotations'][2]['id']} has no 'bbox_head'"):
        posetrack_ap(content, [], 17)
    with pytest.raises(UserError, match='not in the annotations'):
        posetrack_ap(content, [{'image_id': 1, 'keypoints': [0] * 51}], 17)
