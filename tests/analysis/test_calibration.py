"""tools/analysis/calibrate.py: what is fitted is recovered, what is measured was not fitted, and the file is used."""

import json
import sys

import numpy as np
import pytest
import torch
from PIL import Image

from hrpose.analysis.calibration import Joints, Reliability, calibration_error, first_half, fit_joints
from hrpose.apis import init_model
from hrpose.checkpoints import read_checkpoint
from hrpose.config import load_config, parse_options
from hrpose.models.calibration import sigmoid
from tests.data_sets import DATA_SETS, lay_out
from tests.tools.test_published_configs import TINY


def people(rng: np.random.Generator, count: int, *, offset: float = -4.0) -> tuple[Joints, np.ndarray]:
    """Return two joints of `count` people, and the (N, K) probabilities by which they are within the tolerance."""
    peaks, sizes = rng.uniform(0, 1, (count, 2)), np.exp(rng.uniform(3, 6, count))
    true = sigmoid(offset + peaks * [8, 4] + 0.4 * np.log(sizes)[:, None])
    labelled = rng.random((count, 2)) < sigmoid(6 * peaks - 1)
    return Joints(peaks, sizes, labelled & (rng.random((count, 2)) < true), labelled), true


@pytest.mark.parametrize(('method', 'bound'), [('logistic', 0.01), ('isotonic', 0.02)])
def test_a_fit_finds_the_probabilities_that_made_the_data(method, bound, rng):
    joints, _ = people(rng, 20000)
    curves = fit_joints(joints, method)
    others, true = people(rng, 2000)
    within = curves['within'](others.peaks, others.sizes)
    visible = curves['visible'](others.peaks, others.sizes)
    assert np.abs(within - true).mean() < bound
    assert np.abs(visible - sigmoid(6 * others.peaks - 1)).mean() < bound


def test_an_isotonic_fit_follows_what_no_logistic_one_can(rng):
    peaks, sizes = rng.uniform(0, 1, (8000, 1)), np.full(8000, 100.0)
    true = np.where(peaks < 0.5, 0.3, 0.6)
    joints = Joints(peaks, sizes, rng.random((8000, 1)) < true, np.ones((8000, 1), dtype=bool))
    errors = {
        method: np.abs(fit_joints(joints, method)['within'](peaks, sizes) - true).mean()
        for method in ('logistic', 'isotonic')
    }
    assert errors['isotonic'] < errors['logistic'] / 2


def test_a_joint_without_two_outcomes_gets_its_share(rng):
    joints = Joints(rng.uniform(0, 1, (8, 2)), np.full(8, 50.0), np.ones((8, 2), bool), np.ones((8, 2), bool))
    joints.labelled[:, 1] = joints.within[:, 1] = False
    curves = fit_joints(joints, 'isotonic')
    assert curves['within']([[0.1, 0.9]], [70.0])[0] == pytest.approx([9 / 10, 1 / 2], abs=1e-12)
    assert curves['visible']([[0.1, 0.9]], [70.0])[0] == pytest.approx([9 / 10, 1 / 10], abs=1e-12)


def test_the_calibration_error_is_the_weighted_gap_of_the_bins():
    probabilities = np.array([0.05, 0.05, 0.95, 1.0])
    happened = np.array([False, True, True, True])
    assert calibration_error(probabilities, happened) == pytest.approx(0.5 * 0.45 + 0.5 * 0.025, abs=1e-15)
    assert calibration_error(np.zeros(0), np.zeros(0, dtype=bool)) == 0


def test_exact_probabilities_have_the_error_of_chance(rng):
    after = rng.uniform(0, 1, (4000, 1))
    found = Reliability(after, after, rng.random((4000, 1)) < after, np.ones((4000, 1), dtype=bool))
    assert found.errors(0)[1] == pytest.approx(found.by_chance(0), abs=0.01)
    assert 0 < found.by_chance(0) < 0.03


def test_the_halves_share_no_image_and_depend_on_the_seed(rng):
    images = rng.integers(0, 40, 300)
    fit = first_half(images, 0)
    assert set(images[fit]).isdisjoint(images[~fit])
    assert len(set(images[fit])) == len(set(images)) // 2
    assert np.array_equal(fit, first_half(images, 0)) and not np.array_equal(fit, first_half(images, 1))


