"""Drawings of a stream: trails by id, each frame drawn once."""

from dataclasses import replace

import numpy as np
import pytest

from hrpose.apis import PoseResult
from hrpose.apis.drawing import StreamDrawing
from hrpose.datasets.metainfo import resolve
from hrpose.errors import UserError
from hrpose.visualization import draw_trails

COCO = resolve('coco')


def frame(index, ids=(4, 2), source='a.mp4', size=(200, 100)):
    """Return the result of a frame: person 4 moves to the right, person 2 down, 10 px a frame."""
    corners = np.array([[10.0 + 10 * index, 20] if one == 4 else [150, 5.0 + 10 * index] for one in ids]).reshape(-1, 2)
    boxes = np.concatenate([corners, corners + [20, 30]], axis=1)
    points = np.repeat(corners[:, None], 17, axis=1) + np.arange(17)[:, None]
    return PoseResult(
        points,
        np.ones(points.shape[:2], np.float32),
        boxes,
        np.ones(len(ids)),
        COCO,
        size,
        source,
        index,
        f'{source}/{index:06d}',
        25.0,
        np.full((size[1], size[0], 3), 90, np.uint8),
        np.array(ids, dtype=np.int64),
    )


def with_trails(result, **paths):
    """Return the drawing of a result on its image with the paths of people, by id."""
    ids = [int(name.removeprefix('person_')) for name in paths]
    canvas = draw_trails(result.rgb, [np.array(path, dtype=float) for path in paths.values()], ids=ids)
    return replace(result, rgb=canvas).draw_rgb()


def test_a_trail_is_the_path_of_the_last_frames():
    draw = StreamDrawing(trails=3)
    for index in range(4):
        drawn = draw(frame(index))
    expected = with_trails(
        frame(3),
        person_4=[[30, 35], [40, 35], [50, 35]],
        person_2=[[160, 30], [160, 40], [160, 50]],
    )
    assert np.array_equal(drawn, expected)
    assert not np.array_equal(drawn, frame(3).draw_rgb())


def test_a_person_who_is_away_leaves_a_gap_and_then_no_trail():
    draw = StreamDrawing(trails=3)
    for index in range(3):
        draw(frame(index))
    drawn = draw(frame(3, ids=[4]))
    nan = [np.nan, np.nan]
    trail_of_4 = [[30, 35], [40, 35], [50, 35]]
    expected = with_trails(frame(3, ids=[4]), person_4=trail_of_4, person_2=[[160, 30], [160, 40], nan])
    assert np.array_equal(drawn, expected)
    for index in (4, 5):
        drawn = draw(frame(index, ids=[]))
    assert np.array_equal(drawn, with_trails(frame(5, ids=[]), person_4=[[50, 35], nan, nan]))
    assert np.array_equal(draw(frame(6, ids=[])), frame(6).rgb)


@pytest.mark.parametrize('other', [dict(source='b.mp4'), dict(size=(210, 100))])
def test_trails_begin_anew_with_another_video_or_image_size(other):
    draw = StreamDrawing(trails=10)
    draw(frame(0))
    assert np.array_equal(draw(frame(1, **other)), frame(1, **other).draw_rgb())


def test_a_result_is_drawn_once():
    draw, one = StreamDrawing(trails=5), frame(0)
    assert draw(one) is draw(one)
    draw(frame(1))
    assert len(draw._paths[4]) == 2


def test_threshold_and_colours_reach_the_drawing():
    one = frame(0)
    assert np.array_equal(StreamDrawing(threshold=1.0)(one), one.draw_rgb(threshold=1.0))
    assert np.array_equal(StreamDrawing(colours='side')(one), one.draw_rgb(colours='side'))


def test_trails_need_ids_and_a_number_of_frames():
    with pytest.raises(UserError, match='trails: people have no ids, by which their paths are drawn; give track=True'):
        StreamDrawing(trails=5)(replace(frame(0), track_ids=None))
    with pytest.raises(UserError, match='trails: -1 frames; give a number of at least 0'):
        StreamDrawing(trails=-1)
