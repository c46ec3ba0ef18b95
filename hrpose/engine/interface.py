"""Which network interface of this machine reaches the other machines of a training."""

import array
import fcntl
import ipaddress
import socket
import struct
from collections.abc import Iterator, Mapping
from pathlib import Path

# Of the block for documentation (RFC 5737): on no network, so the way to it is the way to anywhere.
_ELSEWHERE = '192.0.2.1'
_LIST_ADDRESSES = 0x8912  # SIOCGIFCONF of Linux
_ENTRY = 40  # bytes of its struct ifreq: the name in the first 16, the address at 20


def interface_to_others(environ: Mapping[str, str]) -> str | None:
    """Return the name of the interface by which this process reaches the one at MASTER_ADDR.

    gloo asks for the address of this machine's own name instead, which on Debian and in containers is 127.0.0.1 or
    127.0.1.1: the other machines then cannot connect. The same holds where MASTER_ADDR is this machine's own name.

    Args:
        environ: with MASTER_ADDR, and the number of machines as torchrun or Slurm tells it.

    Returns:
        None where all is on this machine, or nothing leads to the address (joining then says so).
    """
    here = _address_towards(environ.get('MASTER_ADDR', ''))
    if here is not None and here.is_loopback:
        here = _address_towards(_ELSEWHERE) if _has_several_machines(environ) else None
    return next((name for name, address in _addresses() if address == here), None)


def _has_several_machines(environ: Mapping[str, str]) -> bool:
    machines = environ.get('GROUP_WORLD_SIZE') or environ.get('SLURM_JOB_NUM_NODES')
    if machines:
        return int(machines) > 1
    processes = environ.get('OMPI_COMM_WORLD_SIZE') or environ.get('WORLD_SIZE') or 1
    here = environ.get('OMPI_COMM_WORLD_LOCAL_SIZE') or environ.get('LOCAL_WORLD_SIZE') or processes
    return int(processes) > int(here)


def _address_towards(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """Return the address of this machine that packets to `host` would carry; none is sent."""
    try:
        family, kind, _, _, place = socket.getaddrinfo(host, 9, type=socket.SOCK_DGRAM)[0]
        with socket.socket(family, kind) as probe:
            probe.connect(place)
            return ipaddress.ip_address(probe.getsockname()[0].split('%')[0])
    except OSError:
        return None


def _addresses() -> Iterator[tuple[str, ipaddress.IPv4Address | ipaddress.IPv6Address]]:
    """Yield name and address of each interface, an interface with several addresses as often."""
    room = array.array('B', bytes(_ENTRY * 256))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        told = fcntl.ioctl(asking, _LIST_ADDRESSES, struct.pack('iL', len(room), room.buffer_info()[0]))
    for start in range(0, struct.unpack('iL', told)[0], _ENTRY):
        entry = room[start : start + _ENTRY].tobytes()
        # An alias is called eth0:1.
        yield entry[:16].split(b'\0')[0].decode().split(':')[0], ipaddress.ip_address(entry[20:24])
    listed = Path('/proc/net/if_inet6')
    for line in listed.read_text().splitlines() if listed.is_file() else ():
        address, *_, name = line.split()
        yield name, ipaddress.ip_address(bytes.fromhex(address))
