"""PoseTrack's AP and tracking metrics of whole sequences are what poseval gives."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hrpose.evaluation import PoseTrack18Metric, posetrack_ap, posetrack_mot
from hrpose.evaluation.functional.posetrack_ap import LabelledFrames, judge_joints
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


def truth_and_results(sequences: dict[str, Any]) -> tuple[Content, list[Content]]:
    """Return the ground truth of all sequences, and the predictions as COCO results with track ids."""
    results = [
        {**person, 'keypoints': scored_keypoints(person).ravel().tolist()}
        for person in joined(sequences['pred'], 'annotations')
    ]
    return {part: joined(sequences['gt'], part) for part in ('images', 'annotations')}, results


def places_of(sequences: dict[str, Any]) -> list[int]:
    """Return the places in hrpose's order of poseval's joints."""
    names = joint_names(sequences)
    return [names.index(NAMES_OF_POSEVAL.get(name, name)) for name in sequences['expected']['joints'][:-1]]


def percent(values: np.ndarray, places: list[int]) -> list[float]:
    """Return the values (K,) as poseval gives them: by joint, then their mean."""
    return [*100 * values[places], 100 * values[places].mean()]


def test_ap_by_joint_and_in_total_is_that_of_poseval(sequences: dict[str, Any]) -> None:
    truth, results = truth_and_results(sequences)
    names, expected, places = joint_names(sequences), sequences['expected'], places_of(sequences)
    values, labels = posetrack_ap(truth, results, len(names))
    assert len(results) == 137
    # Recall is right joints over labels: a whole number of joints if the labels are those that poseval counts.
    right = np.array(expected['ap_recall'][:-1]) / 100 * labels[places]
    assert right == pytest.approx(np.round(right), rel=0, abs=ROUNDING)
    assert percent(values, places) == pytest.approx(expected['ap'], rel=0, abs=ROUNDING)
    assert np.flatnonzero(np.isnan(values)).tolist() == sorted(set(range(17)) - set(places))


def test_precision_and_recall_under_ap_are_those_of_poseval(sequences: dict[str, Any]) -> None:
    precision, recall = judge_joints(LabelledFrames.of(*truth_and_results(sequences), 17)).precision_and_recall()
    expected, places = sequences['expected'], places_of(sequences)
    assert percent(precision, places) == pytest.approx(expected['ap_precision'], rel=0, abs=ROUNDING)
    assert percent(recall, places) == pytest.approx(expected['ap_recall'], rel=0, abs=ROUNDING)


def test_mota_by_joint_and_in_total_is_that_of_poseval(sequences: dict[str, Any]) -> None:
    found = posetrack_mot(*truth_and_results(sequences), 17)
    expected, places = sequences['expected'], places_of(sequences)
    names = {'mota': 'mota', 'motp_poseval': 'motp', 'precision': 'mot_precision', 'recall': 'mot_recall'}
    for name, of_poseval in names.items():
        values = percent(getattr(found, name), places)
        assert values == pytest.approx(expected[of_poseval], rel=0, abs=ROUNDING), name
    # poseval counts each distance at least twice.
    assert (found.motp[places] - found.motp_poseval[places]).min() > 0.1
    assert np.flatnonzero(np.isnan(found.mota)).tolist() == sorted(set(range(17)) - set(places))


def other_identity(results: list[Content]) -> None:
    """Give a person another identity from the middle of a video on."""
    first = results[0]
    for person in results:
        if person['track_id'] == first['track_id'] and first['image_id'] + 4 <= person['image_id'] < 10003430000:
            person['track_id'] = 900


def later(results: list[Content]) -> None:
    """Shift the first video by a frame."""
    for person in results:
        if person['image_id'] < 10003420010:
            person['image_id'] += 1


@pytest.mark.parametrize('change', [other_identity, later])
def test_mota_notices_another_identity_and_a_shifted_frame(sequences: dict[str, Any], change: Any) -> None:
    truth, results = truth_and_results(sequences)
    before = posetrack_mot(truth, results, 17)
    change(results)
    after = posetrack_mot(truth, [each for each in results if each['image_id'] != 10003420010], 17)
    places = places_of(sequences)
    assert (after.mota < before.mota)[places].sum() > 10
    # An identity changes nothing in what is found.
    assert (after.recall[places] == before.recall[places]).all() == (change is other_identity)


def test_the_metric_reports_the_total_of_poseval(sequences: dict[str, Any], tmp_path: Path) -> None:
    for name, content in sequences['gt'].items():
        (tmp_path / f'{name}.json').write_text(json.dumps(content))
    # poseval takes all people as they are: no NMS.
    samples = []
    for number, person in enumerate(joined(sequences['pred'], 'annotations')):
        joints = scored_keypoints(person)
        samples.append(predicted_sample(person['image_id'], number, joints[:, :2], joints[:, 2]))
        samples[-1].pred_instances.track_ids = np.array([person['track_id']])
    metrics = evaluate(PoseTrack18Metric(str(tmp_path), metainfo='posetrack18', nms=None), samples)
    expected = dict(zip(sequences['expected']['joints'], sequences['expected']['ap'], strict=True))
    assert metrics['posetrack18/Mean'] == pytest.approx(expected['total'], rel=0, abs=ROUNDING)
    for name, of_poseval in {'MOTA': 'mota', 'MOTP_poseval': 'motp', 'Precision': 'mot_precision'}.items():
        total = sequences['expected'][of_poseval][-1]
        assert metrics[f'posetrack18/{name}'] == pytest.approx(total, rel=0, abs=ROUNDING)
    assert 0 < metrics['posetrack18/HOTA'] < metrics['posetrack18/IDF1'] < 100
    head = np.mean([expected[name] for name in ('head_top', 'neck', 'nose')])
    assert metrics['posetrack18/Head'] == pytest.approx(head, rel=0, abs=ROUNDING)
