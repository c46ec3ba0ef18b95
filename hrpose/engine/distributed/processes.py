"""Joining the processes of one training or test: which they are, how they talk, which GPU each has."""

import os
import subprocess
from collections.abc import Mapping, MutableMapping
from datetime import timedelta
from typing import Any

import torch
from torch import distributed

from hrpose.engine.distributed.interface import LOOPBACK, has_several_machines, interface_to_others
from hrpose.engine.distributed.store import STORE_FILE, store_of
from hrpose.errors import UserError

# What each launcher tells a process, by the name under which PyTorch reads it.
_TOLD = {
    'pytorch': {'RANK': 'RANK', 'WORLD_SIZE': 'WORLD_SIZE', 'LOCAL_RANK': 'LOCAL_RANK'},
    'slurm': {'RANK': 'SLURM_PROCID', 'WORLD_SIZE': 'SLURM_NTASKS', 'LOCAL_RANK': 'SLURM_LOCALID'},
    'mpi': {
        'RANK': 'OMPI_COMM_WORLD_RANK',
        'WORLD_SIZE': 'OMPI_COMM_WORLD_SIZE',
        'LOCAL_RANK': 'OMPI_COMM_WORLD_LOCAL_RANK',
    },
}
LAUNCHERS = ('none', *_TOLD)
_STARTED_BY = {'pytorch': 'torchrun (tools/dist_train.sh)', 'slurm': 'srun (tools/slurm_train.sh)', 'mpi': 'mpirun'}


def require_launcher(launcher: str, environ: Mapping[str, str] = os.environ) -> None:
    """Raise `UserError` if this process was not started by what `--launcher` says."""
    if missing := [name for name in _TOLD.get(launcher, {}).values() if name not in environ]:
        raise UserError(
            f'--launcher {launcher} is for a process that {_STARTED_BY[launcher]} started (it sets {missing[0]}); '
            'leave it out otherwise'
        )


def told_rank(launcher: str, environ: Mapping[str, str] = os.environ) -> int:
    """Return this process's number among all as its launcher tells it, before the processes have joined."""
    return int(environ[_TOLD[launcher]['RANK']]) if launcher in _TOLD else 0


def join(launcher: str, *, backend: str | None = None, timeout: float | None = None, **options: Any) -> None:
    """Make this process one of a group.

    Args:
        launcher: 'pytorch', 'slurm' or 'mpi': what started the processes, and tells each its place.
        backend: of `torch.distributed`; NCCL where there is a GPU and gloo otherwise unless given. With gloo several
            processes may share a GPU.
        timeout: seconds after which a process that waits for the others gives up.
        **options: of `torch.distributed.init_process_group`.

    Raises:
        UserError: another launcher's process, more processes than GPUs, or an address that nobody answers at.
    """
    require_launcher(launcher)
    _tell_pytorch(launcher, os.environ)
    backend = backend or ('nccl' if torch.cuda.is_available() else 'gloo')
    _take_gpu(int(os.environ['LOCAL_RANK']), backend)
    if interface := interface_to_others(os.environ):
        os.environ.setdefault('GLOO_SOCKET_IFNAME', interface)
        os.environ.setdefault('NCCL_SOCKET_IFNAME', f'={interface}')
    wait = distributed.default_pg_timeout
    if timeout is not None:
        wait = options['timeout'] = timedelta(seconds=float(timeout))
    try:
        if not {'init_method', 'store'} & set(options):
            place = {'rank': int(os.environ['RANK']), 'world_size': int(os.environ['WORLD_SIZE'])}
            options |= {'store': store_of(os.environ, wait), **place}
        distributed.init_process_group(backend, **options)
    except UserError:
        raise
    except (RuntimeError, ValueError) as error:
        where = os.environ.get(STORE_FILE) or f'{os.environ["MASTER_ADDR"]}:{os.environ["MASTER_PORT"]}'
        raise UserError(
            f'process {os.environ["RANK"]} of {os.environ["WORLD_SIZE"]} cannot join the others at {where} by '
            f'{backend}: {error}'
        ) from error


def leave() -> None:
    """Part from the others once all are done; a process that just ends may be aborted by gloo on its way out."""
    if distributed.is_initialized():
        distributed.barrier()
        distributed.destroy_process_group()


def _tell_pytorch(launcher: str, environ: MutableMapping[str, str]) -> None:
    for name, told in _TOLD[launcher].items():
        environ[name] = environ[told]
    environ.setdefault('MASTER_PORT', '29500')
    if 'MASTER_ADDR' not in environ:
        elsewhere = launcher == 'slurm' and has_several_machines(environ)
        environ['MASTER_ADDR'] = _first_slurm_host(environ) if elsewhere else LOOPBACK


def _first_slurm_host(environ: Mapping[str, str]) -> str:
    nodes = environ.get('SLURM_JOB_NODELIST') or environ.get('SLURM_NODELIST') or ''
    try:
        listed = subprocess.run(
            ['scontrol', 'show', 'hostnames', nodes], capture_output=True, text=True, check=True
        ).stdout.split()
        return listed[0]
    except (OSError, subprocess.CalledProcessError, IndexError) as error:
        raise UserError(f"scontrol does not name the job's first host ({nodes!r}); set MASTER_ADDR to it") from error


def _take_gpu(local_rank: int, backend: str) -> None:
    if not torch.cuda.is_available():
        return
    count = torch.cuda.device_count()
    if local_rank >= count and backend != 'gloo':
        raise UserError(
            f'this machine has {count} GPU(s), but process {local_rank + 1} was started on it: start {count}, or let '
            'several share one, slowly: --cfg-options env_cfg.dist_cfg.backend=gloo'
        )
    torch.cuda.set_device(local_rank % count)


def wrapper_options(given: Mapping[str, Any] | None, find_unused_parameters: bool) -> dict[str, Any]:
    """Return the config of the model's wrapper for gradients averaged over the processes, on a CPU or this GPU.

    Args:
        given: `model_wrapper_cfg` of the config.
        find_unused_parameters: of the config; whether each step may leave out some of the weights.
    """
    device_ids = [torch.cuda.current_device()] if torch.cuda.is_available() else None
    defaults = {'broadcast_buffers': False, 'find_unused_parameters': find_unused_parameters}
    return {'type': 'MMDistributedDataParallel', 'device_ids': device_ids, **defaults, **(given or {})}


def average_in_any_order(_: object, bucket: distributed.GradBucket) -> torch.futures.Future[torch.Tensor]:
    """Average a bucket of gradients over the processes in fp64: a hook for `DistributedDataParallel` on CPUs.

    In which order the processes' values are added depends on a gradient's place among the others, and PyTorch moves
    them after its first step. In fp32 the first step of a resumed training would round otherwise than in an unbroken
    one, with more than two processes.
    """
    total = bucket.buffer().double()
    summed = distributed.all_reduce(total, async_op=True).get_future()
    return summed.then(lambda _: (total / distributed.get_world_size()).to(bucket.buffer().dtype))


def require_sync_bn(kind: str | None, distributed: bool) -> None:
    """Raise `UserError` for a `sync_bn` that is unknown, or that PyTorch does not have where this run is."""
    if kind is None:
        return
    if kind != 'torch':
        raise UserError(f"sync_bn is 'torch' or None, not {kind!r}")
    if distributed and not torch.cuda.is_available():
        raise UserError(
            "sync_bn='torch' needs GPUs, and this machine has none: PyTorch's SyncBatchNorm does not run on CPUs; "
            '--cfg-options sync_bn=None leaves it out'
        )
