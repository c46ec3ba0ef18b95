"""Checkpoints: nothing in them runs, and what did not fit is said or refused."""

import os
import pickle
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.logging import HistoryBuffer
from mmengine.runner.checkpoint import CheckpointLoader

from hrpose import checkpoints
from hrpose.apis import build_runner, init_model
from hrpose.checkpoints import guard_mmengine, load_weights, read_checkpoint
from hrpose.config import load_config
from hrpose.datasets.metainfo import resolve
from hrpose.errors import UserError
from hrpose.registry import MODELS

SCHEMES = ('', 'http://', 'https://', 'modelzoo://', 'torchvision://', 'open-mmlab://', 'openmmlab://', 'mmcls://')


class RunsCode:
    """On unpickling, calls a function with arguments of the file's choice."""

    def __init__(self, call: Callable, *arguments: object) -> None:
        self.reduced = (call, arguments)

    def __reduce__(self) -> tuple:
        return self.reduced


@pytest.fixture(scope='module', autouse=True)
def schemes():
    """Put mmengine's own checkpoint loaders back afterwards."""
    before = dict(CheckpointLoader._schemes)
    yield before
    CheckpointLoader._schemes.clear()
    CheckpointLoader._schemes.update(before)


@pytest.fixture
def messages(monkeypatch) -> list[str]:
    """What is logged about weights."""
    lines: list[str] = []
    monkeypatch.setattr(checkpoints, 'print_log', lambda message, **_: lines.append(message))
    return lines


@pytest.fixture
def trained(tiny_coco, tiny_config, tmp_path, quick) -> Path:
    """A config file, beside a work dir `run` with the checkpoint of one epoch."""
    config = tiny_config(tiny_coco(images=2))
    train(config, tmp_path / 'run')
    return config


def train(config: Path, work_dir: Path, **options: object) -> torch.nn.Module:
    """Train in this process; returns the model."""
    cfg = load_config(config, options)
    cfg.work_dir, cfg.launcher, cfg.experiment_name = str(work_dir), 'none', f'{config.stem}_{time.time_ns()}'
    cfg.visualizer.vis_backends = [{'type': 'LocalVisBackend'}]
    return build_runner(cfg, loaders=('train_dataloader', 'val_dataloader')).train()


def small_model(joints: int = 17, arch: str = 'w16_small') -> torch.nn.Module:
    metainfo = resolve({'keypoint_names': [f'joint{index}' for index in range(joints)]})
    codec = {'type': 'MSRAHeatmap', 'input_size': (64, 64)}
    backbone, head = {'type': 'HRNet', 'arch': arch}, {'type': 'HeatmapHead', 'codec': codec, 'out_channels': joints}
    return MODELS.build({'type': 'TopdownPoseEstimator', 'backbone': backbone, 'head': head, 'metainfo': metainfo})


def saved(content: object, path: Path) -> Path:
    torch.save(content, path)
    return path


@pytest.mark.parametrize(
    'culprit',
    [
        lambda folder: RunsCode(os.mkdir, str(folder / 'hacked')),
        lambda folder: RunsCode(eval, '1 + 1'),
        lambda folder: RunsCode(getattr, HistoryBuffer, '__init__'),
        lambda folder: RunsCode(getattr, str, 'join'),
        lambda folder: RunsCode(np.memmap, str(folder / 'hacked'), 'uint8', 'w+', 0, 1),
    ],
    ids=['mkdir', 'eval', 'getattr_of_buffer', 'getattr_of_str', 'memmap'],
)
@pytest.mark.parametrize('legacy', [False, True], ids=['zip', 'legacy'])
def test_a_file_that_would_run_code_is_refused_with_a_reason_and_runs_nothing(culprit, legacy, tmp_path):
    path = tmp_path / 'evil.pth'
    content = {'state_dict': {'w': torch.zeros(1)}, 'meta': {'x': culprit(tmp_path)}}
    torch.save(content, path, _use_new_zipfile_serialization=not legacy)
    with pytest.raises(UserError, match='refused') as error:
        read_checkpoint(path)
    assert str(path) in str(error.value)
    assert 'could run code' in str(error.value)
    assert '\n' not in str(error.value)
    assert [file.name for file in tmp_path.iterdir()] == ['evil.pth']


