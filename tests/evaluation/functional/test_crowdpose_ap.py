"""CrowdPose's nine metrics: xtcocotools' own, on every backend; the levels of crowding."""

import contextlib
import copy
import io
import json

import numpy as np
import pytest

from hrpose.datasets.metainfo import resolve
from hrpose.evaluation import evaluate_crowdpose
from hrpose.evaluation.functional.coco_ap import available_backends
from hrpose.evaluation.functional.crowdpose_ap import CROWDPOSE_METRICS, crowd_levels
from hrpose.evaluation.functional.people import GroundTruth
from tests.evaluation.cases import generated_case

SIGMAS = resolve('crowdpose')['sigmas']


def crowded_case(rng):
    """Return a case in CrowdPose's form: a crowd index an image, no areas, counts that leave head and neck out."""
    dataset, results = generated_case(rng, joints=14)
    for image in dataset['images']:
        image['crowdIndex'] = float(np.round(rng.random(), 2))
    for annotation in dataset['annotations']:
        del annotation['area']
        annotation['id'] += 1  # xtcocotools takes the id 0 for "no match"
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


def test_a_level_without_predictions_has_ap_0(rng):
    dataset, results = crowded_case(rng)
    levels = crowd_levels(GroundTruth.of(dataset, 14))
    metrics = evaluate_crowdpose(dataset, [r for r in results if levels[r['image_id']] != 2], SIGMAS)
    assert metrics['AP_hard'] == 0 < metrics['AP_easy']
