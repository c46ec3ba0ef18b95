"""CocoMetric: the metrics of the official release, of pycocotools, and what users get wrong."""

import contextlib
import copy
import io
import json

import numpy as np
import pytest
from mmengine.evaluator import Evaluator
from mmengine.structures import InstanceData

from hrpose.errors import UserError
from hrpose.evaluation import CocoMetric
from hrpose.evaluation.functional.coco_ap import COCO_METRICS, available_backends
from hrpose.registry import METRICS
from tests.evaluation.cases import SIGMAS_17, by_xtcocotools, evaluate, generated_case, predicted_sample, samples_of
from tests.golden.make import ORIGINALS

OFFICIAL_NAMES = ('AP', 'Ap .5', 'AP .75', 'AP (M)', 'AP (L)', 'AR', 'AR .5', 'AR .75', 'AR (M)', 'AR (L)')


def _sample(image, number, keypoints, scores, **box):
    keypoints, scores = np.asarray(keypoints, dtype=np.float32), np.asarray(scores, dtype=np.float32)
    return predicted_sample(image, number, keypoints, scores, **box)


@pytest.fixture
def small_file(tmp_path):
    """Two images with one person of three joints each."""
    joints = [[10, 10, 2, 60, 80, 2, 30, 20, 1], [15, 5, 2, 50, 90, 2, 0, 0, 0]]
    dataset = {
        'images': [{'id': 1}, {'id': 2}],
        'annotations': [
            {
                'id': n,
                'image_id': n,
                'category_id': 1,
                'iscrowd': 0,
                'keypoints': j,
                'num_keypoints': 3,
            }
            | {'bbox': [0, 0, 70, 100], 'area': 5000.0}
            for n, j in enumerate(joints, start=1)
        ],
        'categories': [{'id': 1, 'name': 'person', 'keypoints': ['a', 'b', 'c']}],
    }
    path = tmp_path / 'small.json'
    path.write_text(json.dumps(dataset))
    return path


JOINTS = {'keypoint_names': ['a', 'b', 'c'], 'sigmas': [0.05, 0.06, 0.07]}


def _small_samples(path, *, image_type=int):
    annotations = json.loads(path.read_text())['annotations']
    joints = [np.reshape(a['keypoints'], (3, 3)) for a in annotations]
    return [
        _sample(image_type(a['image_id']), a['id'], j[:, :2], [0.9] * 3)
        for a, j in zip(annotations, joints, strict=True)
    ]


def _samples_of(keypoints, box_scores, box_sizes, images):
    """Return one sample a prediction of keypoints (N, K, 3), x, y and score, in float64 as given."""
    samples = []
    for number, (joints, score, size, image) in enumerate(zip(keypoints, box_scores, box_sizes, images, strict=True)):
        sample = _sample(int(image), number, joints[:, :2], joints[:, 2], box_score=score, box_size=size)
        sample.pred_instances.keypoints = joints[None, :, :2]
        sample.pred_instances.keypoint_scores = joints[None, :, 2]
        samples.append(sample)
    return samples


def test_ten_metrics_and_all_scores_are_those_of_the_official_release(real_data, tmp_path):
    arrays, expected = np.load(ORIGINALS / 'coco_eval.npz'), json.loads((ORIGINALS / 'coco_eval.json').read_text())
    samples = _samples_of(arrays['keypoints'], arrays['box_score'], arrays['box_size'], arrays['image_id'])
    for backend in available_backends():
        prefix = tmp_path / backend / 'val'
        metric = CocoMetric(str(real_data / 'coco/test_coco.json'), 'coco', backend=backend, outfile_prefix=str(prefix))
        metrics = evaluate(metric, samples)
        official = [expected['metrics'][name] for name in OFFICIAL_NAMES]
        assert list(metrics) == [f'coco/{name}' for name in COCO_METRICS]
        assert list(metrics.values()) == pytest.approx(official, abs=1e-12)
        written = json.loads(prefix.with_name('val.keypoints.json').read_text())
        assert len(written) == expected['n_results']
        assert sorted(r['score'] for r in written) == pytest.approx(expected['scores'], abs=1e-12)


