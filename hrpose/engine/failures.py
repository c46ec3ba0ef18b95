"""What the machine does to a run, in sentences: memory that ran out, a full disk, a loader worker that was killed."""

import errno
import os
import re
import signal
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from mmengine.dist import get_rank, get_world_size
from mmengine.runner import Runner
from torch import distributed

from hrpose.engine.work_dir import latest_checkpoint
from hrpose.errors import UserError

# Of gloo's, NCCL's and the store's words: the other end is gone, or silent.
_LOST = ('closed', 'reset by peer', 'imed out', 'imeout', 'Broken pipe', 'refused', 'No route', 'remote process exit')

_UNWRITABLE = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.EFBIG)


@contextmanager
def explained(runner: Runner, *, training: bool) -> Iterator[None]:
    """Turn a failure of the machine's inside the block into a `UserError`; defects pass as they are."""
    try:
        yield
    except (RuntimeError, OSError, MemoryError) as error:
        told = _sentence(error, runner, training)
        if told is None:
            raise
        raise UserError(told + (way_on(runner.work_dir) if training else '')) from error


def _sentence(error: BaseException, runner: Runner, training: bool) -> str | None:
    text = str(error)
    if isinstance(error, torch.OutOfMemoryError | MemoryError) or "can't allocate memory" in text:
        return _out_of_memory(error, runner, training)
    if found := re.search(r'DataLoader worker \(pid\(?s?\)? ([\d, ]+)\) (is killed by signal: .*?\.|exited)', text):
        return _lost_worker(found[1], found[2] if 'signal' in found[2] else _end_of(found[1], error))
    if is_lost_process(error):
        return _lost_process(text)
    if isinstance(error, OSError) and error.errno in _UNWRITABLE:
        return f'{error.filename or runner.work_dir} cannot be written: {os.strerror(error.errno)}'
    return None


def is_lost_process(error: BaseException) -> bool:
    """Say whether another process, or the way to it, is gone; other errors of gloo's and NCCL's are about settings."""
    text = str(error)
    by_gloo = re.match(r'\[[^\]]*/gloo/', text)  # it begins with its place in its own source
    return bool(by_gloo or isinstance(error, distributed.DistError)) and any(sign in text for sign in _LOST)


def _out_of_memory(error: BaseException, runner: Runner, training: bool) -> str:
    on_gpu = isinstance(error, torch.OutOfMemoryError)
    loop, name = ('train', 'train_dataloader') if training else ('test', 'test_dataloader')
    if training and not runner.model.training:
        loop, name = 'validation', 'val_dataloader'
    settings = f'{name}.batch_size (now {_setting(runner, name, "batch_size")})'
    if loop == 'train':
        settings += ', which optim_wrapper.accumulative_counts makes up for; codec.input_size; --amp takes less'
    else:
        settings += '; model.flip_test=False takes half'
    if not on_gpu:
        settings += f'; {name}.num_workers (now {_setting(runner, name, "num_workers")})'
    device = 'the GPU' if on_gpu else 'this machine'
    reason = str(error).strip().split('\n')[0]
    return f'the memory of {device} ran out in {loop}. To lower: {settings}. ({reason[:200]})'


def _setting(runner: Runner, loader: str, name: str) -> Any:
    return (runner.cfg.get(loader) or {}).get(name, '?')


def _end_of(pids: str, error: BaseException) -> str:
    """Return how a loader worker ended that PyTorch found gone, in its words for one that it saw killed."""
    for frame, _ in traceback.walk_tb(error.__traceback__):
        for worker in getattr(frame.f_locals.get('self'), '_workers', ()):
            if str(worker.pid) in pids.split(', ') and (worker.exitcode or 0) < 0:
                return f'is killed by signal: {signal.strsignal(-worker.exitcode)}.'
    return 'exited'


def _lost_worker(pid: str, how: str) -> str:
    killed = re.search(r'signal: (.*?)\.', how)
    reason = f'was killed by the system ({killed[1]})' if killed else 'ended'
    more = 'Mostly memory ran out: fewer num_workers or a smaller batch_size of the loader take less'
    if killed and 'Bus error' in killed[1]:
        more = 'Shared memory ran out: a larger /dev/shm (docker run --shm-size), or fewer num_workers of the loader'
    return f'the loader worker {pid} {reason}. {more}'


def _lost_process(text: str) -> str:
    """Tell that another process is gone; gloo knows its address."""
    # Without gloo's place in its source, and its advice at the end.
    reason = re.sub(r'^\[[^\]]*/gloo/[^\]]*\] ', '', text.strip().splitlines()[0]).split('. ')[0]
    if 'imed out' in text:
        advice = (
            'none answered in time: a machine or the network is gone, or one is that much slower; '
            'env_cfg.dist_cfg.timeout is the limit in seconds'
        )
    else:
        advice = (
            'it ended, or its machine did. Its own message says why; without one it was killed, or had waited for '
            'longer than env_cfg.dist_cfg.timeout'
        )
    return f'process {get_rank()} of {get_world_size()} lost another one: {advice} ({reason})'


def way_on(work_dir: str) -> str:
    """Return the end of a sentence: what an interrupted training in `work_dir` can go on from."""
    try:
        latest = latest_checkpoint(work_dir)
    except OSError:
        return ''
    if latest is None:
        # The others' machines may have a work dir of their own, in which nothing is written.
        return '. There is no checkpoint yet' if get_rank() == 0 else ''
    return f'. {latest} is whole; --resume goes on from it'
