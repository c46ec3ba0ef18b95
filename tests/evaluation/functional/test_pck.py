"""PCK, AUC, EPE and the lengths of people: values by hand."""

import numpy as np
import pytest

from hrpose.datasets.metainfo import resolve
from hrpose.evaluation import auc, epe, joint_distances, joint_mean, pck, person_lengths

TRUTH = np.zeros((2, 3, 2))
PREDICTED = np.array([[[3.0, 4.0], [0, 0], [9, 9]], [[30.0, 40.0], [0, 10], [9, 9]]])
VISIBLE = np.array([[1, 2, 0], [1, 1, 0]])


def test_pck_counts_a_joint_at_exactly_the_threshold_as_right():
    by_joint, mean = pck(joint_distances(PREDICTED, TRUTH, VISIBLE, np.array([50.0, 100.0])), 0.1)
    assert by_joint[:2].tolist() == [0.5, 1.0] and mean == 0.75


def test_a_joint_that_nobody_has_labelled_is_nan_and_out_of_the_mean():
    by_joint, _ = pck(joint_distances(PREDICTED, TRUTH, VISIBLE, 50.0), 0.1)
    assert np.isnan(by_joint[2])


def test_mean_is_of_the_joints_values_not_of_all_labels():
    predicted = np.array([[[0.0, 0], [0, 0]], [[9.0, 0], [0, 0]], [[9.0, 0], [9, 0]]])
    visible = np.array([[1, 1], [1, 0], [1, 0]])
    by_joint, mean = pck(joint_distances(predicted, np.zeros((3, 2, 2)), visible, 10.0), 0.5)
    assert by_joint == pytest.approx([1 / 3, 1.0]) and mean == pytest.approx(2 / 3)


@pytest.mark.parametrize('shape', [(2,), (2, 1), (2, 2)])
def test_normalizer_may_be_one_length_a_person_or_an_axis(shape):
    by_joint, _ = pck(joint_distances(PREDICTED, TRUTH, VISIBLE, np.full(shape, 50.0)), 0.1)
    assert by_joint[:2].tolist() == [0.5, 0.5]


def test_lengths_along_each_axis_are_applied_to_their_axis():
    by_joint, _ = pck(joint_distances([[[1.0, 8.0]]], [[[0.0, 0.0]]], [[1]], [[10.0, 80.0]]), np.sqrt(0.02) + 1e-12)
    assert by_joint.tolist() == [1.0]


@pytest.mark.parametrize('length', [0.0, -1.0, np.nan])
def test_people_without_a_length_are_left_out(length):
    by_joint, _ = pck(joint_distances(PREDICTED, TRUTH, VISIBLE, np.array([50.0, length])), 0.1)
    assert by_joint[:2].tolist() == [1.0, 1.0]


def test_a_prediction_of_nan_is_wrong_and_not_unlabelled():
    predicted = np.full((1, 1, 2), np.nan)
    by_joint, mean = pck(joint_distances(predicted, np.zeros((1, 1, 2)), [[1]], 10.0), 0.5)
    assert by_joint.tolist() == [0.0] and mean == 0.0


def test_auc_is_the_mean_of_pck_over_its_thresholds():
    thresholds = [0.05, 0.1, 0.5, 1.0]
    shares = [pck(joint_distances(PREDICTED, TRUTH, VISIBLE, 50.0), t)[1] for t in thresholds]
    assert auc(joint_distances(PREDICTED, TRUTH, VISIBLE, 50.0), thresholds)[1] == pytest.approx(np.mean(shares))


def test_auc_of_a_perfect_prediction_is_one():
    assert auc(joint_distances(TRUTH, TRUTH, VISIBLE, 50.0))[1] == 1.0


def test_epe_is_the_mean_distance_in_pixels():
    by_joint, mean = epe(joint_distances(PREDICTED, TRUTH, VISIBLE))
    assert by_joint[:2].tolist() == [27.5, 5.0] and mean == 16.25


def test_mean_of_nothing_is_nan():
    assert np.isnan(joint_mean([np.nan, np.nan]))


def test_shapes_that_do_not_fit_are_named():
    with pytest.raises(ValueError, match=r'\(2, 3, 2\), \(2, 3, 2\), \(2, 2\)'):
        pck(joint_distances(PREDICTED, TRUTH, VISIBLE[:, :2], 50.0), 0.1)


NAMES = ['left_shoulder', 'right_hip', 'head_top', 'neck']
JOINTS = np.array([[0.0, 0.0], [30.0, 40.0], [0.0, -20.0], [0.0, 0.0]])


@pytest.mark.parametrize(
    ('normalizer', 'length'),
    [('box', 100.0), ('torso', 50.0), ('head', 20.0), (('neck', 'right_hip'), 50.0), (30, 30.0)],
)
def test_lengths_are_those_of_the_person(normalizer, length):
    boxes = np.array([[10.0, 10.0, 60.0, 110.0]])
    lengths = person_lengths(JOINTS[None], np.ones((1, 4)), boxes, normalizer, NAMES)
    assert lengths.tolist() == [length]


@pytest.mark.parametrize(
    'names', [['LShoulder', 'RHip', 'HeadTop', 'Neck'], ['shoulder_l', 'hip.R', 'top_head', 'neck']]
)
@pytest.mark.parametrize(('normalizer', 'length'), [('torso', 50.0), ('head', 20.0)])
def test_joints_are_found_in_any_spelling(names, normalizer, length):
    assert person_lengths(JOINTS[None], np.ones((1, 4)), np.zeros((1, 4)), normalizer, names).tolist() == [length]


@pytest.mark.parametrize('name', ['crowdpose', 'lsp', 'mpii', 'posetrack18'])
def test_every_data_set_with_a_top_of_the_head_has_a_heads_length(name):
    names = resolve(name)['keypoint_names']
    truth = np.zeros((1, len(names), 2))
    truth[0, [joint in ('head_top', 'top_head') for joint in names]] = [3.0, 4.0]
    lengths = person_lengths(truth, np.ones((1, len(names))), np.zeros((1, 4)), 'head', names)
    assert lengths.tolist() == [5.0]