@pytest.fixture
def generated(rng, tmp_path):
    """The samples of predictions of mixed quality, their ground truth and its file, and the predictions as results."""
    dataset, results = generated_case(rng)
    for person in dataset['annotations']:
        person['id'] += 1  # pycocotools takes the id 0 for "no match"
    (tmp_path / 'truth.json').write_text(json.dumps(dataset))
    keypoints = np.reshape([result['keypoints'] for result in results], (-1, 17, 3))
    sizes = 1.25 * np.ptp(keypoints[..., :2], axis=1)
    scores, images = zip(*((result['score'], result['image_id']) for result in results), strict=True)
    for result, size in zip(results, sizes, strict=True):
        result['area'] = size.prod()
    return _samples_of(keypoints, scores, sizes, images), dataset, str(tmp_path / 'truth.json'), results


def published_results(results):
    """Return the results that the published rescoring and OKS-NMS leave, followed step by step."""
    left = []
    for image in {result['image_id'] for result in results}:
        people = [dict(result, joints=np.reshape(result['keypoints'], (17, 3))) for result in results]
        people = [person for person in people if person['image_id'] == image]
        for person in people:
            counted = [score for score in person['joints'][:, 2] if score > 0.2]
            person['score'] *= sum(counted) / len(counted) if counted else 0
        people.sort(key=lambda person: -person['score'])
        kept = []
        for person in people:
            if not any(oks_between(person, other) > 0.9 for other in kept):
                kept.append(person)
        left += [{key: person[key] for key in ('image_id', 'category_id', 'keypoints', 'score')} for person in kept]
    return left


def oks_between(one, other):
    """Return the OKS of two predictions at the mean of their areas."""
    distance = ((one['joints'][:, :2] - other['joints'][:, :2]) ** 2).sum(axis=1)
    return np.exp(-distance / (2 * SIGMAS_17) ** 2 / ((one['area'] + other['area']) / 2) / 2).mean()


def metrics_of_pycocotools(dataset, results):
    """Return its ten metrics."""
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    truth = COCO()
    with contextlib.redirect_stdout(io.StringIO()):
        truth.dataset = copy.deepcopy(dataset)
        truth.createIndex()
        evaluation = COCOeval(truth, truth.loadRes(copy.deepcopy(results)), 'keypoints')
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return evaluation.stats.tolist()


@pytest.mark.parametrize('backend', available_backends())
def test_ten_metrics_are_pycocotools_of_the_published_results(generated, backend, tmp_path):
    samples, dataset, ann_file, results = generated
    left = published_results(results)
    metrics = evaluate(CocoMetric(ann_file, 'coco', backend=backend, outfile_prefix=str(tmp_path / 'val')), samples)
    assert list(metrics.values()) == pytest.approx(metrics_of_pycocotools(dataset, left), abs=1e-12)
    written = json.loads((tmp_path / 'val.keypoints.json').read_text())
    assert sorted(r['score'] for r in written) == pytest.approx(sorted(r['score'] for r in left), abs=1e-12)
    assert 10 < len(left) < len(samples) - 10 and 0.1 < metrics['coco/AP'] < 0.9


def test_rescoring_and_nms_change_the_metrics(generated):
    samples, _, ann_file, _ = generated
    plain = evaluate(CocoMetric(ann_file, 'coco', rescoring='box', nms=None), samples)
    published = evaluate(CocoMetric(ann_file, 'coco'), samples)
    soft = evaluate(CocoMetric(ann_file, 'coco', nms='soft_oks'), samples)
    assert len({metrics['coco/AP'] for metrics in (plain, published, soft)}) == 3


def test_people_repeated_by_a_distributed_sampler_count_once(generated):
    samples, _, ann_file, _ = generated
    metric = CocoMetric(ann_file, 'coco', nms=None)
    assert evaluate(metric, samples + samples[:20]) == evaluate(metric, samples)


def test_metric_is_built_by_name_and_takes_the_data_sets_metainfo(small_file):
    metric = METRICS.build(dict(type='CocoMetric', ann_file=str(small_file)))
    evaluator = Evaluator(metric)
    evaluator.dataset_meta = {**JOINTS, 'something_else': 1}
    evaluator.process(_small_samples(small_file))
    assert evaluator.evaluate(2)['coco/AP'] == pytest.approx(1.0)


def test_tables_of_metrics_and_of_joints_are_logged(small_file, log_lines):
    evaluate(CocoMetric(str(small_file), JOINTS), _small_samples(small_file))
    text = '\n'.join(log_lines)
    assert 'AP   AP50   AP75' in text
    assert 'c      0.070         1       1.000  1.000' in text


