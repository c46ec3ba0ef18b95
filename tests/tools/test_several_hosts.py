"""Two hosts of two processes each, joined by a cable: their results, and what remains when one is lost."""

import pickle
import re
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import torch

from hrpose.apis import init_model
from hrpose.engine.work_dir import latest_checkpoint
from tests.engine.cases import EVERYTHING, assert_same
from tests.tools.hosts import Host, NotPermitted, two_hosts
from tests.tools.scripts import ENVIRONMENT, ROOT, run_script, wait_until

pytestmark = pytest.mark.slow


@pytest.fixture
def hosts() -> Iterator[tuple[Host, Host]]:
    """Two hosts; skip the test if they are not permitted."""
    with ExitStack() as stack:
        try:
            pair = stack.enter_context(two_hosts())
        except NotPermitted as error:
            pytest.skip(f'network namespaces are not permitted here: {error}')
        yield pair


def start(hosts: tuple[Host, Host], script: str, logs: Path, *words: object) -> list[subprocess.Popen]:
    """Start the same command on both hosts, with two processes each."""
    logs.mkdir(exist_ok=True)
    started = []
    for rank, host in enumerate(hosts):
        place = {'NNODES': '2', 'NODE_RANK': str(rank), 'MASTER_ADDR': hosts[0].address, 'WAIT': '60'}
        log = logs / f'host_{rank}'
        started.append(host.start([ROOT / 'tools' / script, *words], log, {**ENVIRONMENT, **place}))
    return started


def ended(started: list[subprocess.Popen], logs: Path, seconds: float = 240) -> list[int]:
    """Return the exit status of the script on each host, within `seconds`."""
    done = wait_until(lambda: all(script.poll() is not None for script in started), seconds)
    assert done, '\n'.join(path.read_text()[-3000:] for path in sorted(logs.iterdir()))
    return [script.returncode for script in started]


@pytest.fixture
def disks(hosts, tmp_path) -> tuple[Path, Path]:
    """A folder that is another disk on each host: its name, and the place of the second host's in this process."""
    (tmp_path / 'disk').mkdir()
    return tmp_path / 'disk', hosts[1].own_disk(tmp_path / 'disk')


def files_in(folder: Path) -> list[Path]:
    return [path for path in folder.rglob('*') if path.is_file()]


def test_a_training_resumes_after_a_killed_host(hosts, disks, tiny_coco, tiny_config, tmp_path):
    """The uninterrupted training writes to a shared disk; the other one to a disk of each host."""
    config = tiny_config(tiny_coco(images=20), tiny_coco(images=3, name='val'), extra=EVERYTHING)
    options = ['--cfg-options', 'train_cfg.max_epochs=8', 'default_hooks.checkpoint.max_keep_ckpts=9']
    train = ['dist_train.sh', tmp_path / 'logs', config, 2, '--work-dir']
    assert ended(start(hosts, *train, tmp_path / 'shared', *options), tmp_path / 'logs') == [0, 0]

    disk, other_disk = disks
    started = start(hosts, *train, disk, *options)
    assert wait_until((disk / 'epoch_2.pth').is_file, 240), (tmp_path / 'logs' / 'host_0').read_text()[-3000:]
    assert hosts[1].kill() >= 3  # the launcher and two trainings
    assert ended(started, tmp_path / 'logs', 20) == [2, -9]
    told = (tmp_path / 'logs' / 'host_0').read_text()
    (message,) = re.findall(r'^error: (process 0 of 4 lost another one: it ended, or its machine did.*)$', told, re.M)
    latest = latest_checkpoint(disk)
    assert message.endswith(f'Resume from {latest} with --resume') and latest.name < 'epoch_8'
    assert 'Traceback' not in told and re.search('^process 0 ended with status 2, see its message', told, re.M)
    assert wait_until(lambda: not hosts[0].processes(), 5)

    resumed = start(hosts, *train, disk, '--resume', *options)
    assert ended(resumed, tmp_path / 'logs') == [0, 0]
    told = (tmp_path / 'logs' / 'host_0').read_text()
    assert f'{latest}: process 0 sends it to 2 processes that do not have it' in told
    assert re.findall(r'Epoch\(train\) +\[(\d+)\]\[1/', told)[0] == str(int(latest.stem.split('_')[1]) + 1)
    assert_same(tmp_path / 'shared' / 'epoch_8.pth', disk / 'epoch_8.pth')
    assert not files_in(other_disk)
    assert len(list((tmp_path / 'shared').glob('*/*.log'))) == 1


