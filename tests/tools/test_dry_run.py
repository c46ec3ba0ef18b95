"""The dry run: many processes then do what it plans for them."""

import json
import os
import re
import statistics
from pathlib import Path

import pytest
import torch
from mmengine.hooks import Hook

from hrpose.engine.dry_run import plan_of, seconds_a_batch
from tests.engine.cases import runner_of
from tests.engine.processes import run_processes
from tests.tools.scripts import run_program, run_script

# Real / estimated time of a batch, by the number of processes. The estimate excludes messages between them. Measured on
# two busy cores: 1.0 to 1.1 for one, 2.0 to 2.6 for two, 1.6 to 2.5 for four.
RATIOS = {1: (0.7, 1.5), 2: (0.7, 4), 4: (0.7, 4)}


class Counter(Hook):
    """Count the people and batches of this process."""

    def __init__(self) -> None:
        self.people = self.batches = 0

    def before_train_iter(self, runner, batch_idx, data_batch=None) -> None:
        self.people += len(data_batch['inputs'])
        self.batches += 1


def counted(config: Path, work_dir: Path) -> tuple[int, int, str]:
    torch.set_num_threads(1)
    counter = Counter()
    runner = runner_of(config, work_dir, ('train_dataloader',), launcher='pytorch', hooks=[counter])
    runner.train()
    return counter.people, counter.batches, next(iter(work_dir.glob('*/*.log'))).read_text()


def planned(output: str) -> dict[str, str]:
    """Return the lines of a dry run by their title."""
    return dict(re.findall(r'^(\w+(?: \w+)?)  +(.*)$', output, re.M))


@pytest.mark.parametrize('processes', [1, 2, 4])
def test_processes_do_what_the_dry_run_plans(processes, tiny_coco, tiny_config, tmp_path, call):
    config = tiny_config(tiny_coco(images=11))
    status, output = call('train', config, '--work-dir', tmp_path / 'dry', '--dry-run', processes)
    assert status == 0, output[-2000:]
    lines = planned(output)
    done = run_processes(processes, counted, config, tmp_path / 'run')
    people, batches, log = done[0]
    assert all(other[:2] == (people, batches) for other in done)
    assert lines['people'] == f'11 an epoch, {people} a process'
    assert lines['batches'] == f'{batches} an epoch and process, {batches} in all'
    assert f'effective batch {lines["effective batch"]};' in log
    assert lines['shapes'] == 'input (2, 3, 64, 64), output (2, 5, 16, 16)'


def test_a_dry_run_for_64_processes_leaves_no_files(tiny_coco, tiny_config, tmp_path, call):
    config = tiny_config(tiny_coco(images=4), extra='train_cfg["max_epochs"] = 3')
    before = sorted(tmp_path.rglob('*'))
    status, output = call('train', config, '--work-dir', tmp_path / 'run', '--dry-run', 64)
    assert status == 0 and sorted(tmp_path.rglob('*')) == before
    lines = planned(output)
    assert lines['effective batch'] == '128 (2 a process x 64 x 1 accumulated)'
    assert lines['learning rate'] == '0.001 for a batch of 32; --auto-scale-lr makes it 0.004'
    assert lines['batches'] == '1 an epoch and process, 3 in all'
    assert re.match(r'[\d.]+ GiB of ', lines['memory']) and re.match(r'[\d.]+ s a batch, ', lines['time'])


def test_a_dry_run_tells_what_is_left_out_and_the_mirror_pairs(tiny_coco, tiny_config, call):
    def edit(content):
        content['annotations'][1]['iscrowd'] = 1
        content['annotations'][2]['bbox'] = None

    config = tiny_config(tiny_coco(edit=edit), tiny_coco(name='val'))
    status, output = call('train', config, '--dry-run')
    assert status == 0, output[-2000:]
    lines = planned(output)
    assert lines['left out'] == 'train.json: 1 crowd; 1 without a box'
    assert re.search(r'^ {19}val.json: none$', output, re.M)
    assert lines['mirror pairs'] == 'left_a - right_a, left_b - right_b; not mirrored: nose'


@pytest.mark.parametrize(('workers', 'expected'), [(0, 5.0), (1, 3.0), (2, 2.0), (4, 2.0)])
def test_workers_load_while_the_network_computes(workers, expected):
    assert seconds_a_batch(2.0, 3.0, workers) == expected


def test_the_estimated_time_has_steps_and_loading(tiny_coco, tiny_config, tmp_path, call, monkeypatch):
    monkeypatch.setattr('hrpose.engine.dry_run._steps', lambda runner, data: (1.5, {}, ''))
    monkeypatch.setattr('hrpose.engine.dry_run._loading', lambda runner: 0.5)
    config = tiny_config(tiny_coco(images=8))
    status, output = call('train', config, '--dry-run', '1', '--cfg-options', 'train_cfg.max_epochs=450')
    assert status == 0, output[-2000:]
    assert planned(output)['time'] == '2.000 s a batch, 8.0 s an epoch, 1.0 h in all,'


def test_a_training_by_iterations_is_refused(tiny_coco, tiny_config, tmp_path, call):
    loop = "train_cfg = dict(_delete_=True, type='IterBasedTrainLoop', max_iters=3)"
    config = tiny_config(tiny_coco(images=2))
    own = config.with_name('own.py')
    own.write_text(f"_base_ = ['{config.name}']\n{loop}\ndefault_hooks = dict(checkpoint=dict(by_epoch=False))\n")
    status, output = call('train', own, '--dry-run')
    assert status == 2 and '--dry-run: plans trainings by epochs' in output


def test_the_plan_counts_people_that_the_sampler_repeats(tiny_coco, tiny_config, tmp_path):
    runner = runner_of(tiny_config(tiny_coco(images=5)), tmp_path / 'run')
    runner._train_loop = runner.build_train_loop(runner._train_loop)
    plan = plan_of(runner, 4)
    assert (plan.people, plan.people_a_process, plan.batches) == (5, 2, 1)


@pytest.mark.slow
@pytest.mark.parametrize('processes', [1, 2, 4])
def test_the_estimated_time_is_that_of_a_real_training(processes, tiny_coco, tiny_config, tmp_path):
    """Both are started as by a user, with one thread a process; the first epoch does not count."""
    extra = "train_dataloader['batch_size'] = 8\ndefault_hooks['logger']['interval'] = 4"
    config = tiny_config(tiny_coco(images=32 * processes), tiny_coco(images=2, name='val'), extra=extra)
    dry = run_program('tools/train.py', config, '--dry-run', processes)
    assert dry.returncode == 0, dry.stdout[-2000:]
    expected = float(planned(dry.stdout)['time'].split()[0]) * max(1, processes / len(os.sched_getaffinity(0)))
    options = ['--work-dir', tmp_path / 'run', '--cfg-options', 'train_cfg.max_epochs=4', 'train_cfg.val_interval=9']
    if processes == 1:
        real = run_program('tools/train.py', config, *options)
    else:
        real = run_script('dist_train.sh', config, processes, *options)
    assert real.returncode == 0, real.stdout[-2000:]
    log = next((tmp_path / 'run').glob('*/vis_data/scalars.json')).read_text()
    # The last line of an epoch has the mean over its steps.
    by_epoch = {line['epoch']: line['time'] for line in map(json.loads, log.splitlines()) if 'loss' in line}
    measured = statistics.median(by_epoch[epoch] for epoch in (2, 3, 4))
    print(f'{processes} processes: {expected:.3f} s a batch expected, {measured:.3f} s measured')
    low, high = RATIOS[processes]
    assert low < measured / expected < high
