"""PCKMetric, AUCMetric and EPEMetric: values by hand, and what users get wrong."""

import numpy as np
import pytest
from mmengine.evaluator import Evaluator
from mmengine.structures import InstanceData

from hrpose.datasets.metainfo import resolve
from hrpose.errors import UserError
from hrpose.evaluation import AUCMetric, EPEMetric, PCKMetric, person_lengths
from hrpose.registry import METRICS
from hrpose.structures import PoseDataSample

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


def _evaluate(metric, samples):
    evaluator = Evaluator(metric)
    evaluator.process(samples)
    return evaluator.evaluate(len(samples))


def test_box_is_its_larger_side():
    samples = [_sample(0, [15.0, 0.0]), _sample(1, [0.0, 5.0])]
    figures = _evaluate(PCKMetric(metainfo=JOINTS), samples)
    assert figures == pytest.approx(
        {'pck/PCK@0.2': 1.0, 'pck/PCK@0.1': 0.5, 'pck/AUC': (15 + 19) / 42, 'pck/EPE': 10.0}
    )
    assert all(type(value) is float for value in figures.values())


@pytest.mark.parametrize(
    ('normalizer', 'length'),
    [('box', 100.0), ('torso', 50.0), ('head', 20.0), (('neck', 'right_hip'), 50.0), (30, 30.0)],
)
def test_lengths_are_those_of_the_person(normalizer, length):
    boxes = np.array([[10.0, 10.0, 60.0, 110.0]])
    lengths = person_lengths(TRUTH[None], np.ones((1, 4)), boxes, normalizer, NAMES)
    assert lengths.tolist() == [length]


def test_people_whose_length_is_not_labelled_are_left_out():
    samples = [_sample(0, [0.0, 9.0]), _sample(1, [0.0, 99.0], visible=(1, 0, 1, 1))]
    figures = _evaluate(PCKMetric([0.2], normalizer='torso', metainfo=JOINTS), samples)
    assert figures['pck/PCK@0.2'] == 1.0 and figures['pck/EPE'] == 9.0


def test_people_repeated_by_a_distributed_sampler_count_once():
    samples = [_sample(0, [0.0, 0.0]), _sample(1, [0.0, 90.0]), _sample(1, [0.0, 90.0])]
    assert _evaluate(PCKMetric(metainfo=JOINTS), samples)['pck/PCK@0.2'] == 0.5


def test_metric_is_built_by_name_and_takes_the_data_sets_metainfo():
    evaluator = Evaluator(METRICS.build(dict(type='PCKMetric')))
    evaluator.dataset_meta = JOINTS
    evaluator.process([_sample(0, [0.0, 0.0])])
    assert evaluator.evaluate(1)['pck/AUC'] == 1.0


def test_no_predictions_give_zeros():
    figures = _evaluate(PCKMetric(metainfo=JOINTS), [])
    assert figures['pck/PCK@0.2'] == figures['pck/AUC'] == 0.0


def test_a_sample_without_truth_is_an_error():
    with pytest.raises(UserError, match='no ground truth in gt_instances'):
        _evaluate(PCKMetric(metainfo=JOINTS), [_sample(0, 0.0, truth=False)])


def test_predictions_of_another_number_of_joints_name_both_numbers():
    with pytest.raises(UserError, match='predicts 4 joints, but .* has 17'):
        _evaluate(PCKMetric(metainfo='coco'), [_sample(0, 0.0)])


@pytest.mark.parametrize(
    ('normalizer', 'names', 'complaint'),
    [
        ('head', 'abcd', 'head_top and neck .* there is no head, no head_bottom, no head_top, .*; use'),
        ('torso', ['left_shoulder', 'left_hip'], 'left_shoulder and right_hip or .* no right_hip, no right_shoulder;'),
        (('neck', 'pelvis'), ['neck', 'pelvic'], 'called neck and pelvis; there is no pelvis; nearest: pelvic'),
    ],
)
def test_a_normalizer_whose_joints_are_not_there_names_them_at_construction(normalizer, names, complaint):
    with pytest.raises(UserError, match=complaint):
        PCKMetric(normalizer=normalizer, metainfo={'keypoint_names': list(names)})


@pytest.mark.parametrize(
    'names', [['LShoulder', 'RHip', 'HeadTop', 'Neck'], ['shoulder_l', 'hip.R', 'top_head', 'neck']]
)
@pytest.mark.parametrize(('normalizer', 'length'), [('torso', 50.0), ('head', 20.0)])
def test_joints_are_found_in_any_spelling(names, normalizer, length):
    assert person_lengths(TRUTH[None], np.ones((1, 4)), np.zeros((1, 4)), normalizer, names).tolist() == [length]


def test_auc_metric_is_the_mean_of_pck_over_the_range_it_states(log_lines):
    samples = [_sample(0, [15.0, 0.0]), _sample(1, [0.0, 5.0])]
    assert _evaluate(AUCMetric(metainfo=JOINTS), samples) == pytest.approx({'auc/AUC': (15 + 19) / 42})
    assert 'AUC, mean PCK over 21 thresholds from 0 to 0.5 times the box, of 2 people' in log_lines[0]
    pixels = AUCMetric([step / 20 for step in range(20)], normalizer=30, metainfo=JOINTS)
    assert _evaluate(pixels, samples) == pytest.approx({'auc/AUC': (10 + 16) / 40})


def test_epe_metric_is_the_mean_distance_in_px_by_joint(log_lines):
    samples = [_sample(0, [15.0, 0.0], visible=(1, 1, 1, 0)), _sample(1, [3.0, 4.0])]
    assert _evaluate(EPEMetric(metainfo=JOINTS), samples) == pytest.approx({'epe/EPE': (3 * 10 + 5) / 4})
    assert [line.split() for line in log_lines[0].splitlines()[-2:]] == [
        ['neck', '1', '5.000'],
        ['mean', 'of', 'joints', '7', '8.750'],
    ]


@pytest.mark.parametrize('name', ['PCKMetric', 'AUC', 'AUCMetric', 'EPE', 'EPEMetric'])
def test_each_metric_is_built_by_its_names(name):
    (figure,) = [key for key in _evaluate(METRICS.build({'type': name, 'metainfo': JOINTS}), [_sample(0, 0.0)])][-1:]
    assert figure.split('/')[1] in ('AUC', 'EPE')


@pytest.mark.parametrize(
    'options',
    [{'normalizer': wrong} for wrong in ('arm', 0, ('a',), ('a', 'a'), (1, 2), None)]
    + [{'thresholds': []}, {'thresholds': [0]}],
)
def test_a_wrong_option_fails_at_construction(options):
    with pytest.raises(UserError, match='PCKMetric'):
        PCKMetric(**options)


@pytest.mark.parametrize('name', ['crowdpose', 'lsp', 'mpii', 'posetrack18'])
def test_every_data_set_with_a_top_of_the_head_has_a_heads_length(name):
    names = resolve(name)['keypoint_names']
    truth = np.zeros((1, len(names), 2))
    truth[0, [joint in ('head_top', 'top_head') for joint in names]] = [3.0, 4.0]
    lengths = person_lengths(truth, np.ones((1, len(names))), np.zeros((1, 4)), 'head', names)
    assert lengths.tolist() == [5.0]
