"""The machines of one run: what the environment says about them, and how they meet."""

import socket
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from hrpose.engine.distributed.interface import address_towards
from hrpose.engine.distributed.store import LAUNCHER_HAS_STORE, STORE_FILE, serve
from hrpose.errors import UserError

if TYPE_CHECKING:
    from torch.distributed import TCPStore

PORT, WAIT = 29500, 600
# Seconds that machine 0 keeps the store after its own processes ended well.
_GRACE = 30

ENVIRONMENT = f"""
environment, for several machines (start the same command on each):
  NNODES       how many machines; 1 unless given
  NODE_RANK    which of them this is, from 0
  MASTER_ADDR  name or address of machine 0, as the others reach it
  PORT         a port that is free there; {PORT} unless given (one machine needs none)
  WAIT         seconds that each machine waits for the others; {WAIT} unless given
"""


@dataclass(frozen=True)
class Machines:
    """This machine's place among all machines of a run."""

    count: int = 1  # number of machines
    rank: int = 0  # number of this one, from 0
    address: str | None = None  # name or address of machine 0; None on a single machine
    port: int = PORT  # port at which machine 0 listens
    wait: int = WAIT  # seconds that each machine waits for the others


def positive(text: str, name: str) -> int:
    """Return a number of processes, machines or seconds; raise `UserError` for anything else."""
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise UserError(f"{name} has to be a whole number of at least 1, not '{text}'")
    return int(text)


def machines_of(environ: Mapping[str, str]) -> Machines:
    """Return the machines that the environment describes.

    Raises:
        UserError: a wrong number, numbers that contradict each other, or no address of machine 0.
    """
    count = positive(environ.get('NNODES', '1'), 'NNODES')
    wait = positive(environ.get('WAIT', str(WAIT)), 'WAIT')
    port = environ.get('PORT') or environ.get('MASTER_PORT') or str(PORT)
    if not (port.isascii() and port.isdigit() and 0 < int(port) < 65536):
        raise UserError(f"PORT has to be a number from 1 to 65535, not '{port}'")
    if count == 1:
        return Machines()
    rank = environ.get('NODE_RANK', '')
    if not (rank.isascii() and rank.isdigit() and int(rank) < count):
        raise UserError(f"NODE_RANK has to be 0 to {count - 1} on NNODES={count} machines, not '{rank}'")
    address = environ.get('MASTER_ADDR')
    if not address:
        raise UserError(f'NNODES is {count}, but MASTER_ADDR does not say where machine 0 is reached')
    return Machines(count, int(rank), address, int(port), wait)


@contextmanager
def meeting(machines: Machines, processes: int) -> Iterator[list[dict[str, str]]]:
    """Bring the machines together for the block; give the environment of each process that starts on this one.

    On one machine the processes meet by a file in a folder that is this user's alone, and nothing listens. On several,
    the command on machine 0 holds the store, on one address and port, and its processes and the others' connect to it.

    Args:
        machines: all of them.
        processes: number of processes on this machine; another machine may have another number.

    Raises:
        UserError: the machines did not come together.
    """
    if machines.address is None:
        with TemporaryDirectory(prefix='hrpose-') as folder:
            yield _places([processes], 0, {STORE_FILE: str(Path(folder, 'store'))})
        return
    from torch.distributed import DistError

    store, address = _connect(machines)
    try:
        store.set(f'processes/{machines.rank}', str(processes))
        _await_all(store, 'processes', machines.count, machines.wait)
        counts = [positive(store.get(f'processes/{rank}').decode(), 'GPUS') for rank in range(machines.count)]
    except (DistError, TimeoutError) as error:
        raise _did_not_meet(machines, error) from error
    meet = {'MASTER_ADDR': address, 'MASTER_PORT': str(machines.port), LAUNCHER_HAS_STORE: 'True'}
    yield _places(counts, machines.rank, meet)
    with suppress(DistError, TimeoutError):  # the others' processes need the store until they end
        store.set(f'ended/{machines.rank}', '')
        if machines.rank == 0:
            _await_all(store, 'ended', machines.count, _GRACE)


def _connect(machines: Machines) -> 'tuple[TCPStore, str]':
    """Return the store that machine 0 holds, and the address at which processes of this machine reach it."""
    from torch.distributed import DistError, TCPStore

    wait, address = timedelta(seconds=machines.wait), machines.address or ''
    if machines.rank == 0:
        return serve(address, machines.port, wait), address_towards(address) or address
    _await_answer(machines)
    try:
        return TCPStore(address, machines.port, is_master=False, timeout=wait), address
    except DistError as error:
        raise _did_not_meet(machines, error) from error


def _await_all(store: 'TCPStore', key: str, count: int, seconds: float) -> None:
    """Wait until each machine has set its `key`; not inside PyTorch, which would not heed Ctrl-C."""
    end = time.monotonic() + seconds
    while not store.check([f'{key}/{rank}' for rank in range(count)]):
        if time.monotonic() > end:
            missing = [str(rank) for rank in range(count) if not store.check([f'{key}/{rank}'])]
            raise TimeoutError(f'not there: {", ".join(missing)}')
        time.sleep(0.1)


def _did_not_meet(machines: Machines, error: Exception) -> UserError:
    return UserError(
        f'the {machines.count} machines did not meet at {machines.address}:{machines.port} within {machines.wait} s '
        f'({str(error).splitlines()[0]}): each needs the same NNODES, MASTER_ADDR and PORT, and a NODE_RANK of its '
        'own; WAIT is the limit in seconds'
    )


def _places(counts: list[int], machine: int, common: dict[str, str]) -> list[dict[str, str]]:
    """Return RANK, WORLD_SIZE and so on of each process on one of the machines, by the processes on each."""
    before, here = sum(counts[:machine]), counts[machine]
    sizes = {'WORLD_SIZE': str(sum(counts)), 'LOCAL_WORLD_SIZE': str(here)}
    return [{**common, **sizes, 'RANK': str(before + local), 'LOCAL_RANK': str(local)} for local in range(here)]


def _await_answer(machines: Machines) -> None:
    """Return once machine 0 answers: PyTorch's own message would be a page of C++ frames.

    Raises:
        UserError: its address is not known, or nobody answers there for `wait` seconds.
    """
    place, reason = f'{machines.address}:{machines.port}', ''
    try:
        socket.getaddrinfo(machines.address, machines.port)
    except OSError as error:
        raise UserError(f"MASTER_ADDR: this machine knows no '{machines.address}' ({error.strerror})") from error
    end, told = time.monotonic() + machines.wait, False
    while (left := end - time.monotonic()) > 0:
        try:
            socket.create_connection((machines.address, machines.port), timeout=left).close()
            return
        except OSError as error:
            reason = error.strerror or str(error)
        if not told:
            print(f'waiting for machine 0 at {place}, {machines.wait} s at the most ({reason})', file=sys.stderr)
            told = True
        time.sleep(0.5)
    raise UserError(
        f'machine 0 did not answer at {place} for {machines.wait} s ({reason}): is it started, is MASTER_ADDR the '
        'address that this machine reaches it at, and does a firewall let PORT through? WAIT is the limit in seconds'
    )
