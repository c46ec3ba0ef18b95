"""The network interface that gloo and NCCL are given: the loopback, or the one that leads to the other machines."""

import socket
from types import SimpleNamespace

import psutil
import pytest

from hrpose.engine.distributed import interface
from hrpose.engine.distributed.interface import address_towards, interface_to_others

TWO_MACHINES = {'WORLD_SIZE': '4', 'LOCAL_WORLD_SIZE': '2'}
ADDRESSES = {'lo': '127.0.0.1', 'eth0': '10.0.0.5', 'ib0': 'fd00::5', 'eth1': 'fe80::1%eth1'}


@pytest.fixture
def names(monkeypatch) -> dict[str, str]:
    """A machine with the interfaces of `ADDRESSES`, eth0 on the default route; the test adds names of addresses."""
    known = {'localhost': '127.0.0.1'}

    def resolve(host: str, port: int, **_: object) -> list[tuple]:
        if (address := known.get(host, host)) is None:
            raise socket.gaierror
        return [(0, 0, 0, '', (address, port))]

    monkeypatch.setattr(socket, 'getaddrinfo', resolve)
    found = {name: [SimpleNamespace(address=address)] for name, address in ADDRESSES.items()}
    monkeypatch.setattr(psutil, 'net_if_addrs', lambda: found)
    sources = {'192.0.2.1': '10.0.0.5', '10.0.0.1': '10.0.0.5', 'fd00::1': 'fd00::5'}
    monkeypatch.setattr(interface, '_source_address', sources.get)
    return known


@pytest.mark.parametrize(
    ('address', 'environ', 'expected'),
    [
        ('10.0.0.1', TWO_MACHINES, 'eth0'),
        ('10.0.0.5', TWO_MACHINES, 'eth0'),
        ('fd00::1', TWO_MACHINES, 'ib0'),
        ('fd00::5', TWO_MACHINES, 'ib0'),
        ('fe80::1%eth1', TWO_MACHINES, 'eth1'),
        # The first machine's own name, as Debian writes it into /etc/hosts.
        ('127.0.1.1', TWO_MACHINES, 'eth0'),
        ('127.0.1.1', {'SLURM_JOB_NUM_NODES': '2'}, 'eth0'),
        ('127.0.1.1', {'OMPI_COMM_WORLD_SIZE': '4', 'OMPI_COMM_WORLD_LOCAL_SIZE': '2'}, 'eth0'),
        ('10.0.0.5', {'OMPI_COMM_WORLD_SIZE': '4', 'OMPI_COMM_WORLD_LOCAL_SIZE': '4'}, 'lo'),
        ('10.0.0.5', {'WORLD_SIZE': '2', 'LOCAL_WORLD_SIZE': '2', 'SLURM_JOB_NUM_NODES': '2'}, 'lo'),
        ('10.0.0.5', {}, 'lo'),
        (None, TWO_MACHINES, None),
    ],
)
def test_the_interface_is_the_one_towards_machine_0(address, environ, expected, names):
    names['first'] = address
    assert interface_to_others({'MASTER_ADDR': 'first', **environ}) == expected


@pytest.mark.parametrize('host', ['127.0.0.1', '127.0.0.2', 'localhost'])
def test_a_loopback_address_is_kept_if_it_is_given(host, names):
    assert address_towards(host) == names.get(host, host)
    assert interface_to_others({'MASTER_ADDR': host, **TWO_MACHINES}) == 'lo'


def test_this_machine_finds_its_loopback_and_no_unknown_name():
    assert address_towards('127.0.0.1') == '127.0.0.1'
    assert address_towards('nowhere.invalid') is None
    name = interface_to_others({})
    assert '127.0.0.1' in {one.address for one in psutil.net_if_addrs()[name]}
