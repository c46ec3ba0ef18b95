"""MpiiMetric: the official code's table, and the pixel between counting from 0 and from 1."""

import json

import numpy as np
import pytest
from scipy.io import loadmat, savemat

from hrpose.datasets import MpiiDataset
from hrpose.errors import UserError
from hrpose.evaluation import MpiiMetric
from tests.evaluation.cases import MPII_MAT_JOINTS, evaluate, predicted_sample, write_mpii_truth
from tests.golden import GOLDEN, golden


def metrics_of(gt_file, keypoints, ids=None):
    """Return the metrics of keypoints (N, 16, 2), counted from 0, as the evaluator gives them."""
    ids = range(len(keypoints)) if ids is None else ids
    people = zip(ids, keypoints, strict=True)
    samples = [predicted_sample(f'{number}.jpg', number, joints, np.ones(len(joints))) for number, joints in people]
    return evaluate(MpiiMetric(gt_file=str(gt_file), metainfo='mpii'), samples)


@pytest.fixture
def messages_of_mpii(monkeypatch):
    """What MpiiMetric logs."""
    lines = []
    monkeypatch.setattr('hrpose.evaluation.metrics.mpii.print_log', lambda message, *_: lines.append(message))
    return lines


GT_FILE = GOLDEN / 'mpii_gt_valid.mat'


@pytest.fixture
def predicted():
    """Predictions (40, 16, 2) of the golden people in image px, counted from 0."""
    return golden('mpii_eval.npz')['predictions_0based']


@pytest.mark.parametrize('order', ['as in the file', 'shuffled', 'with repeats'])
def test_metrics_are_the_official_codes_whatever_the_order_of_arrival(order, predicted):
    ids = np.arange(len(predicted))
    if order == 'shuffled':
        ids = np.random.default_rng(0).permutation(ids)
    elif order == 'with repeats':
        ids = np.concatenate([ids, ids[:3]])
    metrics = metrics_of(GT_FILE, predicted[ids], ids)
    for name, value in golden('mpii_eval.json').items():
        assert metrics[f'mpii/{name}'] == pytest.approx(value, abs=1e-9), name
    assert metrics['mpii/Mean@0.1_exact'] <= metrics['mpii/Mean@0.1']
    assert next(iter(metrics)) == 'mpii/Mean'  # by which mmengine chooses the best checkpoint


@pytest.mark.parametrize(
    'wrong', ['a pixel to the right', 'x and y swapped', 'two joints swapped', 'two people swapped']
)
def test_the_golden_table_notices(wrong, predicted):
    if wrong == 'a pixel to the right':
        predicted[..., 0] += 1
    elif wrong == 'x and y swapped':
        predicted = predicted[..., ::-1]
    elif wrong == 'two joints swapped':
        predicted[:, [0, 5]] = predicted[:, [5, 0]]
    else:
        predicted[[0, 1]] = predicted[[1, 0]]
    metrics = metrics_of(GT_FILE, predicted)
    assert any(abs(metrics[f'mpii/{name}'] - value) > 0.1 for name, value in golden('mpii_eval.json').items())


def test_the_ground_truth_counted_from_0_scores_100(tmp_path):
    truth = loadmat(GT_FILE)['pos_gt_src'].transpose(2, 0, 1)
    metrics = metrics_of(GT_FILE, truth - 1)
    assert metrics['mpii/Mean'] == metrics['mpii/Mean@0.1_exact'] == 100
    # Small heads: there one pixel is more than a tenth of the length, and an offset shows.
    content = loadmat(GT_FILE)
    content['headboxes_src'] = np.stack([np.zeros((2, 40)), np.full((2, 40), 9.0)])
    savemat(tmp_path / 'gt_valid.mat', {key: value for key, value in content.items() if key[0] != '_'})
    assert metrics_of(tmp_path / 'gt_valid.mat', truth - 1)['mpii/Mean@0.1_exact'] == 100
    assert metrics_of(tmp_path / 'gt_valid.mat', truth)['mpii/Mean@0.1_exact'] == 0


