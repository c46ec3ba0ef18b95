"""The scripts that start several processes: their command lines, their processes, and that no process stays."""

import contextlib
import os
import re
import signal
import socket
import subprocess
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from hrpose.cli.distributed import parse_arguments
from hrpose.engine.distributed.machines import Machines, machines_of, meeting, positive
from hrpose.engine.work_dir import latest_checkpoint
from hrpose.errors import UserError
from tests.engine.cases import EVERYTHING, assert_same
from tests.engine.processes import free_port
from tests.tools.scripts import ENVIRONMENT, ROOT, processes_of, run_script, wait_until


@pytest.mark.parametrize('script', ['dist_train.sh', 'dist_test.sh', 'dist_detect_persons.sh', 'slurm_train.sh'])
def test_each_script_has_a_help_text(script):
    done = run_script(script, '--help')
    assert done.returncode == 0
    assert f'usage: tools/{script} ' in done.stdout
    assert 'environment' in done.stdout


@pytest.mark.parametrize(
    ('script', 'words', 'environment', 'reason'),
    [
        ('dist_train.sh', ['c.py'], {}, 'takes CONFIG GPUS first, not c.py'),
        ('dist_test.sh', ['c.py', '2', '--dump', 'a.pkl'], {}, 'takes CONFIG CHECKPOINT GPUS first, not c.py 2;'),
        ('dist_train.sh', ['c.py', 'two'], {}, "GPUS has to be a whole number of at least 1, not 'two'"),
        ('dist_train.sh', ['c.py', '2'], {'NNODES': '2'}, "NODE_RANK has to be 0 to 1 on NNODES=2 machines, not ''"),
        ('dist_train.sh', ['c.py', '0'], {}, "GPUS has to be a whole number of at least 1, not '0'"),
        (
            'dist_train.sh',
            ['c.py', '2'],
            {'NNODES': '2', 'NODE_RANK': '1', 'MASTER_ADDR': 'nowhere.invalid'},
            "MASTER_ADDR: this machine knows no 'nowhere.invalid'",
        ),
        ('slurm_train.sh', ['gpu', 'job'], {}, 'takes PARTITION JOB_NAME CONFIG first, but got gpu job'),
        ('slurm_train.sh', ['gpu', 'job', __file__], {'GPUS': '12'}, 'GPUS is 12, not a multiple of GPUS_PER_NODE=8'),
        ('slurm_train.sh', ['gpu', 'job', __file__], {'GPUS': 'x'}, 'GPUS has to be a whole number'),
        ('slurm_train.sh', ['gpu', 'job', '/nowhere/c.py'], {}, 'no config file /nowhere/c.py'),
    ],
)
def test_a_wrong_command_line_is_one_message(script, words, environment, reason):
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
def test_wrong_variables_of_machines_are_refused(environment, reason):
    with pytest.raises(UserError, match=reason):
        machines_of(environment)


def test_a_port_in_use_is_one_message():
    machines = {'NNODES': '2', 'NODE_RANK': '0', 'MASTER_ADDR': '127.0.0.1'}
    with socket.create_server(('', 0)) as taken:
        port = str(taken.getsockname()[1])
        done = run_script('dist_test.sh', 'c.py', 'a.pth', 2, PORT=port, **machines)
    assert done.returncode == 2
    assert done.stdout.startswith(f'error: PORT {port} is in use on this machine') and done.stdout.count('\n') == 1


def test_a_stranger_at_the_port_is_one_message():
    def hang_up() -> None:
        with contextlib.suppress(OSError):
            while True:
                stranger.accept()[0].close()

    with socket.create_server(('127.0.0.1', 0)) as stranger:
        threading.Thread(target=hang_up, daemon=True).start()
        place = {'NNODES': '2', 'NODE_RANK': '1', 'MASTER_ADDR': '127.0.0.1', 'WAIT': '1'}
        done = run_script('dist_train.sh', 'c.py', 2, PORT=str(stranger.getsockname()[1]), **place)
        stranger.shutdown(socket.SHUT_RDWR)
    assert done.returncode == 2
    assert done.stdout.startswith('error: the 2 machines did not meet at 127.0.0.1:'), done.stdout
    assert done.stdout.count('\n') == 1


@pytest.mark.parametrize('text', ['0', '-1', '1.5', '', '²', '1e3'])
def test_a_wrong_number_of_processes_is_refused(text):
    with pytest.raises(UserError, match='GPUS has to be a whole number'):
        positive(text, 'GPUS')


def test_machines_are_read_from_the_environment():
    environ = {'NNODES': '4', 'NODE_RANK': '3', 'MASTER_ADDR': 'first', 'PORT': '1234', 'WAIT': '60'}
    assert machines_of(environ) == Machines(4, 3, 'first', 1234, 60)
    assert machines_of({'MASTER_ADDR': 'first', 'PORT': '1234'}) == Machines()


