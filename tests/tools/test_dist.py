"""The scripts that start several processes: what they refuse, what they start, and that nothing stays behind."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from hrpose.cli.torchrun import parse_arguments, positive, torchrun_words
from hrpose.errors import UserError

ROOT = Path(__file__).resolve().parents[2]
ENVIRONMENT = {**os.environ, 'PYTHON': sys.executable, 'PYTHONPATH': str(ROOT), 'OMP_NUM_THREADS': '1'}


def run_script(script: str, *words: object, **environment: str) -> subprocess.CompletedProcess:
    """Run a script of tools/; its stdout and stderr together are `stdout`."""
    return subprocess.run(
        [ROOT / 'tools' / script, *map(str, words)],
        env={**ENVIRONMENT, **environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=150,
    )


@pytest.mark.parametrize('script', ['dist_train.sh', 'dist_test.sh', 'slurm_train.sh'])
def test_each_script_explains_itself(script):
    done = run_script(script, '--help')
    assert done.returncode == 0
    assert f'usage: tools/{script} ' in done.stdout
    assert 'environment' in done.stdout


@pytest.mark.parametrize(
    ('script', 'words', 'environment', 'reason'),
    [
        ('dist_train.sh', ['c.py'], {}, 'takes CONFIG GPUS first, but got c.py'),
        ('dist_test.sh', ['c.py', '2', '--dump', 'a.pkl'], {}, 'takes CONFIG CHECKPOINT GPUS first, but got c.py 2;'),
        ('dist_train.sh', ['c.py', 'two'], {}, "GPUS has to be a whole number of at least 1, not 'two'"),
        ('dist_train.sh', ['c.py', '2'], {'NNODES': '2'}, "NODE_RANK has to be 0 to 1 on NNODES=2 machines, not ''"),
        ('slurm_train.sh', ['gpu', 'job'], {}, 'takes PARTITION JOB_NAME CONFIG first, but got gpu job'),
        ('slurm_train.sh', ['gpu', 'job', __file__], {'GPUS': '12'}, 'GPUS is 12, which does not divide'),
        ('slurm_train.sh', ['gpu', 'job', __file__], {'GPUS': 'x'}, 'GPUS has to be a whole number'),
        ('slurm_train.sh', ['gpu', 'job', '/nowhere/c.py'], {}, 'no config file /nowhere/c.py'),
    ],
)
def test_a_wrong_command_line_is_one_sentence(script, words, environment, reason):
    done = run_script(script, *words, **environment)
    assert done.returncode == 2
    assert done.stdout.startswith('error: ') and done.stdout.count('\n') == 1
    assert reason in done.stdout


@pytest.mark.parametrize(
    ('environment', 'reason'),
    [
        ({'NNODES': '0'}, 'NNODES has to be a whole number'),
        ({'NNODES': '2', 'NODE_RANK': '2'}, 'NODE_RANK has to be 0 to 1'),
        ({'NNODES': '2', 'NODE_RANK': '1'}, 'MASTER_ADDR does not say'),
        ({'PORT': '65536'}, 'PORT has to be a number'),
        ({'PORT': '-1'}, 'PORT has to be a number'),
    ],
)
def test_machines_that_do_not_fit_are_refused(environment, reason):
    with pytest.raises(UserError, match=reason):
        torchrun_words(2, environment)


@pytest.mark.parametrize('text', ['0', '-1', '1.5', '', '²', '1e3'])
def test_a_number_of_processes_that_is_none_is_refused(text):
    with pytest.raises(UserError, match='GPUS has to be a whole number'):
        positive(text, 'GPUS')


def test_several_machines_are_told_to_torchrun():
    words = torchrun_words(8, {'NNODES': '4', 'NODE_RANK': '3', 'MASTER_ADDR': 'first', 'PORT': '1234'})
    place = ['--nnodes=4', '--node-rank=3', '--master-addr=first', '--master-port=1234']
    assert words == ['--nproc-per-node=8', *place]
    assert torchrun_words(8, {}) == ['--nproc-per-node=8', '--standalone']


def test_options_of_the_script_behind_the_numbers_are_left_alone():
    words = ['c.py', 'a.pth', '2', '--dump', 'a.pkl', '--cfg-options', 'a=1', 'b=2']
    arguments, options = parse_arguments(Path('tools/test.py'), words)
    assert (arguments.config, arguments.checkpoint, arguments.gpus) == ('c.py', 'a.pth', '2')
    assert options == words[3:]


@pytest.mark.slow
def test_two_processes_train_and_test_from_the_command_line(tiny_coco, tiny_config, tmp_path):
    config = tiny_config(tiny_coco(images=6), tiny_coco(images=3, name='val'))
    trained = run_script('dist_train.sh', config, 2, '--work-dir', tmp_path / 'run')
    assert trained.returncode == 0, trained.stdout[-3000:]
    assert 'effective batch 4 (2 a process x 2 x 1 accumulated)' in trained.stdout
    assert 'Epoch(train) [1][2/2]' in trained.stdout
    words = [
        config,
        tmp_path / 'run' / 'epoch_1.pth',
        2,
        '--work-dir',
        tmp_path / 'test',
        '--show-dir',
        tmp_path / 'show',
    ]
    tested = run_script('dist_test.sh', *words)
    assert tested.returncode == 0, tested.stdout[-3000:]
    assert re.search(r'coco/AP: [\d.]+', tested.stdout)
    assert len(list((tmp_path / 'show').iterdir())) == 3


@pytest.mark.slow
def test_a_mistake_that_all_processes_meet_is_told_once_and_without_a_traceback(tiny_coco, tiny_config, tmp_path):
    options = ['--work-dir', tmp_path / 'run', '--cfg-options', 'model.backbone.type=HRNett']
    done = run_script('dist_train.sh', tiny_config(tiny_coco(images=2)), 2, *options)
    assert done.returncode == 2
    assert len(re.findall('^error: ', done.stdout, re.M)) == 1 and 'nearest: HRNet' in done.stdout
    assert 'Traceback' not in done.stdout
    assert 'process 0 left with status 2; its message stands above' in done.stdout


def processes_of(folder: Path) -> list[str]:
    """Return the command lines of all processes that name `folder`."""
    found = []
    for entry in Path('/proc').glob('[0-9]*/cmdline'):
        try:
            line = entry.read_bytes().replace(b'\0', b' ').decode()
        except OSError:
            continue
        if str(folder) in line:
            found.append(f'{entry.parent.name} {line}')
    return found


def wait_until(condition, seconds: float) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.2)
    return False


@pytest.mark.slow
@pytest.mark.parametrize('reached', ['the whole group, as from a terminal', 'the script alone'])
def test_ctrl_c_ends_every_process(reached, tiny_coco, tiny_config, tmp_path):
    config = tiny_config(tiny_coco(images=8))
    options = [
        'train_cfg.max_epochs=1000',
        'train_dataloader.num_workers=1',
        'train_cfg.val_interval=1000',
        'train_dataloader.persistent_workers=True',
    ]
    log = tmp_path / 'output'
    with log.open('w') as output:
        script = subprocess.Popen(
            [ROOT / 'tools/dist_train.sh', config, '2', '--work-dir', tmp_path / 'run', '--cfg-options', *options],
            env=ENVIRONMENT, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip
        try:
            assert wait_until(lambda: re.search(r'Epoch\(train\) +\[2\]', log.read_text()), 60), log.read_text()[-3000:]
            # torchrun, two trainings, and a loader worker of each.
            assert wait_until(lambda: len(processes_of(tmp_path)) >= 5, 5), processes_of(tmp_path)
            send = os.kill if 'alone' in reached else os.killpg
            send(script.pid, signal.SIGINT)
            assert script.wait(60) == 130
            assert wait_until(lambda: not processes_of(tmp_path), 10), processes_of(tmp_path)
        finally:
            if script.poll() is None:
                os.killpg(script.pid, signal.SIGKILL)
    assert 'Traceback' not in log.read_text(), log.read_text()[-3000:]


SRUN = """#!/usr/bin/env bash
# Stands in for Slurm's: starts as many processes as it is told, each with its place.
for word; do case $word in --ntasks=*) tasks=${word#*=} ;; --*) ;; *) break ;; esac; shift; done
export SLURM_NTASKS=$tasks SLURM_JOB_NODELIST=localhost
for ((rank = 0; rank < tasks; rank++)); do SLURM_PROCID=$rank SLURM_LOCALID=$rank "$@" & done
status=0
for job in $(jobs -p); do wait "$job" || status=$?; done
exit $status
"""


@pytest.mark.slow
def test_slurm_starts_the_processes_and_they_find_each_other(tiny_coco, tiny_config, tmp_path):
    for name, text in {'srun': SRUN, 'scontrol': '#!/bin/sh\necho localhost\n'}.items():
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o755)
    environment = {'GPUS': '2', 'GPUS_PER_NODE': '0', 'PATH': f'{tmp_path}:{os.environ["PATH"]}', 'PORT': '29591'}
    words = ['part', 'job', tiny_config(tiny_coco(images=4)), '--work-dir', tmp_path / 'run']
    done = run_script('slurm_train.sh', *words, **environment)
    assert done.returncode == 0, done.stdout[-3000:]
    assert 'effective batch 4 (2 a process x 2 x 1 accumulated)' in done.stdout
    assert (tmp_path / 'run' / 'epoch_1.pth').is_file()
