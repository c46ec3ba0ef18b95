"""A checkpoint's calibration: what it computes, what is refused, and its way from the file to the results."""

import copy
import json

import numpy as np
import pytest
import torch

from hrpose.apis import PoseInferencer, init_model
from hrpose.apis.tracking import with_ids
from hrpose.checkpoints import convert_checkpoint, read_checkpoint
from hrpose.errors import UserError
from hrpose.models.calibration import CURVES, Calibration, Curve, sigmoid
from tests.apis.cases import SMALL_CONFIG
from tests.golden import fill_model

JOINTS = ('a', 'b', 'c')
PROTOCOL = {'codec': 'MSRAHeatmap', 'input_size': [96, 128], 'flip_test': True}


def curve(rng: np.random.Generator, joints: int, length: int = 5) -> Curve:
    return Curve(rng.normal(0, 2, (joints, 3)), np.sort(rng.uniform(0, 1, (joints, length))))


def calibration(rng: np.random.Generator, joints: tuple[str, ...] = JOINTS) -> Calibration:
    return Calibration(joints, 0.5, curve(rng, len(joints)), curve(rng, len(joints)), PROTOCOL)


@pytest.fixture
def calibrated(tmp_path, rng):
    """A model, and its checkpoint with a calibration."""
    model = fill_model(init_model(SMALL_CONFIG))
    model.calibration = calibration(rng, model.metainfo['keypoint_names'])
    path = tmp_path / 'calibrated.pth'
    torch.save({'state_dict': model.state_dict(), 'meta': {'calibration': model.calibration.stored()}}, path)
    return model, path


def test_a_curve_is_the_table_at_the_sigmoid_of_a_linear_function(rng):
    made = curve(rng, 3)
    peaks, sizes = rng.uniform(-0.2, 1.2, (40, 3)), rng.uniform(5, 500, 40)
    expected = np.empty((40, 3))
    for k, ((start, per_peak, per_size), table) in enumerate(zip(made.coefficients, made.table, strict=True)):
        p = 1 / (1 + np.exp(-(start + per_peak * peaks[:, k] + per_size * np.log(sizes))))
        expected[:, k] = np.interp(p, np.linspace(0, 1, 5), table)
    assert made(peaks, sizes) == pytest.approx(expected, rel=0, abs=1e-12)
    assert made(np.zeros((0, 3)), []).shape == (0, 3)


def test_extreme_peaks_stay_within_0_and_1_and_nan_stays_nan():
    steep = Curve(np.tile([0.0, 1e6, 0.0], (3, 1)), np.tile([0.0, 1.0], (3, 1)))
    assert steep([[-1e9, 0, 1e9]], [1.0]).tolist() == [[0, 0.5, 1]]
    assert np.isnan(steep([[np.nan, 0, 0]], [1.0])).tolist() == [[True, False, False]]
    assert sigmoid(np.array([-1e9, 1e9])).tolist() == [0, 1]


def test_a_calibration_survives_json(rng):
    made = calibration(rng)
    again = Calibration.of(json.loads(json.dumps(made.stored())), JOINTS, 'x')
    assert again.stored() == made.stored()


@pytest.mark.parametrize(
    ('place', 'value', 'said'),
    [
        ((), [1, 2], 'cannot be read'),
        ((), {}, 'cannot be read'),
        (('tolerance',), 1.5, 'not between 0 and 1'),
        (('tolerance',), float('nan'), 'not between 0 and 1'),
        (('joints',), 7, 'cannot be read'),
        (('joints',), ['a', 'b', 'd'], 'are not the 3 of the model'),
        (('protocol',), 3, 'cannot be read'),
        (('within',), None, 'cannot be read'),
        (('within', 'coefficients'), [[0, 1, 2]], 'coefficients of shape'),
        (('visible', 'coefficients'), [[0, 1, float('nan')]] * 3, 'bounded numbers'),
        (('visible', 'coefficients'), [[0, 1, 1e300]] * 3, 'bounded numbers'),
        (('visible', 'coefficients'), [[0, 1, 'x']] * 3, 'cannot be read'),
        (('visible', 'table'), [[0.5]] * 3, 'a table of shape'),
        (('visible', 'table'), [[0, 1]] * 2, 'a table of shape'),
        (('visible', 'table'), [[0, 1.01]] * 3, 'outside of 0 to 1'),
        (('visible', 'table'), [[0.5, 0.4]] * 3, 'a table falls'),
        (('visible', 'table'), [[float('nan'), 1]] * 3, 'outside of 0 to 1'),
    ],
)
def test_a_stored_calibration_that_is_wrong_is_refused(place, value, said, rng):
    stored: dict = {'top': calibration(rng).stored()}
    inner = stored
    for key in ('top', *place[:-1]) if place else ():
        inner = inner[key]
    inner[place[-1] if place else 'top'] = value
    with pytest.raises(UserError, match=said) as refused:
        Calibration.of(stored['top'], JOINTS, 'weights.pth')
    assert str(refused.value).startswith('weights.pth: its calibration')


