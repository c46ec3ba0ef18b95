"""CrowdPose's nine metrics: xtcocotools' own, on every backend; the levels of crowding; a sample."""

import contextlib
import copy
import io
import json

import numpy as np
import pytest
from mmengine.evaluator import Evaluator
from mmengine.structures import InstanceData

from hrpose.datasets import CrowdPoseDataset
from hrpose.datasets.metainfo import resolve
from hrpose.errors import UserError
from hrpose.evaluation import CrowdPoseMetric, evaluate_crowdpose
from hrpose.evaluation.functional.coco_ap import available_backends
from hrpose.evaluation.functional.crowdpose_ap import CROWDPOSE_METRICS, crowd_levels
from hrpose.evaluation.functional.people import GroundTruth
from hrpose.structures import PoseDataSample
from tests.evaluation.cases import generated_case

SIGMAS = resolve('crowdpose')['sigmas']


def crowded_case(rng):
    """Return a case in CrowdPose's form: a crowd index an image, no areas, counts that leave head and neck out."""
    dataset, results = generated_case(rng, joints=14)
    for image in dataset['images']:
        image['crowdIndex'] = float(np.round(rng.random(), 2))
    for annotation in dataset['annotations']:
        del annotation['area']
        annotation['id'] += 1  # to xtcocotools, 0 is nobody
        annotation['iscrowd'] = 0
        # Some have nothing but head or neck, and do not count.
        if rng.random() < 0.15:
            annotation['keypoints'][2:36:3] = [0] * 12
        annotation['num_keypoints'] = int(np.count_nonzero(annotation['keypoints'][2:36:3]))
    return dataset, results


def metrics_of_xtcocotools(dataset, results, folder):
    """Return its nine metrics (9,) as it prints them."""
    from xtcocotools.coco import COCO
    from xtcocotools.cocoeval import COCOeval

    (folder / 'truth.json').write_text(json.dumps(dataset))
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO(str(folder / 'truth.json'))
        found = truth.loadRes([{**copy.deepcopy(result), 'keypoints': ones(result)} for result in results])
        evaluation = COCOeval(truth, found, 'keypoints_crowd', sigmas=np.array(SIGMAS), use_area=False)
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return evaluation.stats


def ones(result):
    """Return a result's keypoints with 1 for each score: xtcocotools leaves out people whose scores are all 0."""
    return np.hstack([np.reshape(result['keypoints'], (-1, 3))[:, :2], np.ones((14, 1))]).ravel().tolist()


@pytest.mark.parametrize('backend', available_backends())
@pytest.mark.parametrize('seed', [0, 1])
def test_the_nine_metrics_are_those_of_xtcocotools_own_evaluation(seed, backend, tmp_path):
    pytest.importorskip('xtcocotools')
    dataset, results = crowded_case(np.random.default_rng(seed))
    metrics = evaluate_crowdpose(dataset, results, SIGMAS, backend=backend)
    official = metrics_of_xtcocotools(dataset, results, tmp_path)
    assert tuple(metrics) == CROWDPOSE_METRICS
    assert list(metrics.values())[:6] == pytest.approx(official[:6].tolist(), abs=1e-12)
    # It rounds the levels to four decimals.
    assert list(metrics.values())[6:] == pytest.approx(official[6:].tolist(), abs=0.5001e-4)
    assert min(metrics.values()) > 0.1 and len(set(metrics.values())) == 9


def test_who_has_nothing_but_head_and_neck_does_not_count(rng):
    dataset, results = crowded_case(rng)
    by_the_file = evaluate_crowdpose(dataset, results, SIGMAS)
    for annotation in dataset['annotations']:
        del annotation['num_keypoints']
    assert evaluate_crowdpose(dataset, results, SIGMAS)['AR'] < by_the_file['AR']


def test_evaluation_changes_no_input_and_prints_nothing(rng, capsys):
    case = crowded_case(rng)
    before = copy.deepcopy(case)
    evaluate_crowdpose(*case, SIGMAS)
    assert case == before and capsys.readouterr() == ('', '')


@pytest.mark.parametrize(('limits', 'levels'), [((0.2, 0.8), [0, 0, 1, 1, 2, 2]), ((0.1, 0.8), [0, 1, 1, 1, 2, 2])])
def test_an_image_at_a_limit_belongs_to_the_more_crowded_level(limits, levels):
    images = [{'id': n, 'crowdIndex': index} for n, index in enumerate([0, 0.1, 0.2, 0.79, 0.8, 1])]
    assert crowd_levels(GroundTruth.of({'images': images}, 14), limits).tolist() == levels


def samples_of(annotations, *, moved=0.0):
    """Return one sample a labelled person that predicts its annotation, `moved` px to the right."""
    samples = []
    for person in annotations:
        joints = np.reshape(person['keypoints'], (-1, 3)).astype(float)
        if not person['num_keypoints']:
            continue
        meta = dict(img_id=person['image_id'], id=person['id'], box_size=np.array(person['bbox'][2:]))
        sample = PoseDataSample(metainfo=meta)
        sample.pred_instances = InstanceData(
            keypoints=(joints[:, :2] + [moved, 0.0])[None],
            keypoint_scores=np.full((1, len(joints)), 0.9),
            bboxes=np.zeros((1, 4)),
            bbox_scores=np.ones(1),
        )
        samples.append(sample)
    return samples


def evaluate(ann_file, samples, **options):
    evaluator = Evaluator(CrowdPoseMetric(str(ann_file), 'crowdpose', **options))
    evaluator.process(samples)
    return {name.removeprefix('crowdpose/'): value for name, value in evaluator.evaluate(len(samples)).items()}


@pytest.fixture
def annotated(sample_data):
    path = sample_data / 'crowdpose' / 'test_crowdpose.json'
    return path, json.loads(path.read_text())


def test_the_ground_truth_has_1_on_its_level_and_none_on_others(annotated):
    path, content = annotated
    metrics = evaluate(path, samples_of(content['annotations']))
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
    metrics = evaluate(path, samples_of([person], moved=moved))
    # One of four people who count is found at `reached` of ten thresholds.
    assert metrics['AR'] == pytest.approx(reached / 10 / 4, abs=1e-12)


def test_a_level_without_predictions_has_ap_0(rng):
    dataset, results = crowded_case(rng)
    levels = crowd_levels(GroundTruth.of(dataset, 14))
    metrics = evaluate_crowdpose(dataset, [r for r in results if levels[r['image_id']] != 2], SIGMAS)
    assert metrics['AP_hard'] == 0 < metrics['AP_easy']


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
        evaluate(tmp_path / 'without.json', samples)
    content['images'][1]['crowdIndex'] = 0.3
    del content['annotations'][0]['bbox']
    (tmp_path / 'without.json').write_text(json.dumps(content))
    with pytest.raises(UserError, match='annotation 123803 has no box'):
        evaluate(tmp_path / 'without.json', samples)
