"""The configs of further data sets on generated files in their layout: a tiny network trains, and is tested again."""

import pickle

import numpy as np
import pytest

from tests.conftest import ROOT
from tests.data_sets import DATA_SETS, NUMBER, lay_out
from tests.tools.test_published_configs import TINY


@pytest.mark.parametrize('name', DATA_SETS)
def test_the_config_of_a_data_set_trains_and_tests(name, tmp_path, call):
    config, *_, metric, _ = DATA_SETS[name]
    options, joints = lay_out(name, tmp_path / 'data')
    options += [*TINY, 'test_dataloader.num_workers=0']
    file = ROOT / 'configs' / f'{config}.py'

    status, output = call('train', file, '--work-dir', tmp_path / 'run', '--cfg-options', *options)
    assert status == 0, output[-3000:]
    assert f'{NUMBER} people from' in output
    assert list((tmp_path / 'run').glob(f'best_{metric.replace("/", "_")}_epoch_1.pth'))

    words = ['--work-dir', tmp_path / 'test', '--dump', tmp_path / 'found.pkl', '--cfg-options', *options]
    status, output = call('test', file, tmp_path / 'run' / 'epoch_1.pth', *words)
    assert status == 0, output[-3000:]
    assert f'{metric}: ' in output
    found = pickle.loads((tmp_path / 'found.pkl').read_bytes())
    assert [np.shape(sample['pred_instances']['keypoints']) for sample in found] == [(1, joints.shape[1], 2)] * NUMBER
