"""Attacks by a checkpoint that a training resumes from: each ends in a sentence before anything is taken over."""

import copy
import math
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from mmengine.logging import HistoryBuffer
from mmengine.optim import MultiStepLR, OptimWrapper, ReduceOnPlateauLR, ReduceOnPlateauMomentum
from torch import nn

from hrpose.checkpoints import read_checkpoint
from hrpose.engine.hooks.exact_resume import PENDING, PendingGradientsHook
from hrpose.engine.takeover import checked_takeover, require_fit
from hrpose.errors import UserError
from hrpose.registry import OPTIMIZERS
from tests.engine.cases import EVERYTHING, runner_of

NUMBERS = torch.arange(6.0)


def training(optimizer: str = 'Adam', schedule: type = MultiStepLR, **options: Any) -> Any:
    """Return what `checked_takeover` needs of a runner, with an optimizer of one step on a layer (3, 2)."""
    torch.manual_seed(0)
    model = nn.Linear(2, 3)
    kind = getattr(torch.optim, optimizer, None) or OPTIMIZERS.get(optimizer)
    wrapper = OptimWrapper(kind(model.parameters(), lr=0.01, **options))
    plan = {'milestones': [2]} if schedule is MultiStepLR else {'monitor': 'loss'}
    loop = SimpleNamespace(max_epochs=4, max_iters=40, epoch=0)
    return SimpleNamespace(
        model=model, optim_wrapper=wrapper, param_schedulers=[schedule(wrapper, **plan)], train_loop=loop, _resume=True
    )


def content_of(runner: Any) -> dict[str, Any]:
    """Return the content of a checkpoint after a step."""
    runner.optim_wrapper.update_params(runner.model(torch.ones(1, 2)).sum())
    state = copy.deepcopy(runner.optim_wrapper.state_dict())
    return {
        'meta': {'epoch': 1, 'iter': 10, 'seed': 0},
        'state_dict': runner.model.state_dict(),
        'message_hub': {
            'log_scalars': {'train/loss': HistoryBuffer([1.0], [1])},
            'runtime_info': {},
            'resumed_keys': {},
        },
        'optimizer': state,
        'param_schedulers': [{'last_step': 1, '_global_step': 1, '_last_value': [0.01]}],
    }


def adam(**values: Any) -> Callable[[dict], object]:
    return lambda content: content['optimizer']['state'][0].update(values)


def meta(**values: Any) -> Callable[[dict], object]:
    return lambda content: content['meta'].update(values)


def notes(**values: Any) -> Callable[[dict], object]:
    return lambda content: content['message_hub']['runtime_info'].update(values)


SPARSE = torch.sparse_coo_tensor([[0], [0]], [1.0], (3, 2), check_invariants=True)
QUANTIZED = torch.quantize_per_tensor(torch.ones(3, 2), 0.1, 0, torch.qint8)

