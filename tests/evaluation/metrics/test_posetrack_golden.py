"""PoseTrack's AP of whole sequences is what poseval gives."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hrpose.evaluation import PoseTrack18Metric, posetrack_ap
from tests.evaluation.cases import evaluate, predicted_sample
from tests.golden import GOLDEN, golden

NAMES_OF_POSEVAL = {'neck': 'head_bottom'}
# poseval sums the same terms in another order: only rounding may differ.
ROUNDING = 1e-9  # percent

Content = dict[str, Any]


@pytest.fixture(scope='module')
def sequences() -> dict[str, Any]:
    """The three sequences, `gt` and `pred` by file name, and `expected`."""

    def read_all(name: str) -> dict[str, Content]:
        paths = sorted((GOLDEN / 'posetrack' / name).glob('*.json.gz'))
        return {path.name.split('.')[0]: golden(f'posetrack/{name}/{path.stem}') for path in paths}

    return {'gt': read_all('gt'), 'pred': read_all('pred'), 'expected': golden('posetrack/expected.json')}


def joined(files: dict[str, Content], part: str) -> list[Content]:
    """Return the `part` of all files in one list."""
    return [entry for content in files.values() for entry in content[part]]


def joint_names(sequences: dict[str, Any]) -> list[str]:
    return next(iter(sequences['gt'].values()))['categories'][0]['keypoints']


def scored_keypoints(person: Content) -> np.ndarray:
    """Return (K, 3) a prediction's joints in image px with their scores."""
    return np.column_stack([np.reshape(person['keypoints'], (-1, 3))[:, :2], person['scores']])


def test_ap_by_joint_and_in_total_is_that_of_poseval(sequences: dict[str, Any]) -> None:
    truth = {part: joined(sequences['gt'], part) for part in ('images', 'annotations')}
    results = [
        {'image_id': person['image_id'], 'keypoints': scored_keypoints(person).ravel().tolist()}
        for person in joined(sequences['pred'], 'annotations')
    ]
    names, expected = joint_names(sequences), sequences['expected']
    places = [names.index(NAMES_OF_POSEVAL.get(name, name)) for name in expected['joints'][:-1]]
    values, labels = posetrack_ap(truth, results, len(names))
    assert len(results) == 137
    # Recall is right joints over labels: a whole number of joints if the labels are those that poseval counts.
    right = np.array(expected['ap_recall'][:-1]) / 100 * labels[places]
    assert right == pytest.approx(np.round(right), rel=0, abs=ROUNDING)
    assert [*100 * values[places], 100 * values[places].mean()] == pytest.approx(expected['ap'], rel=0, abs=ROUNDING)
    assert np.flatnonzero(np.isnan(values)).tolist() == sorted(set(range(17)) - set(places))


def test_the_metric_reports_the_total_of_poseval(sequences: dict[str, Any], tmp_path: Path) -> None:
    for name, content in sequences['gt'].items():
        (tmp_path / f'{name}.json').write_text(json.dumps(content))
    # poseval takes all people as they are: no NMS.
    samples = []
    for number, person in enumerate(joined(sequences['pred'], 'annotations')):
        joints = scored_keypoints(person)
        samples.append(predicted_sample(person['image_id'], number, joints[:, :2], joints[:, 2]))
    metrics = evaluate(PoseTrack18Metric(str(tmp_path), metainfo='posetrack18', nms=None), samples)
    expected = dict(zip(sequences['expected']['joints'], sequences['expected']['ap'], strict=True))
    assert metrics['posetrack18/Mean'] == pytest.approx(expected['total'], rel=0, abs=ROUNDING)
    head = np.mean([expected[name] for name in ('head_top', 'neck', 'nose')])
    assert metrics['posetrack18/Head'] == pytest.approx(head, rel=0, abs=ROUNDING)
