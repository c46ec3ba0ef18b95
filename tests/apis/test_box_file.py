"""Boxes of COCO files: which image or frame gets which, and what is left out."""

import json

import numpy as np
import pytest

from hrpose.apis.box_file import BoxFile
from hrpose.apis.sources import Frame
from hrpose.errors import UserError


def frame(source, index=None, rate=None):
    return Frame(np.zeros((50, 100, 3), np.uint8), 'name', source, index, rate)


@pytest.fixture
def written(tmp_path):
    def write(content):
        path = tmp_path / 'boxes.json'
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        return path

    return write


def result(image_id, x, score=0.5, **fields):
    return {'image_id': image_id, 'category_id': 1, 'bbox': [x, 2, 10, 20], 'score': score, **fields}


@pytest.mark.parametrize('image_id', [785, '785', 785.0, '000000000785'])
def test_results_go_to_the_image_named_by_their_number(image_id, written):
    boxes = BoxFile(written([result(image_id, 1, 0.9), result(7, 5), result(image_id, 3, 0.1)]))
    found = boxes(frame('in/000000000785.jpg'))
    assert found.boxes.tolist() == [[1, 2, 11, 22], [3, 2, 13, 22]] and found.scores.tolist() == [0.9, 0.1]
    assert boxes(frame('in/000000000009.jpg')).boxes.shape == (0, 4)
    assert boxes.unused == 1


@pytest.mark.parametrize('image_id', ['photo.jpg', 'photo', 'name'])
def test_results_go_to_the_image_of_that_file_name(image_id, written):
    boxes = BoxFile(written([result(image_id, 1)]))
    assert len(boxes(frame('in/photo.jpg')).boxes) == 1 and boxes.unused == 0


def test_results_of_a_video_go_to_the_frame_of_that_number(written):
    boxes = BoxFile(written([result(0, 1), result(2, 5)]))
    found = [len(boxes(frame('clip7.mp4', index, 25.0)).boxes) for index in range(3)]
    assert found == [1, 0, 1] and boxes.unused == 0


def test_unusable_boxes_are_counted_by_reason(written):
    bad = [result(1, 0, 0.1), result(1, 0, category_id=3), result(1, 0, bbox=[1, 2, 0, 4])]
    bad += [result(1, 0, bbox=[1, 2, float('nan'), 4]), {'image_id': 1, 'keypoints': [1, 2, 3], 'score': 1}]
    boxes = BoxFile(written([*bad, result(1, 9)]), threshold=0.3)
    assert boxes(frame('1.jpg')).boxes.tolist() == [[9, 2, 19, 22]]
    assert boxes.left_out == {
        'detection below the score threshold': 1,
        'of another category': 1,
        'box without an area': 1,
        'with NaN or infinity in its box': 1,
        'without a box': 1,
    }


ANNOTATIONS = {
    'images': [
        {'id': 4, 'file_name': 'a/1.jpg', 'width': 100, 'height': 50},
        {'id': 5, 'file_name': 'b/1.jpg', 'width': 100, 'height': 50},
        {'id': 6, 'file_name': '2.jpg', 'width': 100, 'height': 50},
    ],
    'annotations': [
        {'image_id': 4, 'category_id': 2, 'bbox': [-5, 2, 20, 10]},
        {'image_id': 5, 'category_id': 2, 'bbox': [1, 2, 3, 4]},
        {'image_id': 5, 'category_id': 2, 'bbox': [0, 0, 90, 40], 'iscrowd': 1},
        {'image_id': 5, 'category_id': 9, 'bbox': [0, 0, 90, 40]},
        {'image_id': 6, 'category_id': 2, 'bbox': [200, 0, 9, 9]},
    ],
    'categories': [{'id': 9, 'name': 'dog'}, {'id': 2, 'name': 'person'}],
}


def test_annotations_go_to_the_image_of_their_name_and_are_clipped(written):
    boxes = BoxFile(written(ANNOTATIONS))
    assert boxes(frame('/data/a/1.jpg')).boxes.tolist() == [[0, 2, 19, 11]]
    assert boxes(frame('/data/b/1.jpg')).boxes.tolist() == [[1, 2, 3, 5]]
    assert boxes(frame('elsewhere/2.jpg')).boxes.shape == (0, 4)
    assert boxes.left_out == {'crowd': 1, 'of another category': 1, 'box without an area inside the image': 1}


def test_a_frame_does_not_get_the_boxes_of_another_video(written):
    images = [{'id': 4, 'file_name': 'images/val/a/1.jpg', 'width': 100, 'height': 50}]
    boxes = BoxFile(written({**ANNOTATIONS, 'images': images, 'annotations': ANNOTATIONS['annotations'][:1]}))
    assert len(boxes(frame('/moved/a/1.jpg')).boxes) == 1
    with pytest.raises(UserError, match='b/1.jpg: .*boxes.json names no images with this folder and name; give the'):
        boxes(frame('images/val/b/1.jpg'))


def test_a_folder_of_annotations_has_the_boxes_of_all_its_videos(tmp_path):
    for number, video in enumerate('ab'):
        people = [person for person in ANNOTATIONS['annotations'] if person['image_id'] == 4 + number]
        content = {**ANNOTATIONS, 'images': [ANNOTATIONS['images'][number]], 'annotations': people}
        (tmp_path / f'{video}.json').write_text(json.dumps(content))
    boxes = BoxFile(tmp_path)
    assert boxes(frame('/data/a/1.jpg')).boxes.tolist() == [[0, 2, 19, 11]]
    assert boxes(frame('/data/b/1.jpg')).boxes.tolist() == [[1, 2, 3, 5]]


@pytest.mark.parametrize(
    ('asked', 'said'),
    [
        (frame('/data/3.jpg'), '/data/3.jpg: .*boxes.json names no images with this folder and name'),
        (frame('/data/1.jpg'), 'names no images with this folder and name'),  # neither that of a/ nor that of b/
        (frame('2.jpg', 0, 25.0), '2.jpg, frame 0: .* names no images with this folder and name'),
    ],
)
def test_an_image_that_the_annotations_do_not_name_is_an_error(asked, said, written):
    with pytest.raises(UserError, match=said):
        BoxFile(written(ANNOTATIONS))(asked)


@pytest.mark.parametrize(
    ('content', 'said'),
    [
        ('{', 'not valid JSON'),
        ({}, 'is not in COCO layout: neither a list of results nor images with annotations'),
        (5, 'is not in COCO layout'),
        ([1], 'is not in COCO layout: AttributeError'),
        ([{'bbox': [1, 2, 3, 4], 'score': 1}], "is not in COCO layout: KeyError: 'image_id'"),
        ([{'image_id': 1, 'bbox': [1, 2]}], 'is not in COCO layout: ValueError'),
        ({'images': [{}], 'annotations': []}, "is not in COCO layout: KeyError: 'id'"),
    ],
)
def test_a_file_of_another_layout_is_refused(content, said, written):
    with pytest.raises(UserError, match=said):
        BoxFile(written(content))
