"""Rescoring: the official release's scores, and values by hand."""

import numpy as np
import pytest

from hrpose.evaluation import rescore
from hrpose.evaluation.functional.nms import rescore_calibrated
from tests.golden import golden


def test_the_scores_are_those_of_the_official_release():
    scores = golden('coco_scores.npz')
    found = rescore(scores['boxes'], scores['joints'])
    nearest = np.abs(scores['left'][:, None] - found).argmin(axis=1)
    # OKS-NMS left 78 of the 118 people.
    assert len(set(nearest)) == len(scores['left']) == 78
    assert found[nearest] == pytest.approx(scores['left'], rel=0, abs=1e-12)


def test_score_is_box_times_mean_of_joints_above_the_threshold():
    assert rescore([0.5], [[0.4, 0.8, 0.2, 0.1]]) == pytest.approx([0.5 * 0.6], abs=1e-15)


def test_a_joint_at_the_threshold_does_not_count():
    assert rescore([1.0], [[0.2, 0.6]], threshold=0.2).tolist() == [0.6]


def test_score_is_zero_if_no_joint_counts():
    assert rescore([0.9, 0.9], [[0.1, 0.2], [0.0, -1.0]]).tolist() == [0.0, 0.0]


def test_box_mode_returns_the_box_scores():
    assert rescore([0.3, 0.7], np.ones((2, 4)), mode='box').tolist() == [0.3, 0.7]


def test_keypoint_only_mode_leaves_the_box_score_out():
    assert rescore([0.3], [[0.4, 0.6]], mode='keypoint_only') == pytest.approx([0.5])


def test_nobody_gives_no_score():
    assert rescore([], np.zeros((0, 17))).shape == (0,)


def test_unknown_mode_names_the_choices():
    with pytest.raises(ValueError, match='keypoint, box, keypoint_only'):
        rescore([1.0], [[1.0]], mode='rle')


def test_calibrated_score_is_the_expected_share_of_right_joints():
    found = rescore_calibrated([0.5, 1.0], [[1.0, 0.5], [0.2, 0.8]], [[1.0, 0.25], [0.0, 1.0]])
    assert found == pytest.approx([0.5 * 1.125 / 1.25, 0.8], abs=1e-15)
    assert rescore_calibrated([0.9], [[0.5, 0.5]], [[0.0, 0.0]]).tolist() == [0.0]
    assert rescore_calibrated([], np.zeros((0, 17)), np.zeros((0, 17))).shape == (0,)
