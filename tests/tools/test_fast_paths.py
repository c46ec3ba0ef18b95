"""Faster ways to test keep the metrics: AP of one trained network, computed in each way."""

import json
import subprocess
import sys

import pytest

CONFIG = 'configs/hrnet_w16_synthetic_128x96.py'


def run(root, *words):
    done = subprocess.run([sys.executable, *map(str, words)], cwd=root, capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]


@pytest.fixture(scope='module')
def average_precision(repository, tmp_path_factory):
    """Train for two minutes on generated people; return a function from options to AP on held-out ones."""
    folder = tmp_path_factory.mktemp('fast_paths')
    data = f'data_root={folder / "data"}'
    run(repository, 'tools/data/make_synthetic.py', folder / 'data', '--train', 600, '--val', 60)
    short = ['train_cfg.max_epochs=3', 'train_cfg.val_interval=3', 'param_scheduler=[]']
    run(repository, 'tools/train.py', CONFIG, '--amp', '--work-dir', folder / 'run', '--cfg-options', data, *short)

    def measure(*options):
        out = folder / f'test{len(list(folder.iterdir()))}'
        weights = folder / 'run' / 'epoch_3.pth'
        run(repository, 'tools/test.py', CONFIG, weights, '--work-dir', out, '--cfg-options', data, *options)
        (metrics,) = out.glob('*/*.json')
        return json.loads(metrics.read_text())['coco/AP']

    return measure


@pytest.mark.slow
def test_folding_and_compiling_keep_ap_and_bf16_within_0_002(average_precision):
    plain = average_precision('model.fuse=False')
    assert plain > 0.02  # the network has learnt something
    assert average_precision() == pytest.approx(plain, abs=1e-4)
    assert average_precision('model.compile=True') == pytest.approx(plain, abs=1e-4)
    assert average_precision('model.precision=bf16') == pytest.approx(plain, abs=2e-3)