def calibrated_by_tool(call, config, checkpoint, out, *words):
    status, output = call('analysis.calibrate', config, checkpoint, '--out', out, *words)
    assert status == 0, output[-3000:]
    return output


def test_the_tool_writes_a_checkpoint_that_the_test_rescores_with(coloured, call, tmp_path):
    config, checkpoint = coloured
    out, diagram = tmp_path / 'out.pth', tmp_path / 'new' / 'diagram.png'
    output = calibrated_by_tool(call, config, checkpoint, out, '--diagram', diagram, '--tolerance', 0.6)
    assert '9 people fitted, 9 in other images measured' in output and 'at least 0.6' in output
    assert all(f'\n{word}' in output for word in ('red', 'pink', 'mean of joints', 'all', 'as published', 'calibrated'))
    with Image.open(diagram) as image:
        assert image.size == (1200, 400)
    model = init_model(config, out)
    assert model.calibration.tolerance == 0.6
    assert read_checkpoint(out)['meta']['calibration'] == model.calibration.stored()

    words = '--cfg-options', 'test_evaluator.rescoring=calibrated', 'experiment_name=calibrated'
    status, output = call('test', config, out, '--work-dir', tmp_path / 'work', *words)
    assert status == 0, output[-3000:]
    (file,) = (tmp_path / 'work').glob('*/*.json')
    assert 0 < json.loads(file.read_text())['coco/AP'] <= 1
    status, output = call('test', config, checkpoint, '--work-dir', tmp_path / 'work', *words[:-1])
    assert (status, 'has no calibration' in output, 'Traceback' in output) == (2, True, False)


def test_a_calibrated_checkpoint_is_calibrated_anew(coloured, call, tmp_path):
    config, checkpoint = coloured
    outs = [tmp_path / f'{number}.pth' for number in range(3)]
    calibrated_by_tool(call, config, checkpoint, outs[0])
    calibrated_by_tool(call, config, outs[0], outs[1])
    calibrated_by_tool(call, config, outs[0], outs[2], '--seed', 1, '--method', 'isotonic')
    first, again, other = (read_checkpoint(out)['meta']['calibration'] for out in outs)
    assert first == again != other


@pytest.mark.parametrize('name', ['coco_wholebody', 'aic'])
def test_other_forms_of_coco_files_are_calibrated(name, call, tmp_path):
    config, *_ = DATA_SETS[name]
    options, joints = lay_out(name, tmp_path / 'data')
    options += [*TINY, 'test_dataloader.num_workers=0']
    model = init_model(load_config(config, parse_options(options)))
    torch.save({'state_dict': model.state_dict(), 'meta': {}}, tmp_path / 'in.pth')
    words = '--cfg-options', *options
    output = calibrated_by_tool(call, config, tmp_path / 'in.pth', tmp_path / 'out.pth', *words)
    assert '2 people fitted, 2 in other images measured' in output
    named = read_checkpoint(tmp_path / 'out.pth')['meta']['calibration']['joints']
    assert len(named) == joints.shape[1]


@pytest.mark.parametrize(
    ('words', 'said'),
    [
        (['--method', 'platt'], "no method 'platt' to calibrate with; choices: logistic, isotonic"),
        (['--tolerance', '1'], 'a similarity between 0 and 1'),
        (['--cfg-options', 'test_evaluator.type=PCKMetric'], 'needs a CocoMetric'),
    ],
)
def test_what_cannot_be_calibrated_is_one_message(words, said, coloured, call, tmp_path):
    status, output = call('analysis.calibrate', *coloured, '--out', tmp_path / 'out.pth', *words)
    assert (status, said in output, 'Traceback' in output) == (2, True, False)


def test_without_scikit_learn_the_message_says_how_to_install_it(coloured, call, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, 'sklearn', None)
    status, output = call('analysis.calibrate', *coloured, '--out', tmp_path / 'out.pth')
    assert (status, "pip install 'hrpose[analysis]'" in output, 'Traceback' in output) == (2, True, False)
