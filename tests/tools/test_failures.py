"""Failures of the machine, each provoked: one message explains it, and earlier checkpoints are unharmed."""

import json
import multiprocessing
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from mmengine.hooks import Hook

from hrpose.checkpoints import read_checkpoint
from hrpose.engine.failures import explained
from hrpose.engine.hooks import FiniteLossHook
from hrpose.engine.work_dir import latest_checkpoint, take_work_dir
from hrpose.errors import UserError
from tests.engine.cases import runner_of
from tests.engine.processes import run_processes

ROOT = Path(__file__).resolve().parents[2]


def at(step: int, action) -> Hook:
    """Return a hook that calls `action(runner)` before the step with that number, from 0."""

    class Then(Hook):
        def before_train_iter(self, runner, batch_idx, data_batch=None) -> None:
            if runner.iter == step:
                action(runner)

    return Then()


def failing(config: Path, work_dir: Path, *hooks: Hook, **options: object) -> str:
    """Train until it fails; return the message."""
    with pytest.raises(UserError) as told:
        runner_of(config, work_dir, hooks=hooks, **options).train()
    return str(told.value)


# Loss ----------------------------------------------------------------------------------------------------------------


def spoil_weights(runner) -> None:
    """Make the next loss NaN, as in a training that diverges."""
    with torch.no_grad():
        getattr(runner.model, 'module', runner.model).head.final_layer.bias.fill_(float('nan'))


class SpoilLoss(Hook):
    """Make the losses of some steps NaN or infinite after the forward pass."""

    def __init__(self, steps: set[int], value: float = float('nan'), rank: int = 0) -> None:
        self.steps, self.value, self.rank = steps, value, rank

    def before_run(self, runner) -> None:
        def spoil(model, inputs, output):
            if model.training and runner.iter in self.steps and runner.rank == self.rank:
                return {name: loss * self.value for name, loss in output.items()}
            return None

        runner.model.register_forward_hook(spoil)


def test_a_nan_loss_stops_training_and_names_step_rate_and_images(tiny_coco, tiny_config, tmp_path):
    config = tiny_config(tiny_coco(images=4))
    message = failing(config, tmp_path / 'run', at(3, spoil_weights), **{'train_cfg.max_epochs': 3})
    assert message.startswith('the loss is nan in step 4 (epoch 2) at a learning rate of 0.001; the 2 images of the ')
    assert len(re.findall(r'train/00\d\.jpg', message)) == 2
    assert 'max_skipped' in message


@pytest.mark.parametrize('value', [float('nan'), float('inf')])
@pytest.mark.parametrize('counts', [1, 2], ids=['every step', 'gradients of two batches'])
def test_skipped_steps_leave_no_trace(value, counts, tiny_coco, tiny_config, tmp_path):
    config = tiny_config(tiny_coco(images=8), extra=f"optim_wrapper['accumulative_counts'] = {counts}")
    options = {'default_hooks.finite_loss.max_skipped': 2, 'custom_hooks': [EMA]}
    model = runner_of(config, tmp_path / 'run', hooks=[SpoilLoss({1, 2}, value)], **options).train()
    assert all(tensor.isfinite().all() for tensor in model.state_dict().values())
    log = next((tmp_path / 'run').glob('*/*.log')).read_text()
    assert log.count('The step is skipped') == 2 and '(2 of 2 in a row)' in log
    message = failing(config, tmp_path / 'more', SpoilLoss({0, 1, 2}, value), **options)
    assert f'the loss is {value} in step 3 ' in message


EMA = {'type': 'EMAHook'}


def spoiled_in_one_process(config: Path, work_dir: Path, options: dict) -> tuple[str, dict]:
    torch.set_num_threads(1)
    runner = runner_of(config, work_dir, ('train_dataloader',), launcher='pytorch', **options)
    runner.register_hook(SpoilLoss({1, 3}, rank=1))
    try:
        runner.train()
    except UserError as error:
        return str(error), runner.model.module.state_dict()
    return '', runner.model.module.state_dict()


def test_all_processes_skip_a_step_that_is_bad_in_one(tiny_coco, tiny_config, tmp_path):
    config = tiny_config(tiny_coco(images=16))
    options = {'default_hooks.finite_loss.max_skipped': 1}
    (first, weights), (second, others) = run_processes(2, spoiled_in_one_process, config, tmp_path / 'run', options)
    assert first == second == ''
    assert all(tensor.isfinite().all() for tensor in weights.values())
    torch.testing.assert_close(others, weights, rtol=0, atol=0)
    (first, _), (second, _) = run_processes(2, spoiled_in_one_process, config, tmp_path / 'stops', {})
    assert first == second and 'the 2 images of the batch' in first