def test_image_ids_may_be_text(small_file):
    dataset = json.loads(small_file.read_text())
    for entry in dataset['images']:
        entry['id'] = f'a/{entry["id"]}.jpg'
    for entry in dataset['annotations']:
        entry['image_id'] = f'a/{entry["image_id"]}.jpg'
    samples = [s.clone() for s in _small_samples(small_file)]
    for sample in samples:
        sample.set_metainfo({'img_id': f'a/{sample.img_id}.jpg'})
    small_file.write_text(json.dumps(dataset))
    assert evaluate(CocoMetric(str(small_file), JOINTS), samples)['coco/AP'] == pytest.approx(1.0)


def test_numpy_image_ids_are_written_as_json_numbers(small_file, tmp_path):
    samples = _small_samples(small_file, image_type=np.int64)
    evaluate(CocoMetric(str(small_file), JOINTS, outfile_prefix=str(tmp_path / 'r')), samples)
    results = json.loads((tmp_path / 'r.keypoints.json').read_text())
    assert [r['image_id'] for r in results] == [1, 2]
    assert set(results[0]) == {'image_id', 'category_id', 'keypoints', 'score'}


def test_a_category_other_than_one_is_taken_from_the_file(small_file, tmp_path):
    dataset = json.loads(small_file.read_text())
    dataset['categories'] = [
        {'id': 3, 'name': 'dog'},
        {'id': 8, 'name': 'bird', 'keypoints': ['a']},
    ]
    for annotation in dataset['annotations']:
        annotation['category_id'] = 8
    small_file.write_text(json.dumps(dataset))
    samples = _small_samples(small_file)
    assert evaluate(CocoMetric(str(small_file), JOINTS), samples)['coco/AP'] == pytest.approx(1.0)


def test_without_annotations_a_results_file_is_written(small_file, tmp_path, monkeypatch, log_lines):
    samples = _small_samples(small_file)
    small_file.write_text(json.dumps({'images': [{'id': 1}, {'id': 2}], 'categories': []}))
    monkeypatch.chdir(tmp_path)
    assert evaluate(CocoMetric(str(small_file), JOINTS), samples) == {}
    assert len(json.loads((tmp_path / 'small_results.keypoints.json').read_text())) == 2
    assert any('no annotations' in line and 'small_results' in line for line in log_lines)


def test_no_predictions_give_zeros_and_a_warning(small_file, log_lines):
    metrics = evaluate(CocoMetric(str(small_file), JOINTS), [])
    assert metrics == {f'coco/{name}': 0.0 for name in COCO_METRICS}
    assert any('no predictions' in line for line in log_lines)


def test_predictions_of_nan_are_left_out_and_counted(small_file, log_lines):
    samples = _small_samples(small_file)
    samples[1].pred_instances.keypoints[:] = np.nan
    metrics = evaluate(CocoMetric(str(small_file), JOINTS), samples)
    assert metrics['coco/AR'] == 0.5
    assert any('1 of 2 predictions hold NaN' in line for line in log_lines)


def test_without_a_file_the_samples_hold_the_ground_truth(small_file):
    expected = evaluate(CocoMetric(str(small_file), JOINTS), _small_samples(small_file))
    samples = _small_samples(small_file)
    for sample, entry in zip(samples, json.loads(small_file.read_text())['annotations'], strict=True):
        joints = np.reshape(entry['keypoints'], (1, 3, 3))
        sample.gt_instances = InstanceData(
            keypoints=joints[..., :2],
            keypoints_visible=joints[..., 2],
            bboxes=np.array([[0.0, 0.0, 70.0, 100.0]]),
            areas=np.array([5000.0]),
        )
    assert evaluate(CocoMetric(metainfo=JOINTS), samples) == expected


def test_without_file_and_samples_the_error_says_what_to_give(small_file):
    with pytest.raises(UserError, match='ann_file'):
        evaluate(CocoMetric(metainfo=JOINTS), _small_samples(small_file))


def test_a_missing_file_is_named_at_construction(tmp_path):
    with pytest.raises(UserError, match='nowhere.json'):
        CocoMetric(str(tmp_path / 'nowhere.json'))


@pytest.mark.parametrize(('text', 'message'), [('{"images": [', 'JSON'), ('[]', 'not a COCO keypoint file')])
def test_a_broken_file_is_named(small_file, text, message):
    samples = _small_samples(small_file)
    small_file.write_text(text)
    with pytest.raises(UserError, match=message):
        evaluate(CocoMetric(str(small_file), JOINTS), samples)


def test_a_file_of_boxes_is_refused(small_file):
    dataset, samples = json.loads(small_file.read_text()), _small_samples(small_file)
    for annotation in dataset['annotations']:
        del annotation['keypoints']
    small_file.write_text(json.dumps(dataset))
    with pytest.raises(UserError, match='small.json: annotations have no keypoints'):
        evaluate(CocoMetric(str(small_file), JOINTS), samples)


