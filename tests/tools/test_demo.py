"""The demo, in small: every step runs, and a second run reuses what is there."""

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
def test_demo_leaves_table_and_pictures_and_reuses_them(repository, tmp_path):
    first = run_demo(repository, tmp_path)
    assert 'measured' in first and 'ceiling' in first and 'configs/hrnet_w32_coco_256x192.py' in first
    pictures = [tmp_path / 'run' / name for name in ('contact_sheet.png', 'curve.png')]
    assert all(path.stat().st_size > 10_000 for path in pictures)
    assert len(list((tmp_path / 'run' / 'pictures').glob('*.jpg'))) == 4
    assert 'is there already' in run_demo(repository, tmp_path)
