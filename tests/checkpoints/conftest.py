"""Fixtures of the tests of checkpoints."""

import threading
from collections.abc import Callable, Iterator

import pytest
from mmengine.registry import WEIGHT_INITIALIZERS
from mmengine.runner.checkpoint import CheckpointLoader

from tests.checkpoints.server import Server


@pytest.fixture(autouse=True)
def schemes() -> Iterator[dict]:
    """Put mmengine's own ways to weights back afterwards; gives its checkpoint loaders as they were."""
    before, pretrained = dict(CheckpointLoader._schemes), WEIGHT_INITIALIZERS.module_dict['Pretrained']
    yield before
    CheckpointLoader._schemes.clear()
    CheckpointLoader._schemes.update(before)
    WEIGHT_INITIALIZERS.module_dict['Pretrained'] = pretrained


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ask the servers on this machine without a proxy between."""
    for name in ('no_proxy', 'NO_PROXY'):
        monkeypatch.setenv(name, '127.0.0.1')


@pytest.fixture
def make_server() -> Iterator[Callable[[], Server]]:
    """A factory of running servers."""
    servers: list[Server] = []

    def make() -> Server:
        servers.append(Server())
        threading.Thread(target=servers[-1].serve_forever, args=(0.01,), daemon=True).start()
        return servers[-1]

    yield make
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture
def server(make_server: Callable[[], Server]) -> Server:
    """A running server."""
    return make_server()
