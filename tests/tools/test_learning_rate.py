"""The effective batch and the learning rate: logged in every training, scaled on request."""

import re
from types import SimpleNamespace

import pytest

from hrpose.engine.optimizer import Batch, batch_of

WITHOUT_VALIDATION = 'val_dataloader = val_cfg = val_evaluator = None'


@pytest.fixture
def train(call, tiny_coco, tiny_config, tmp_path):
    """Train on two people in one batch; the recipe's is 32 at 1e-3. Return the output."""
    data = tiny_coco(joints=3, images=2)

    def run(*words: object, extra: str = '', ends_with: int = 0) -> str:
        config = tiny_config(data, extra=f'{WITHOUT_VALIDATION}\n{extra}')
        status, output = call('train', config, '--work-dir', tmp_path / 'run', *words)
        assert status == ends_with, output[-3000:]
        return output

    return run


def stated(output: str) -> list[str]:
    """Return the effective batch, the recipe's batch and the learning rate in a log."""
    (found,) = re.findall(r"effective batch (\d+ .*?); recipe's batch (.*?); learning rate (\S+)", output)
    return list(found)


def warnings(output: str) -> list[str]:
    return re.findall(r'WARNING - (the effective batch is .*)', output)


def first_rate(output: str) -> float:
    """Return the learning rate of the first step in a log."""
    return float(re.findall(r' lr: (\S+)', output)[0])


def test_a_batch_that_differs_from_the_recipes_is_warned_of(train):
    output = train('--amp')
    assert stated(output) == ['2 (2 a process x 1 x 1 accumulated)', '32', '0.001']
    (warning,) = warnings(output)
    assert (
        'the effective batch is 2, but the learning rate is for 32' in warning and 'multiplies it by 0.0625' in warning
    )
    assert first_rate(output) == pytest.approx(1e-3)


def test_the_learning_rate_follows_the_batch_on_request(train):
    output = train('--auto-scale-lr')
    assert stated(output) == ['2 (2 a process x 1 x 1 accumulated)', '32', '6.25e-05']
    assert warnings(output) == []
    assert first_rate(output) == pytest.approx(1e-3 / 16, rel=1e-4)


def test_accumulated_batches_count_in_the_effective_batch(train):
    options = ['--cfg-options', 'optim_wrapper.accumulative_counts=4', 'train_cfg.max_epochs=4']
    output = train('--auto-scale-lr', *options)
    assert stated(output) == ['8 (2 a process x 1 x 4 accumulated)', '32', '0.00025']
    assert first_rate(output) == pytest.approx(1e-3 / 4, rel=1e-4)


def test_the_recipes_batch_gives_no_warning(train):
    output = train('--cfg-options', 'optim_wrapper.accumulative_counts=4', 'auto_scale_lr.base_batch_size=8')
    assert stated(output) == ['8 (2 a process x 1 x 4 accumulated)', '8', '0.001']
    assert warnings(output) == []


def test_a_config_without_a_recipe_batch_cannot_scale(train):
    assert stated(train(extra='auto_scale_lr = None'))[1] == 'not stated (auto_scale_lr.base_batch_size)'
    output = train('--auto-scale-lr', extra='auto_scale_lr = None', ends_with=2)
    assert 'add auto_scale_lr = dict(base_batch_size=' in output and 'Traceback' not in output


@pytest.mark.parametrize('size', ["'32'", 0, -8])
def test_a_wrong_recipe_batch_is_refused(size, train):
    output = train('--auto-scale-lr', extra=f'auto_scale_lr = dict(base_batch_size={size})', ends_with=2)
    assert 'auto_scale_lr.base_batch_size: has to be a whole number of at least 1' in output


def test_the_learning_rate_after_warm_up_is_logged(train):
    extra = "param_scheduler = [dict(type='LinearLR', start_factor=0.01, end=5, by_epoch=False)]"
    output = train('--auto-scale-lr', extra=extra)
    assert stated(output)[2] == '6.25e-05'
    assert first_rate(output) == pytest.approx(6.25e-7, rel=1e-3)


def test_a_resumed_run_takes_the_learning_rate_of_its_options_and_says_so(train):
    extra = "param_scheduler = [dict(type='MultiStepLR', milestones=[1], gamma=0.1)]"
    train('--auto-scale-lr', extra=extra)
    output = train('--resume', '--auto-scale-lr', '--cfg-options', 'train_cfg.max_epochs=2', extra=extra)
    assert stated(output)[2] == '6.25e-05' and 'learning rate before schedule' not in output
    output = train('--resume', '--cfg-options', 'train_cfg.max_epochs=3', extra=extra)
    assert stated(output)[2] != '6.25e-05'
    assert "the checkpoint's learning rate before schedule is 6.25e-05, that of the config" in output


def test_processes_count_in_the_effective_batch():
    runner = SimpleNamespace(
        train_dataloader=SimpleNamespace(batch_size=24), world_size=4, optim_wrapper=SimpleNamespace()
    )
    assert batch_of(runner) == Batch(24, 4, 1)
    assert batch_of(runner).size == 96
