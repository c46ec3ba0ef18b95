"""Several processes of one training, forked from this one, which spares importing PyTorch in each; or spawned."""

import multiprocessing
import os
import pickle
import socket
import traceback
from collections.abc import Callable
from typing import Any


def free_port() -> int:
    """Return a port of this machine that nobody listens at."""
    with socket.socket() as listener:
        listener.bind(('127.0.0.1', 0))
        return listener.getsockname()[1]


def run_processes(
    count: int, function: Callable, *arguments: Any, timeout: float = 100, method: str = 'fork'
) -> list[Any]:
    """Call `function(*arguments)` in `count` processes that are told their places as by torchrun.

    Args:
        method: of starting them: 'fork', or 'spawn' for those that use a GPU. A forked process cannot, once this one
            has so much as asked whether there is one; a spawned one knows nothing of what a test replaced.

    Returns:
        what each returned, by rank.
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
    # Not by the pipe's own pickling, which leaves tensors in this process's memory.
    end.send_bytes(pickle.dumps(answer))