def test_processes_are_numbered_over_unequal_machines():
    """Three machines on this one, with 2, 1 and 3 processes."""
    port, sizes = free_port(), (2, 1, 3)

    def place(rank: int) -> list[dict[str, str]]:
        with meeting(Machines(3, rank, '127.0.0.1', port, 30), sizes[rank]) as places:
            return places

    with ThreadPoolExecutor() as pool:
        places = [one for here in pool.map(place, range(3)) for one in here]
    assert [one['RANK'] for one in places] == list('012345')
    assert [one['LOCAL_RANK'] for one in places] == list('010012')
    assert [one['LOCAL_WORLD_SIZE'] for one in places] == list('221333')
    assert {one['WORLD_SIZE'] for one in places} == {'6'}


def test_processes_of_one_machine_meet_in_a_private_folder():
    with meeting(Machines(), 2) as (first, second):
        folder = Path(first['HRPOSE_STORE_FILE']).parent
        assert second['HRPOSE_STORE_FILE'] == first['HRPOSE_STORE_FILE'] and 'MASTER_PORT' not in first
        assert folder.stat().st_mode & 0o777 == 0o700
    assert not folder.exists()


def test_options_of_the_script_are_passed_on():
    words = ['c.py', 'a.pth', '2', '--dump', 'a.pkl', '--cfg-options', 'a=1', 'b=2']
    arguments, options = parse_arguments(Path('tools/test.py'), words)
    assert (arguments.config, arguments.checkpoint, arguments.gpus) == ('c.py', 'a.pth', '2')
    assert options == words[3:]


@pytest.mark.slow
def test_two_processes_train_and_test(tiny_coco, tiny_config, tmp_path):
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
def test_a_mistake_in_all_processes_is_one_message(tiny_coco, tiny_config, tmp_path):
    options = ['--work-dir', tmp_path / 'run', '--cfg-options', 'model.backbone.type=HRNett']
    done = run_script('dist_train.sh', tiny_config(tiny_coco(images=2)), 2, *options)
    assert done.returncode == 2
    assert len(re.findall('^error: ', done.stdout, re.M)) == 1 and 'nearest: HRNet' in done.stdout
    assert 'Traceback' not in done.stdout
    assert 'process 0 ended with status 2, see its message above' in done.stdout


