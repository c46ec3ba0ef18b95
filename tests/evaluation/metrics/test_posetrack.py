"""PoseTrack18Metric: annotated frames as their own predictions, and what users get wrong."""

import json

import numpy as np
import pytest

from hrpose.datasets import PoseTrack18Dataset
from hrpose.errors import UserError
from hrpose.evaluation import CocoMetric, PoseTrack18Metric
from hrpose.registry import METRICS
from tests.evaluation.cases import POSETRACK_EARS, evaluate, predicted_sample


def samples_of(annotations, *, moved=(0.0, 0.0), scores=None):
    """Return one sample a person that predicts its annotation, `moved` by (x, y) head lengths.

    What is not labelled scores 0: a network predicts it all the same, and only ranked last it costs nothing.
    """
    samples = []
    for number, person in enumerate(annotations):
        joints = np.reshape(person['keypoints'], (-1, 3)).astype(float)
        length = 0.6 * np.hypot(*person['bbox_head'][2:])
        points = joints[:, :2] + np.multiply(moved, length)
        seen = (joints[:, 2] > 0) * (0.9 if scores is None else scores[number])
        samples.append(predicted_sample(person['image_id'], number, points, seen, box_size=person['bbox'][2:]))
    return samples


def without_regions(path, content, folder):
    """Write the ground truth without ignored regions; return its path."""
    for image in content['images']:
        image['ignore_regions_x'] = image['ignore_regions_y'] = []
    (folder / 'truth.json').write_text(json.dumps(content))
    return str(folder / 'truth.json')


def test_the_ground_truth_as_prediction_has_100(posetrack, tmp_path):
    path, content = posetrack
    metrics = evaluate(
        PoseTrack18Metric(without_regions(path, content, tmp_path), metainfo='posetrack18'),
        samples_of(content['annotations']),
    )
    assert list(metrics) == [f'posetrack18/{name}' for name in PoseTrack18Metric.metric_names]
    assert set(metrics.values()) == {100.0}


@pytest.mark.parametrize(('heads', 'expected'), [(0.499, 100.0), (0.501, 0.0)])
def test_joints_half_a_head_away_are_the_border_between_100_and_0(heads, expected, posetrack, tmp_path):
    path, content = posetrack
    truth = without_regions(path, content, tmp_path)
    one_a_frame = list({a['image_id']: a for a in content['annotations']}.values())
    content['annotations'] = one_a_frame
    (tmp_path / 'truth.json').write_text(json.dumps(content))
    metrics = evaluate(PoseTrack18Metric(truth, metainfo='posetrack18'), samples_of(one_a_frame, moved=(heads, 0.0)))
    assert metrics['posetrack18/Mean'] == expected


def test_a_wrong_person_ranked_first_costs_what_the_curve_says(posetrack, tmp_path):
    path, content = posetrack
    people = [a for a in content['annotations'] if a['num_keypoints'] >= 14][:3]
    for number, person in enumerate(people):  # on three frames, all joints but the ears labelled
        person.update(image_id=content['images'][number]['id'], bbox=[0, 0, 10, 10])
        person['keypoints'] = [v for k in range(17) for v in (100 + 9 * k, 100, int(k not in POSETRACK_EARS))]
    content['annotations'] = people
    truth = without_regions(path, content, tmp_path)
    samples = samples_of(people, scores=[0.9, 0.8, 0.7])
    samples[0].pred_instances.keypoints += 1000.0
    # Ranked wrong, right, right, of 3 labels: precision 2/3 up to recall 2/3.
    metrics = evaluate(PoseTrack18Metric(truth, metainfo='posetrack18', nms=None), samples)
    assert metrics['posetrack18/Mean'] == pytest.approx(100 * 4 / 9, abs=1e-9)


def test_one_file_a_video_gives_what_the_joined_file_gives(posetrack, sample_data):
    path, content = posetrack
    samples = samples_of(content['annotations'], moved=(0.3, 0.45), scores=np.linspace(0.9, 0.3, 14))
    folder = sample_data / 'posetrack18' / 'annotations' / 'val'
    whole, parts = (evaluate(PoseTrack18Metric(str(p), metainfo='posetrack18'), samples) for p in (path, folder))
    assert whole == parts and whole['posetrack18/Mean'] < 50
    one = PoseTrack18Dataset(str(path), data_root=str(sample_data / 'posetrack18'), test_mode=True)
    many = PoseTrack18Dataset(str(folder), data_root=str(sample_data / 'posetrack18'), test_mode=True)
    assert len(one) == len(many) == len(content['annotations']) == 14
    assert sorted(r['id'] for r in map(one.get_data_info, range(14))) == sorted(
        r['id'] for r in map(many.get_data_info, range(14))
    )


def test_cocos_ap_on_posetracks_sigmas_is_1_for_the_annotations(posetrack):
    path, content = posetrack
    metrics = evaluate(CocoMetric(str(path), 'posetrack18'), samples_of(content['annotations']))
    assert metrics['coco/AP'] == pytest.approx(1.0)


def test_mistakes_are_sentences(posetrack, tmp_path):
    path, content = posetrack
    with pytest.raises(UserError, match='does not exist'):
        METRICS.build(dict(type='PoseTrack18Metric', ann_file=str(tmp_path / 'no')))
    with pytest.raises(UserError, match='no backend'):
        PoseTrack18Metric(str(path), backend='faster-coco-eval')
    with pytest.raises(UserError, match='threshold'):
        PoseTrack18Metric(str(path), threshold=0)
    with pytest.raises(UserError, match="no joint for 'Head'"):
        names = {'keypoint_names': [f'j{n}' for n in range(17)]}
        evaluate(PoseTrack18Metric(str(path), metainfo=names), samples_of(content['annotations']))
