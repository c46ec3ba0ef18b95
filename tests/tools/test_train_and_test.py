"""Training and testing from the command line."""

import json
import pickle
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from hrpose.apis import init_model

ROOT = Path(__file__).resolve().parents[2]


def run_tool(tool: str, *words: object) -> subprocess.CompletedProcess:
    """Run a tool from the repository's root; its stdout and stderr together are `stdout`."""
    command = [sys.executable, f'tools/{tool}.py', *map(str, words)]
    return subprocess.run(command, cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=120)


def run_well(tool: str, *words: object) -> str:
    """Run a tool, require success, and return its output."""
    done = run_tool(tool, *words)
    assert done.returncode == 0, done.stdout[-3000:]
    return done.stdout


def the_message(status: object, output: str) -> str:
    """Return the one message about a user's mistake; require that there is no traceback."""
    assert status == 2, output[-3000:]
    assert 'Traceback' not in output
    (message,) = re.findall(r'^error: .*', output, re.S | re.M)
    return message


def fresh_checkpoint(config: Path) -> Path:
    """Write the untrained weights of a config's model beside it."""
    path = config.with_suffix('.pth')
    torch.save(init_model(config).state_dict(), path)
    return path


def test_train_resume_and_test_on_custom_keypoints(tiny_coco, tiny_config, tmp_path):
    config = tiny_config(tiny_coco(joints=5), tiny_coco(joints=5, name='val', images=3))
    work_dir, show = tmp_path / 'run', tmp_path / 'show'

    output = run_well('train', config, '--work-dir', work_dir)
    assert (work_dir / 'epoch_1.pth').is_file()
    assert 'Epoch(train) [1][2/2]' in output
    assert 'eta: ' in output
    assert '4 people from' in output
    assert re.search(r'coco/AP: [\d.]+', output)
    assert list(work_dir.glob('*/vis_data/events.out.tfevents*'))
    assert list(work_dir.glob('*/*.log'))

    output = run_well(
        'train', config, '--work-dir', work_dir, '--resume', '--amp', '--cfg-options', 'train_cfg.max_epochs=2'
    )
    assert 'Epoch(train) [1]' not in output
    assert 'Epoch(train) [2][2/2]' in output
    assert 'BF16OptimWrapper' in output or 'AmpOptimWrapper' in output

    output = run_well(
        'test', config, work_dir / 'epoch_2.pth', '--work-dir', tmp_path / 'test',
        '--dump', tmp_path / 'new' / 'found.pkl', '--show-dir', show,
        '--json', tmp_path / 'metrics.json',
    )  # fmt: skip
    assert '(100%) matched' in output
    assert 0 <= json.loads((tmp_path / 'metrics.json').read_text())['coco/AP'] <= 1
    assert re.search(r'coco/AP: [\d.]+', output)
    assert sorted(path.name for path in show.iterdir()) == ['000.jpg', '001.jpg', '002.jpg']
    people = pickle.loads((tmp_path / 'new' / 'found.pkl').read_bytes())
    assert [np.shape(person['pred_instances']['keypoints']) for person in people] == [(1, 5, 2)] * 3


def test_a_saved_config_can_be_tested(tiny_coco, tiny_config, tmp_path, call):
    config = tiny_config(tiny_coco(images=2))
    assert call('train', config, '--work-dir', tmp_path / 'run')[0] == 0
    saved, checkpoint = tmp_path / 'run' / config.name, tmp_path / 'run' / 'epoch_1.pth'
    status, output = call('test', saved, checkpoint, '--work-dir', tmp_path / 'test')
    assert (status, 'coco/AP' in output) == (0, True)


def test_a_checkpoint_of_another_config_is_refused(tiny_coco, tiny_config, tmp_path, call):
    config = tiny_config(tiny_coco(images=2))
    words = ['--work-dir', tmp_path / 'run', '--cfg-options', 'model.backbone.arch=w18']
    message = the_message(*call('test', config, fresh_checkpoint(config), *words))
    assert re.search(r'\.pth: does not fit this model: \d+ of \d+ weights \(\d+%\) matched', message)


