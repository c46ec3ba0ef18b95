"""`PoseResult`: the people in an image as arrays, plain data, COCO results and a drawing."""

import json
from dataclasses import replace

import numpy as np
import pytest

from hrpose.apis import Boxes, PoseResult
from hrpose.datasets.metainfo import resolve
from hrpose.errors import UserError
from hrpose.evaluation import CocoMetric
from hrpose.visualization import draw_boxes, draw_pose


@pytest.fixture
def result(rng) -> PoseResult:
    """Two people of 17 joints in an image of 80x60."""
    boxes = np.array([[10, 5, 60, 55], [0, 0, 33.5, 20.25]])
    keypoints, scores = rng.uniform(0, 60, (2, 17, 2)), rng.uniform(0, 1.1, (2, 17)).astype(np.float32)
    return PoseResult(keypoints, scores, boxes, np.array([0.9, 0.5]), resolve('coco'), (80, 60), 'a/b.jpg', 7)


def test_everything_comes_back_from_json(result):
    content = json.loads(result.to_json())
    assert content == result.to_dict()
    assert list(content) == ['source', 'frame_index', 'image_size', 'names', 'people']
    assert (content['source'], content['frame_index'], content['image_size']) == ('a/b.jpg', 7, [80, 60])
    assert tuple(content['names']) == result.names == resolve('coco')['keypoint_names']
    joints = np.array([person['keypoints'] for person in content['people']])
    assert np.array_equal(joints[..., :2], result.keypoints) and np.array_equal(joints[..., 2], result.scores)
    assert np.array_equal([person['box'] for person in content['people']], result.boxes)
    assert [person['box_score'] for person in content['people']] == [0.9, 0.5]
    assert '\n' not in result.to_json()


def test_ids_are_in_plain_data_only_if_there_are_any(result):
    tracked = replace(result, track_ids=np.array([7, 3]))
    for found, plain in (
        (tracked.to_dict()['people'], result.to_dict()['people']),
        (tracked.to_coco(1), result.to_coco(1)),
    ):
        assert [person.pop('track_id') for person in found] == [7, 3]
        assert found == plain
    assert [person['track_id'] for person in json.loads(tracked.to_json())['people']] == [7, 3]


def test_people_with_ids_are_drawn_in_their_colours(result, rng):
    rgb = rng.integers(0, 256, (60, 80, 3), dtype=np.uint8)
    arguments = rgb, result.keypoints, result.scores, result.metainfo
    found = replace(result, track_ids=np.array([7, 3]), rgb=rgb)
    assert np.array_equal(found.draw_rgb(boxes=False), draw_pose(*arguments, ids=[7, 3]))
    assert not np.array_equal(found.draw_rgb(), found.draw_rgb(boxes=False))


def test_colours_of_people_are_as_asked_for(result, rng):
    rgb = rng.integers(0, 256, (60, 80, 3), dtype=np.uint8)
    arguments = rgb, result.keypoints, result.scores, result.metainfo
    found = replace(result, track_ids=np.array([7, 3]), rgb=rgb)
    assert np.array_equal(found.draw_rgb(boxes=False, colours='side'), draw_pose(*arguments))
    plain = replace(result, rgb=rgb)
    assert np.array_equal(plain.draw_rgb(boxes=False, colours='person'), draw_pose(*arguments, ids=[0, 1]))
    assert np.array_equal(plain.draw(colours='person'), plain.draw_rgb(colours='person')[..., ::-1])
    with pytest.raises(UserError, match="there are no colours 'people' of people; choices: side, person"):
        found.draw(colours='people')


def test_a_number_that_is_not_finite_is_null_in_json(result):
    result.scores[1, 3] = np.nan
    result.keypoints[0, 0, 1] = -np.inf
    people = json.loads(result.to_json())['people']
    assert people[1]['keypoints'][3][2] is None and people[0]['keypoints'][0][1] is None
    assert people[1]['keypoints'][3][:2] == result.keypoints[1, 3].tolist()


def test_coco_results_are_those_that_the_metric_writes(result, tmp_path, rng):
    metric = CocoMetric(metainfo='coco', nms=None, outfile_prefix=str(tmp_path / 'out'))
    metric.process(
        None,
        [
            {
                'img_id': 42,
                'id': n,
                'box_size': [50, 50],
                'gt_instances': {'keypoints': k[None], 'keypoints_visible': np.ones((1, 17)), 'bboxes': b[None]},
                'pred_instances': {'keypoints': k[None], 'keypoint_scores': s[None], 'bbox_scores': np.array([score])},
            }
            for n, (k, s, b, score) in enumerate(
                zip(result.keypoints, result.scores, result.boxes, result.box_scores, strict=True)
            )
        ],
    )
    metric.evaluate(2)
    assert json.loads((tmp_path / 'out.keypoints.json').read_text()) == result.to_coco(42)


def test_drawing_shows_boxes_and_poses_on_a_copy(result, make_image):
    image = make_image()
    before, rgb = image.copy(), image[..., ::-1]
    expected = draw_pose(draw_boxes(rgb, result.boxes), result.keypoints, result.scores, result.metainfo)
    np.testing.assert_array_equal(result.draw_rgb(image), expected)
    np.testing.assert_array_equal(result.draw(image), expected[..., ::-1])
    bare = draw_pose(rgb, result.keypoints, result.scores, result.metainfo, threshold=0.5)
    np.testing.assert_array_equal(result.draw_rgb(image, threshold=0.5, boxes=False), bare)
    np.testing.assert_array_equal(image, before)


def test_drawing_needs_the_image_of_the_result(result, make_image):
    with pytest.raises(UserError, match='this result keeps none'):
        result.draw()
    with pytest.raises(UserError, match=r'has \(60, 80\) \(w, h\) px, but this result is of \(80, 60\)'):
        result.draw(make_image(60, 80))


def test_an_image_without_people_is_drawn_unchanged(pose, make_image):
    image = make_image()
    assert np.array_equal(pose(image, boxes=[]).draw(image), image)


def test_a_result_has_a_length_and_a_short_name(result, pose, make_image):
    assert len(result) == 2
    assert repr(result) == 'PoseResult(2 people of 17 joints in a/b.jpg, frame 7)'
    found = pose(make_image(), boxes=Boxes(np.array([[1, 2, 30, 40.0]]), np.array([0.5])))
    assert repr(found) == 'PoseResult(1 people of 17 joints in an array)'