@pytest.mark.parametrize('number', [-1, 1.5, None])
def test_a_wrong_number_of_steps_to_skip_is_refused(number):
    with pytest.raises(UserError, match='max_skipped has to be a whole number'):
        FiniteLossHook(number)


# Disk ----------------------------------------------------------------------------------------------------------------


@pytest.fixture
def disk(tmp_path):
    """A file system with room for one checkpoint of the tiny network, but not for two."""
    folder = tmp_path / 'disk'
    folder.mkdir()
    mounted = subprocess.run(
        ['mount', '-t', 'tmpfs', '-o', 'size=34m', 'tmpfs', folder], capture_output=True, text=True
    )
    if mounted.returncode:
        pytest.skip(f'mounting a small disk is not allowed here: {mounted.stderr.strip()}')
    yield folder
    subprocess.run(['umount', '-l', folder], check=True)


def test_a_full_disk_leaves_the_old_checkpoint(disk, tiny_coco, tiny_config, tmp_path):
    config = tiny_config(tiny_coco(images=2), extra='val_dataloader = val_cfg = val_evaluator = None')
    options = {'train_cfg.max_epochs': 3, 'loaders': ('train_dataloader',)}
    message = failing(config, disk / 'run', **options)
    saved = sorted(path.name for path in (disk / 'run').glob('epoch_*'))
    assert saved == ['epoch_1.pth'], saved
    assert read_checkpoint(disk / 'run' / saved[0])['meta']['epoch'] == 1
    assert 'epoch_2.pth: cannot be saved (No space left on device, ' in message and 'MiB free' in message
    assert f'Resume from {disk}/run/epoch_1.pth with --resume' in message
    assert latest_checkpoint(disk / 'run') == disk / 'run' / 'epoch_1.pth'


def test_a_limit_on_file_size_is_explained_like_a_full_disk(tiny_coco, tiny_config, tmp_path):
    config = tiny_config(tiny_coco(images=2), extra='val_dataloader = val_cfg = val_evaluator = None')
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    old = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    limit = lambda _: resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, before[1]))  # noqa: E731
    try:
        options = {'train_cfg.max_epochs': 3, 'loaders': ('train_dataloader',)}
        message = failing(config, tmp_path / 'run', at(1, limit), **options)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, old)
    assert 'epoch_2.pth: cannot be saved (File too large, ' in message
    assert [path.name for path in (tmp_path / 'run').glob('epoch_*')] == ['epoch_1.pth']


def test_a_read_only_work_dir_is_one_message(disk, tiny_coco, tiny_config, tmp_path, call):
    config = tiny_config(tiny_coco(images=2))
    (disk / 'run').mkdir()
    subprocess.run(['mount', '-o', 'remount,ro', disk], check=True)
    for work_dir in (disk / 'run', disk / 'new'):
        status, output = call('train', config, '--work-dir', work_dir)
        assert status == 2 and 'Traceback' not in output, output[-2000:]
        assert re.search(rf'error: .*{work_dir}.*Read-only file system', output)


def test_a_work_dir_that_becomes_read_only_is_one_message(disk, tiny_coco, tiny_config, tmp_path):
    config = tiny_config(tiny_coco(images=2), extra='val_dataloader = val_cfg = val_evaluator = None')
    work_dir = disk / 'run'

    def protect(_) -> None:
        # Open files stay open, as on a disk that fails; a file system with writers cannot be remounted.
        subprocess.run(['mount', '--bind', work_dir, work_dir], check=True)
        subprocess.run(['mount', '-o', 'remount,bind,ro', work_dir], check=True)

    options = {'train_cfg.max_epochs': 3, 'loaders': ('train_dataloader',)}
    try:
        message = failing(config, work_dir, at(1, protect), **options)
    finally:
        subprocess.run(['umount', '-l', work_dir], check=True)
    assert re.search(rf'{work_dir}\S*: cannot be (written|saved) \(Read-only file system', message), message
    assert message.endswith(f'Resume from {work_dir}/epoch_1.pth with --resume')
    assert read_checkpoint(work_dir / 'epoch_1.pth')['meta']['epoch'] == 1


