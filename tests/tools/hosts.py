"""Two hosts on one machine: network namespaces joined by a cable. None of it outlives the test."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

ADDRESSES = ('10.77.0.1', '10.77.0.2')


class NotPermitted(Exception):
    """Raised if this machine does not permit network namespaces, with its message."""


class Host:
    """Namespaces for network and disks, with one interface besides the loopback.

    Attributes:
        address: address of the interface `eth0`.
        init: id of the process that keeps the namespaces, as this process sees it.
    """

    def __init__(self, address: str, init: int) -> None:
        self.address, self.init = address, init
        self._keepers: set[int] = set()

    @property
    def enter(self) -> list[str]:
        """The prefix of a command to run it on this host."""
        return [
            'nsenter',
            f'--target={self.init}',
            '--user',
            '--net',
            '--pid',
            '--mount',
            '--preserve-credentials',
            '--',
        ]

    def configure(self, *words: str) -> None:
        """Run `ip` on this host."""
        self._run('ip', *words)

    def _run(self, *words: str) -> None:
        done = subprocess.run([*self.enter, *words], capture_output=True, text=True, timeout=10)
        if done.returncode:
            raise NotPermitted(f'{" ".join(words)}: {done.stderr.strip()}')

    def own_disk(self, folder: Path) -> Path:
        """Mount an empty disk at `folder` on this host only; return its place as this process sees it."""
        self._run('mount', '-t', 'tmpfs', 'tmpfs', str(folder))
        return Path(f'/proc/{self.init}/root{folder}')

    def start(self, words: list, log: Path, environment: Mapping[str, str]) -> subprocess.Popen:
        """Start a command on this host with its output in `log`."""
        with log.open('w') as output:
            return subprocess.Popen(
                [*self.enter, *map(str, words)], env=dict(environment), stdin=subprocess.DEVNULL, stdout=output,
                stderr=subprocess.STDOUT,
            )  # fmt: skip

    def processes(self) -> list[int]:
        """Return all processes on this host except those that keep it."""
        network, found = os.readlink(f'/proc/{self.init}/ns/net'), []
        for entry in Path('/proc').glob('[0-9]*'):
            try:
                if os.readlink(entry / 'ns/net') == network:
                    found.append(int(entry.name))
            except OSError:  # it has ended, or belongs to another user
                continue
        return [process for process in found if process not in self._keepers]

    def listens_at(self) -> set[str]:
        """Return the addresses at which processes on this host listen or receive."""
        code = 'import psutil\nfor one in psutil.net_connections("inet"):\n    if not one.raddr: print(one.laddr.ip)\n'
        told = subprocess.run([*self.enter, sys.executable, '-c', code], capture_output=True, text=True, check=True)
        return set(told.stdout.split())

    def furnish(self) -> None:
        """Bring the interfaces up; note the processes that keep the host."""
        self.configure('address', 'add', f'{self.address}/24', 'dev', 'eth0')
        self.configure('link', 'set', 'eth0', 'up')
        self.configure('link', 'set', 'lo', 'up')
        self._keepers = set(self.processes())

    def kill(self) -> int:
        """Kill every process on this host with SIGKILL; return their number."""
        found = self.processes()
        for process in found:
            os.kill(process, signal.SIGKILL)
        return len(found)


@contextmanager
def two_hosts() -> Iterator[tuple[Host, Host]]:
    """Give two hosts that reach only each other, at `ADDRESSES`; all their processes end with the block.

    This needs no special rights where every user may make user namespaces. The first process of the first host reads
    from a pipe of this process: when this one ends, so does that one, and with it all processes of its PID namespace.

    Raises:
        NotPermitted: this machine does not permit such namespaces.
    """
    with ExitStack() as stack:
        first = Host(
            ADDRESSES[0], _keep(stack, ['unshare', '--user', '--map-root-user', '--mount', '--net', '--pid', '--fork'])
        )
        second = Host(ADDRESSES[1], _keep(stack, [*first.enter, 'unshare', '--mount', '--net']))
        # Its id inside the namespace.
        inner = re.search(r'^NSpid:.*\s(\d+)$', Path(f'/proc/{second.init}/status').read_text(), re.M)[1]
        first.configure('link', 'add', 'eth0', 'type', 'veth', 'peer', 'name', 'eth0', 'netns', inner)
        for host in (first, second):
            host.furnish()
        yield first, second


def _keep(stack: ExitStack, words: list[str]) -> int:
    """Start a process in its own namespaces that lives until the end of `stack`; return its id."""
    pipes = {'stdin': subprocess.PIPE, 'stdout': subprocess.PIPE, 'stderr': subprocess.PIPE}
    try:
        keeper = stack.enter_context(subprocess.Popen([*words, 'sh', '-c', 'echo; exec cat'], text=True, **pipes))
    except FileNotFoundError as error:
        raise NotPermitted(f'there is no {error.filename}') from error
    if keeper.stdout.readline() != '\n':
        raise NotPermitted(keeper.stderr.read().strip())
    (child,) = Path(f'/proc/{keeper.pid}/task/{keeper.pid}/children').read_text().split()
    return int(child)
