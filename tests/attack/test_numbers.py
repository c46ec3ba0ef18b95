"""Coordinates beyond every image: refused where they are given, left out where they are read, and no warning."""

import math
import warnings

import numpy as np
import pytest

from hrpose.apis.boxes import Boxes, boxes_with_area, checked_boxes
from hrpose.datasets.coco import CocoDataset
from hrpose.errors import UserError


@pytest.fixture(autouse=True)
def warnings_are_errors():
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        yield


@pytest.mark.parametrize('far', [1e300, -1e300, 1e39, 2.0**24 + 1, math.nan, math.inf])
@pytest.mark.parametrize('scored', [True, False])
def test_a_box_beyond_all_images_is_refused(far, scored):
    rows = [[0.0, 0, 5, 5], [min(far, 0), 0, max(far, 1), 5]] if far == far else [[0.0, 0, 5, 5], [0, 0, far, 5]]
    boxes = Boxes(np.array(rows), np.ones(2)) if scored else rows
    with pytest.raises(UserError, match='box 1 of 2, .* has a coordinate that is not finite, or beyond 16777216 px'):
        checked_boxes(boxes, (80, 60), 'image 0')


def test_a_box_of_float64_limits_is_refused():
    with pytest.raises(UserError, match='not finite, or beyond'):
        checked_boxes([[-1.7e308, 0, 1.7e308, 5]], (80, 60), 'image 0')


def test_a_detectors_boxes_with_odd_numbers_are_left_out():
    rows = np.array([[0, 0, 1e300, 5], [0, 0, 5, 5], [0, 0, math.nan, 5], [0, 0, 6, 6], [-1.7e308, 0, 1.7e308, 5]])
    kept = boxes_with_area(Boxes(rows, np.array([1, 0.5, 1, math.nan, 1])))
    assert kept.boxes.tolist() == [[0, 0, 5, 5]] and kept.scores.tolist() == [0.5]


@pytest.mark.parametrize('far', [1e300, 1e39, -1e39])
@pytest.mark.parametrize('part', ['box', 'keypoints'])
def test_people_beyond_all_images_are_left_out(part, far, tiny_coco):
    value = {'bbox': [far, 0, 5, 5]} if part == 'box' else {'keypoints': [far, 1, 2] + [1, 1, 2] * 4}
    data = tiny_coco(edit=lambda content: content['annotations'][0].update(value))
    people = CocoDataset(**data.arguments)
    assert len(people) == 3 and people.skipped == {f'with a coordinate beyond 16777216 px in its {part}': 1}


def test_an_unlabelled_joint_beyond_all_images_becomes_zero(tiny_coco):
    data = tiny_coco(edit=lambda content: content['annotations'][0].update(keypoints=[1e300, 1, 0] + [1, 1, 2] * 4))
    assert CocoDataset(**data.arguments)[0]['keypoints'][0].tolist() == [0, 0]
