"""Agreement joint by joint: values by hand."""

import numpy as np
import pytest

from hrpose.evaluation import joint_agreement

SIGMAS = [0.1, 0.1, 0.1]


def _person(image, joints, **more):
    return {'image_id': image, 'keypoints': joints, 'bbox': [0, 0, 10, 10], 'area': 100.0, **more}


def test_each_joint_is_compared_with_the_prediction_of_highest_oks():
    truth = [_person(1, [0, 0, 2, 5, 0, 2, 9, 9, 0])]
    near = {'image_id': 1, 'keypoints': [0, 0, 1, 9, 0, 1, 0, 0, 1], 'score': 0.1}
    far = {'image_id': 1, 'keypoints': [99, 0, 1, 99, 0, 1, 9, 9, 1], 'score': 0.9}
    dataset = {'images': [{'id': 1}], 'annotations': truth}
    agreement = joint_agreement(dataset, [far, near], SIGMAS)
    assert agreement.labelled.tolist() == [1, 1, 0]
    assert agreement.similarity[:2] == pytest.approx([1.0, np.exp(-16 / (2 * 100 * 0.04))])
    assert agreement.found[:2].tolist() == [1.0, 0.0]
    assert np.isnan(agreement.found[2])


def test_people_in_images_without_predictions_count_as_not_found():
    truth = [_person(image, [0, 0, 2] * 3) for image in (1, 2)]
    result = {'image_id': 1, 'keypoints': [0, 0, 1] * 3, 'score': 1.0}
    dataset = {'images': [{'id': 1}, {'id': 2}], 'annotations': truth}
    assert joint_agreement(dataset, [result], SIGMAS).found.tolist() == [0.5, 0.5, 0.5]


def test_crowds_are_left_out():
    dataset = {'images': [{'id': 1}], 'annotations': [_person(1, [0, 0, 2] * 3, iscrowd=1)]}
    assert joint_agreement(dataset, [], SIGMAS).labelled.tolist() == [0, 0, 0]
