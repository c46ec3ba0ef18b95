"""Full batches for work that comes in uneven portions, results in order of what they belong to."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
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
    """Yield each owner with what `predict` found for its items, in the order of `jobs`; batches go across owners.

    Args:
        jobs: owners with their items, any number of them, none included.
        predict: finds one thing for each of at most `batch_size` items.
        batch_size: items of a batch; only the last one, and one that has `batch_size` owners waiting, is smaller.
        at_once: wait for no other owner's items to fill a batch.
    """
    waiting: deque[tuple[Owner, int]] = deque()
    items: list[Item] = []
    found: deque[Found] = deque()
    for owner, own in jobs:
        waiting.append((owner, len(own)))
        items += own
        # Owners keep pictures in memory, so those without people must not pile up behind one who waits for a batch.
        flush = at_once or len(waiting) >= batch_size
        while len(items) >= batch_size or (flush and items):
            found += predict(items[:batch_size])
            del items[:batch_size]
        yield from _complete(waiting, found)
    while items:
        found += predict(items[:batch_size])
        del items[:batch_size]
    yield from _complete(waiting, found)


def _complete(waiting: deque[tuple[Owner, int]], found: deque[Found]) -> Iterator[tuple[Owner, list[Found]]]:
    """Take from the front each owner of whose items everything is found."""
    while waiting and waiting[0][1] <= len(found):
        owner, count = waiting.popleft()
        yield owner, [found.popleft() for _ in range(count)]


def grouped(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    """Yield `items` in lists of `size`, the last one shorter."""
    group: list[Item] = []
    for item in items:
        group.append(item)
        if len(group) == size:
            yield group
            group = []
    if group:
        yield group
