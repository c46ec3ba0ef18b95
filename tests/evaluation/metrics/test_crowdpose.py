"""CrowdPoseMetric: annotated people as their own predictions, and what users get wrong."""

import json

import numpy as np
import pytest

from hrpose.datasets import CrowdPoseDataset
from hrpose.datasets.metainfo import resolve
from hrpose.errors import UserError
from hrpose.evaluation import CrowdPoseMetric
from hrpose.evaluation.functional.crowdpose_ap import CROWDPOSE_METRICS
from tests.evaluation.cases import evaluate, predicted_sample

SIGMAS = resolve('crowdpose')['sigmas']


def samples_of(annotations, *, moved=0.0):
    """Return one sample a labelled person that predicts its annotation, `moved` px to the right."""
    samples = []
    for person in annotations:
        joints = np.reshape(person['keypoints'], (-1, 3)).astype(float)
        if not person['num_keypoints']:
            continue
        points, scores = joints[:, :2] + [moved, 0.0], np.full(len(joints), 0.9)
        samples.append(predicted_sample(person['image_id'], person['id'], points, scores, box_size=person['bbox'][2:]))
    return samples


def metrics_of(ann_file, samples):
    metrics = evaluate(CrowdPoseMetric(str(ann_file), metainfo='crowdpose'), samples)
    return {name.removeprefix('crowdpose/'): value for name, value in metrics.items()}


@pytest.fixture
def annotated(sample_data):
    path = sample_data / 'crowdpose' / 'test_crowdpose.json'
    return path, json.loads(path.read_text())


def test_the_ground_truth_has_1_on_its_level_and_none_on_others(annotated):
    path, content = annotated
    metrics = metrics_of(path, samples_of(content['annotations']))
    empty = {'AP_easy': -1.0, 'AP_hard': -1.0}  # the two images have 0.33 and 0.39
    assert metrics == pytest.approx({**dict.fromkeys(CROWDPOSE_METRICS, 1.0), **empty}, abs=1e-12)


def test_moved_joints_have_the_oks_of_half_the_boxs_area(annotated):
    path, content = annotated
    (person,) = [a for a in content['annotations'] if a['id'] == 127068]
    content['annotations'] = [person]
    area = 0.53 * person['bbox'][2] * person['bbox'][3]
    visible = np.array(person['keypoints'][2::3]) > 0
    moved = 12.0
    similarity = np.exp(-(moved**2) / (2 * area * (2 * np.array(SIGMAS)) ** 2))[visible].mean()
    reached = np.count_nonzero(similarity >= np.linspace(0.5, 0.95, 10))
    assert 0 < reached < 10
    metrics = metrics_of(path, samples_of([person], moved=moved))
    # One of four people who count is found at `reached` of ten thresholds.
    assert metrics['AR'] == pytest.approx(reached / 10 / 4, abs=1e-12)


def test_people_are_read_and_the_one_without_joints_is_counted(annotated):
    path, content = annotated
    dataset = CrowdPoseDataset(str(path), data_prefix={'img': str(path.parent)}, test_mode=True)
    assert len(dataset) == 4 and dict(dataset.skipped) == {'without a labelled keypoint': 1}
    assert dataset.num_joints == 14


def test_mistakes_are_sentences(annotated, tmp_path):
    path, content = annotated
    samples = samples_of(content['annotations'])
    with pytest.raises(UserError, match='two rising numbers'):
        CrowdPoseMetric(str(path), limits=(0.8, 0.2))
    del content['images'][1]['crowdIndex']
    (tmp_path / 'without.json').write_text(json.dumps(content))
    with pytest.raises(UserError, match='1 of 2 images have no crowdIndex, for instance 103319'):
        metrics_of(tmp_path / 'without.json', samples)
    content['images'][1]['crowdIndex'] = 0.3
    del content['annotations'][0]['bbox']
    (tmp_path / 'without.json').write_text(json.dumps(content))
    with pytest.raises(UserError, match='annotation 123803 has no box'):
        metrics_of(tmp_path / 'without.json', samples)