# What is put into the file -> what the refusal says.
REFUSED: dict[str, tuple[Callable[[dict], object], str]] = {
    'state_of_another_shape': (adam(exp_avg=torch.zeros(2, 3)), r'state of weight, exp_avg, has shape \(2, 3\), not'),
    'state_without_dimensions': (adam(exp_avg=torch.zeros(())), 'has shape'),
    'state_that_is_sparse': (adam(exp_avg=SPARSE), 'not a dense tensor'),
    'state_that_is_quantized': (adam(exp_avg_sq=QUANTIZED), 'not a dense tensor'),
    'state_that_is_complex': (adam(exp_avg=torch.zeros(3, 2, dtype=torch.complex64)), 'not a dense tensor'),
    'state_of_integers': (adam(exp_avg=torch.zeros(3, 2, dtype=torch.int64)), 'not a dense tensor'),
    'state_with_nan': (adam(exp_avg=torch.full((3, 2), math.nan)), 'has NaN or infinity'),
    'state_that_is_text': (adam(exp_avg='zeros'), 'is a str, not a tensor'),
    'state_that_is_missing': (lambda content: content['optimizer']['state'][0].pop('exp_avg'), 'other entries'),
    'state_of_another_optimizer': (adam(momentum_buffer=torch.zeros(3, 2)), 'other entries'),
    'state_of_no_weight': (lambda content: content['optimizer']['state'].update({9: {}}), 'belongs to no weight'),
    'state_that_is_a_list': (lambda content: content['optimizer'].update(state=[]), 'has no state'),
    'step_that_is_a_vector': (adam(step=torch.ones(3, 2)), 'step, is not a finite number'),
    'step_that_is_negative': (adam(step=torch.tensor(-1.0)), 'step, is not a finite number'),
    'step_that_is_nan': (adam(step=math.nan), 'step, is not a finite number'),
    'groups_of_other_weights': (
        lambda content: content['optimizer']['param_groups'][0].update(params=[0, 0]),
        'other groups of weights',
    ),
    'groups_that_are_text': (lambda content: content['optimizer'].update(param_groups=['a']), 'no groups of weights'),
    'epochs_without_end': (meta(epoch=10**9), 'has 1000000000 epochs done, but this config trains for 4'),
    'steps_without_end': (meta(iter=10**400), r'more than 10\^12 iters done'),
    'epochs_below_zero': (meta(epoch=-1), 'meta.epoch is not a number of epochs done'),
    'epochs_that_are_true': (meta(epoch=True), 'meta.epoch is not'),
    'seed_that_is_text': (meta(seed='1'), 'no seed'),
    'seed_of_many_bits': (meta(seed=2**40), 'no seed'),
    'weights_with_infinity': (
        lambda content: content['state_dict'].update(bias=NUMBERS / 0),
        'bias has NaN or infinity',
    ),
    'averages_of_another_shape': (
        lambda content: content.update(ema_state_dict={'module.weight': torch.zeros(2)}),
        'ema_state_dict, module.weight, does not fit',
    ),
    'averages_of_no_weight': (lambda content: content.update(ema_state_dict={'module.a': NUMBERS}), 'does not fit'),
    'averages_that_are_text': (lambda content: content.update(ema_state_dict='a'), 'is a str'),
    'hub_that_is_a_list': (lambda content: content.update(message_hub=[]), 'message_hub is not as'),
    'hub_with_control_characters': (notes(**{'\x1b[2J': 1}), 'no printable text'),
    'checkpoints_to_remove_by_path': (notes(keep_ckpt_ids=['../../etc']), 'wrong keep_ckpt_ids'),
    'best_checkpoints_of_text': (notes(best_checkpoints=[['a', 'b']]), 'wrong best_checkpoints'),
    'patience_of_text': (notes(early_stop={'waited': 'long', 'best': 0.0, 'stopped': False}), 'wrong early_stop'),
}


@pytest.mark.parametrize('attack', REFUSED)
def test_what_does_not_fit_a_training_is_refused_by_name(attack):
    spoil, reason = REFUSED[attack]
    runner = training()
    content = content_of(runner)
    before = copy.deepcopy((runner.optim_wrapper.state_dict(), runner.model.state_dict()))
    spoil(content)
    with pytest.raises(UserError, match=reason):
        checked_takeover(content, runner)
    torch.testing.assert_close((runner.optim_wrapper.state_dict(), before[1]), (before[0], before[1]), rtol=0, atol=0)


@pytest.mark.parametrize(
    ('name', 'options'),
    [
        ('Adam', {}),
        ('Adam', {'amsgrad': True}),
        ('AdamW', {}),
        ('SGD', {}),
        ('SGD', {'momentum': 0.9}),
        ('RMSprop', {'momentum': 0.5, 'centered': True}),
        ('Adagrad', {}),
        ('NAdam', {}),
        ('Adafactor', {}),
        ('MuonAdamW', {}),
    ],
)
def test_the_state_of_every_optimizer_is_taken_to_the_bit(name, options):
    runner = training(name, **options)
    content = content_of(runner)
    taken = checked_takeover(content, runner)['optimizer']
    torch.testing.assert_close(taken['state'], content['optimizer']['state'], rtol=0, atol=0)
    fresh = training(name, **options)
    fresh.optim_wrapper.load_state_dict(taken)
    torch.testing.assert_close(fresh.optim_wrapper.state_dict()['state'], content['optimizer']['state'], rtol=0, atol=0)


