"""A resumed training equals an uninterrupted one to the bit, wherever it was stopped or killed."""

import functools
import multiprocessing
import os
import signal
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from mmengine.hooks import Hook

from hrpose.checkpoints import read_checkpoint
from hrpose.engine.work_dir import latest_checkpoint
from hrpose.files import PART, whole
from tests.engine.cases import EVERYTHING, assert_same, runner_of


class Notes(Hook):
    """Note the learning rate, people, pixels and a random number of each step."""

    priority = 'LOWEST'

    def __init__(self) -> None:
        self.steps: dict[int, list] = {}

    def before_train_iter(self, runner, batch_idx, data_batch=None) -> None:
        samples = data_batch['data_samples']
        seen = [(sample.id, sample.rotation, sample.box_center.tolist()) for sample in samples]
        pixels = [int(image.sum()) for image in data_batch['inputs']]
        rates = [group['lr'] for group in runner.optim_wrapper.param_groups]
        self.steps[runner.iter] = [rates, seen, pixels, torch.rand(1).item()]


def train(config: Path, work_dir: Path, **options: object) -> dict[int, list]:
    """Train in this process; return the notes by step."""
    notes = Notes()
    runner_of(config, work_dir, hooks=[notes], **options).train()
    return notes.steps


@pytest.mark.parametrize('seed', [0, None], ids=['given', 'drawn'])
def test_two_epochs_and_two_more_equal_four_to_the_bit(seed, tiny_coco, tiny_config, tmp_path):
    config = tiny_config(tiny_coco(images=5), extra=EVERYTHING)
    if seed is None:
        first = train(config, tmp_path / 'broken', **{'train_cfg.max_epochs': 2, 'randomness.seed': None})
        given = read_checkpoint(tmp_path / 'broken' / 'epoch_2.pth')['meta']['seed']
    else:
        first = train(config, tmp_path / 'broken', **{'train_cfg.max_epochs': 2, 'randomness.seed': seed})
        given = seed
    second = train(config, tmp_path / 'broken', resume=True, **{'train_cfg.max_epochs': 4, 'randomness.seed': seed})
    unbroken = train(config, tmp_path / 'unbroken', **{'train_cfg.max_epochs': 4, 'randomness.seed': given})
    assert len(unbroken) == 12 and len({str(step[0]) for step in unbroken.values()}) > 6
    assert len({step[3] for step in unbroken.values()}) == 12
    assert {**first, **second} == unbroken
    assert sorted(first) == list(range(6)) and sorted(second) == list(range(6, 12))
    assert_same(tmp_path / 'unbroken' / 'epoch_4.pth', tmp_path / 'broken' / 'epoch_4.pth')
    names = [sorted(path.name for path in (tmp_path / name).glob('*.pth')) for name in ('broken', 'unbroken')]
    assert names[0] == names[1] and len(names[0]) == 4


def test_a_training_killed_before_its_validation_validates_first(tiny_coco, tiny_config, tmp_path, monkeypatch):
    config = tiny_config(tiny_coco(images=2), extra=EVERYTHING)

    class Killed(Hook):
        def before_val(self, runner) -> None:
            if runner.epoch == 2:
                raise KeyboardInterrupt

    options = {'train_cfg.max_epochs': 3}
    with pytest.raises(KeyboardInterrupt):
        runner_of(config, tmp_path / 'broken', hooks=[Killed()], **options).train()
    train(config, tmp_path / 'broken', resume=True, **options)
    train(config, tmp_path / 'unbroken', **options)
    assert_same(tmp_path / 'unbroken' / 'epoch_3.pth', tmp_path / 'broken' / 'epoch_3.pth')


@pytest.mark.parametrize('optimizer', ['AdamW', 'MuonAdamW'])
def test_the_loss_scale_of_mixed_precision_is_resumed(optimizer, tiny_coco, tiny_config, tmp_path, monkeypatch):
    """mmengine's fp16 wrapper with its scaler on the CPU; the scale and its count of good steps are saved."""
    wrapper = 'mmengine.optim.optimizer.amp_optimizer_wrapper'
    monkeypatch.setattr(f'{wrapper}.is_cuda_available', lambda: True)
    monkeypatch.setattr(f'{wrapper}.GradScaler', functools.partial(torch.amp.GradScaler, 'cpu'))
    amp = {'type': 'AmpOptimWrapper', 'dtype': 'bfloat16', 'loss_scale': {'init_scale': 256.0, 'growth_interval': 2}}
    amp['optimizer'] = {'type': optimizer, 'lr': 1e-3}
    config = tiny_config(tiny_coco(images=5), extra=f'{EVERYTHING}\noptim_wrapper.update({amp!r})')
    two, four = {'train_cfg.max_epochs': 2}, {'train_cfg.max_epochs': 4}
    scaler = lambda path: read_checkpoint(tmp_path / path)['optimizer']['loss_scaler']  # noqa: E731
    train(config, tmp_path / 'broken', **two)
    stopped = scaler('broken/epoch_2.pth')
    train(config, tmp_path / 'broken', resume=True, **four)
    train(config, tmp_path / 'unbroken', **four)
    assert_same(tmp_path / 'unbroken' / 'epoch_4.pth', tmp_path / 'broken' / 'epoch_4.pth')
    resumed, unbroken = scaler('broken/epoch_4.pth'), scaler('unbroken/epoch_4.pth')
    # It doubles after every second good step; a step takes two batches, an epoch has three.
    assert stopped['scale'] > 256.0, stopped
    assert resumed == unbroken and resumed['scale'] > stopped['scale']


