"""`PoseResult` as objects of supervision, pandas and fiftyone: by stand-ins, and by each library that is installed."""

import sys
from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from hrpose.apis import PoseResult
from hrpose.datasets.metainfo import resolve
from hrpose.errors import UserError

FIELDS = {'track_ids': np.array([7, 3]), 'probabilities': np.full((2, 17), 0.5, np.float32)}
FIELDS['visible_probabilities'] = FIELDS['probabilities'] + np.float32(0.25)


@pytest.fixture
def result(rng) -> PoseResult:
    """Two people of 17 joints in an image of 80x60."""
    boxes = np.array([[10, 5, 60, 55], [0, 0, 33.5, 20.25]])
    keypoints, scores = rng.uniform(0, 60, (2, 17, 2)), rng.uniform(0, 1.1, (2, 17)).astype(np.float32)
    return PoseResult(
        keypoints, scores, boxes, np.array([0.9, 0.5]), resolve('coco'), (80, 60), 'a/b.mp4', 7, name='b/000007'
    )


@pytest.fixture
def no_people(result) -> PoseResult:
    """The same image without people."""
    empty = {'keypoints': np.zeros((0, 17, 2)), 'scores': np.zeros((0, 17), np.float32)}
    return replace(result, **empty, boxes=np.zeros((0, 4)), box_scores=np.zeros(0))


@dataclass
class KeyPoints:
    """Stands in for supervision's class; its arguments have the same names."""

    xy: Any
    class_id: Any = None
    keypoint_confidence: Any = None
    detection_confidence: Any = None
    visible: Any = None
    data: Any = None


@dataclass
class OldKeyPoints:
    """Stands in for the class of supervision before 0.29."""

    xy: Any
    class_id: Any = None
    confidence: Any = None
    data: Any = None


class Label(dict):
    """Stands in for fiftyone's `Keypoints` and `Keypoint`, which take any named values."""

    def __init__(self, **values: Any) -> None:
        super().__init__(values)


def check_supervision(result: PoseResult) -> None:
    """Check all that `to_supervision` gives."""
    found = replace(result, **FIELDS).to_supervision(threshold=0.4)
    np.testing.assert_allclose(found.xy, result.keypoints, atol=1e-5)
    assert found.xy.dtype == found.keypoint_confidence.dtype == found.detection_confidence.dtype == np.float32
    assert np.array_equal(found.keypoint_confidence, result.scores)
    assert np.array_equal(found.visible, result.scores > 0.4) and 0 < found.visible.sum() < 34
    np.testing.assert_allclose(found.detection_confidence, [0.9, 0.5])
    assert found.class_id.tolist() == [0, 0] and list(found.data['class_name']) == ['person'] * 2
    assert np.array_equal(found.data['xyxy'], result.boxes) and found.data['tracker_id'].tolist() == [7, 3]
    assert found.data['visible_probabilities'][1, 16] == 0.75 and found.data['probabilities'][1, 16] == 0.5
    plain = result.to_supervision()
    assert sorted(plain.data) == ['class_name', 'xyxy'] and np.array_equal(plain.visible, result.scores > 0.2)


def test_supervision_is_called_by_its_names(result, monkeypatch):
    monkeypatch.setitem(sys.modules, 'supervision', SimpleNamespace(KeyPoints=KeyPoints))
    check_supervision(result)


def test_supervision_draws_the_people(result, no_people, make_image):
    supervision = pytest.importorskip('supervision')
    check_supervision(result)
    image = make_image()
    drawn = supervision.EdgeAnnotator().annotate(image.copy(), result.to_supervision())
    assert not np.array_equal(drawn, image)
    hidden = result.to_supervision(threshold=2)
    assert np.array_equal(supervision.EdgeAnnotator().annotate(image.copy(), hidden), image)
    assert len(result.to_supervision().as_detections()) == 2 and len(no_people.to_supervision()) == 0


