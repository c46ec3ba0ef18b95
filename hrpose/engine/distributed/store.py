"""The store by which the processes of a run find each other: a file on one machine, one port of one address otherwise.

PyTorch's own way listens on every interface. What is in the store is bytes and numbers; nothing of it is unpickled.
"""

import errno
import socket
from collections.abc import Mapping
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

from hrpose.engine.distributed.interface import address_towards
from hrpose.errors import UserError

if TYPE_CHECKING:
    from torch.distributed import Store, TCPStore

# Names the file of the store to the processes that `run_together` starts on one machine.
STORE_FILE = 'HRPOSE_STORE_FILE'
# torchrun's name: the launcher holds the store, so process 0 does not.
LAUNCHER_HAS_STORE = 'TORCHELASTIC_USE_AGENT_STORE'


def serve(host: str, port: int, wait: timedelta) -> 'TCPStore':
    """Return a store that listens on the one address at which the other machines reach this one by `host`.

    Raises:
        UserError: there is no such address, or the port is taken.
    """
    from torch.distributed import TCPStore

    address = address_towards(host)
    if address is None:
        raise UserError(
            f"MASTER_ADDR: no address of this machine belongs to '{host}'; give that at which the others reach it"
        )
    try:
        listener = socket.create_server((address, port), family=socket.AF_INET6 if ':' in address else socket.AF_INET)
    except OSError as error:
        reason = 'is in use' if error.errno == errno.EADDRINUSE else f'cannot be opened ({error.strerror})'
        raise UserError(f'PORT {port} {reason} on this machine; choose another, the same on all machines') from error
    store = partial(TCPStore, address, port, is_master=True, timeout=wait, wait_for_workers=False)
    descriptor = listener.detach()
    try:
        return store(master_listen_fd=descriptor)
    except NotImplementedError:  # PyTorch 2.6's own loop cannot take an open socket, its older one can
        return store(master_listen_fd=descriptor, use_libuv=False)


def store_of(environ: Mapping[str, str], wait: timedelta) -> 'Store':
    """Return the store by which a process finds the others; process 0 holds it unless its launcher does.

    Args:
        environ: with RANK and WORLD_SIZE, and either the file of the store or MASTER_ADDR and MASTER_PORT.
        wait: how long a process waits for the others at most.

    Raises:
        UserError: this process is to hold the store and cannot.
    """
    from torch.distributed import FileStore, TCPStore

    if path := environ.get(STORE_FILE):
        store = FileStore(path, int(environ['WORLD_SIZE']))
        store.set_timeout(wait)
        return store
    host, port = environ['MASTER_ADDR'], int(environ['MASTER_PORT'])
    if environ['RANK'] == '0' and environ.get(LAUNCHER_HAS_STORE) != 'True':
        return serve(host, port, wait)
    return TCPStore(host, port, is_master=False, timeout=wait)