@pytest.mark.parametrize(
    'value',
    [
        {'lr': math.nan},
        {'lr': 'fast'},
        {'weight_decay': 1e9},
        {'betas': (2.0, -1.0)},
        {'maximize': True},
        {'capturable': True},
        {'eps': 1e9},
    ],
    ids=lambda value: next(iter(value)),
)
def test_hyperparameters_are_those_of_the_config(value):
    runner = training()
    content = content_of(runner)
    content['optimizer']['param_groups'][0].update(value)
    content['param_schedulers'][0].update(milestones={1: 10**9}, gamma=1e9, step='no function')
    taken = checked_takeover(content, runner)
    assert taken['optimizer']['param_groups'] == runner.optim_wrapper.optimizer.state_dict()['param_groups']
    assert 'param_schedulers' not in taken


def test_a_schedule_that_follows_a_metric_keeps_its_progress_only():
    runner = training(schedule=ReduceOnPlateauLR)
    content = content_of(runner)
    content['optimizer']['param_groups'][0]['lr'] = 0.001
    content['param_schedulers'] = [{'best': 0.5, 'num_bad_epochs': 3, 'factor': 1e9, 'step': 1, 'last_step': 'a'}]
    taken = checked_takeover(content, runner)
    assert taken['optimizer']['param_groups'][0]['lr'] == 0.001
    assert taken['param_schedulers'] == [{'best': 0.5, 'num_bad_epochs': 3}]
    for rate in (math.nan, math.inf, 'fast', -1.0, None):
        content['optimizer']['param_groups'][0]['lr'] = rate
        with pytest.raises(UserError, match='lr is not a finite number'):
            checked_takeover(content, runner)


@pytest.mark.parametrize(('optimizer', 'beta'), [('Adam', 0.5), ('MuonAdamW', 0.9)])
def test_momentum_by_metric_is_the_first_beta_where_an_optimizer_has_no_momentum(optimizer, beta):
    runner = training(optimizer, ReduceOnPlateauMomentum)
    content = content_of(runner)
    content['optimizer']['param_groups'][0]['momentum'] = 0.5
    group = checked_takeover(content, runner)['optimizer']['param_groups'][0]
    assert (group['momentum'], group['betas'][0]) == (0.5, beta)


GRADIENTS = {
    'of_another_shape': torch.zeros(2, 3),
    'of_another_type': 'zeros',
    'sparse': SPARSE,
    'with_nan': torch.full((3, 2), math.nan),
    'of_integers': torch.zeros(3, 2, dtype=torch.int32),
}


@pytest.mark.parametrize('kind', GRADIENTS)
def test_pending_gradients_that_do_not_fit_are_refused(kind):
    with pytest.raises(UserError, match='the gradient of weight'):
        PendingGradientsHook().after_load_checkpoint(training(), {PENDING: {'weight': GRADIENTS[kind]}})


def test_pending_gradients_of_no_weight_are_refused():
    for wrong in ({'a\x1b': NUMBERS}, [NUMBERS]):
        with pytest.raises(UserError, match='the checkpoint has'):
            PendingGradientsHook().after_load_checkpoint(training(), {PENDING: wrong})


def test_an_expanded_tensor_is_taken_in_memory_of_its_own():
    taken = require_fit(torch.ones(1).expand(3, 2), torch.zeros(3, 2), 'x')
    assert taken.is_contiguous() and taken.untyped_storage().nbytes() == 24


def test_a_training_resumes_from_no_spoiled_file(tiny_coco, tiny_config, tmp_path):
    config = tiny_config(tiny_coco(images=3), extra=EVERYTHING)
    runner_of(config, tmp_path / 'run').train()
    path = tmp_path / 'run' / 'epoch_1.pth'
    content = read_checkpoint(path)
    values = content['optimizer']['state'][0]
    options = {'resume': True, 'train_cfg.max_epochs': 2}
    torch.save({**content, 'optimizer': {**content['optimizer'], 'state': {0: {**values, 'exp_avg': NUMBERS}}}}, path)
    with pytest.raises(UserError, match='epoch_1.pth: cannot resume from it: .* has shape'):
        runner_of(config, tmp_path / 'run', **options).train()
    values['exp_avg'] = torch.zeros(1).expand_as(values['exp_avg'])
    torch.save(content, path)
    runner_of(config, tmp_path / 'run', **options).train()
    assert (tmp_path / 'run' / 'epoch_2.pth').is_file()
