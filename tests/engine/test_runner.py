"""The Runner: checkpoints come in safely, in any layout, and a training goes on where it stopped."""

import hashlib
import threading
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.logging import HistoryBuffer

from hrpose.apis import init_model
from hrpose.checkpoints import read_checkpoint, resumable
from hrpose.checkpoints.table import PUBLISHED, Published
from hrpose.engine.runner import DEFAULT_HOOKS, PoseRunner
from hrpose.errors import UserError
from tests.checkpoints.cases import LAYOUTS, POSE_LAYOUTS, clone, official, saved, small_model
from tests.engine.cases import EVERYTHING, assert_same, runner_of


@pytest.fixture
def trained(tiny_coco, tiny_config, tmp_path) -> Path:
    """A config file, beside a work dir `run` with the checkpoint of one epoch."""
    config = tiny_config(tiny_coco(images=2))
    train(config, tmp_path / 'run')
    return config


def train(config: Path, work_dir: Path, **options: object) -> torch.nn.Module:
    """Train in this process; returns the model."""
    return runner_of(config, work_dir, **options).train()


def test_a_checkpoint_of_a_real_training_loads_with_its_history(trained):
    checkpoint = read_checkpoint(trained.parent / 'run' / 'epoch_1.pth')
    history = resumable(checkpoint)['message_hub']['log_scalars']['train/loss']
    assert isinstance(history, HistoryBuffer)
    assert np.isfinite(history.mean())
    assert checkpoint['meta']['epoch'] == 1
    assert 'cfg' not in checkpoint['meta']
    model = init_model(trained, trained.parent / 'run' / 'epoch_1.pth')
    torch.testing.assert_close(model.state_dict(), dict(checkpoint['state_dict']))


def test_the_base_config_lists_the_hooks_that_every_training_has(repository):
    listed = Config.fromfile(repository / 'configs/_base_/runtime.py').default_hooks
    assert list(listed.items())[-len(DEFAULT_HOOKS) :] == list(DEFAULT_HOOKS.items())


def test_a_config_without_hooks_gets_them_but_for_those_set_to_none(tiny_coco, tiny_config, tmp_path):
    config = tiny_config(tiny_coco(images=2), extra='default_hooks = dict(_delete_=True, speed=None)')
    names = {type(hook).__name__ for hook in runner_of(config, tmp_path).hooks}
    given = {hook['type'].removeprefix('hrpose.') for name, hook in DEFAULT_HOOKS.items() if name != 'speed'}
    assert given <= names and 'SpeedHook' not in names


def as_mmengine_saves(path: Path) -> None:
    """Rewrite a checkpoint with mmengine's own objects in it, as trainings of before saved them."""
    content = resumable(torch.load(path, weights_only=True))
    assert isinstance(content['param_schedulers'][0]['milestones'], Counter)
    assert all(isinstance(history, HistoryBuffer) for history in content['message_hub']['log_scalars'].values())
    torch.save(content, path)


def test_bare_pytorch_reads_a_checkpoint_of_a_real_training(tiny_coco, tiny_config, tmp_path):
    config = tiny_config(tiny_coco(images=5), extra=EVERYTHING)
    train(config, tmp_path / 'run', **{'train_cfg.max_epochs': 1})
    content = torch.load(tmp_path / 'run' / 'epoch_1.pth', weights_only=True)
    assert {'meta', 'state_dict', 'ema_state_dict', 'optimizer', 'message_hub', 'param_schedulers'} <= set(content)
    assert content['param_schedulers'][2]['milestones'] == {1: 1, 3: 1}
    assert content['message_hub']['log_scalars']['train/loss']['log_history'].dtype is torch.float64


@pytest.mark.parametrize('schedule', ['MultiStepLR', 'OneCycleLR'])
def test_a_training_goes_on_from_what_it_or_mmengine_saved(schedule, tiny_coco, tiny_config, tmp_path):
    plan = {'MultiStepLR': {'milestones': [1, 2]}, 'OneCycleLR': {'eta_max': 0.01, 'total_steps': 9}}[schedule]
    extra = f'param_scheduler = [dict(type={schedule!r}, **{plan!r})]\nvisualizer = dict(vis_backends=[])\n'
    config = tiny_config(tiny_coco(images=2), extra=extra)
    for name in ('ours', 'mmengines'):
        train(config, tmp_path / name, **{'train_cfg.max_epochs': 2})
        if name == 'mmengines' and schedule == 'MultiStepLR':
            as_mmengine_saves(tmp_path / name / 'epoch_2.pth')
        train(config, tmp_path / name, resume=True, **{'train_cfg.max_epochs': 3})
    train(config, tmp_path / 'unbroken', **{'train_cfg.max_epochs': 3})
    for name in ('ours', 'mmengines'):
        assert_same(tmp_path / 'unbroken' / 'epoch_3.pth', tmp_path / name / 'epoch_3.pth')


