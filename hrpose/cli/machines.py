"""The machines of one training or test: what the environment tells of them, and how they find each other."""

import errno
import socket
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass

from hrpose.errors import UserError

PORT, WAIT = 29500, 600

ENVIRONMENT = f"""
environment, for several machines (start the same command on each):
  NNODES       how many machines; 1 unless given
  NODE_RANK    which of them this is, from 0
  MASTER_ADDR  name or address of machine 0, as the others reach it
  PORT         a port that is free there; {PORT} unless given (on one machine: any free one)
  WAIT         seconds that each machine waits for the others; {WAIT} unless given
"""


@dataclass(frozen=True)
class Machines:
    """Where this machine stands among all.

    Attributes:
        count: of the machines.
        rank: of this one, from 0.
        address: of machine 0; None on a single machine whose processes may meet at any port.
        port: at which machine 0 listens.
        wait: seconds that each waits for the others.
    """

    count: int
    rank: int
    address: str | None
    port: int
    wait: int

    def torchrun_words(self, gpus: int) -> list[str]:
        """Return torchrun's own options for `gpus` processes on each machine."""
        if self.address is None:
            return [f'--nproc-per-node={gpus}', '--standalone']
        return [
            *(f'--nproc-per-node={gpus}', f'--nnodes={self.count}', f'--node-rank={self.rank}'),
            *(f'--master-addr={self.address}', f'--master-port={self.port}', f'--rdzv-conf=timeout={self.wait}'),
        ]

    def did_not_meet(self, reason: str) -> str:
        """Return the sentence about machines that did not all come to machine 0's port."""
        return (
            f'the {self.count} machines did not meet at {self.address}:{self.port} within {self.wait} s ({reason}): '
            'each needs the same NNODES, MASTER_ADDR and PORT, and a NODE_RANK of its own; WAIT is the limit in seconds'
        )


def positive(text: str, name: str) -> int:
    """Return a number of processes, machines or seconds; raise `UserError` for anything else."""
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise UserError(f"{name} has to be a whole number of at least 1, not '{text}'")
    return int(text)


def machines_of(environ: Mapping[str, str]) -> Machines:
    """Return the machines that the environment tells of.

    Raises:
        UserError: numbers that are none or do not fit each other, or no address of the first machine.
    """
    count = positive(environ.get('NNODES', '1'), 'NNODES')
    wait = positive(environ.get('WAIT', str(WAIT)), 'WAIT')
    port = environ.get('PORT') or environ.get('MASTER_PORT')
    if port is not None and not (port.isascii() and port.isdigit() and 0 < int(port) < 65536):
        raise UserError(f"PORT has to be a number from 1 to 65535, not '{port}'")
    if count == 1 and port is None:
        return Machines(1, 0, None, PORT, wait)
    rank = environ.get('NODE_RANK', '0' if count == 1 else '')
    if not (rank.isascii() and rank.isdigit() and int(rank) < count):
        raise UserError(f"NODE_RANK has to be 0 to {count - 1} on NNODES={count} machines, not '{rank}'")
    address = environ.get('MASTER_ADDR', '127.0.0.1' if count == 1 else '')
    if not address:
        raise UserError(f'NNODES is {count}, but MASTER_ADDR does not say where machine 0 is reached')
    return Machines(count, int(rank), address, int(port or PORT), wait)


def find_first(machines: Machines) -> None:
    """Return once machine 0 can be reached, or, on machine 0, if its port is free.

    torchrun would end in a page of frames where it is not, after a quarter of an hour.

    Raises:
        UserError: the port is taken, the address is no known name, or nobody answers there for `wait` seconds.
    """
    if machines.address is None:
        return
    if machines.rank == 0:
        _require_free(machines.port)
        return
    try:
        socket.getaddrinfo(machines.address, machines.port)
    except OSError as error:
        raise UserError(f"MASTER_ADDR: this machine knows no '{machines.address}' ({error.strerror})") from error
    _await_answer(machines)


def _require_free(port: int) -> None:
    try:
        socket.create_server(('', port)).close()
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise UserError(f'PORT {port} cannot be taken on this machine: {error.strerror}') from error
        raise UserError(
            f'PORT {port} is in use on this machine: end what uses it, or give another one, on all machines the same'
        ) from error


def _await_answer(machines: Machines) -> None:
    place, reason = f'{machines.address}:{machines.port}', ''
    end, told = time.monotonic() + machines.wait, False
    while time.monotonic() < end:
        try:
            socket.create_connection((machines.address, machines.port), timeout=end - time.monotonic()).close()
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
