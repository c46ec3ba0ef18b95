"""Which address and network interface of this machine lead to the other machines of a run."""

import ipaddress
import socket
from collections.abc import Mapping

import psutil

LOOPBACK = '127.0.0.1'
# Of the block for documentation (RFC 5737): on no network, so the way to it is the default route.
_ELSEWHERE = '192.0.2.1'


def interface_to_others(environ: Mapping[str, str]) -> str | None:
    """Return the name of the interface by which this process and the others reach each other.

    gloo asks for the address of this machine's own name instead, which may be open to a network that is not needed,
    or, on Debian and in containers, be 127.0.1.1, which the other machines cannot reach.

    Args:
        environ: with MASTER_ADDR, and the numbers of processes as their launcher gives them.

    Returns:
        the loopback if all are on this machine; None if nothing leads to MASTER_ADDR (joining then fails and says so).
    """
    host = environ.get('MASTER_ADDR', LOOPBACK) if has_several_machines(environ) else LOOPBACK
    here = address_towards(host)
    if here is not None and _is_loopback(here):
        here = LOOPBACK
    return next((name for name, addresses in _addresses().items() if here in addresses), None)


def has_several_machines(environ: Mapping[str, str]) -> bool:
    """Say whether the processes that a launcher started are on more machines than this one."""
    processes = environ.get('OMPI_COMM_WORLD_SIZE') or environ.get('WORLD_SIZE') or 1
    here = environ.get('OMPI_COMM_WORLD_LOCAL_SIZE') or environ.get('LOCAL_WORLD_SIZE')
    if here:
        return int(processes) > int(here)
    return int(environ.get('SLURM_JOB_NUM_NODES') or 1) > 1


def address_towards(host: str) -> str | None:
    """Return the address of this machine at which `host` reaches it; None if nothing leads there.

    If `host` is this machine, that is the address that `host` stands for. Its own name may stand for a loopback
    address in /etc/hosts; the address on the default route then takes its place.
    """
    try:
        there = socket.getaddrinfo(host, 9, type=socket.SOCK_DGRAM)[0][4][0]
    except OSError:
        return None
    if _is_loopback(str(there)):
        return str(there) if host == 'localhost' or _is_loopback(host) else _source_address(_ELSEWHERE)
    own = {address for addresses in _addresses().values() for address in addresses}
    return str(there) if there in own else _source_address(str(there))


def _addresses() -> dict[str, set[str]]:
    """Return the addresses of each interface."""
    return {name: {one.address for one in found} for name, found in psutil.net_if_addrs().items()}


def _is_loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:  # a name
        return False


def _source_address(there: str) -> str | None:
    """Return the address of this machine that packets to an address would carry; none is sent."""
    try:
        family, kind, _, _, place = socket.getaddrinfo(there, 9, type=socket.SOCK_DGRAM)[0]
        with socket.socket(family, kind) as probe:
            probe.connect(place)
            return str(probe.getsockname()[0])
    except OSError:
        return None
