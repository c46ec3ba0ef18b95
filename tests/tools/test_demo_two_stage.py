"""The two-stage demo with little data: every step runs, and a second run reuses the results."""

import re
import subprocess
import sys

import pytest


def run_demo(root, folder) -> str:
    command = [sys.executable, 'tools/demo_two_stage.py', '--data', folder / 'data', '--work-dir', folder / 'pose']
    command += ['--detector-dir', folder / 'detector', '--train', 12, '--val', 4, '--score-threshold', 0]
    command += ['--cfg-options', 'train_cfg.max_epochs=1', 'train_dataloader.batch_size=8']
    command += ['--det-options', 'train_cfg.max_epochs=1', 'train_dataloader.batch_size=4']
    done = subprocess.run([str(word) for word in command], cwd=root, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout


@pytest.mark.slow
def test_the_demo_prints_ap_recall_and_times_and_reuses(repository, tmp_path):
    first = run_demo(repository, tmp_path)
    table = first.partition('neither network has seen:')[2]
    for metric in ('AP with true boxes', 'AP with detected boxes', 'box recall at IoU 0.5 ', 'box recall at IoU 0.75'):
        assert re.search(rf'^{metric} +[\d.]+', table, re.M)
    assert re.search(r'\d+ of \d+ people have no box', table)
    assert all(name in table for name in ('data', 'pose network', 'detector', 'testing with true boxes'))
    assert run_demo(repository, tmp_path).count(' exists') == 2