def test_an_old_supervision_is_a_sentence(result, monkeypatch):
    monkeypatch.setitem(sys.modules, 'supervision', SimpleNamespace(KeyPoints=OldKeyPoints))
    with pytest.raises(UserError, match=r'to_supervision\(\) needs supervision 0.29 .*pip install -U'):
        result.to_supervision()


def test_pandas_has_a_row_for_each_person_and_joint(result, no_people):
    pandas = pytest.importorskip('pandas')
    table = replace(result, **FIELDS).to_pandas()
    boxes = ['box_x1', 'box_y1', 'box_x2', 'box_y2']
    assert [*table] == [
        *['image', 'source', 'frame', 'person', 'track_id', *boxes, 'box_score'],
        *['joint', 'x', 'y', 'score', 'probability', 'visible_probability'],
    ]
    assert len(table) == 34
    row = table[(table.person == 1) & (table.joint == 'left_wrist')].iloc[0]
    wrist = result.names.index('left_wrist')
    assert [row.x, row.y] == result.keypoints[1, wrist].tolist() and row.score == result.scores[1, wrist]
    assert row[boxes].tolist() == result.boxes[1].tolist() and (row.box_score, row.track_id) == (0.5, 3)
    assert (row.image, row.source, row.frame) == ('b/000007', 'a/b.mp4', 7)
    assert (row.probability, row.visible_probability) == (0.5, 0.75)
    plain = replace(result, source=None, frame_index=None).to_pandas()
    assert {*table} - {*plain} == {'track_id', 'probability', 'visible_probability'}
    assert plain.frame.isna().all() and plain.source.isna().all()
    empty = no_people.to_pandas()
    assert len(empty) == 0 and [*empty] == [*plain]
    together = pandas.concat([empty, result.to_pandas(), plain])
    assert together.frame.dtype == 'Int64' and together.person.dtype.kind == 'i' and together.x.dtype == float


def test_pandas_is_called_with_columns_of_one_length(result, monkeypatch):
    library = SimpleNamespace(Series=lambda values, dtype: np.array(values, object), DataFrame=dict)
    monkeypatch.setitem(sys.modules, 'pandas', library)
    table = replace(result, **FIELDS).to_pandas()
    assert {len(column) for column in table.values()} == {34} and len(table) == 16
    assert np.array_equal(table['x'], result.keypoints[..., 0].ravel())
    assert table['joint'].tolist() == [*result.names] * 2
    assert (
        np.array_equal(table['box_y2'], np.repeat([55, 20.25], 17))
        and table['track_id'].tolist() == [7] * 17 + [3] * 17
    )


def check_fiftyone(result: PoseResult) -> None:
    """Check all that `to_fiftyone` gives."""
    result.keypoints[1, 2] = np.inf, 5
    first, second = replace(result, **FIELDS).to_fiftyone()['keypoints']
    np.testing.assert_allclose(np.array(first['points']) * [80, 60], result.keypoints[0])
    assert np.isnan(second['points'][2]).all()
    assert second['confidence'] == result.scores[1].tolist()
    assert [first['label'], first['index'], first['box_score']] == ['person', 7, 0.9]
    assert result.to_fiftyone()['keypoints'][0]['index'] is None


def test_fiftyone_is_called_with_relative_coordinates(result, monkeypatch):
    monkeypatch.setitem(sys.modules, 'fiftyone', SimpleNamespace(Keypoints=Label, Keypoint=Label))
    check_fiftyone(result)


@pytest.mark.slow  # fiftyone starts a database
def test_fiftyone_takes_the_people(result):
    pytest.importorskip('fiftyone')
    check_fiftyone(result)


@pytest.mark.parametrize('library', ['supervision', 'pandas', 'fiftyone'])
def test_a_missing_library_is_a_sentence(library, result, monkeypatch):
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(
        UserError, match=rf'to_{library}\(\) needs {library}, which cannot be .*; pip install {library}'
    ):
        getattr(result, f'to_{library}')()