@pytest.mark.parametrize(('offset', 'mean'), [(0, 100), (1, 0), (-1, 0)])
def test_a_pixel_of_offset_between_data_set_and_file_shows(offset, mean, tmp_path, rng):
    people = [
        {
            'image': f'{n}.jpg',
            'center': [200.0, 200.0],
            'scale': 1.0,
            'joints': rng.uniform(1, 400, (16, 2)).tolist(),
            'joints_vis': [1] * 16,
        }
        for n in range(3)
    ]
    (tmp_path / 'valid.json').write_text(json.dumps(people))
    # A head of 9 px by 12: a tenth of its length is 0.9 px.
    write_mpii_truth(tmp_path / 'gt_valid.mat', people, head=(9, 12))
    dataset = MpiiDataset(str(tmp_path / 'valid.json'))
    keypoints = np.stack([dataset.get_data_info(n)['keypoints'] for n in range(3)])
    # Coordinates of the image itself: what MPII calls (1, 1) is the pixel in the corner, (0, 0).
    assert np.array_equal(keypoints[0], np.array(people[0]['joints']) - 1)
    metrics = metrics_of(tmp_path / 'gt_valid.mat', keypoints + offset)
    assert metrics['mpii/Mean@0.1_exact'] == mean


def test_the_table_by_joint_says_how_often_each_is_labelled_and_right(tmp_path, messages_of_mpii):
    joints = np.tile(np.arange(16.0)[:, None] * 10, (2, 1, 2))
    people = [{'joints': person.tolist(), 'joints_vis': [1] * 16} for person in joints]
    people[1]['joints_vis'] = [0] + [1] * 15
    write_mpii_truth(tmp_path / 'gt_valid.mat', people, head=(60, 80))
    predicted = joints - 1
    predicted[1, 15] += [20.0, 0.0]  # a third of a head
    predicted[0, 14] += [40.0, 0.0]
    metrics_of(tmp_path / 'gt_valid.mat', predicted)
    rows = [line.split() for line in '\n'.join(messages_of_mpii).splitlines()]
    rows = {row[0]: row[1:] for row in rows if row and row[0] in MPII_MAT_JOINTS}
    assert list(rows) == list(MPII_MAT_JOINTS)
    assert rows['rank'] == ['1', '100.000', '100.000']
    assert rows['lelb'] == ['2', '50.000', '50.000']
    assert rows['lwri'] == ['2', '100.000', '50.000']


def test_the_published_mean_at_01_is_read_at_11_hundredths():
    content = loadmat(GT_FILE)
    lengths = 0.6 * np.linalg.norm(content['headboxes_src'][1] - content['headboxes_src'][0], axis=0)
    truth = content['pos_gt_src'].transpose(2, 0, 1)
    moved = truth - 1 + 0.105 * lengths[:, None, None] * [1.0, 0.0]
    metrics = metrics_of(GT_FILE, moved)
    assert (metrics['mpii/Mean@0.1'], metrics['mpii/Mean@0.1_exact']) == (100, 0)


@pytest.mark.parametrize(('kept', 'complaint'), [(39, '40 people, but 39'), (0, '40 people, but 0')])
def test_another_number_of_people_is_refused_with_both_numbers(kept, complaint, predicted):
    with pytest.raises(UserError, match=complaint):
        metric = MpiiMetric(gt_file=str(GT_FILE), metainfo='mpii')
        metric.compute_metrics(
            [{'img_id': n, 'id': n, 'keypoints': person} for n, person in enumerate(predicted[:kept])]
        )


def test_a_missing_or_other_file_is_named(tmp_path):
    with pytest.raises(UserError, match='does not exist'):
        MpiiMetric(gt_file=str(tmp_path / 'gt_valid.mat'))
    savemat(tmp_path / 'other.mat', {'a': 1})
    with pytest.raises(UserError, match="is not MPII's gt_valid.mat"):
        metrics_of(tmp_path / 'other.mat', np.zeros((1, 16, 2)))