@pytest.mark.parametrize('name', ['weights.pth', 'weights.safetensors'])
@pytest.mark.parametrize('form', ['hrpose', 'mmpose'])
def test_converting_keeps_the_calibration(name, form, calibrated, tmp_path):
    model, path = calibrated
    convert_checkpoint(path, tmp_path / name, to=form)
    assert init_model(SMALL_CONFIG, tmp_path / name).calibration.stored() == model.calibration.stored()


def test_other_weights_discard_the_calibration(calibrated, tmp_path):
    model, path = calibrated
    loaded = init_model(SMALL_CONFIG, path)
    assert loaded.calibration is not None
    loaded.load_state_dict(model.state_dict())
    assert loaded.calibration is None


@pytest.mark.parametrize('curve_name', CURVES)
def test_a_checkpoint_with_a_wrong_calibration_is_one_sentence(curve_name, calibrated, tmp_path):
    content = read_checkpoint(calibrated[1])
    content['meta']['calibration'][curve_name]['table'] = 'x'
    torch.save(content, tmp_path / 'wrong.pth')
    with pytest.raises(UserError, match='its calibration cannot be read'):
        init_model(SMALL_CONFIG, tmp_path / 'wrong.pth')


def test_another_protocol_than_the_calibrations_is_a_warning(calibrated, monkeypatch):
    said: list[str] = []
    monkeypatch.setattr('hrpose.models.estimators.topdown.print_log', lambda text, *_: said.append(text))
    model, path = calibrated
    init_model(SMALL_CONFIG, path)
    assert [text for text in said if 'calibration' in text] == []
    model.flip_test = False
    model.take_calibration(calibration(np.random.default_rng(0), model.metainfo['keypoint_names']).stored(), 'x.pth')
    assert 'x.pth: its calibration was fitted with' in said[-1] and 'calibrate.py' in said[-1]


def test_results_have_the_probabilities_of_their_peaks_and_boxes(calibrated, rng):
    model, path = calibrated
    image = rng.integers(0, 256, (60, 80, 3), dtype=np.uint8)
    boxes = [[4, 4, 40, 50], [20, 0, 70, 60]]
    result = PoseInferencer(SMALL_CONFIG, path)(image, boxes=boxes)
    # The box is padded to 3:4 and by 1.25: the height follows from the width here.
    sizes = np.sqrt([(36 / 0.75 * 1.25) ** 2 * 0.75, (50 / 0.75 * 1.25) ** 2 * 0.75])
    for name, found in zip(CURVES, (result.probabilities, result.visible_probabilities), strict=True):
        assert found.dtype == np.float32
        assert found == pytest.approx(getattr(model.calibration, name)(result.scores, sizes), abs=1e-5)
    assert (result.probabilities != result.visible_probabilities).any()
    people = json.loads(result.to_json())['people']
    assert np.array_equal([person['probabilities'] for person in people], result.probabilities)
    assert np.array_equal([person['visible_probabilities'] for person in people], result.visible_probabilities)


def test_nobody_has_empty_probabilities(calibrated, rng):
    image = rng.integers(0, 256, (60, 80, 3), dtype=np.uint8)
    result = PoseInferencer(SMALL_CONFIG, calibrated[1])(image, boxes=[])
    assert result.probabilities.shape == result.visible_probabilities.shape == (0, 17)
    assert result.to_dict()['people'] == []


def test_without_a_calibration_there_are_no_probabilities(calibrated, rng):
    model = copy.copy(calibrated[0])
    model.calibration = None
    image = rng.integers(0, 256, (60, 80, 3), dtype=np.uint8)
    result = PoseInferencer(model)(image, boxes='whole_image')
    assert result.probabilities is None and result.visible_probabilities is None
    assert 'probabilities' not in result.to_dict()['people'][0]


def test_people_without_an_id_take_their_probabilities_along(calibrated, rng):
    image = rng.integers(0, 256, (60, 80, 3), dtype=np.uint8)
    result = PoseInferencer(SMALL_CONFIG, calibrated[1])(image, boxes=[[4, 4, 40, 50], [20, 0, 70, 60]])
    kept = with_ids(result, np.array([-1, 5]))
    assert np.array_equal(kept.probabilities, result.probabilities[1:])
    assert np.array_equal(kept.visible_probabilities, result.visible_probabilities[1:])
