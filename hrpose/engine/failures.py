"""Explain failures of the machine: out of memory, a full disk, a killed loader worker, a lost process."""

import os
import re
import signal
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from multiprocessing.connection import wait
from pathlib import Path
from typing import Any

import torch
from mmengine.dist import get_rank, get_world_size
from mmengine.runner import Runner
from torch import distributed

from hrpose.engine.work_dir import latest_checkpoint
from hrpose.errors import UserError
from hrpose.files import UNWRITABLE

# Words in errors of gloo, NCCL and the store that mean that the other process is gone or silent.
_LOST = ('closed', 'reset by peer', 'imed out', 'imeout', 'Broken pipe', 'refused', 'No route', 'remote process exit')


@contextmanager
def explained(runner: Runner, *, training: bool) -> Iterator[None]:
    """Turn a failure of the machine inside the block into a `UserError`; other errors pass."""
    try:
        yield
    except (RuntimeError, OSError, MemoryError, EOFError) as error:
        message = _explain(error, runner, training)
        if message is None:
            raise
        raise UserError(message + (way_on(runner.work_dir) if training else '')) from error


def _explain(error: BaseException, runner: Runner, training: bool) -> str | None:
    text = str(error)
    if isinstance(error, torch.OutOfMemoryError | MemoryError) or "can't allocate memory" in text:
        return _out_of_memory(error, runner, training)
    if found := re.search(r'DataLoader worker \(pid\(?s?\)? ([\d, ]+)\) (is killed by signal: .*?\.|exited)', text):
        return _lost_worker(found[1], found[2] if 'signal' in found[2] else _end_of(found[1], error))
    # The connection to a worker may break before PyTorch learns that it ended.
    if isinstance(error, ConnectionError | EOFError) and (pid := _ended_worker(error)):
        return _lost_worker(pid, _end_of(pid, error))
    if is_lost_process(error):
        return _lost_process(text)
    if isinstance(error, OSError) and error.errno in UNWRITABLE:
        return f'{error.filename or runner.work_dir}: cannot be written ({os.strerror(error.errno)})'
    if training and isinstance(error, FileNotFoundError):
        return _lost_folder(runner)
    return None


def _lost_folder(runner: Runner) -> str | None:
    """Explain that the work dir, or the folder of the logs in it, was removed; None if both are there."""
    if gone := next((folder for folder in (runner.work_dir, runner.log_dir) if not Path(folder).is_dir()), None):
        return (
            f'{gone}: the folder was removed during the training, with the checkpoints and logs in it; '
            f'{runner.epoch} epochs were done'
        )
    return None


def is_lost_process(error: BaseException) -> bool:
    """Return whether an error means that another process or the network is gone; others are about settings."""
    text = str(error)
    by_gloo = re.match(r'\[[^\]]*/gloo/', text)  # the message begins with a place in gloo's source
    return bool(by_gloo or isinstance(error, distributed.DistError)) and any(sign in text for sign in _LOST)


def _out_of_memory(error: BaseException, runner: Runner, training: bool) -> str:
    on_gpu = isinstance(error, torch.OutOfMemoryError)
    loop, name = ('train', 'train_dataloader') if training else ('test', 'test_dataloader')
    if training and not runner.model.training:
        loop, name = 'validation', 'val_dataloader'
    settings = f'{name}.batch_size (now {_setting(runner, name, "batch_size")})'
    if loop == 'train':
        settings += ' (optim_wrapper.accumulative_counts makes up for it) or codec.input_size, or use --amp'
    else:
        settings += ', or set model.flip_test=False, which needs half'
    if not on_gpu:
        settings += f', or lower {name}.num_workers (now {_setting(runner, name, "num_workers")})'
    device = 'the GPU' if on_gpu else 'this machine'
    reason = str(error).strip().split('\n')[0]
    return f'{loop}: {device} ran out of memory; lower {settings} ({reason[:200]})'


def _setting(runner: Runner, loader: str, name: str) -> Any:
    return (runner.cfg.get(loader) or {}).get(name, '?')


def _workers(error: BaseException) -> Iterator[Any]:
    """Yield the loader workers of the iterators that an error passed through."""
    for frame, _ in traceback.walk_tb(error.__traceback__):
        yield from getattr(frame.f_locals.get('self'), '_workers', ())


def _ended_worker(error: BaseException) -> str | None:
    """Return the process id of a loader worker that ended, or does so within a second; None if there is none."""
    workers = {worker.sentinel: worker for worker in _workers(error)}
    with suppress(RuntimeError):  # PyTorch's signal handler may report the worker meanwhile
        for sentinel in wait(workers, timeout=1):
            workers[sentinel].join(timeout=1)  # its pipe closes a moment before the process has ended
    return next((str(worker.pid) for worker in workers.values() if worker.exitcode is not None), None)


def _end_of(pids: str, error: BaseException) -> str:
    """Return how a missing loader worker ended, in PyTorch's words for a killed one."""
    for worker in _workers(error):
        if str(worker.pid) in pids.split(', ') and (worker.exitcode or 0) < 0:
            return f'is killed by signal: {signal.strsignal(-worker.exitcode)}.'
    return 'exited'


def _lost_worker(pid: str, how: str) -> str:
    killed = re.search(r'signal: (.*?)\.', how)
    reason = f'was killed by the system ({killed[1]})' if killed else 'ended'
    advice = 'probably memory ran out; lower num_workers or batch_size of the loader'
    if killed and 'Bus error' in killed[1]:
        advice = 'shared memory ran out; enlarge /dev/shm (docker run --shm-size), or lower num_workers of the loader'
    return f'loader worker {pid} {reason}: {advice}'


def _lost_process(text: str) -> str:
    """Explain that another process is gone; gloo's message has its address."""
    # Without gloo's place in its source, and its advice at the end.
    reason = re.sub(r'^\[[^\]]*/gloo/[^\]]*\] ', '', text.strip().splitlines()[0]).split('. ')[0]
    if 'imed out' in text:
        advice = (
            'it did not answer in time: a machine or the network is gone, or one is much slower; '
            'env_cfg.dist_cfg.timeout is the limit in seconds'
        )
    else:
        advice = (
            'it ended, or its machine did; its own message says why. Without a message it was killed, or it waited '
            'longer than env_cfg.dist_cfg.timeout'
        )
    return f'process {get_rank()} of {get_world_size()} lost another one: {advice} ({reason})'


def way_on(work_dir: str) -> str:
    """Return the last sentence of a message: the checkpoint from which a training in `work_dir` can resume."""
    try:
        latest = latest_checkpoint(work_dir)
    except OSError:
        return ''
    if latest is None:
        # On other machines, the work dir may be another one, which stays empty.
        return '. There is no checkpoint yet' if get_rank() == 0 else ''
    return f'. Resume from {latest} with --resume'
