"""The demo with little data: every step runs, and a second run reuses the results."""

import subprocess
import sys

import pytest


def run_demo(root, folder) -> str:
    tiny = ['train_cfg.max_epochs=1', 'train_dataloader.batch_size=8']
    command = [sys.executable, 'tools/demo.py', '--data', folder / 'data', '--work-dir', folder / 'run']
    command += ['--train', 12, '--val', 4, '--cfg-options', *tiny]
    done = subprocess.run([str(word) for word in command], cwd=root, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout


@pytest.mark.slow
def test_the_demo_draws_prints_and_reuses(repository, tmp_path):
    first = run_demo(repository, tmp_path)
    assert 'measured' in first and 'ceiling' in first and 'configs/hrnet_w32_coco_256x192.py' in first
    drawings = [tmp_path / 'run' / name for name in ('contact_sheet.png', 'curve.png')]
    assert all(path.stat().st_size > 10_000 for path in drawings)
    assert len(list((tmp_path / 'run' / 'images').glob('*.jpg'))) == 4
    assert ' exists' in run_demo(repository, tmp_path)
