"""CocoWholeBodyMetric: the metrics of its function, results in the data set's form, and what users get wrong."""

import json

import numpy as np
import pytest

from hrpose.datasets.annotations import WHOLE_BODY_PARTS
from hrpose.errors import UserError
from hrpose.evaluation import CocoWholeBodyMetric, evaluate_wholebody
from hrpose.evaluation.functional.wholebody_ap import WHOLEBODY_METRICS
from tests.evaluation.cases import evaluate, samples_of
from tests.evaluation.functional.test_wholebody_ap import SIGMAS, whole_body_case


@pytest.fixture
def case(rng, tmp_path):
    """The path of a generated annotation file, and results of 133 joints and in parts."""
    dataset, results = whole_body_case(rng)
    path = tmp_path / 'truth.json'
    path.write_text(json.dumps(dataset))
    joined = [
        {**result, 'keypoints': [number for part in WHOLE_BODY_PARTS for number in result[part]]} for result in results
    ]
    return path, dataset, results, joined


def test_metrics_are_those_of_the_whole_and_ap_and_ar_of_each_part(case, tmp_path):
    path, dataset, results, joined = case
    prefix = tmp_path / 'found'
    options = {'rescoring': 'box', 'nms': None, 'outfile_prefix': str(prefix)}
    metrics = evaluate(CocoWholeBodyMetric(str(path), 'coco_wholebody', **options), samples_of(joined))
    expected = evaluate_wholebody(dataset, results, SIGMAS)
    assert [name.removeprefix('coco-wholebody/') for name in metrics] == list(WHOLEBODY_METRICS)
    for name in WHOLEBODY_METRICS:
        part, _, metric = name.rpartition('_')
        assert metrics[f'coco-wholebody/{name}'] == pytest.approx(expected[part or 'wholebody'][metric], abs=1e-9)
    written = json.loads(prefix.with_name('found.keypoints.json').read_text())
    assert [len(written[0][part]) // 3 for part in WHOLE_BODY_PARTS] == [17, 6, 68, 21, 21]
    for part in WHOLE_BODY_PARTS:
        np.testing.assert_allclose(
            sorted(np.concatenate([each[part] for each in written])),
            sorted(np.concatenate([each[part] for each in results])),
            atol=1e-9,
        )


def test_a_file_without_the_parts_is_refused(case):
    path, dataset, _, joined = case
    for annotation in dataset['annotations']:
        del annotation['face_kpts']
    path.write_text(json.dumps(dataset))
    with pytest.raises(UserError, match='has 65 joints, but the metainfo has 133'):
        evaluate(CocoWholeBodyMetric(str(path), 'coco_wholebody'), samples_of(joined))
