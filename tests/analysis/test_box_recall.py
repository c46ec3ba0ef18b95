"""Whom a detector's boxes cover."""

import math

import pytest

from hrpose.analysis.box_recall import box_recall


def person(number, box, image='a', **fields):
    return {'id': number, 'image_id': image, 'bbox': box, 'keypoints': [1, 1, 2], 'iscrowd': 0, **fields}


def detection(box, score=0.9, image='a'):
    return {'image_id': image, 'category_id': 7, 'bbox': box, 'score': score}


def recall(people, detections, iou=0.5):
    return box_recall({'images': [{'id': 'a'}, {'id': 'b'}], 'annotations': people}, detections, iou)


def test_people_without_an_overlapping_box_are_missed():
    people = [person(0, [0, 0, 10, 10]), person(5, [50, 0, 10, 10]), person(9, [0, 0, 10, 10], image='b')]
    found = recall(people, [detection([0, 0, 10, 8]), detection([50, 0, 10, 4]), detection([0, 0, 9, 9], image='c')])
    assert (found.people, found.missed, found.share) == (3, (5, 9), pytest.approx(1 / 3))


@pytest.mark.parametrize(('iou', 'missed'), [(0.79, ()), (0.81, (0,))])
def test_the_overlap_that_counts_is_the_one_given(iou, missed):
    assert recall([person(0, [0, 0, 10, 10])], [detection([0, 0, 10, 8])], iou).missed == missed


def test_one_box_covers_one_person_only():
    people = [person(1, [0, 0, 10, 10]), person(2, [0, 0, 10, 11])]
    assert len(recall(people, [detection([0, 0, 10, 10])]).missed) == 1
    assert recall(people, [detection([0, 0, 10, 10]), detection([0, 0, 10, 11], 0.1)]).missed == ()


def test_crowds_and_people_without_a_labelled_joint_do_not_count():
    people = [person(1, [0, 0, 9, 9], iscrowd=1), person(2, [0, 0, 9, 9], keypoints=[0, 0, 0])]
    found = recall(people, [detection([0, 0, 9, 9])])
    assert found.people == 0 and math.isnan(found.share)


def test_no_boxes_miss_everybody():
    assert recall([person(3, [0, 0, 9, 9])], []).missed == (3,)


def test_more_boxes_than_coco_looks_at_are_all_looked_at():
    low = [detection([200, 200, 5, 5], 0.9)] * 150
    assert recall([person(1, [0, 0, 9, 9])], [*low, detection([0, 0, 9, 9], 0.1)]).missed == ()
