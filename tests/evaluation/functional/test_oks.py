"""OKS: hand-computed values."""

import numpy as np
import pytest

from hrpose.evaluation import joint_similarity, oks
from hrpose.evaluation.functional.oks import pairs_within
from tests.evaluation.cases import SIGMAS_17, generated_case


def test_equal_people_have_oks_one():
    people = np.arange(12.0).reshape(2, 3, 2)
    assert np.array_equal(np.diag(oks(people, people, areas=100.0, sigmas=[0.1] * 3)), [1.0, 1.0])


def test_oks_is_the_mean_of_exp_of_minus_d2_over_2_s2_k2():
    truth = np.zeros((1, 2, 2))
    predicted = np.array([[[3.0, 4.0], [0.0, 0.0]]])
    expected = (np.exp(-25 / (2 * 100 * 0.2**2)) + 1) / 2
    value = oks(predicted, truth, areas=[100.0], sigmas=[0.1, 0.1])[0, 0]
    assert value == pytest.approx(expected, abs=1e-15)


def test_only_labelled_joints_count():
    truth = np.zeros((2, 2, 2))
    predicted = np.array([[[0.0, 0.0], [1e4, 0.0]]])
    values = oks(predicted, truth, areas=100.0, sigmas=[0.1, 0.1], visible=[[2, 0], [1, 1]])
    assert values == pytest.approx(np.array([[1.0, 0.5]]))


def test_oks_with_a_person_without_labels_is_undefined():
    values = oks(np.zeros((1, 2, 2)), np.zeros((1, 2, 2)), areas=1.0, sigmas=[0.1, 0.1], visible=[[0, 0]])
    assert np.isnan(values[0, 0])


def test_area_zero_gives_finite_values():
    values = oks(np.ones((1, 1, 2)), np.zeros((1, 1, 2)), areas=0.0, sigmas=[0.1])
    assert values[0, 0] == 0.0


def test_areas_of_the_second_set_scale_its_columns():
    a, b = np.zeros((3, 1, 2)), np.full((2, 1, 2), 5.0)
    values = oks(a, b, areas=[100.0, 400.0], sigmas=[0.1])
    assert values == pytest.approx(np.tile(np.exp([-50 / 8, -50 / 32]), (3, 1)), rel=1e-12)


def test_similarity_has_one_value_a_pair_and_joint(rng):
    a, b = rng.normal(size=(3, 5, 3)), rng.normal(size=(4, 5, 3))
    assert joint_similarity(a, b, areas=1.0, sigmas=[0.1] * 5).shape == (3, 4, 5)


def test_wrong_number_of_sigmas_names_all_numbers():
    with pytest.raises(ValueError, match='keypoints_a has 3 joints, keypoints_b 3, sigmas 2'):
        oks(np.zeros((1, 3, 2)), np.zeros((1, 3, 2)), areas=1.0, sigmas=[0.1, 0.1])


@pytest.mark.parametrize('backend', ['pycocotools', 'xtcocotools'])
def test_oks_is_what_the_coco_tools_compute(backend, rng):
    evaluation = pytest.importorskip(f'{backend}.cocoeval')
    dataset, results = generated_case(rng, images=20, people=6)
    truth = pytest.importorskip(f'{backend}.coco').COCO()
    truth.dataset = dataset
    truth.createIndex()
    theirs = evaluation.COCOeval(truth, truth.loadRes(results), 'keypoints')
    theirs.params.kpt_oks_sigmas = SIGMAS_17
    theirs._prepare()
    compared = 0
    for image in range(20):
        people = [person for person in theirs._gts[image, 1] if person['num_keypoints']]
        found = sorted(theirs._dts[image, 1], key=lambda result: -result['score'])
        if not people or not found:
            continue
        expected = theirs.computeOks(image, 1)[:, [p['num_keypoints'] > 0 for p in theirs._gts[image, 1]]]
        joints, predictions = (np.array([p['keypoints'] for p in some]).reshape(-1, 17, 3) for some in (people, found))
        ours = oks(predictions, joints, areas=[p['area'] for p in people], sigmas=SIGMAS_17, visible=joints[..., 2])
        np.testing.assert_allclose(ours, expected, rtol=1e-12, atol=1e-15)
        compared += ours.size
    assert compared > 100


def test_pairs_within_groups_come_by_the_first_then_the_second():
    a, b = pairs_within(np.array([2, 0, 7, 2]), np.array([0, 0, 2, 5, 7]))
    assert a.tolist() == [0, 1, 1, 2, 3] and b.tolist() == [2, 0, 1, 4, 2]
    nothing = np.zeros(0, dtype=np.int64)
    assert [rows.tolist() for rows in pairs_within(nothing, np.array([1]))] == [[], []]
    assert [rows.tolist() for rows in pairs_within(np.array([1]), nothing)] == [[], []]