def test_predictions_of_another_number_of_joints_name_both_numbers(small_file):
    with pytest.raises(UserError, match='predicts 3 joints, but .* has 17'):
        evaluate(CocoMetric(str(small_file), 'coco'), _small_samples(small_file))


def test_annotations_of_another_number_of_joints_name_both_numbers(small_file):
    samples = [_sample(1, 1, np.zeros((17, 2)), np.ones(17))]
    with pytest.raises(UserError, match='small.json: annotation of image 1 has 3 joints, but the metainfo has 17'):
        evaluate(CocoMetric(str(small_file), 'coco'), samples)


def test_without_metainfo_the_error_says_what_to_give(small_file):
    with pytest.raises(UserError, match='metainfo='):
        evaluate(CocoMetric(str(small_file)), _small_samples(small_file))


@pytest.mark.parametrize(
    ('options', 'choices'),
    [
        ({'rescoring': 'rle'}, 'keypoint, box, keypoint_only'),
        ({'nms': 'hard'}, 'oks, soft_oks, None'),
        ({'backend': 'coco'}, 'auto, faster'),
    ],
)
def test_a_wrong_choice_fails_at_construction_and_names_the_choices(options, choices):
    with pytest.raises(UserError, match=choices):
        CocoMetric(**options)


def test_a_second_evaluation_gives_the_same_metrics(small_file):
    metric, samples = CocoMetric(str(small_file), JOINTS), _small_samples(small_file)
    assert evaluate(metric, copy.deepcopy(samples)) == evaluate(metric, samples)


@pytest.mark.parametrize(
    ('metainfo', 'said'),
    [(JOINTS, 'given by the config'), ({'keypoint_names': ['a', 'b', 'c']}, 'the default 0.05 for every joint')],
)
def test_the_log_says_where_the_sigmas_are_from(metainfo, said, small_file, log_lines):
    evaluate(CocoMetric(str(small_file), metainfo), _small_samples(small_file))
    assert any(f'OKS sigmas: {said})' in line for line in log_lines)


@pytest.mark.parametrize(
    ('rescoring', 'expected'), [('keypoint', [0.5 * 0.7, 0.25]), ('box', [0.5, 0.25]), ('keypoint_only', [0.7, 1.0])]
)
def test_each_way_of_rescoring_decides_the_scores_in_the_results_file(rescoring, expected, small_file, tmp_path):
    first, second = _small_samples(small_file)
    first.pred_instances.keypoint_scores = np.array([[0.6, 0.8, 0.1]])
    second.pred_instances.keypoint_scores = np.array([[1.0, 0.2, 0.0]])
    first.pred_instances.bbox_scores, second.pred_instances.bbox_scores = np.array([0.5]), np.array([0.25])
    prefix = str(tmp_path / 'out')
    evaluate(CocoMetric(str(small_file), JOINTS, rescoring=rescoring, outfile_prefix=prefix), [first, second])
    written = json.loads((tmp_path / 'out.keypoints.json').read_text())
    assert [result['score'] for result in written] == pytest.approx(expected, abs=1e-12)


def test_calibrated_rescoring_takes_the_probabilities_of_the_samples(small_file, tmp_path):
    first, second = _small_samples(small_file)
    for sample, box_score, within in ((first, 0.5, [1, 1, 0.5]), (second, 0.25, [1, 0, 1])):
        sample.pred_instances.bbox_scores = np.array([box_score])
        sample.pred_instances.keypoint_probabilities = np.array([within])
        sample.pred_instances.keypoint_visible_probabilities = np.array([[1, 0.5, 0.5]])
    metric = CocoMetric(str(small_file), JOINTS, rescoring='calibrated', outfile_prefix=str(tmp_path / 'out'))
    evaluate(metric, [first, second])
    written = json.loads((tmp_path / 'out.keypoints.json').read_text())
    assert [result['score'] for result in written] == pytest.approx([0.5 * 1.75 / 2, 0.25 * 0.75], abs=1e-12)


def test_calibrated_rescoring_without_a_calibration_is_one_sentence(small_file):
    with pytest.raises(UserError, match='needs a calibrated checkpoint, and this one has no calibration; add it by'):
        evaluate(CocoMetric(str(small_file), JOINTS, rescoring='calibrated'), _small_samples(small_file))


