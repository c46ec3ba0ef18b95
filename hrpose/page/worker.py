"""The one thread that runs the network, and the places of the requests that may wait for it."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

from starlette.exceptions import HTTPException

Answer = TypeVar('Answer')


class Worker:
    """A thread that does one piece of work at a time, and a bounded number of places for requests.

    Args:
        places: requests that may be in work or waiting.
    """

    def __init__(self, places: int) -> None:
        self._places = threading.Semaphore(places)
        self._pool = ThreadPoolExecutor(1, 'network')

    @contextmanager
    def place(self) -> Iterator[None]:
        """Hold a place for the length of the block.

        Raises:
            HTTPException: all are taken (503).
        """
        if not self._places.acquire(blocking=False):
            raise HTTPException(503, 'too many requests wait already; try again in a moment', {'Retry-After': '1'})
        try:
            yield
        finally:
            self._places.release()

    async def run(self, work: Callable[[], Answer]) -> Answer:
        """Return what `work` returns in the thread; if the caller is cancelled, work that waits is dropped."""
        return await asyncio.wrap_future(self._pool.submit(work))
