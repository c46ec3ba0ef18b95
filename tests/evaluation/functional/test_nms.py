"""OKS-NMS, hard and soft: the published release's choices, and cases by hand."""

import time

import numpy as np
import pytest

from hrpose.evaluation import oks_nms, rescore, soft_oks_nms
from tests.evaluation.cases import SIGMAS_17
from tests.golden import golden


def _arrays(people):
    return tuple(np.array([person[name] for person in people]) for name in ('keypoints', 'score', 'area'))


def test_hard_nms_keeps_what_the_official_release_keeps():
    for case in golden('oks_nms.json'):
        assert oks_nms(*_arrays(case['people']), SIGMAS_17).tolist() == case['keep']


def test_soft_nms_ranks_as_the_official_release_does():
    for case in golden('oks_nms.json'):
        assert soft_oks_nms(*_arrays(case['people']), SIGMAS_17).tolist() == case['soft_keep']


@pytest.mark.parametrize('suppress', [oks_nms, soft_oks_nms])
@pytest.mark.parametrize('wrong', ['two joints swapped', 'x and y swapped', 'a tenth of the area', 'scores reversed'])
def test_the_golden_nms_notices(wrong, suppress):
    expected = 'keep' if suppress is oks_nms else 'soft_keep'
    different = 0
    for case in golden('oks_nms.json'):
        keypoints, scores, areas = _arrays(case['people'])
        if wrong == 'two joints swapped':
            # In one of two people: swapped in both, their distance stays.
            keypoints[::2, [0, 11]] = keypoints[::2, [11, 0]]
        elif wrong == 'x and y swapped':
            keypoints[::2, :, :2] = keypoints[::2, :, 1::-1]
        elif wrong == 'a tenth of the area':
            areas = areas / 10
        else:
            scores = scores[::-1]
        different += suppress(keypoints, scores, areas, SIGMAS_17).tolist() != case[expected]
    assert different > 0


@pytest.mark.parametrize('suppress', [oks_nms, soft_oks_nms])
def test_nobody_gives_no_index(suppress):
    kept = suppress(np.zeros((0, 17, 3)), np.zeros(0), np.zeros(0), SIGMAS_17)
    assert kept.shape == (0,) and kept.dtype == np.int64


def test_of_two_equal_people_the_better_scored_is_kept():
    people = np.zeros((2, 17, 3))
    assert oks_nms(people, [0.3, 0.6], [100, 100], SIGMAS_17).tolist() == [1]


def test_equal_scores_keep_the_earlier():
    assert oks_nms(np.zeros((2, 17, 3)), [0.5, 0.5], [100, 100], SIGMAS_17).tolist() == [0]


def test_oks_at_exactly_the_threshold_is_kept():
    people = np.zeros((2, 17, 3))
    assert oks_nms(people, [0.6, 0.3], [100, 100], SIGMAS_17, threshold=1.0).tolist() == [0, 1]


def test_overlap_is_taken_on_the_mean_of_both_areas():
    people = np.zeros((2, 1, 2))
    people[1, 0, 0] = 1.0
    areas = np.array([10.0, 30.0])
    on_mean = np.exp(-1 / (2 * 20 * 0.2**2))
    assert len(oks_nms(people, [2, 1], areas, [0.1], threshold=on_mean - 1e-9)) == 1
    assert len(oks_nms(people, [2, 1], areas, [0.1], threshold=on_mean + 1e-9)) == 2


def test_soft_nms_keeps_at_most_max_people(rng):
    people, scores = rng.uniform(0, 1000, (50, 17, 3)), rng.random(50)
    assert len(soft_oks_nms(people, scores, np.full(50, 1e4), SIGMAS_17)) == 20
    assert len(soft_oks_nms(people, scores, np.full(50, 1e4), SIGMAS_17, max_people=3)) == 3


def test_a_twin_sinks_below_a_stranger_in_soft_nms():
    people = np.zeros((3, 17, 3))
    people[2] = 1e4
    order = soft_oks_nms(people, [0.9, 0.8, 0.5], [100, 100, 100], SIGMAS_17)
    assert order.tolist() == [0, 2, 1]


def test_sets_of_different_length_are_named():
    with pytest.raises(ValueError, match='2, 1 and 2'):
        oks_nms(np.zeros((2, 17, 3)), [1], [1, 1], SIGMAS_17)


@pytest.mark.slow
def test_thirty_thousand_people_take_two_seconds(rng):
    people = np.repeat(rng.uniform(0, 300, (5000, 2, 17, 2)), 3, axis=1)
    people = people + rng.normal(0, 3, people.shape)
    scores, areas = rng.random((5000, 6)), rng.uniform(5e3, 5e4, (5000, 6))
    start = time.perf_counter()
    ranked = rescore(scores.ravel(), rng.random((30000, 17))).reshape(5000, 6)
    for image in range(5000):
        oks_nms(people[image], ranked[image], areas[image], SIGMAS_17)
    assert time.perf_counter() - start < 2.0