def test_what_a_hook_saves_and_no_file_can_hold_is_named(tiny_coco, tiny_config, tmp_path):
    class Odd(Hook):
        def before_save_checkpoint(self, runner, checkpoint) -> None:
            checkpoint['odd'] = {'deep': [0, threading.Lock()]}

    with pytest.raises(UserError, match=r"checkpoint\['odd'\]\['deep'\]\[1\]: a _thread.lock cannot be saved"):
        runner_of(tiny_config(tiny_coco(images=2)), tmp_path / 'run', hooks=[Odd()]).train()


def test_a_resumed_training_ends_with_the_weights_of_an_unbroken_one(trained, tmp_path):
    two = {'train_cfg.max_epochs': 2}
    resumed = train(trained, tmp_path / 'run', resume=True, **two)
    unbroken = train(trained, tmp_path / 'unbroken', **two)
    assert (tmp_path / 'run' / 'epoch_2.pth').is_file()
    torch.testing.assert_close(resumed.state_dict(), unbroken.state_dict(), rtol=1e-4, atol=1e-5)


def test_resuming_from_bare_weights_is_refused_in_a_sentence(tiny_coco, tiny_config, tmp_path):
    path = saved(small_model(5).state_dict(), tmp_path / 'bare.pth')
    with pytest.raises(UserError, match='load_from'):
        train(tiny_config(tiny_coco(images=2)), tmp_path / 'run', resume=True, load_from=str(path))


def test_a_training_may_start_from_weights_for_other_joints(tiny_coco, tiny_config, tmp_path, messages):
    path = saved(official(small_model(17).state_dict()), tmp_path / 'coco.pth')
    train(tiny_config(tiny_coco(images=2)), tmp_path / 'run', load_from=str(path))
    assert ['2 of another shape (head.final_layer.weight, head.final_layer.bias)' in line for line in messages] == [
        True
    ]


@pytest.mark.parametrize('layout', ['official_training', 'mmpose_0x', 'imagenet', 'classifier'])
def test_load_from_takes_foreign_layouts_only_in_training(layout, tiny_coco, tiny_config, tmp_path, messages):
    source = small_model(5)
    path = saved(LAYOUTS[layout][1](clone(source.state_dict())), tmp_path / 'a.pth')
    config = tiny_config(tiny_coco(images=2))
    runner = runner_of(config, tmp_path / 'run')
    runner._train_loop = runner.build_train_loop(runner._train_loop)
    runner.load_checkpoint(str(path))
    torch.testing.assert_close(runner.model.backbone.state_dict(), source.backbone.state_dict(), rtol=0, atol=0)
    assert len(messages) == 1
    tester = runner_of(config, tmp_path / 'test', loaders=('test_dataloader',))
    if layout in POSE_LAYOUTS:
        tester.load_checkpoint(str(path))
        torch.testing.assert_close(tester.model.state_dict(), source.state_dict(), rtol=0, atol=0)
    else:
        with pytest.raises(UserError, match='holds a backbone only'):
            tester.load_checkpoint(str(path))


@pytest.mark.parametrize('loaders', [('train_dataloader',), ('test_dataloader',)], ids=['training', 'testing'])
def test_the_name_of_published_weights_works_as_load_from(
    loaders, tiny_coco, tiny_config, tmp_path, messages, monkeypatch
):
    monkeypatch.setenv('HRPOSE_WEIGHTS', str(tmp_path))
    path = saved(official(small_model(5).state_dict()), tmp_path / 'small.pth')
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()[:8]
    monkeypatch.setitem(PUBLISHED, 'hrnet_small', Published(path.name, sha256, ('http://127.0.0.1:9/small.pth',)))
    runner = runner_of(tiny_config(tiny_coco(images=2)), tmp_path / 'run', loaders=loaders, load_from='hrnet_small')
    runner.load_or_resume()
    (line,) = messages
    assert line.startswith('hrnet_small (official HRNet): ')
    assert '(100%) matched' in line


def test_averaged_weights_start_from_a_file_of_any_layout(tiny_coco, tiny_config, tmp_path):
    source = small_model(5)
    path = saved(official(source.state_dict()), tmp_path / 'a.pth')
    config = tiny_config(tiny_coco(images=2), extra="custom_hooks = [dict(type='EMAHook')]")
    runner = runner_of(config, tmp_path / 'run', load_from=str(path))
    hook = next(hook for hook in runner.hooks if type(hook).__name__ == 'EMAHook')
    started: list[dict] = []
    hook.before_train_epoch = lambda runner: started.append(clone(hook.ema_model.module.state_dict()))
    runner.train()
    torch.testing.assert_close(started[0], dict(source.state_dict()), rtol=0, atol=0)


def test_renaming_by_hand_is_refused_instead_of_ignored(tmp_path):
    with pytest.raises(UserError, match='revise_keys'):
        PoseRunner.load_checkpoint(None, str(tmp_path / 'a.pth'), revise_keys=[('^module.', '')])