@pytest.mark.parametrize(('nms', 'kept'), [(None, [0.9, 0.8, 0.5]), ('oks', [0.9, 0.5]), ('soft_oks', [0.9, 0.5, 0.8])])
def test_each_nms_keeps_and_orders_twins_as_it_says(nms, kept, small_file, tmp_path):
    person = _small_samples(small_file)[0]
    samples = []
    for number, (score, shift) in enumerate([(0.9, 0), (0.8, 0), (0.5, 500)]):
        sample = person.clone()
        sample.set_metainfo({'id': number})
        sample.pred_instances = InstanceData(
            keypoints=person.pred_instances.keypoints + shift,
            keypoint_scores=np.full((1, 3), 1.0),
            bboxes=np.zeros((1, 4)),
            bbox_scores=np.array([score]),
        )
        samples.append(sample)
    evaluate(CocoMetric(str(small_file), JOINTS, nms=nms, outfile_prefix=str(tmp_path / 'out')), samples)
    written = json.loads((tmp_path / 'out.keypoints.json').read_text())
    assert [result['score'] for result in written] == pytest.approx(kept, abs=1e-12)


@pytest.mark.parametrize('use_area', [True, False])
def test_areas_of_files_or_boxes_give_the_metrics_of_xtcocotools(use_area, rng, tmp_path):
    pytest.importorskip('xtcocotools')
    dataset, results = generated_case(rng, joints=14)
    path = tmp_path / 'truth.json'
    path.write_text(json.dumps(dataset))
    metric = CocoMetric(str(path), 'aic', use_area=use_area, rescoring='box', nms=None)
    expected = by_xtcocotools(dataset, results, metric.info['sigmas'], use_area=use_area)
    assert 0.01 < expected[0] < 0.9
    assert list(evaluate(metric, samples_of(results)).values()) == pytest.approx(expected, abs=1e-6)
    other = by_xtcocotools(dataset, results, metric.info['sigmas'], use_area=not use_area)
    assert other != pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize('from_file', [True, False])
def test_ap_of_many_species_is_that_of_xtcocotools(from_file, rng, tmp_path):
    pytest.importorskip('xtcocotools')
    dataset, results = generated_case(rng, images=40)
    dataset['categories'] = [{'id': number, 'name': str(number)} for number in range(1, 55)]
    if not from_file:  # the samples hold no other people
        results = _results_of_all(dataset)
    species = {image: int(rng.integers(1, 6)) for image in range(40)}
    for entry in (*dataset['annotations'], *results):
        entry['category_id'] = species[entry['image_id']]
    path = tmp_path / 'truth.json'
    path.write_text(json.dumps(dataset))
    samples = samples_of(results)
    for sample, result in zip(samples, results, strict=True):
        sample.set_metainfo({'category_id': result['category_id']})
        sample.gt_instances = InstanceData(**result.pop('truth', {}))
    metric = CocoMetric(str(path) if from_file else None, 'ap10k', rescoring='box', nms=None)
    expected = by_xtcocotools(dataset, results, metric.info['sigmas'])
    assert 0.01 < expected[0] < 0.9
    assert list(evaluate(metric, samples).values()) == pytest.approx(expected, abs=1e-6)
    together = CocoMetric(str(path), 'ap10k', rescoring='box', nms=None)
    assert len({annotation['category_id'] for annotation in dataset['annotations']}) == 5
    for sample in samples:
        sample.set_metainfo({'category_id': 54})
    assert evaluate(together, samples)['coco/AP'] == pytest.approx(0, abs=1e-9)


def _results_of_all(dataset):
    """Make the data set one of labelled people, and return a noisy result for each, with what samples hold of it."""
    rng = np.random.default_rng(1)
    labelled = [a for a in dataset['annotations'] if a['num_keypoints'] and not a['iscrowd']]
    dataset['annotations'] = labelled
    results = []
    for annotation in labelled:
        joints = np.reshape(annotation['keypoints'], (-1, 3))
        x, y, width, height = annotation['bbox']
        moved = np.hstack([joints[:, :2] + rng.normal(0, 8, (len(joints), 2)), np.full((len(joints), 1), 0.5)])
        results.append(
            {
                'image_id': annotation['image_id'],
                'keypoints': moved.ravel().tolist(),
                'score': float(np.round(rng.random(), 3)),
                'truth': {
                    'keypoints': joints[None, :, :2],
                    'keypoints_visible': joints[None, :, 2],
                    'bboxes': np.array([[x, y, x + width, y + height]]),
                    'areas': np.array([annotation['area']]),
                },
            }
        )
    return results
