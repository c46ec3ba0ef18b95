"""The whole chain as a user runs it: six people are learnt by heart."""

import json
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

PEOPLE, EPOCHS = 6, 220

CONFIG = """
_base_ = [{root!r} + '/configs/_base_/runtime.py', {root!r} + '/configs/_base_/coco.py']
data_root = {data!r}
codec = dict(type='MSRAHeatmap', input_size=(192, 256), sigma=2)
model = dict(
    type='TopdownPoseEstimator',
    backbone=dict(type='HRNet', arch='w16_small', init_cfg=[]),
    head=dict(type='HeatmapHead'),
)
data = dict(type='CocoDataset', ann_file='six.json', data_prefix=dict(img={images!r}))
train_dataloader = dict(
    _delete_=True, batch_size={people}, num_workers=0, dataset=data, sampler=dict(type='EpochSampler')
)
val_dataloader = dict(
    _delete_=True, batch_size={people}, num_workers=0, dataset=dict(test_mode=True, **data),
    sampler=dict(type='EpochSampler', shuffle=False),
)
train_pipeline = [dict(type='LoadImage'), dict(type='PadBox'), dict(type='WarpAffine'), dict(type='PackPose')]
train_cfg = dict(max_epochs={epochs}, val_interval={epochs})
optim_wrapper = dict(optimizer=dict(type='Adam', lr=2e-3, fused=True))
param_scheduler = [dict(type='MultiStepLR', milestones=[{epochs} * 7 // 10, {epochs} * 9 // 10], gamma=0.1)]
default_hooks = dict(checkpoint=dict(interval={epochs}), logger=dict(interval=1))
"""


def write_six(source: Path, out: Path) -> None:
    """Write the six people with most labelled joints."""
    content = json.loads((source / 'test_coco.json').read_text())
    ranked = sorted(content['annotations'], key=lambda person: -person['num_keypoints'])
    content['annotations'] = ranked[:PEOPLE]
    used = {person['image_id'] for person in ranked[:PEOPLE]}
    content['images'] = [image for image in content['images'] if image['id'] in used]
    (out / 'six.json').write_text(json.dumps(content))


def run_tool(root: Path, *words: object) -> str:
    """Run a tool as a user does; returns what it printed."""
    command = [sys.executable, *(str(word) for word in words)]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout + done.stderr


def last_ap(output: str) -> float:
    """Return the last coco/AP in a tool's output."""
    return float(re.findall(r'coco/AP:? ([0-9.]+)', output)[-1])


@pytest.mark.slow
def test_six_people_are_learnt_to_ap_90_through_the_tools(repository, sample_data, tmp_path, capsys):
    source = sample_data / 'coco'
    write_six(source, tmp_path)
    config = tmp_path / 'six.py'
    config.write_text(
        CONFIG.format(root=str(repository), data=str(tmp_path), images=str(source), people=PEOPLE, epochs=EPOCHS)
    )
    began = time.time()
    run_tool(repository, 'tools/train.py', config, '--work-dir', tmp_path / 'run')
    checkpoint = tmp_path / 'run' / f'epoch_{EPOCHS}.pth'
    output = run_tool(
        repository,
        'tools/test.py',
        config,
        checkpoint,
        '--work-dir',
        tmp_path / 'test',
        '--show-dir',
        tmp_path / 'show',
    )
    seconds = time.time() - began
    ceiling = last_ap(run_tool(repository, 'tools/analysis/ap_ceiling.py', config))
    with capsys.disabled():
        print(f'\nAP {last_ap(output):.3f} after {seconds:.0f} s; the encode-decode ceiling is {ceiling:.3f}')
    assert last_ap(output) >= 0.90
    assert ceiling >= 0.95
    assert seconds < 300
    assert len(list((tmp_path / 'show').glob('*.jpg'))) >= 1