# Two trainings, one folder -------------------------------------------------------------------------------------------


def hold(work_dir: Path) -> None:
    held = take_work_dir(work_dir)
    assert not held.closed
    os.write(1, b'held\n')
    time.sleep(60)
    held.close()


def test_a_second_training_is_refused_until_the_first_is_killed(tiny_coco, tiny_config, tmp_path):
    config = tiny_config(tiny_coco(images=2))
    program = f'from tests.tools.test_failures import hold; hold({str(tmp_path / "run")!r})'
    other = subprocess.Popen([sys.executable, '-c', program], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        assert other.stdout.readline() == 'held\n'
        with pytest.raises(UserError, match=rf'/run: another training \(process {other.pid} on \S+\) writes to it;'):
            runner_of(config, tmp_path / 'run')
        assert [path.name for path in (tmp_path / 'run').iterdir()] == ['.training']
    finally:
        other.kill()
        other.wait()
    runner_of(config, tmp_path / 'run').train()
    runner_of(config, tmp_path / 'run').train()


# Memory, workers, data -----------------------------------------------------------------------------------------------


def children() -> set[int]:
    """Return the child processes of this one; other tests may have left some."""
    return set(map(int, Path(f'/proc/self/task/{os.getpid()}/children').read_text().split()))


def test_a_killed_loader_worker_is_explained(tiny_coco, tiny_config, tmp_path):
    config = tiny_config(tiny_coco(images=8))
    options = {'train_dataloader.num_workers': 1, 'train_cfg.max_epochs': 3}
    others = children()

    def kill_the_worker(runner) -> None:
        for worker in children() - others:
            os.kill(worker, signal.SIGKILL)

    message = failing(config, tmp_path / 'run', at(5, kill_the_worker), **options)
    killed = r'loader worker \d+ was killed by the system \(Killed\): probably memory ran out; lower'
    assert re.match(killed, message)
    assert message.endswith('run/epoch_1.pth with --resume')


@pytest.mark.parametrize('error', [ConnectionResetError(104, 'Connection reset by peer'), EOFError()], ids=repr)
def test_a_broken_connection_to_a_killed_worker_is_explained(error, tmp_path):
    worker = multiprocessing.get_context('fork').Process(target=time.sleep, args=(60,))
    worker.start()

    class Loader:
        _workers = (worker,)

        def fetch(self) -> None:
            worker.kill()
            raise error

    message = rf'^loader worker {worker.pid} was killed by the system \(Killed\)'
    runner = SimpleNamespace(work_dir=str(tmp_path))
    with pytest.raises(UserError, match=message), explained(runner, training=False):
        Loader().fetch()


@pytest.mark.parametrize('workers', [0, 1])
def test_images_that_vanish_end_the_training_in_one_message(workers, tiny_coco, tiny_config, tmp_path):
    # Epochs longer than the two batches that a loader worker prefetches.
    data = tiny_coco(images=16)
    config = tiny_config(data, tiny_coco(images=2, name='val'))
    options = {'train_dataloader.num_workers': workers, 'train_cfg.max_epochs': 3}
    message = failing(config, tmp_path / 'run', at(8, lambda _: shutil.rmtree(data.images)), **options)
    assert re.search(r'/train: 20 images in a row cannot be read', message)
    assert latest_checkpoint(tmp_path / 'run').name == 'epoch_1.pth'


def limit_memory(runner) -> None:
    size = int(re.search(r'VmSize:\s+(\d+)', Path('/proc/self/status').read_text())[1]) * 1024
    resource.setrlimit(resource.RLIMIT_AS, (size + 20_000_000, resource.getrlimit(resource.RLIMIT_AS)[1]))


def out_of_memory(config: Path, work_dir: Path, options: dict) -> str:
    torch.set_num_threads(1)
    return failing(config, work_dir, at(0, limit_memory), **options)


def test_out_of_memory_names_the_settings_to_lower(tiny_coco, tiny_config, tmp_path):
    config = tiny_config(tiny_coco(images=8))
    options = {'codec.input_size': (512, 512), 'codec.sigma': 2, 'train_dataloader.batch_size': 8}
    (message,) = run_processes(1, out_of_memory, config, tmp_path / 'run', options)
    assert message.startswith('train: this machine ran out of memory; lower train_dataloader.batch_size (now 8)')
    assert 'accumulative_counts' in message and 'codec.input_size' in message and 'no checkpoint yet' in message


def test_out_of_memory_on_a_gpu_says_so(tiny_coco, tiny_config, tmp_path):
    def run_out(_) -> None:
        raise torch.OutOfMemoryError('CUDA out of memory. Tried to allocate 20.00 GiB.')

    message = failing(tiny_config(tiny_coco(images=2)), tmp_path / 'run', at(0, run_out))
    assert message.startswith('train: the GPU ran out of memory; lower train_dataloader.batch_size (now 2)')


def run_out(*_: object) -> None:
    raise torch.OutOfMemoryError('CUDA out of memory. Tried to allocate 20.00 GiB.')


# Moments of a step; each makes `run_out` be called there from then on.
MOMENTS = {
    'forward': lambda runner: runner.model.backbone.register_forward_pre_hook(run_out),
    'loss': lambda runner: setattr(runner.model.head, 'loss', run_out),
    'backward': lambda runner: runner.model.head.final_layer.weight.register_hook(run_out),
    'optimizer': lambda runner: runner.optim_wrapper.optimizer.register_step_pre_hook(run_out),
}


@pytest.mark.parametrize('moment', MOMENTS)
def test_out_of_memory_within_a_step_leaves_the_last_checkpoint(moment, tiny_coco, tiny_config, tmp_path):
    config = tiny_config(tiny_coco(images=2), extra='val_dataloader = val_cfg = val_evaluator = None')
    options = {'train_cfg.max_epochs': 3, 'loaders': ('train_dataloader',)}
    message = failing(config, tmp_path / 'run', at(1, MOMENTS[moment]), **options)
    assert message.startswith('train: the GPU ran out of memory; lower train_dataloader.batch_size (now 2)')
    assert message.endswith('run/epoch_1.pth with --resume')


@pytest.mark.skipif(not torch.cuda.is_available(), reason='needs a GPU')
def test_a_batch_larger_than_the_gpu_is_explained(tiny_coco, tiny_config, tmp_path):
    take = lambda runner: setattr(runner, 'taken', torch.empty(2**50, device='cuda'))  # noqa: E731
    message = failing(tiny_config(tiny_coco(images=2)), tmp_path / 'run', at(0, take))
    assert message.startswith('train: the GPU ran out of memory;')


# Configs -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ('option', 'message'),
    [
        ('model.backbone.archh=w18', "HRNet takes no argument 'archh'; nearest: arch"),
        ('model.backbone.depth=50', 'if it is inherited from the base config, write _delete_=True in the part'),
        ('model.head.los=1', "HeatmapHead takes no argument 'los'; nearest: loss"),
        ('optim_wrapper.optimizer.lrr=1', "Adam takes no argument 'lrr'; nearest: lr"),
        ('optim_wrapper.clip_gard=1', "OptimWrapper takes no argument 'clip_gard'; nearest: clip_grad"),
        ('train_dataloader.batchsize=2', "DataLoader takes no argument 'batchsize'; nearest: batch_size"),
        ('train_dataloader.dataset.anfile=a', "CocoDataset takes no argument 'anfile'; nearest: ann_file"),
        ('train_cfg.max_epoch=3', "EpochBasedTrainLoop takes no argument 'max_epoch'; nearest: max_epochs"),
        ('default_hooks.checkpoint.intervall=3', "CheckpointHook takes no argument 'intervall'; nearest: interval"),
        ('val_evaluator.nmss=oks', "CocoMetric takes no argument 'nmss'; nearest: nms"),
        ('train_pipeline.1.paddng=2', "PadBox takes no argument 'paddng'; nearest: padding"),
    ],
)
def test_an_unknown_key_names_the_part_and_the_nearest_key(option, message, tiny_coco, tiny_config, tmp_path, call):
    config = tiny_config(tiny_coco(images=2))
    status, output = call('train', config, '--work-dir', tmp_path / 'run', '--cfg-options', option)
    assert status == 2, output[-2000:]
    assert message in output and 'Traceback' not in output


def test_broken_json_is_one_message(tiny_coco, tiny_config, tmp_path, call):
    data = tiny_coco(images=2)
    data.ann_file.write_text(json.dumps(data.content)[:-20])
    status, output = call('train', tiny_config(data), '--work-dir', tmp_path / 'run')
    assert status == 2 and 'Traceback' not in output, output[-2000:]