class Reporter(Hook):
    """Report through a pipe that training begins, and after which epochs the checkpoint is on disk."""

    priority = 'LOWEST'

    def __init__(self, pipe: Any) -> None:
        self.pipe = pipe

    def before_train(self, runner) -> None:
        self.pipe.send(runner.epoch)

    def after_train_epoch(self, runner) -> None:
        self.pipe.send(runner.epoch + 1)


def start(config: Path, work_dir: Path, options: dict) -> tuple[Any, Any]:
    """Start a training in its own process; return the process and the pipe of its reports."""
    receiver, sender = multiprocessing.Pipe(duplex=False)
    context = multiprocessing.get_context('fork')

    def work() -> None:
        torch.set_num_threads(1)
        runner_of(config, work_dir, hooks=[Reporter(sender)], resume=True, **options).train()

    process = context.Process(target=work)
    process.start()
    sender.close()
    return process, receiver


def kill_at_random(config: Path, work_dir: Path, options: dict, delay: float) -> tuple[bool, int]:
    """Kill a training `delay` seconds after it began; return whether it was running, and the last report."""
    process, reports = start(config, work_dir, options)
    last = reports.recv()
    time.sleep(delay)
    was_alive = process.is_alive()
    process.kill()  # SIGKILL; no effect if it has ended
    process.join()
    assert process.exitcode == (-signal.SIGKILL if was_alive else 0)
    while True:
        try:
            last = reports.recv()
        except EOFError:
            return was_alive, last


@pytest.mark.slow
def test_twenty_kills_lose_and_change_nothing(tiny_coco, tiny_config, tmp_path, capsys):
    data = tiny_coco(images=5)
    config = tiny_config(data, data, extra=EVERYTHING)
    options = {'train_cfg.max_epochs': 24}
    rng = np.random.default_rng(0)
    kills, parts, run, saved = 0, 0, 0, 0
    while kills < 20:
        work_dir = tmp_path / f'broken_{run}'
        was_alive, reported = kill_at_random(config, work_dir, options, float(rng.uniform(0, 1.5)))
        latest = latest_checkpoint(work_dir)
        found = read_checkpoint(latest)['meta']['epoch'] if latest else 0
        assert found >= max(saved, reported), f'after kill {kills}: {latest}, but epoch {reported} had been saved'
        assert not latest or latest.suffix == '.pth'
        saved = found
        parts += len(list(work_dir.glob(f'*{PART}')))
        kills += was_alive
        if not was_alive:
            run, saved = run + 1, 0
    process, _ = start(config, work_dir, options)
    process.join()
    assert process.exitcode == 0
    runner_of(config, tmp_path / 'unbroken', **options).train()
    assert_same(tmp_path / 'unbroken' / 'epoch_24.pth', work_dir / 'epoch_24.pth')
    names = [sorted(path.name for path in folder.glob('*.p*')) for folder in (tmp_path / 'unbroken', work_dir)]
    assert names[0] == names[1]
    with capsys.disabled():
        print(f'\n{kills} kills, {parts} of them while a checkpoint was written, {run + 1} trainings')


@pytest.mark.parametrize(
    ('files', 'named', 'expected'),
    [
        ([], None, None),
        (['epoch_9.pth', 'epoch_10.pth'], None, 'epoch_10.pth'),
        (['epoch_9.pth', 'NOTE', 'epoch_10.pth'], 'epoch_9.pth', 'epoch_10.pth'),
        # An older training left more epochs in the folder.
        (['epoch_200.pth', 'epoch_1.pth', 'NOTE'], 'epoch_1.pth', 'epoch_1.pth'),
        (['epoch_2.pth', 'NOTE', 'epoch_1.pth'], 'epoch_2.pth', 'epoch_2.pth'),
        (['epoch_2.pth', 'NOTE', 'epoch_3.pth.part', 'best_coco_AP_epoch_3.pth'], 'epoch_2.pth', 'epoch_2.pth'),
        (['epoch_3.pth', 'NOTE'], 'epoch_2.pth', 'epoch_3.pth'),
        (['iter_500.pth', 'NOTE'], '/before/it/was/moved/iter_500.pth', 'iter_500.pth'),
        (['mine.pth'], None, None),
    ],
)
def test_a_training_resumes_from_the_newest_complete_checkpoint(files, named, expected, tmp_path):
    for age, name in enumerate(files):
        path = tmp_path / ('last_checkpoint' if name == 'NOTE' else name)
        path.write_text(str(tmp_path / named) if name == 'NOTE' else '')
        os.utime(path, (1e9 + age, 1e9 + age))
    assert latest_checkpoint(tmp_path) == (expected and tmp_path / expected)


def test_a_file_is_replaced_completely_or_not_at_all(tmp_path):
    path = tmp_path / 'a.pth'
    with whole(path) as part:
        part.write_text('first')
    with pytest.raises(KeyboardInterrupt), whole(path) as part:
        part.write_text('sec')
        raise KeyboardInterrupt
    assert path.read_text() == 'first' and list(tmp_path.iterdir()) == [path]
