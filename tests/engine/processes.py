"""Run a function in several processes that form a group, forked from this one or spawned."""

import multiprocessing
import os
import pickle
import socket
import traceback
from collections.abc import Callable
from typing import Any


def free_port() -> int:
    """Return a free port of this machine."""
    with socket.socket() as listener:
        listener.bind(('127.0.0.1', 0))
        return listener.getsockname()[1]


def run_processes(
    count: int, function: Callable, *arguments: Any, timeout: float = 100, method: str = 'fork'
) -> list[Any]:
    """Call `function(*arguments)` in `count` processes with the environment of torchrun.

    Args:
        method: 'fork', or 'spawn' for processes that use a GPU. A forked process cannot use it once this one has looked
            for a GPU; a spawned one does not have what a test has monkeypatched.

    Returns:
        the value that each returned, by rank.
    """
    context = multiprocessing.get_context(method)
    told = {'MASTER_ADDR': '127.0.0.1', 'MASTER_PORT': str(free_port()), 'WORLD_SIZE': str(count)}
    pipes = [context.Pipe(duplex=False) for _ in range(count)]
    processes = [
        context.Process(
            target=_work, args=({**told, 'RANK': str(rank), 'LOCAL_RANK': str(rank)}, end, function, arguments)
        )
        for rank, (_, end) in enumerate(pipes)
    ]
    for process in processes:
        process.start()
    try:
        answers = [
            pickle.loads(start.recv_bytes()) if start.poll(timeout) else (False, 'no answer in time')
            for start, _ in pipes
        ]
    finally:
        for process in processes:
            process.join(2)
            process.kill()
    assert all(went_well for went_well, _ in answers), '\n'.join(str(answer) for _, answer in answers)
    return [answer for _, answer in answers]


def _work(environment: dict[str, str], end: Any, function: Callable, arguments: tuple) -> None:
    os.environ.update(environment)
    try:
        answer = True, function(*arguments)
    except BaseException:
        answer = False, traceback.format_exc()
    # The pipe's own pickling would leave tensors in the memory of this process.
    end.send_bytes(pickle.dumps(answer))
