"""Each config line in docs/training.md, tried on a tiny network."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from mmengine.config import Config

from hrpose.checkpoints import read_checkpoint
from hrpose.engine.hooks import EarlyStoppingHook
from hrpose.engine.hooks.checkpoint import CheckpointHook
from hrpose.errors import UserError
from tests.engine.cases import runner_of

ROOT = Path(__file__).resolve().parents[2]
LINES = dict(re.findall(r'^\| ([^|]+) \| `(\w+ = [^|]+)` \|$', (ROOT / 'docs' / 'training.md').read_text(), re.M))


def weights(run: Path, epoch: int) -> dict[str, torch.Tensor]:
    return read_checkpoint(run / f'epoch_{epoch}.pth')['state_dict']


def averaged(run: Path, log: str) -> None:
    raw = read_checkpoint(run / 'epoch_3.pth')['ema_state_dict']['module.head.final_layer.weight']
    assert not weights(run, 3)['head.final_layer.weight'].equal(raw)


def clipped(run: Path, log: str) -> None:
    assert 'grad_norm' in log


def accumulated(run: Path, log: str) -> None:
    assert 'effective batch 8 (2 a process x 1 x 4 accumulated)' in log
    # An epoch has two batches: no step was taken in the first.
    assert read_checkpoint(run / 'epoch_1.pth')['optimizer']['state'] == {}
    assert read_checkpoint(run / 'epoch_2.pth')['optimizer']['state'] != {}


def best_by(metric: str) -> Callable:
    def check(run: Path, log: str) -> None:
        (best,) = run.glob('best_*.pth')
        assert re.fullmatch(rf'best_{metric}_epoch_\d\.pth', best.name)

    return check


def three_best(run: Path, log: str) -> None:
    assert len(list(run.glob('best_coco_AP_epoch_*.pth'))) == log.count('is among the best 3') == 3


def frozen(run: Path, log: str) -> None:
    first, last = weights(run, 2), weights(run, 3)
    names = [name for name in first if name.startswith(('backbone.conv1', 'backbone.bn1', 'backbone.layer1'))]
    assert len(names) > 20 and all(last[name].equal(first[name]) for name in names)
    assert not last['backbone.conv2.weight'].equal(first['backbone.conv2.weight'])


def slower_backbone(run: Path, log: str) -> None:
    rates = {round(group['lr'], 9) for group in read_checkpoint(run / 'epoch_3.pth')['optimizer']['param_groups']}
    assert rates == {1e-3, 1e-4}


def muon(run: Path, log: str) -> None:
    assert 'fused MuonAdamW' in log
    states = read_checkpoint(run / 'epoch_3.pth')['optimizer']['state'].values()
    assert {tuple(state) for state in states} == {('momentum_buffer',), ('step', 'exp_avg', 'exp_avg_sq')}


def tensorboard(run: Path, log: str) -> None:
    assert list(run.glob('*/vis_data/events.out.tfevents*'))


def trained(run: Path, log: str) -> None:
    assert (run / 'epoch_3.pth').is_file()


CHECKS: dict[str, Callable] = {
    'averaged weights': averaged,
    'gradients clipped': clipped,
    'gradients of several': accumulated,
    'stop when': trained,
    "the best checkpoint by COCO's AP": best_by('coco_AP'),
    'the best by PCK': best_by('pck_PCK@0.2'),
    'the three best': three_best,
    'parts that are not trained': frozen,
    'a learning rate for each part': slower_backbone,
    'Muon for kernels': muon,
    'batch norm over all GPUs': trained,
    'steps whose loss': trained,
    'the same numbers': trained,
    'TensorBoard': tensorboard,
    'Weights & Biases': trained,
}


def test_every_documented_line_is_tried():
    assert len(LINES) == len(CHECKS) == 15
    assert all(sum(line.startswith(name) for line in LINES) == 1 for name in CHECKS)


@pytest.mark.parametrize('name', CHECKS)
def test_a_documented_line_does_what_it_says(name, tiny_coco, tiny_config, tmp_path):
    (line,) = (text for what, text in LINES.items() if what.startswith(name))
    if 'Wandb' in line:
        pytest.importorskip('wandb', reason='Weights & Biases is not installed')
    config = tiny_config(tiny_coco(images=4), extra="val_evaluator = [dict(type='CocoMetric'), dict(type='PCKMetric')]")
    own = config.with_name(f'own_{config.name}')
    own.write_text(f"_base_ = ['{config.name}']\n{line}\n")
    options: dict[str, object] = {'train_cfg.max_epochs': 3, 'default_hooks.checkpoint.max_keep_ckpts': 3}
    if 'vis_backends' in line:
        options['visualizer.vis_backends'] = Config.fromfile(own).visualizer.vis_backends
    runner_of(own, tmp_path / 'run', **options).train()
    log = next((tmp_path / 'run').glob('*/*.log')).read_text()
    CHECKS[name](tmp_path / 'run', log)


def test_the_best_checkpoints_are_kept_the_earlier_of_equal_ones(tiny_coco, tiny_config, tmp_path, monkeypatch):
    scores = iter([0.1, 0.5, 0.3, 0.3, float('nan'), 0.4])
    monkeypatch.setattr('hrpose.evaluation.CocoMetric.compute_metrics', lambda self, results: {'AP': next(scores)})
    config = tiny_config(tiny_coco(images=2))
    options = {'train_cfg.max_epochs': 6, 'default_hooks.checkpoint.keep_best': 2}
    runner = runner_of(config, tmp_path / 'run', **options)
    runner.train()
    best = sorted(path.name for path in (tmp_path / 'run').glob('best_*'))
    assert best == ['best_coco_AP_epoch_2.pth', 'best_coco_AP_epoch_6.pth']
    assert runner.message_hub.get_info('best_score') == 0.5
    assert sorted(path.name for path in (tmp_path / 'run').glob('epoch_*')) == ['epoch_5.pth', 'epoch_6.pth']


def test_a_training_that_stopped_early_does_not_resume(tiny_coco, tiny_config, tmp_path, monkeypatch):
    monkeypatch.setattr('hrpose.evaluation.CocoMetric.compute_metrics', lambda self, results: {'AP': 0.5})
    extra = "custom_hooks = [dict(type='EarlyStoppingHook', monitor='coco/AP', patience=2, min_delta=0.1)]"
    config = tiny_config(tiny_coco(images=2), extra=extra)
    options = {'train_cfg.max_epochs': 9}
    runner_of(config, tmp_path / 'run', **options).train()
    assert (tmp_path / 'run' / 'last_checkpoint').read_text().endswith('epoch_3.pth')
    resumed = runner_of(config, tmp_path / 'run', resume=True, **options)
    resumed.train()
    assert resumed.epoch == 3


@pytest.mark.parametrize(
    ('line', 'message'),
    [
        ("frozen = ['backbone.layer9']", "the model has no part 'backbone.layer9'; nearest: backbone.layer1"),
        ("frozen = 'backbone'", r"has to be a list of names, not a text; write frozen = \['backbone'\]"),
        (
            "optim_wrapper = dict(paramwise_cfg=dict(custom_keys={'backbon3': dict(lr_mult=0.1)}))",
            "'backbon3' is in no weight's name; nearest: backbone",
        ),
        ("default_hooks = dict(checkpoint=dict(save_best='coco/APs'))", "save_best='coco/APs' is no metric .*coco/AP"),
        ('default_hooks = dict(checkpoint=dict(by_epoch=False))', 'cannot resume from the middle of an epoch'),
        ("custom_hooks = [dict(type='EarlyStoppingHook', monitor='pck/PCK')]", "monitor='pck/PCK' is no metric"),
    ],
)
def test_a_wrong_line_is_one_message(line, message, tiny_coco, tiny_config, tmp_path):
    config = tiny_config(tiny_coco(images=2))
    own = config.with_name(f'own_{config.name}')
    own.write_text(f"_base_ = ['{config.name}']\n{line}\n")
    with pytest.raises(UserError, match=message):
        runner_of(own, tmp_path / 'run').train()


@pytest.mark.parametrize('value', [0, -1, 1.5, '2'])
def test_a_wrong_number_of_best_checkpoints_is_refused(value):
    with pytest.raises(UserError, match='keep_best has to be a whole number'):
        CheckpointHook(keep_best=value)


def test_early_stopping_takes_either_rule():
    assert (EarlyStoppingHook(monitor='coco/AP').rule, EarlyStoppingHook(monitor='x', rule='less').rule) == (
        'greater',
        'less',
    )
