"""COCO's metrics: equal on every backend, whatever the file leaves out."""

import copy
import json
import sys
import time

import numpy as np
import pytest

from hrpose.errors import UserError
from hrpose.evaluation import evaluate_coco, joint_agreement
from hrpose.evaluation.functional import coco_ap
from hrpose.evaluation.functional.coco_ap import (
    COCO_METRICS,
    accumulated,
    available_backends,
    backend_people,
    grouped_oks,
    resolve_backend,
)
from hrpose.evaluation.functional.people import GroundTruth, Predictions
from tests.evaluation.cases import SIGMAS_17, generated_case

BACKENDS = ('faster-coco-eval', 'xtcocotools', 'pycocotools')


@pytest.fixture(params=BACKENDS)
def backend(request):
    if request.param not in available_backends():
        pytest.skip(f'{request.param} is not installed')
    return request.param


def _perfect(dataset):
    labelled = [a for a in dataset['annotations'] if a['num_keypoints'] and not a['iscrowd']]
    return [{'image_id': a['image_id'], 'keypoints': a['keypoints'], 'score': 1.0} for a in labelled]


@pytest.mark.parametrize('joints', [17, 5])
def test_all_backends_give_the_same_ten_metrics(rng, joints):
    dataset, results = generated_case(rng, joints=joints)
    sigmas = rng.uniform(0.02, 0.1, joints)
    metrics = [evaluate_coco(dataset, results, sigmas, name) for name in available_backends()]
    assert 0.1 < metrics[0]['AP'] < 0.9
    for other in metrics[1:]:
        assert list(other) == list(COCO_METRICS)
        assert list(other.values()) == pytest.approx(list(metrics[0].values()), abs=1e-12)


def test_metrics_are_plain_floats_that_json_takes(rng, backend):
    dataset, results = generated_case(rng, images=5)
    metrics = evaluate_coco(dataset, results, SIGMAS_17, backend)
    assert all(type(value) is float for value in metrics.values())
    assert json.loads(json.dumps(metrics)) == metrics


def test_evaluation_prints_nothing_and_changes_no_input(rng, backend, capsys):
    dataset, results = generated_case(rng, images=5)
    before = copy.deepcopy((dataset, results))
    evaluate_coco(dataset, results, SIGMAS_17, backend)
    assert (dataset, results) == before
    assert capsys.readouterr() == ('', '')


def test_the_annotations_as_predictions_have_ap_one(rng, backend):
    dataset, _ = generated_case(rng)
    metrics = evaluate_coco(dataset, _perfect(dataset), SIGMAS_17, backend)
    assert all(value == pytest.approx(1.0, abs=1e-12) for value in metrics.values())


def test_sigmas_decide_the_metrics(rng, backend):
    dataset, results = generated_case(rng)
    strict = evaluate_coco(dataset, results, SIGMAS_17 / 3, backend)['AP']
    assert strict < evaluate_coco(dataset, results, SIGMAS_17, backend)['AP']


def test_ids_as_text_give_the_same_metrics(rng, backend):
    dataset, results = generated_case(rng, images=20)
    expected = evaluate_coco(dataset, results, SIGMAS_17, backend)
    named = copy.deepcopy(dataset)
    for image in named['images']:
        image['id'] = f'img_{image["id"]:04d}'
    for entry in (*named['annotations'], *results):
        entry['image_id'] = f'img_{entry["image_id"]:04d}'
    assert evaluate_coco(named, results, SIGMAS_17, backend) == expected


def test_an_annotation_id_of_zero_matches_like_any_other(backend):
    joints = [10.0, 10.0, 2.0, 60.0, 80.0, 2.0]
    truth = {'id': 0, 'image_id': 7, 'keypoints': joints, 'bbox': [0, 0, 70, 90], 'area': 5000}
    result = {'image_id': 7, 'keypoints': joints, 'score': 0.5}
    dataset = {'images': [{'id': 7}], 'annotations': [truth]}
    assert evaluate_coco(dataset, [result], [0.1, 0.1], backend)['AP'] == pytest.approx(1.0)


def test_missing_area_crowd_flag_and_count_are_filled_in(rng, backend):
    dataset, results = generated_case(rng, images=20)
    for annotation in dataset['annotations']:
        annotation['iscrowd'] = 0
        annotation['area'] = annotation['bbox'][2] * annotation['bbox'][3] * 0.53
    bare = copy.deepcopy(dataset)
    for annotation in bare['annotations']:
        for field in ('area', 'iscrowd', 'num_keypoints', 'category_id'):
            del annotation[field]
    expected = evaluate_coco(dataset, results, SIGMAS_17, backend)
    assert evaluate_coco(bare, results, SIGMAS_17, backend) == expected


