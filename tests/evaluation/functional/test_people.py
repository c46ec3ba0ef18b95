"""Reading COCO's annotations and results into arrays."""

import numpy as np
import pytest

from hrpose.errors import UserError
from hrpose.evaluation.functional.people import GroundTruth, Predictions, coco_results, rows_by_image

PERSON = {'id': 5, 'image_id': 1, 'keypoints': [1, 2, 2, 5, 8, 1, 0, 0, 0], 'bbox': [0, 0, 10, 20], 'category_id': 1}


def read(*annotations, images=(1, 2), **parts):
    content = {'images': [{'id': image} for image in images], 'annotations': list(annotations), **parts}
    return GroundTruth.of(content, 3, 'val.json')


def test_what_a_file_leaves_out_is_filled_in():
    bare = {'image_id': 1, 'keypoints': PERSON['keypoints']}
    truth = read(PERSON, bare, {'image_id': 1}, {**PERSON, 'area': 7, 'num_keypoints': 1, 'iscrowd': 1})
    assert truth.areas.tolist()[:2] == [0.53 * 200, 0.53 * 24] and truth.areas[3] == 7
    assert truth.boxes[:2].tolist() == [[0, 0, 10, 20], [1, 2, 4, 6]] and np.isnan(truth.boxes[2]).all()
    assert truth.has_box.tolist() == [True, False, False, True]
    assert truth.num_keypoints.tolist() == [2, 2, 0, 1] and truth.num_labelled.tolist() == [2, 2, 0, 2]
    assert truth.crowd.tolist() == [False, False, False, True] and truth.categories.tolist() == [1, 1, 1, 1]


def test_images_come_by_number_where_all_ids_are_numbers():
    assert read(images=(10, '9', 8.0)).image_ids == (8.0, '9', 10)
    assert read(images=('b10', 'b9', 1)).image_ids == (1, 'b10', 'b9')


def test_an_image_that_only_an_annotation_names_counts():
    truth = read({**PERSON, 'image_id': '3'})
    assert truth.image_ids == (1, 2, '3') and truth.image.tolist() == [2]
    assert truth.places([3, 1.0, np.int64(2)]).tolist() == [2, 0, 1]


@pytest.mark.parametrize(
    ('categories', 'category'),
    [
        ([{'id': 4, 'name': 'dog'}, {'id': 7, 'name': 'bird', 'keypoints': ['a']}], 7),
        ([{'id': 4, 'name': 'dog'}, {'id': 7, 'name': 'person'}], 7),
        ([{'id': 4, 'name': 'dog'}], 9),
        ([], 9),
    ],
)
def test_predictions_are_about_people_or_the_first_annotation(categories, category):
    assert read({**PERSON, 'category_id': 9}, categories=categories).category == category


def test_results_are_read_with_their_scores():
    truth = read(PERSON)
    results = [{'image_id': '2', 'keypoints': [1, 2, 0.5] * 3, 'score': 0.25, 'category_id': 4}]
    found = Predictions.of(results, truth)
    assert found.image.tolist() == [1] and found.scores.tolist() == [0.25] and found.categories.tolist() == [4]
    assert found.keypoints.tolist() == [[[1, 2, 0.5]] * 3]
    again = coco_results([2], found.categories, found.keypoints, found.scores)
    assert again == [{**results[0], 'image_id': 2}]


def test_what_is_read_is_not_read_again():
    truth = read(PERSON)
    found = Predictions.of([], truth)
    assert GroundTruth.of(truth, 3) is truth and Predictions.of(found, truth) is found


def test_people_are_taken_by_rows_and_images_stay():
    truth = read(PERSON, {**PERSON, 'id': 6, 'image_id': 2})
    second = truth.take(np.array([1]))
    assert second.ids.tolist() == [6] and second.image.tolist() == [1] and second.image_ids == (1, 2)
    assert len(truth.take(np.array([False, False]))) == 0


def test_rows_come_by_image_in_order():
    rows = rows_by_image(np.array([2, 0, 2]), 4)
    assert [each.tolist() for each in rows] == [[1], [], [0, 2], []]
    assert rows_by_image(np.zeros(0, dtype=np.int64), 0) == []


@pytest.mark.parametrize(
    ('change', 'complaint'),
    [
        (
            {'bbox': [1, 2, 3]},
            r'annotations, entry 1 \(counted from 0\): bbox is .*: it has to be x, y, width',
        ),
        ({'area': 'large'}, 'area is .large.: could not convert'),
        ({'category_id': 10**30}, 'category_id is 1000'),
        ({'keypoints': [1, 2, 'x']}, 'keypoints is .*could not convert'),
        ({'keypoints': [1, 2, 2]}, 'val.json: annotation of image 1 has 1 joints, but the metainfo has 3'),
        ({'iscrowd': 'no'}, 'iscrowd is .no.'),
    ],
)
def test_a_wrong_field_is_named_with_its_entry(change, complaint):
    with pytest.raises(UserError, match=complaint):
        read(PERSON, {**PERSON, **change})


@pytest.mark.parametrize(
    ('content', 'complaint'),
    [
        ({'annotations': 'none'}, 'val.json is not in COCO layout: annotations is not a list'),
        ({'annotations': [3]}, 'annotations, entry 0 .*: it is not a mapping'),
        ({'annotations': [{'id': 1}]}, 'annotations, entry 0 .*: image_id is missing'),
        ({'annotations': [{'image_id': 1}, {'image_id': 1}]}, 'annotations have no keypoints'),
        ({'images': [{'id': 1, 'crowdIndex': []}]}, 'images, entry 0 .*: crowdIndex is'),
        ({'images': [{'id': 1, 'ignore_regions_x': [[1, 2, 3]], 'ignore_regions_y': [[1, 2]]}]}, 'ignore_regions is'),
        ({'categories': [{'id': 'x', 'name': 'person'}]}, 'categories is .*invalid literal'),
    ],
)
def test_a_file_that_is_not_in_coco_layout_is_refused(content, complaint):
    with pytest.raises(UserError, match=complaint):
        GroundTruth.of(content, 3, 'val.json')


def test_results_for_other_images_are_counted():
    with pytest.raises(UserError, match='2 of the predicted images are not in the annotations, such as 8'):
        Predictions.of([{'image_id': image, 'keypoints': [0] * 9, 'score': 1} for image in (8, 9, 1)], read(PERSON))
