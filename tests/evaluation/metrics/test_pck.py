"""PCKMetric, AUCMetric and EPEMetric: values by hand, and what users get wrong."""

import numpy as np
import pytest
from mmengine.evaluator import Evaluator
from mmengine.structures import InstanceData

from hrpose.errors import UserError
from hrpose.evaluation import AUCMetric, EPEMetric, PCKMetric
from hrpose.registry import METRICS
from hrpose.structures import PoseDataSample
from tests.evaluation.cases import evaluate

NAMES = ['left_shoulder', 'right_hip', 'head_top', 'neck']
JOINTS = {'keypoint_names': NAMES, 'flip_indices': [0, 1, 2, 3]}
TRUTH = np.array([[0.0, 0.0], [30.0, 40.0], [0.0, -20.0], [0.0, 0.0]])


def _sample(number, shift, *, visible=(1, 1, 1, 1), truth=True):
    sample = PoseDataSample(metainfo=dict(img_id=number, id=number))
    sample.pred_instances = InstanceData(keypoints=TRUTH[None] + shift, keypoint_scores=np.ones((1, 4)))
    if truth:
        sample.gt_instances = InstanceData(
            keypoints=TRUTH[None],
            keypoints_visible=np.array([visible]),
            bboxes=np.array([[10.0, 10.0, 60.0, 110.0]]),
        )
    return sample


def test_box_is_its_larger_side():
    samples = [_sample(0, [15.0, 0.0]), _sample(1, [0.0, 5.0])]
    metrics = evaluate(PCKMetric(metainfo=JOINTS), samples)
    assert metrics == pytest.approx(
        {'pck/PCK@0.2': 1.0, 'pck/PCK@0.1': 0.5, 'pck/AUC': (15 + 19) / 42, 'pck/EPE': 10.0}
    )
    assert all(type(value) is float for value in metrics.values())


def test_people_whose_length_is_not_labelled_are_left_out():
    samples = [_sample(0, [0.0, 9.0]), _sample(1, [0.0, 99.0], visible=(1, 0, 1, 1))]
    metrics = evaluate(PCKMetric([0.2], normalizer='torso', metainfo=JOINTS), samples)
    assert metrics['pck/PCK@0.2'] == 1.0 and metrics['pck/EPE'] == 9.0


def test_people_repeated_by_a_distributed_sampler_count_once():
    samples = [_sample(0, [0.0, 0.0]), _sample(1, [0.0, 90.0]), _sample(1, [0.0, 90.0])]
    assert evaluate(PCKMetric(metainfo=JOINTS), samples)['pck/PCK@0.2'] == 0.5


def test_metric_is_built_by_name_and_takes_the_data_sets_metainfo():
    evaluator = Evaluator(METRICS.build(dict(type='PCKMetric')))
    evaluator.dataset_meta = JOINTS
    evaluator.process([_sample(0, [0.0, 0.0])])
    assert evaluator.evaluate(1)['pck/AUC'] == 1.0


def test_no_predictions_give_zeros():
    metrics = evaluate(PCKMetric(metainfo=JOINTS), [])
    assert metrics['pck/PCK@0.2'] == metrics['pck/AUC'] == 0.0


def test_a_sample_without_ground_truth_is_an_error():
    with pytest.raises(UserError, match='no ground truth in gt_instances'):
        evaluate(PCKMetric(metainfo=JOINTS), [_sample(0, 0.0, truth=False)])


def test_predictions_of_another_number_of_joints_name_both_numbers():
    with pytest.raises(UserError, match='predicts 4 joints, but .* has 17'):
        evaluate(PCKMetric(metainfo='coco'), [_sample(0, 0.0)])


@pytest.mark.parametrize(
    ('normalizer', 'names', 'complaint'),
    [
        ('head', 'abcd', 'head_top and neck .* there is no head, no head_bottom, no head_top, .*; use'),
        ('torso', ['left_shoulder', 'left_hip'], 'left_shoulder and right_hip or .* no right_hip, no right_shoulder;'),
        (('neck', 'pelvis'), ['neck', 'pelvic'], 'called neck and pelvis; there is no pelvis; nearest: pelvic'),
    ],
)
def test_a_normalizer_names_the_joints_that_it_lacks(normalizer, names, complaint):
    with pytest.raises(UserError, match=complaint):
        PCKMetric(normalizer=normalizer, metainfo={'keypoint_names': list(names)})


def test_auc_metric_is_the_mean_of_pck_over_the_range_it_states(log_lines):
    samples = [_sample(0, [15.0, 0.0]), _sample(1, [0.0, 5.0])]
    assert evaluate(AUCMetric(metainfo=JOINTS), samples) == pytest.approx({'auc/AUC': (15 + 19) / 42})
    assert 'AUC, mean PCK over 21 thresholds from 0 to 0.5 times the box, of 2 people' in log_lines[0]
    pixels = AUCMetric([step / 20 for step in range(20)], normalizer=30, metainfo=JOINTS)
    assert evaluate(pixels, samples) == pytest.approx({'auc/AUC': (10 + 16) / 40})


def test_epe_metric_is_the_mean_distance_in_px_by_joint(log_lines):
    samples = [_sample(0, [15.0, 0.0], visible=(1, 1, 1, 0)), _sample(1, [3.0, 4.0])]
    assert evaluate(EPEMetric(metainfo=JOINTS), samples) == pytest.approx({'epe/EPE': (3 * 10 + 5) / 4})
    assert [line.split() for line in log_lines[0].splitlines()[-2:]] == [
        ['neck', '1', '5.000'],
        ['mean', 'of', 'joints', '7', '8.750'],
    ]


@pytest.mark.parametrize('name', ['PCKMetric', 'AUC', 'AUCMetric', 'EPE', 'EPEMetric'])
def test_each_metric_is_built_by_its_names(name):
    metrics = evaluate(METRICS.build({'type': name, 'metainfo': JOINTS}), [_sample(0, 0.0)])
    assert list(metrics)[-1].split('/')[1] in ('AUC', 'EPE')


@pytest.mark.parametrize(
    'options',
    [{'normalizer': wrong} for wrong in ('arm', 0, ('a',), ('a', 'a'), (1, 2), None)]
    + [{'thresholds': []}, {'thresholds': [0]}],
)
def test_a_wrong_option_fails_at_construction(options):
    with pytest.raises(UserError, match='PCKMetric'):
        PCKMetric(**options)
