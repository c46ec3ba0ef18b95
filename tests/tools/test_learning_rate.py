"""The batch, the recipe's batch and the learning rate: stated in every training's log, and followed on request."""

import re
from types import SimpleNamespace

import pytest

from hrpose.engine.optimizer import Batch, batch_of

WITHOUT_VALIDATION = 'val_dataloader = val_cfg = val_evaluator = None'


@pytest.fixture
def train(call, tiny_coco, tiny_config, tmp_path):
    """Train on two people in one batch (the recipe's is 32, at 1e-3); returns what was printed."""
    data = tiny_coco(joints=3, images=2)

    def run(*words: object, extra: str = '', ends_with: int = 0) -> str:
        config = tiny_config(data, extra=f'{WITHOUT_VALIDATION}\n{extra}')
        status, output = call('train', config, '--work-dir', tmp_path / 'run', *words)
        assert status == ends_with, output[-3000:]
        return output

    return run


def stated(output: str) -> list[str]:
    """Return the effective batch, the recipe's batch and the rate that a log states."""
    (found,) = re.findall(r"effective batch (\d+ .*?); recipe's batch (.*?); learning rate (\S+)", output)
    return list(found)


def warnings(output: str) -> list[str]:
    return re.findall(r'WARNING - (a batch of .*)', output)


def first_rate(output: str) -> float:
    """Return the learning rate of the first step in a log."""
    return float(re.findall(r' lr: (\S+)', output)[0])


def test_another_batch_than_the_recipes_is_stated_and_warned_of_and_the_rate_stays(train):
    output = train('--amp')
    assert stated(output) == ['2 (2 a process x 1 x 1 accumulated)', '32', '0.001']
    (warning,) = warnings(output)
    assert 'a batch of 2 is not the 32' in warning and 'multiplies it by 0.0625' in warning
    assert first_rate(output) == pytest.approx(1e-3)


def test_the_rate_follows_the_batch_on_request(train):
    output = train('--auto-scale-lr')
    assert stated(output) == ['2 (2 a process x 1 x 1 accumulated)', '32', '6.25e-05']
    assert warnings(output) == []
    assert first_rate(output) == pytest.approx(1e-3 / 16, rel=1e-4)


def test_accumulated_batches_count(train):
    options = ['--cfg-options', 'optim_wrapper.accumulative_counts=4', 'train_cfg.max_epochs=4']
    output = train('--auto-scale-lr', *options)
    assert stated(output) == ['8 (2 a process x 1 x 4 accumulated)', '32', '0.00025']
    assert first_rate(output) == pytest.approx(1e-3 / 4, rel=1e-4)


def test_the_recipes_own_batch_is_no_reason_for_a_warning(train):
    output = train('--cfg-options', 'optim_wrapper.accumulative_counts=4', 'auto_scale_lr.base_batch_size=8')
    assert stated(output) == ['8 (2 a process x 1 x 4 accumulated)', '8', '0.001']
    assert warnings(output) == []


def test_a_config_that_names_no_batch_says_so_and_refuses_to_scale(train):
    assert stated(train(extra='auto_scale_lr = None'))[1] == 'not said (auto_scale_lr.base_batch_size)'
    output = train('--auto-scale-lr', extra='auto_scale_lr = None', ends_with=2)
    assert 'add auto_scale_lr = dict(base_batch_size=' in output and 'Traceback' not in output


@pytest.mark.parametrize('size', ["'32'", 0, -8])
def test_a_recipes_batch_that_is_none_is_refused(size, train):
    output = train('--auto-scale-lr', extra=f'auto_scale_lr = dict(base_batch_size={size})', ends_with=2)
    assert 'auto_scale_lr.base_batch_size has to be a positive whole number' in output


def test_under_warm_up_the_rate_that_it_leads_to_is_stated(train):
    extra = "param_scheduler = [dict(type='LinearLR', start_factor=0.01, end=5, by_epoch=False)]"
    output = train('--auto-scale-lr', extra=extra)
    assert stated(output)[2] == '6.25e-05'
    assert first_rate(output) == pytest.approx(6.25e-7, rel=1e-3)


def test_a_resumed_run_states_the_rate_of_its_checkpoint(train):
    extra = "param_scheduler = [dict(type='MultiStepLR', milestones=[1], gamma=0.1)]"
    train('--auto-scale-lr', extra=extra)
    output = train('--resume', '--cfg-options', 'train_cfg.max_epochs=2', extra=extra)
    assert stated(output)[2] == '6.25e-05'


def test_processes_count():
    runner = SimpleNamespace(
        train_dataloader=SimpleNamespace(batch_size=24), world_size=4, optim_wrapper=SimpleNamespace()
    )
    assert batch_of(runner) == Batch(24, 4, 1)
    assert batch_of(runner).size == 96