def test_a_bare_pickle_that_would_run_code_runs_nothing(tmp_path):
    path = tmp_path / 'evil.pkl'
    path.write_bytes(pickle.dumps(RunsCode(os.mkdir, str(tmp_path / 'hacked'))))
    with pytest.raises(UserError):
        read_checkpoint(path)
    assert not (tmp_path / 'hacked').exists()


def test_config_texts_are_taken_out_of_meta(tmp_path):
    meta = {'config': 'import os', 'cfg': 'import os', 'epoch': 3}
    path = saved({'state_dict': {}, 'meta': meta}, tmp_path / 'a.pth')
    assert read_checkpoint(path)['meta'] == {'epoch': 3}


@pytest.mark.parametrize(
    ('content', 'complaint'),
    [
        (b'', 'no PyTorch checkpoint'),
        (b'not a checkpoint', 'no PyTorch checkpoint'),
        (b'PK\x03\x04cut', 'no readable checkpoint'),
    ],
)
def test_a_file_that_is_no_checkpoint_is_refused_by_name(content, complaint, tmp_path):
    path = tmp_path / 'a.pth'
    path.write_bytes(content)
    with pytest.raises(UserError) as error:
        read_checkpoint(path)
    assert complaint in str(error.value)
    assert str(path) in str(error.value)


def test_a_checkpoint_cut_short_is_refused(tmp_path):
    path = saved({'w': torch.zeros(10_000)}, tmp_path / 'a.pth')
    path.write_bytes(path.read_bytes()[:20_000])
    with pytest.raises(UserError, match='no readable checkpoint'):
        read_checkpoint(path)


@pytest.mark.parametrize('path', ['/nowhere/a.pth', 'https://example.com/a.pth', 'torchvision://resnet50'])
def test_a_checkpoint_that_is_not_on_disk_is_refused_by_name(path):
    with pytest.raises(UserError, match=path):
        read_checkpoint(path)


def test_a_file_that_holds_something_else_is_refused(tmp_path):
    with pytest.raises(UserError, match='holds a list'):
        read_checkpoint(saved([1, 2], tmp_path / 'a.pth'))


@pytest.mark.parametrize('scheme', SCHEMES)
def test_every_way_into_mmengines_loader_is_the_safe_one(scheme, schemes, tmp_path):
    guard_mmengine()
    path = saved({'meta': RunsCode(os.mkdir, str(tmp_path / 'hacked'))}, tmp_path / 'evil.pth')
    with pytest.raises(UserError):
        CheckpointLoader.load_checkpoint(f'{scheme}{path}', map_location='cpu')
    assert not (tmp_path / 'hacked').exists()


def test_weights_named_in_init_cfg_are_read_safely(tiny_coco, tiny_config, tmp_path, repository):
    path = saved({'meta': RunsCode(os.mkdir, str(tmp_path / 'hacked'))}, tmp_path / 'evil.pth')
    init = f"model['backbone']['init_cfg'] = dict(type='Pretrained', checkpoint={str(path)!r})"
    config = tiny_config(tiny_coco(images=1), extra=init)
    # In a process of its own: whoever makes a runner has the guard from there on.
    script = f'from hrpose.apis import init_model; init_model({str(config)!r}).init_weights()'
    done = subprocess.run([sys.executable, '-c', script], cwd=repository, capture_output=True, text=True)
    assert 'evil.pth is refused' in done.stderr
    assert not (tmp_path / 'hacked').exists()


def test_a_checkpoint_of_a_real_training_loads_with_its_history(trained):
    checkpoint = read_checkpoint(trained.parent / 'run' / 'epoch_1.pth')
    history = checkpoint['message_hub']['log_scalars']['train/loss']
    assert isinstance(history, HistoryBuffer)
    assert np.isfinite(history.mean())
    assert checkpoint['meta']['epoch'] == 1
    assert 'cfg' not in checkpoint['meta']
    model = init_model(trained, trained.parent / 'run' / 'epoch_1.pth')
    torch.testing.assert_close(model.state_dict(), dict(checkpoint['state_dict']))