def test_missing_coco_is_one_message_with_the_layout():
    done = run_tool('train', 'configs/hrnet_w32_coco_256x192.py', '--cfg-options', 'data_root=/nowhere/coco')
    message = the_message(done.returncode, done.stdout)
    assert '/nowhere/coco/annotations/person_keypoints_train2017.json does not exist' in message
    assert 'annotations/person_keypoints_{train,val}2017.json' in message
    assert 'hrpose make-synthetic data/synthetic' in message
    assert 'hrpose train hrnet_w16_synthetic_128x96' in message
    assert message.rstrip().endswith('needed by train_dataloader of configs/hrnet_w32_coco_256x192.py')


MISTAKES = {
    'unknown_part': (['model.backbone.type=HRNett'], 'nearest: HRNet'),
    'unknown_optimizer': (['optim_wrapper.optimizer.type=Adamm'], 'nearest: Adam'),
    'unknown_argument_of_a_transform': (['train_pipeline.1.paddng=2'], 'paddng'),
    'unknown_argument_of_the_loop': (['train_cfg.max_epoch=3'], 'max_epoch'),
    'option_without_value': (['codec.sigma'], 'KEY=VALUE'),
    'missing_checkpoint': (['load_from=/nowhere/a.pth'], 'checkpoint /nowhere/a.pth: no such file'),
    'input_that_does_not_fit_the_strides': (['codec.input_size=(72,72)'], '32'),
    'another_number_of_joints': (['metainfo=coco'], 'names 5 keypoints, but the metainfo has 17'),
}


@pytest.mark.parametrize(('options', 'reason'), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_in_training_is_one_message(options, reason, tiny_coco, tiny_config, tmp_path, call):
    config = tiny_config(tiny_coco(images=2))
    words = ['--work-dir', tmp_path / 'run', '--cfg-options', *options]
    assert reason in the_message(*call('train', config, *words))


@pytest.mark.parametrize(
    ('words', 'reason'),
    [
        (['/nowhere/a.pth'], 'checkpoint /nowhere/a.pth: no such file'),
        (['a.pth', '--dump', 'found.json'], 'ends in .pkl'),
        (['FRESH', '--cfg-options', 'codec.heatmap_size=(8,8)'], 'codec.heatmap_size'),
        (['FRESH', '--cfg-options', 'metainfo=coco'], '5 keypoints'),
    ],
)
def test_a_mistake_in_testing_is_one_message(words, reason, tiny_coco, tiny_config, tmp_path, call):
    config = tiny_config(tiny_coco(images=2))
    words = [fresh_checkpoint(config) if word == 'FRESH' else word for word in words]
    assert reason in the_message(*call('test', config, '--work-dir', tmp_path / 'run', *words))


@pytest.mark.parametrize('words', [('test', 'nope.pth'), ('train', '--dry-run', '--resume', 'nope.pth')])
def test_a_missing_checkpoint_is_reported_before_the_data(words, tmp_path, call):
    config = ROOT / 'configs/hrnet_w32_coco_256x192.py'
    options = ['--work-dir', tmp_path / 'run', '--cfg-options', 'data_root=/nowhere']
    message = the_message(*call(words[0], config, *words[1:], *options))
    assert message.startswith('error: checkpoint nope.pth: no such file') and not (tmp_path / 'run').exists()


@pytest.mark.parametrize('workers', [0, 1])
def test_a_broken_image_in_a_test_is_one_message(workers, tiny_coco, tiny_config, tmp_path, call):
    config = tiny_config(tiny_coco(images=2), tiny_coco(images=2, name='val', broken={1: 'truncated'}))
    words = ['--work-dir', tmp_path / 'run', '--cfg-options', f'val_dataloader.num_workers={workers}']
    message = the_message(*call('test', config, fresh_checkpoint(config), *words))
    assert re.fullmatch(r'error: the image \S+val/001\.jpg is cut short .*', message.strip())
