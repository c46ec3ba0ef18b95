"""Drawing functions: what is drawn, what is left out, and that inputs stay as they were."""

import numpy as np
import pytest

from hrpose.datasets import metainfo
from hrpose.errors import UserError
from hrpose.visualization import draw_boxes, draw_heatmaps, draw_pose, draw_trails
from hrpose.visualization.draw import SIDE_COLOURS, id_colour, limb_side, line_width

COCO = metainfo.resolve('coco')
ARM = {
    'keypoint_names': ('left_hand', 'right_hand', 'neck'),
    'skeleton': ((0, 2), (1, 2)),
}
GREY = np.full((100, 120, 3), 128, np.uint8)
HANDS = np.array([[20.0, 50.0], [100.0, 50.0], [60.0, 50.0]])


def changed(image: np.ndarray, before: np.ndarray = GREY) -> np.ndarray:
    return np.any(image != before, axis=2)


def test_left_is_blue_right_is_orange_and_the_middle_is_green():
    blue, orange, green = (np.array(SIDE_COLOURS[side]) for side in ('left', 'right', 'centre'))
    assert (blue.argmax(), orange.argmax(), green.argmax()) == (2, 0, 1)  # RGB
    image = draw_pose(GREY, HANDS, np.ones(3), ARM, width=3)
    for (x, y), side in zip(HANDS.astype(int), ('left', 'right', 'centre'), strict=True):
        np.testing.assert_array_equal(image[y, x], SIDE_COLOURS[side])
    np.testing.assert_array_equal(image[50, 40], SIDE_COLOURS['left'])
    np.testing.assert_array_equal(image[50, 80], SIDE_COLOURS['right'])


@pytest.mark.parametrize('value', [0.0, 1.0])
def test_drawing_never_changes_its_input(value):
    image = GREY.copy()
    keypoints, scores = HANDS.copy(), np.full(3, value)
    boxes, heatmaps = np.array([[10.0, 10, 50, 50]]), np.full((3, 8, 8), value)
    draw_pose(image, keypoints, scores, ARM)
    draw_boxes(image, boxes, captions=['person'])
    draw_heatmaps(image, heatmaps)
    np.testing.assert_array_equal(image, GREY)
    np.testing.assert_array_equal(keypoints, HANDS)
    np.testing.assert_array_equal(heatmaps, value)
    np.testing.assert_array_equal(boxes, [[10, 10, 50, 50]])


@pytest.mark.parametrize('point', [(np.nan, 50), (50, np.inf), (-3, 50), (120, 50), (50, 1e12), (-1e12, 50)])
def test_a_joint_that_is_nan_or_outside_is_left_out_with_its_limbs(point):
    keypoints = HANDS.copy()
    keypoints[2] = point
    image = draw_pose(GREY, keypoints, np.ones(3), ARM)
    assert changed(image)[:, 5:35].any() and changed(image)[:, 85:115].any()
    assert not changed(image)[:, 35:85].any()


def test_a_joint_at_the_threshold_is_left_out_and_one_above_is_drawn():
    at, above = np.array([1, 1, 0.5]), np.array([1, 1, 0.51])
    assert not changed(draw_pose(GREY, HANDS, at, ARM, threshold=0.5))[50, 60]
    assert changed(draw_pose(GREY, HANDS, above, ARM, threshold=0.5))[50, 60]


def test_higher_scores_draw_larger_and_more_solid_joints():
    alone = {'keypoint_names': ('left_hand',)}
    weak, strong = (draw_pose(GREY, HANDS[:1], np.array([s]), alone) for s in (0.3, 1.0))
    assert changed(strong).sum() >= changed(weak).sum()
    blue = np.array(SIDE_COLOURS['left'], int)
    assert np.abs(strong[50, 20] - blue).sum() < np.abs(weak[50, 20] - blue).sum()


def test_scores_above_one_are_drawn_as_one():
    np.testing.assert_array_equal(draw_pose(GREY, HANDS, np.full(3, 2.0), ARM), draw_pose(GREY, HANDS, None, ARM))


def test_no_people_leave_the_image_as_it_is():
    image = draw_pose(GREY, np.zeros((0, 17, 2)), np.zeros((0, 17)), COCO)
    np.testing.assert_array_equal(image, GREY)
    np.testing.assert_array_equal(draw_boxes(GREY, np.zeros((0, 4))), GREY)


def test_lines_grow_with_the_image():
    widths = [line_width(np.zeros(shape)) for shape in ((64, 48), (480, 640), (2160, 3840))]
    assert widths[0] == 1 and widths == sorted(set(widths))


@pytest.mark.parametrize(
    ('keypoints', 'scores', 'said'),
    [
        (np.zeros((1, 16, 2)), np.ones((1, 16)), r'\(N, 17, 2\) for this metainfo, not \(1, 16, 2\)'),
        (np.zeros((1, 17, 3)), np.ones((1, 17)), r'\(N, 17, 2\)'),
        (np.zeros((1, 17, 2)), np.ones((1, 16)), r'\(1, 16\)'),
    ],
)
def test_wrong_shapes_are_named(keypoints, scores, said):
    with pytest.raises(UserError, match=said):
        draw_pose(GREY, keypoints, scores, COCO)


