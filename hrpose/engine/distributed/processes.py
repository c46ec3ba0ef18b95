"""The processes of one run: each joins the group, takes its GPU, and averages its gradients with the others."""

import os
import subprocess
import time
from collections.abc import Mapping, MutableMapping
from datetime import timedelta
from typing import Any

import torch
from mmengine.model import is_model_wrapper
from torch import distributed, nn

from hrpose.engine.distributed.interface import LOOPBACK, has_several_machines, interface_to_others
from hrpose.engine.distributed.store import STORE_FILE, store_of
from hrpose.errors import UserError

# The environment variables of each launcher, by PyTorch's names.
_VARIABLES = {
    'pytorch': {'RANK': 'RANK', 'WORLD_SIZE': 'WORLD_SIZE', 'LOCAL_RANK': 'LOCAL_RANK'},
    'slurm': {'RANK': 'SLURM_PROCID', 'WORLD_SIZE': 'SLURM_NTASKS', 'LOCAL_RANK': 'SLURM_LOCALID'},
    'mpi': {
        'RANK': 'OMPI_COMM_WORLD_RANK',
        'WORLD_SIZE': 'OMPI_COMM_WORLD_SIZE',
        'LOCAL_RANK': 'OMPI_COMM_WORLD_LOCAL_RANK',
    },
}
LAUNCHERS = ('none', *_VARIABLES)
_STARTED_BY = {'pytorch': 'torchrun (tools/dist_train.sh)', 'slurm': 'srun (tools/slurm_train.sh)', 'mpi': 'mpirun'}


def require_launcher(launcher: str, environ: Mapping[str, str] = os.environ) -> None:
    """Raise `UserError` if another launcher than `--launcher` started this process."""
    if missing := [name for name in _VARIABLES.get(launcher, {}).values() if name not in environ]:
        raise UserError(
            f'--launcher {launcher}: {missing[0]} is not set, so {_STARTED_BY[launcher]} did not start this process; '
            'leave --launcher out'
        )


def rank_of(launcher: str, environ: Mapping[str, str] = os.environ) -> int:
    """Return the rank that the launcher gave this process; it is known before the processes join."""
    return int(environ[_VARIABLES[launcher]['RANK']]) if launcher in _VARIABLES else 0


def join(launcher: str, *, backend: str | None = None, timeout: float | None = None, **options: Any) -> None:
    """Join the processes of a run into one group.

    Args:
        launcher: 'pytorch', 'slurm' or 'mpi', whichever started the processes.
        backend: of `torch.distributed`; NCCL on GPUs and gloo on CPUs unless given. With gloo, several processes may
            share a GPU.
        timeout: seconds after which a process stops waiting for the others.
        **options: other arguments of `torch.distributed.init_process_group`.

    Raises:
        UserError: another launcher started this process, there are more processes than GPUs, or nobody answers.
    """
    require_launcher(launcher)
    _translate(launcher, os.environ)
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
    """Leave the group once all processes are done; gloo may abort a process that ends without this."""
    if distributed.is_initialized():
        distributed.barrier()
        # gloo's thread still lets go of Python objects. With PyTorch 2.6, in 4 of 220 runs of three processes, it then
        # waited for ever for the interpreter that was waiting for it; after this pause, in none of 300.
        time.sleep(0.05)
        distributed.destroy_process_group()


def _translate(launcher: str, environ: MutableMapping[str, str]) -> None:
    """Set PyTorch's variables from those of the launcher."""
    for name, own in _VARIABLES[launcher].items():
        environ[name] = environ[own]
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
        raise UserError(f'Slurm: scontrol does not name the first host of {nodes!r}; set MASTER_ADDR to it') from error


def _take_gpu(local_rank: int, backend: str) -> None:
    if not torch.cuda.is_available():
        return
    count = torch.cuda.device_count()
    if local_rank >= count and backend != 'gloo':
        raise UserError(
            f'process {local_rank + 1} of this machine has no GPU of its own: there are {count}; start {count}, or let '
            'several share one, slowly, with --cfg-options env_cfg.dist_cfg.backend=gloo'
        )
    torch.cuda.set_device(local_rank % count)


def unwrapped(model: nn.Module) -> Any:
    """Return the model itself if it is in a wrapper for several processes."""
    return model.module if is_model_wrapper(model) else model


def wrapper_options(given: Mapping[str, Any] | None, find_unused_parameters: bool) -> dict[str, Any]:
    """Return the config of the wrapper that averages a model's gradients over the processes.

    Args:
        given: `model_wrapper_cfg` of the config; it takes precedence.
        find_unused_parameters: whether a step may leave out some of the weights.
    """
    device_ids = [torch.cuda.current_device()] if torch.cuda.is_available() else None
    defaults = {'broadcast_buffers': False, 'find_unused_parameters': find_unused_parameters}
    return {'type': 'MMDistributedDataParallel', 'device_ids': device_ids, **defaults, **(given or {})}


def average_in_any_order(_: object, bucket: distributed.GradBucket) -> torch.futures.Future[torch.Tensor]:
    """Average a bucket of gradients over the processes in fp64; a hook of `DistributedDataParallel` on CPUs.

    The order in which values of several processes are added depends on their place in the bucket, and PyTorch makes new
    buckets after the first step. In fp32, with more than two processes, the first step of a resumed training would
    round differently from that of an uninterrupted one.
    """
    total = bucket.buffer().double()
    summed = distributed.all_reduce(total, async_op=True).get_future()
    return summed.then(lambda _: (total / distributed.get_world_size()).to(bucket.buffer().dtype))


def require_sync_bn(kind: str | None, distributed: bool) -> None:
    """Raise `UserError` for an unknown `sync_bn`, or on CPUs, where PyTorch has none."""
    if kind is None:
        return
    if kind != 'torch':
        raise UserError(f"sync_bn: has to be 'torch' or None, not {kind!r}")
    if distributed and not torch.cuda.is_available():
        raise UserError(
            "sync_bn='torch': PyTorch's SyncBatchNorm needs GPUs, and this machine has none; leave it out with "
            '--cfg-options sync_bn=None'
        )