@contextmanager
def running(log: Path, *words: object, **environment: str) -> Iterator[subprocess.Popen]:
    """Start tools/dist_train.sh with its output in `log`; no process of it outlives the block."""
    with log.open('w') as output:
        script = subprocess.Popen(
            [ROOT / 'tools/dist_train.sh', *map(str, words)],
            env={**ENVIRONMENT, **environment},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        yield script
    finally:
        if script.poll() is None:
            script.terminate()
            script.wait(60)


@pytest.mark.slow
@pytest.mark.parametrize('reached', ['process group', 'script alone'])
def test_ctrl_c_ends_every_process(reached, tiny_coco, tiny_config, tmp_path):
    config = tiny_config(tiny_coco(images=8))
    options = [
        'train_cfg.max_epochs=1000',
        'train_dataloader.num_workers=1',
        'train_cfg.val_interval=1000',
        'train_dataloader.persistent_workers=True',
    ]
    log = tmp_path / 'output'
    with running(log, config, 2, '--work-dir', tmp_path / 'run', '--cfg-options', *options) as script:
        assert wait_until(lambda: re.search(r'Epoch\(train\) +\[2\]', log.read_text()), 60), log.read_text()[-3000:]
        # The launcher, two trainings, and a loader worker of each.
        assert wait_until(lambda: len(processes_of(tmp_path)) >= 5, 5), processes_of(tmp_path)
        send = os.kill if 'alone' in reached else os.killpg
        send(script.pid, signal.SIGINT)
        assert script.wait(60) == 130
        assert wait_until(lambda: not processes_of(tmp_path), 10), processes_of(tmp_path)
    assert 'Traceback' not in log.read_text(), log.read_text()[-3000:]


def listeners_of(script: subprocess.Popen) -> dict[int, set[str]]:
    """Return the addresses at which a command and its child processes listen or receive, by process."""
    found = {}
    for process in [psutil.Process(script.pid), *psutil.Process(script.pid).children(recursive=True)]:
        with contextlib.suppress(psutil.NoSuchProcess):
            sockets = process.net_connections('inet')
            found[process.pid] = {one.laddr.ip for one in sockets if one.laddr and not one.raddr}
    return found


def listeners_until(logs: list[Path], scripts: list[subprocess.Popen], sign: str) -> dict[int, set[str]]:
    """Collect the listening addresses of running commands until `sign` is in all their logs."""
    seen: dict[int, set[str]] = {}

    def look() -> bool:
        assert all(script.poll() is None for script in scripts), [log.read_text()[-3000:] for log in logs]
        for script in scripts:
            for process, addresses in listeners_of(script).items():
                seen.setdefault(process, set()).update(addresses)
        return all(re.search(sign, log.read_text()) for log in logs)

    assert wait_until(look, 240), [log.read_text()[-3000:] for log in logs]
    return seen


@pytest.mark.slow
def test_on_one_machine_nothing_listens_beyond_the_loopback(tiny_coco, tiny_config, tmp_path):
    options = ['--cfg-options', 'train_cfg.max_epochs=1000', 'train_dataloader.num_workers=1']
    words = [tiny_config(tiny_coco(images=8)), 2, '--work-dir', tmp_path / 'run', *options]
    with running(tmp_path / 'log', *words) as script:
        seen = listeners_until([tmp_path / 'log'], [script], r'Epoch\(train\) +\[2\]')
    assert not seen.pop(script.pid), 'the launcher needs no socket'
    assert sum(map(bool, seen.values())) >= 2, 'gloo listens in both processes'
    assert set().union(*seen.values()) == {'127.0.0.1'}


@pytest.mark.slow
def test_of_several_machines_each_listens_at_one_address(tiny_coco, tiny_config, tmp_path):
    """Two machines on this one, whose first is reached at another address of the loopback."""
    place = {'NNODES': '2', 'MASTER_ADDR': '127.0.0.2', 'PORT': str(free_port())}
    words = [tiny_config(tiny_coco(images=8)), 1, '--work-dir', tmp_path / 'run']
    words += ['--cfg-options', 'train_cfg.max_epochs=1000']
    logs = [tmp_path / 'log_0', tmp_path / 'log_1']
    with (
        running(logs[0], *words, NODE_RANK='0', **place) as first,
        running(logs[1], *words, NODE_RANK='1', **place) as second,
    ):
        assert wait_until(lambda: (tmp_path / 'run' / 'epoch_2.pth').is_file(), 240), logs[0].read_text()[-3000:]
        seen = listeners_of(first), listeners_of(second)
    assert seen[0].pop(first.pid) == {'127.0.0.2'}, 'the launcher of machine 0 holds the store'
    assert not seen[1].pop(second.pid)
    assert {address for machine in seen for here in machine.values() for address in here} == {'127.0.0.1'}


def process_of(rank: int, folder: Path) -> int:
    """Return the process with a rank whose command line names `folder`."""
    found = [int(line.split()[0]) for line in processes_of(folder)]
    (process,) = [one for one in found if f'\0RANK={rank}\0' in Path(f'/proc/{one}/environ').read_text()]
    return process


@pytest.mark.slow
@pytest.mark.parametrize('rank', [0, 1])
def test_a_training_resumes_after_a_killed_process(rank, tiny_coco, tiny_config, tmp_path):
    config = tiny_config(tiny_coco(images=10), extra=EVERYTHING)
    options = ['--cfg-options', 'train_cfg.max_epochs=8', 'default_hooks.checkpoint.max_keep_ckpts=9']
    unbroken = run_script('dist_train.sh', config, 2, '--work-dir', tmp_path / 'unbroken', *options)
    assert unbroken.returncode == 0, unbroken.stdout[-3000:]
    with running(tmp_path / 'log', config, 2, '--work-dir', tmp_path / 'broken', *options) as script:
        assert wait_until((tmp_path / 'broken' / 'epoch_2.pth').is_file, 120), (tmp_path / 'log').read_text()[-3000:]
        os.kill(process_of(rank, tmp_path / 'broken'), signal.SIGKILL)
        assert script.wait(20) == 1
        assert wait_until(lambda: not processes_of(tmp_path), 10), processes_of(tmp_path)
    log = (tmp_path / 'log').read_text()
    killed = f'process {rank} was killed by SIGKILL (probably memory ran out); the others were stopped. '
    assert log.endswith(killed + 'Resume a training from its last checkpoint with --resume\n')
    assert 'Traceback' not in log and latest_checkpoint(tmp_path / 'broken').name < 'epoch_8'
    resumed = run_script('dist_train.sh', config, 2, '--work-dir', tmp_path / 'broken', '--resume', *options)
    assert resumed.returncode == 0, resumed.stdout[-3000:]
    assert_same(tmp_path / 'unbroken' / 'epoch_8.pth', tmp_path / 'broken' / 'epoch_8.pth')


SRUN = """#!/usr/bin/env bash
# Stand-in for srun: start as many processes as asked for, each with its rank.
for word; do case $word in --ntasks=*) tasks=${word#*=} ;; --*) ;; *) break ;; esac; shift; done
export SLURM_NTASKS=$tasks SLURM_JOB_NODELIST=localhost
for ((rank = 0; rank < tasks; rank++)); do SLURM_PROCID=$rank SLURM_LOCALID=$rank "$@" & done
status=0
for job in $(jobs -p); do wait "$job" || status=$?; done
exit $status
"""


@pytest.mark.slow
def test_processes_of_slurm_find_each_other(tiny_coco, tiny_config, tmp_path):
    for name, text in {'srun': SRUN, 'scontrol': '#!/bin/sh\necho localhost\n'}.items():
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o755)
    environment = {'GPUS': '2', 'GPUS_PER_NODE': '0', 'PATH': f'{tmp_path}:{os.environ["PATH"]}', 'PORT': '29591'}
    words = ['part', 'job', tiny_config(tiny_coco(images=4)), '--work-dir', tmp_path / 'run']
    done = run_script('slurm_train.sh', *words, **environment)
    assert done.returncode == 0, done.stdout[-3000:]
    assert 'effective batch 4 (2 a process x 2 x 1 accumulated)' in done.stdout
    assert (tmp_path / 'run' / 'epoch_1.pth').is_file()