def test_a_resumed_training_ends_with_the_weights_of_an_unbroken_one(trained, tmp_path):
    two = {'train_cfg.max_epochs': 2}
    resumed = train(trained, tmp_path / 'run', resume=True, **two)
    unbroken = train(trained, tmp_path / 'unbroken', **two)
    assert (tmp_path / 'run' / 'epoch_2.pth').is_file()
    torch.testing.assert_close(resumed.state_dict(), unbroken.state_dict(), rtol=1e-4, atol=1e-5)


def test_resuming_from_bare_weights_is_refused_in_a_sentence(tiny_coco, tiny_config, tmp_path, quick):
    path = saved(small_model(5).state_dict(), tmp_path / 'bare.pth')
    with pytest.raises(UserError, match='load_from'):
        train(tiny_config(tiny_coco(images=2)), tmp_path / 'run', resume=True, load_from=str(path))


def test_all_of_a_models_own_weights_match(messages):
    model = small_model()
    fit = load_weights(small_model(), model.state_dict(), name='own.pth', complete=True)
    total = len(model.state_dict())
    assert len(fit.loaded) == total
    assert (fit.other_shape, fit.missing, fit.unused) == ([], [], [])
    assert messages == [f'own.pth: {total} of {total} weights (100%) matched']


@pytest.mark.parametrize('prefix', ['', 'module.'])
@pytest.mark.parametrize('nested', [True, False])
def test_weights_are_found_under_state_dict_or_bare_and_without_the_distributed_prefix(prefix, nested, messages):
    source, target = small_model(), small_model()
    weights = {f'{prefix}{key}': value for key, value in source.state_dict().items()}
    load_weights(target, {'state_dict': weights} if nested else weights, name='a.pth', complete=True)
    torch.testing.assert_close(target.state_dict(), source.state_dict(), rtol=0, atol=0)


def test_another_configs_checkpoint_is_refused_with_the_share_that_matched():
    model, wider = small_model(), small_model(arch='w18')
    before = {key: value.clone() for key, value in model.state_dict().items()}
    same = [key for key, value in wider.state_dict().items() if key in before and before[key].shape == value.shape]
    with pytest.raises(UserError) as error:
        load_weights(model, wider.state_dict(), name='w18.pth', complete=True)
    share = f'{len(same)} of {len(before)} weights ({100 * len(same) / len(before):.0f}%) matched'
    assert "w18.pth is not this config's" in str(error.value)
    assert share in str(error.value)
    torch.testing.assert_close(model.state_dict(), before, rtol=0, atol=0)


@pytest.mark.parametrize('complete', [True, False])
def test_a_checkpoint_of_which_nothing_fits_is_refused(complete):
    with pytest.raises(UserError, match=r'a.pth does not fit this model: 0 of \d+ weights \(0%\) matched'):
        load_weights(small_model(), {'conv.weight': torch.zeros(1)}, name='a.pth', complete=complete)


def test_fine_tuning_to_other_joints_starts_only_the_last_layer_anew_and_says_so(messages):
    source, target = small_model(17), small_model(5)
    fresh = {key: value.clone() for key, value in target.state_dict().items()}
    fit = load_weights(target, source.state_dict(), name='coco.pth', complete=False)
    last = ['head.final_layer.weight', 'head.final_layer.bias']
    assert fit.other_shape == last
    assert (fit.missing, fit.unused) == ([], [])
    (line,) = messages
    assert '2 of another shape (head.final_layer.weight, head.final_layer.bias)' in line
    for key, value in target.state_dict().items():
        torch.testing.assert_close(value, fresh[key] if key in last else source.state_dict()[key], rtol=0, atol=0)


def test_a_training_may_start_from_weights_for_other_joints(tiny_coco, tiny_config, tmp_path, messages, quick):
    path = saved(small_model(17).state_dict(), tmp_path / 'coco.pth')
    train(tiny_config(tiny_coco(images=2)), tmp_path / 'run', load_from=str(path))
    assert ['2 of another shape' in line for line in messages] == [True]
