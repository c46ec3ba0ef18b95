"""Full batches of items that belong to owners, such as people of images, with results by owner and in order."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain, islice
from typing import TypeVar

Owner = TypeVar('Owner')
Item = TypeVar('Item')
Found = TypeVar('Found')


def share_batches(
    jobs: Iterable[tuple[Owner, Sequence[Item]]],
    predict: Callable[[list[Item]], Sequence[Found]],
    batch_size: int,
    *,
    at_once: bool = False,
) -> Iterator[tuple[Owner, list[Found]]]:
    """Yield each owner with the results of its items, in the order of `jobs`; owners share batches.

    Args:
        jobs: owners with any number of items, including none.
        predict: returns one result for each of at most `batch_size` items.
        batch_size: items of a batch. A batch is smaller only at the end, or if `batch_size` owners are waiting for it.
        at_once: do not wait for the items of other owners to fill a batch.
    """
    waiting: deque[tuple[Owner, int]] = deque()
    items: list[Item] = []
    found: deque[Found] = deque()
    for job in chain(jobs, [None]):
        if job is not None:
            waiting.append((job[0], len(job[1])))
            items += job[1]
        # Owners hold images in memory, so those without people must not pile up behind one that waits for a batch.
        flush = at_once or job is None or len(waiting) >= batch_size
        while len(items) >= batch_size or (flush and items):
            found += predict(items[:batch_size])
            del items[:batch_size]
        while waiting and waiting[0][1] <= len(found):
            owner, count = waiting.popleft()
            yield owner, [found.popleft() for _ in range(count)]


def grouped(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    """Yield `items` in lists of `size`; the last one may be shorter."""
    rest = iter(items)
    while group := list(islice(rest, size)):
        yield group