def test_two_hosts_have_the_metrics_of_one_process(hosts, disks, tiny_coco, tiny_config, tmp_path):
    """5 images on 4 processes; weights and predictions are only on the disk of the first host."""
    config, (disk, other_disk) = tiny_config(tiny_coco(images=5)), disks
    torch.manual_seed(0)
    torch.save({'state_dict': init_model(config).state_dict()}, disk / 'weights.pth')
    words = [disk / 'weights.pth', 2, '--work-dir', disk / 'run', '--dump', disk / 'found.pkl']
    started = start(hosts, 'dist_test.sh', tmp_path / 'logs', config, *words)
    assert ended(started, tmp_path / 'logs') == [0, 0]
    words = [disk / 'weights.pth', 1, '--work-dir', tmp_path / 'one', '--dump', tmp_path / 'one.pkl']
    alone = run_script('dist_test.sh', config, *words)
    assert alone.returncode == 0, alone.stdout[-3000:]
    assert people(disk / 'found.pkl') == people(tmp_path / 'one.pkl') == list(range(100, 105))
    assert metrics((tmp_path / 'logs' / 'host_0').read_text()) == metrics(alone.stdout)
    assert not files_in(other_disk)


def people(dump: Path) -> list[int]:
    return [person['id'] for person in pickle.loads(dump.read_bytes())]


def metrics(told: str) -> list[str]:
    """Return the metrics that a test printed."""
    found = re.findall(r'coco/\w+: [-\d.]+', told)
    assert len(found) >= 10
    return found


def test_hosts_without_a_cable_end_after_the_timeout(hosts, tiny_coco, tiny_config, tmp_path):
    """Nothing closes their connections, as in a power failure."""
    config = tiny_config(tiny_coco(images=8), extra='env_cfg = dict(dist_cfg=dict(timeout=15))')
    words = [config, 2, '--work-dir', tmp_path / 'run', '--cfg-options', 'train_cfg.max_epochs=1000']
    started = start(hosts, 'dist_train.sh', tmp_path / 'logs', *words)
    assert wait_until((tmp_path / 'run' / 'epoch_1.pth').is_file, 240)
    assert [host.listens_at() for host in hosts] == [{host.address} for host in hosts]
    hosts[1].configure('link', 'set', 'eth0', 'down')
    assert ended(started, tmp_path / 'logs', 40) == [2, 2]
    for rank in range(2):
        told = (tmp_path / 'logs' / f'host_{rank}').read_text()
        # Of two processes that time out, the slower one sees the faster one end.
        reason = f'^error: process {2 * rank} of 4 lost another one: .*env_cfg.dist_cfg.timeout'
        assert len(re.findall(reason, told, re.M)) == 1 and 'Traceback' not in told, told[-3000:]


def test_a_missing_host_is_explained_after_the_timeout(hosts, tmp_path):
    """Each is started alone; the address of the other exists, but nobody answers."""
    for rank, reason in [
        (1, 'machine 0 did not answer at 10.77.0.1:29500 for 3 s'),
        (0, 'the 2 machines did not meet'),
    ]:
        place = {'NNODES': '2', 'NODE_RANK': str(rank), 'MASTER_ADDR': hosts[0].address, 'WAIT': '3'}
        words, log = [ROOT / 'tools/dist_train.sh', 'config.py', 2], tmp_path / f'host_{rank}'
        assert hosts[rank].start(words, log, {**ENVIRONMENT, **place}).wait(30) == 2
        assert re.search(f'^error: {reason}', log.read_text(), re.M), log.read_text()
        assert 'frame #' not in log.read_text() and 'Traceback' not in log.read_text()
