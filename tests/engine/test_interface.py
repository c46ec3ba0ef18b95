"""The network interface that gloo is told: the one that leads to the others."""

import socket

import pytest

from hrpose.engine import interface
from hrpose.engine.interface import interface_to_others


def towards(monkeypatch: pytest.MonkeyPatch, ways: dict[str, str]) -> None:
    """Make this a machine with a loopback, one cable and an alias, from which each address is left by `ways`."""
    addresses = {'lo': '127.0.0.1', 'eth0': '10.0.0.5', 'ib0': 'fd00::5'}
    parsed = [(name, interface.ipaddress.ip_address(address)) for name, address in addresses.items()]
    monkeypatch.setattr(interface, '_addresses', lambda: iter(parsed))
    found = {host: interface.ipaddress.ip_address(address) for host, address in ways.items()}
    monkeypatch.setattr(interface, '_address_towards', found.get)


@pytest.mark.parametrize(
    ('ways', 'environ', 'expected'),
    [
        ({'first': '10.0.0.5'}, {'GROUP_WORLD_SIZE': '2'}, 'eth0'),
        ({'first': 'fd00::5'}, {'GROUP_WORLD_SIZE': '2'}, 'ib0'),
        # The first machine's own name, as Debian writes it into /etc/hosts.
        ({'first': '127.0.1.1', '192.0.2.1': '10.0.0.5'}, {'GROUP_WORLD_SIZE': '2'}, 'eth0'),
        ({'first': '127.0.1.1', '192.0.2.1': '10.0.0.5'}, {'SLURM_JOB_NUM_NODES': '2'}, 'eth0'),
        *(
            ({'first': '127.0.1.1', '192.0.2.1': '10.0.0.5'}, {'WORLD_SIZE': '4', 'OMPI_COMM_WORLD_LOCAL_SIZE': n}, way)
            for n, way in (('2', 'eth0'), ('4', None))
        ),
        ({'first': '127.0.1.1'}, {'GROUP_WORLD_SIZE': '2'}, None),
        ({'first': '127.0.0.1', '192.0.2.1': '10.0.0.5'}, {}, None),
        ({}, {'GROUP_WORLD_SIZE': '2'}, None),
    ],
)
def test_the_interface_is_that_of_the_way_to_the_first_machine(ways, environ, expected, monkeypatch):
    towards(monkeypatch, ways)
    assert interface_to_others({'MASTER_ADDR': 'first', **environ}) == expected


def test_the_loopback_is_among_the_interfaces_of_this_machine():
    assert ('lo', '127.0.0.1') in [(name, str(address)) for name, address in interface._addresses()]
    assert {name for name, _ in interface._addresses()} <= {name for _, name in socket.if_nameindex()}
    assert str(interface._address_towards('127.0.0.1')) == '127.0.0.1'
    assert interface._address_towards('nowhere.invalid') is None