def test_people_whose_joint_scores_are_all_zero_still_count(rng, backend):
    dataset, results = generated_case(rng, images=20)
    expected = evaluate_coco(dataset, results, SIGMAS_17, backend)
    for result in results:
        result['keypoints'][2::3] = [0.0] * 17
    assert evaluate_coco(dataset, results, SIGMAS_17, backend) == expected


def test_a_category_other_than_one_is_evaluated(rng, backend):
    dataset, results = generated_case(rng, images=20)
    expected = evaluate_coco(dataset, results, SIGMAS_17, backend)
    for entry in (*dataset['annotations'], *results):
        entry['category_id'] = 9
    dataset['categories'] = [{'id': 9, 'name': 'climber'}, {'id': 1, 'name': 'rope'}]
    assert evaluate_coco(dataset, results, SIGMAS_17, backend) == expected


def test_no_results_give_zeros(rng, backend):
    dataset, _ = generated_case(rng, images=3)
    assert evaluate_coco(dataset, [], SIGMAS_17, backend) == dict.fromkeys(COCO_METRICS, 0.0)


def test_results_for_other_images_are_an_error(rng):
    dataset, results = generated_case(rng, images=3)
    results[0]['image_id'] = 99
    with pytest.raises(UserError, match='1 of the predicted images .* such as 99'):
        evaluate_coco(dataset, results, SIGMAS_17)


def test_a_wrong_number_of_joints_names_both_numbers(rng):
    dataset, results = generated_case(rng, images=3)
    with pytest.raises(UserError, match='has 17 joints, but the metainfo has 16'):
        evaluate_coco(dataset, results, SIGMAS_17[:16])


def own_evaluation(backend, truth, found, sigmas):
    """Return an evaluation by a backend that computes OKS itself, whatever hrpose does."""
    if backend != 'faster-coco-eval':
        return accumulated(backend, truth, found, sigmas)
    from faster_coco_eval import COCO, COCOeval_faster

    apis = COCO(), COCO()
    for api, people in zip(apis, backend_people(truth, found), strict=True):
        api.dataset = {
            'images': [{'id': image} for image in range(len(truth.image_ids))],
            'categories': [{'id': 1, 'name': 'person'}],
            'annotations': people,
        }
        api.createIndex()
    evaluation = COCOeval_faster(*apis, 'keypoints', kpt_oks_sigmas=sigmas)
    evaluation.evaluate()
    evaluation.accumulate()
    return evaluation


@pytest.mark.parametrize('joints', [3, 5, 17, 133])
def test_oks_of_all_images_at_once_is_the_backends_to_the_bit(rng, joints, backend):
    dataset, results = generated_case(rng, joints=joints, results_each=12)
    sigmas = rng.uniform(0.02, 0.1, joints)
    for person in dataset['annotations'][::3]:  # people who only take detections away
        person['keypoints'] = [0] * len(person['keypoints'])
    truth = GroundTruth.of(dataset, joints)
    found = Predictions.of(results, truth)
    library = own_evaluation(backend, truth, found, sigmas)
    ours = grouped_oks(truth, found, sigmas)
    assert len(ours) > 20 and max(map(len, ours.values())) == 20
    for key, expected in library.ious.items():
        np.testing.assert_array_equal(ours.get(key, []), np.asarray(expected))
    library.summarize()
    fastest = evaluate_coco(truth, found, sigmas, resolve_backend())
    assert 0 < fastest['AP'] < 1
    assert list(fastest.values()) == pytest.approx(library.stats.tolist(), abs=0 if 'fast' in backend else 1e-12)


def test_auto_takes_the_first_that_is_installed(monkeypatch):
    monkeypatch.setattr(coco_ap, 'fault_of', {'faster-coco-eval': 'is not installed'}.get)
    assert resolve_backend('auto') == 'xtcocotools'
    with pytest.raises(UserError, match=r"is not installed; install it with: pip install 'hrpose\[train\]'"):
        resolve_backend('faster-coco-eval')