@pytest.mark.parametrize(
    'image',
    [GREY.astype(np.float32), np.zeros((4, 4, 4), np.uint8), np.zeros((0, 4, 3), np.uint8)],
)
def test_an_image_that_is_not_rgb_uint8_is_refused(image):
    with pytest.raises(UserError, match='image to draw on'):
        draw_pose(image, HANDS, None, ARM)


def test_a_grey_image_is_drawn_on_in_colour():
    image = draw_pose(GREY[..., 0], HANDS, None, ARM)
    np.testing.assert_array_equal(image, draw_pose(GREY, HANDS, None, ARM))


def test_a_one_pixel_image_can_be_drawn_on():
    pixel = np.zeros((1, 1, 3), np.uint8)
    assert draw_pose(pixel, np.zeros((1, 17, 2)), None, COCO).shape == (1, 1, 3)
    assert draw_boxes(pixel, np.array([[-5.0, -5, 9, 9]]), captions=['a']).shape == (1, 1, 3)


@pytest.mark.parametrize('box', [(np.nan, 0, 5, 5), (50, 50, 20, 20), (200, 0, 300, 50), (-90, -90, -20, -20)])
def test_boxes_that_are_nan_inverted_or_outside_are_left_out(box):
    np.testing.assert_array_equal(draw_boxes(GREY, np.array([box]), captions=['x']), GREY)


def test_a_box_is_drawn_along_its_edge_and_nowhere_else():
    mask = changed(draw_boxes(GREY, np.array([[20, 30, 80, 90]]), width=1))
    assert mask[30, 20:80].all() and mask[30:90, 80].all()
    assert not mask[34:86, 24:76].any() and not mask[:26].any()


def test_boxes_need_as_many_captions():
    with pytest.raises(UserError, match='1 boxes need as many captions, not 2'):
        draw_boxes(GREY, np.array([[1, 2, 3, 4]]), captions=['a', 'b'])


def test_a_heatmap_peak_shows_at_the_place_that_it_decodes_to():
    heatmaps = np.zeros((2, 16, 12))
    heatmaps[1, 4, 6] = 1
    image = draw_heatmaps(np.zeros_like(GREY), heatmaps, region=(20, 10, 68, 74))
    brightness = image.sum(axis=2)
    y, x = np.unravel_index(brightness.argmax(), brightness.shape)
    assert (x, y) == (20 + 6 * 4, 10 + 4 * 4)


def test_strong_heat_is_yellow():
    drawn = draw_heatmaps(np.zeros_like(GREY), np.ones((1, 4, 4)), opacity=1.0)
    red, green, blue = drawn[50, 60].tolist()
    assert min(red, green) > 200 > blue


def test_no_heat_leaves_the_image_as_it_is():
    np.testing.assert_array_equal(draw_heatmaps(GREY, np.zeros((17, 64, 48))), GREY)


def test_an_empty_region_is_refused():
    with pytest.raises(UserError, match='x1 < x2'):
        draw_heatmaps(GREY, np.zeros((1, 4, 4)), region=(5, 5, 5, 9))


def test_a_limb_from_left_to_right_belongs_to_the_middle():
    assert limb_side('left', 'right') == 'centre'
    assert limb_side('centre', 'right') == 'right'
    assert limb_side('left', 'left') == 'left'


def test_a_person_with_an_id_has_one_colour():
    image = draw_pose(GREY, HANDS, np.ones(3), ARM, width=3, ids=[5])
    for x in (20, 40, 60, 80, 100):
        np.testing.assert_array_equal(image[50, x], id_colour(5))


def test_colours_of_ids_that_follow_one_another_differ():
    colours = np.array([id_colour(number) for number in range(12)])
    apart = np.abs(colours[:, None] - colours).max(axis=2)
    assert apart[~np.eye(12, dtype=bool)].min() > 30


def test_as_many_ids_as_people_are_needed():
    with pytest.raises(UserError, match='1 people need as many ids, not 2'):
        draw_pose(GREY, HANDS, None, ARM, ids=[1, 2])


def test_a_trail_fades_with_age_and_has_gaps_where_nobody_was():
    path = np.array([[10.0, 20], [30, 20], [50, 20], [np.nan, np.nan], [70, 20], [90, 20], [110, 20]])
    image = draw_trails(GREY, [path], ids=[5], width=3)
    away = np.abs(image[20].astype(int) - id_colour(5)).max(axis=1)
    assert 10 < away[100] < away[40] < away[20]
    assert not changed(image)[:, 55:66].any()
    assert not changed(image)[24:].any()


def test_a_trail_without_two_places_draws_nothing():
    for path in (np.zeros((0, 2)), [[10.0, 20.0]], np.full((4, 2), np.nan)):
        assert not changed(draw_trails(GREY, [path], ids=[1])).any()
    assert not changed(draw_trails(GREY, [], ids=[])).any()


def test_a_trail_far_outside_leaves_the_rest_as_it_is():
    assert changed(draw_trails(GREY, [[[50.0, 20.0], [1e12, 20.0]]], ids=[1]))[20, 60:].all()


@pytest.mark.parametrize(
    ('trails', 'said'),
    [([np.zeros((3, 3))], r'a trail has to be \(T, 2\), not \(3, 3\)'), ([], '0 trails need as many')],
)
def test_wrong_trails_are_refused(trails, said):
    with pytest.raises(UserError, match=said):
        draw_trails(GREY, trails, ids=[1])