def test_a_backend_compiled_for_another_numpy_is_refused_and_passed_over(monkeypatch, tmp_path):
    package = tmp_path / 'xtcocotools'
    package.mkdir()
    (package / '__init__.py').touch()
    (package / 'cocoeval.py').write_text("raise ValueError('numpy.dtype size changed')")
    for name in [name for name in sys.modules if name.split('.')[0] == 'xtcocotools']:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.syspath_prepend(tmp_path)
    coco_ap.fault_of.cache_clear()
    try:
        assert 'xtcocotools' not in available_backends()
        with pytest.raises(UserError, match=r'cannot be imported: numpy.dtype size changed; .*--no-binary xtcocotools'):
            resolve_backend('xtcocotools')
    finally:
        for name in [name for name in sys.modules if name.split('.')[0] == 'xtcocotools']:
            del sys.modules[name]  # where there is no other, monkeypatch would leave this one
        coco_ap.fault_of.cache_clear()


def test_an_unknown_backend_names_the_choices():
    with pytest.raises(UserError, match='auto, faster-coco-eval, xtcocotools, pycocotools'):
        resolve_backend('coco')


def test_crowdpose_annotations_without_area_can_be_evaluated(sample_data, backend):
    dataset = json.loads((sample_data / 'crowdpose/test_crowdpose.json').read_text())
    metrics = evaluate_coco(dataset, _perfect(dataset), np.full(14, 0.05), backend)
    assert metrics['AP'] == pytest.approx(1.0)


THREE_SIGMAS = [0.1, 0.1, 0.1]


def _person(image, joints, **more):
    return {'image_id': image, 'keypoints': joints, 'bbox': [0, 0, 10, 10], 'area': 100.0, **more}


def test_each_joint_is_compared_with_the_prediction_of_highest_oks():
    truth = [_person(1, [0, 0, 2, 5, 0, 2, 9, 9, 0])]
    near = {'image_id': 1, 'keypoints': [0, 0, 1, 9, 0, 1, 0, 0, 1], 'score': 0.1}
    far = {'image_id': 1, 'keypoints': [99, 0, 1, 99, 0, 1, 9, 9, 1], 'score': 0.9}
    dataset = {'images': [{'id': 1}], 'annotations': truth}
    agreement = joint_agreement(dataset, [far, near], THREE_SIGMAS)
    assert agreement.labelled.tolist() == [1, 1, 0]
    assert agreement.similarity[:2] == pytest.approx([1.0, np.exp(-16 / (2 * 100 * 0.04))])
    assert agreement.found[:2].tolist() == [1.0, 0.0]
    assert np.isnan(agreement.found[2])


def test_people_in_images_without_predictions_count_as_not_found():
    truth = [_person(image, [0, 0, 2] * 3) for image in (1, 2)]
    result = {'image_id': 1, 'keypoints': [0, 0, 1] * 3, 'score': 1.0}
    dataset = {'images': [{'id': 1}, {'id': 2}], 'annotations': truth}
    assert joint_agreement(dataset, [result], THREE_SIGMAS).found.tolist() == [0.5, 0.5, 0.5]


def test_nan_in_joints_that_are_not_labelled_is_not_read():
    nan = float('nan')
    truth = [_person(1, [0, 0, 2, nan, nan, 0, nan, nan, nan])]
    result = {'image_id': 1, 'keypoints': [0, 0, 1] * 3, 'score': 1.0}
    dataset = {'images': [{'id': 1}], 'annotations': truth}
    agreement = joint_agreement(dataset, [result], THREE_SIGMAS)
    assert agreement.labelled.tolist() == [1, 0, 0] and agreement.similarity[0] == agreement.found[0] == 1.0
    assert evaluate_coco(dataset, [result], THREE_SIGMAS)['AP'] == pytest.approx(1.0)


def test_crowds_are_left_out():
    dataset = {'images': [{'id': 1}], 'annotations': [_person(1, [0, 0, 2] * 3, iscrowd=1)]}
    assert joint_agreement(dataset, [], THREE_SIGMAS).labelled.tolist() == [0, 0, 0]


@pytest.mark.slow
def test_at_the_size_of_val2017_metrics_are_equal_and_auto_is_fastest(rng):
    dataset, results = generated_case(rng, images=5000, results_each=12)
    assert len(dataset['annotations']) > 9000 and len(results) > 55_000
    seconds, metrics = {}, []
    for name in available_backends():
        start = time.perf_counter()
        metrics.append(list(evaluate_coco(dataset, results, SIGMAS_17, name).values()))
        seconds[name] = time.perf_counter() - start
    print({name: f'{value:.1f} s' for name, value in seconds.items()})
    for other in metrics[1:]:
        assert other == pytest.approx(metrics[0], abs=1e-12)
    assert min(seconds, key=seconds.get) == resolve_backend('auto')
