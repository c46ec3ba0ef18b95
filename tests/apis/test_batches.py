"""Full batches across owners: their sizes, and when and to whom results come."""

import pytest

from hrpose.apis.batches import grouped, share_batches


def run(counts, batch_size, **options):
    """Share batches of items (owner, number) of owners with so many items; returns the batches and what came when."""
    batches, events = [], []

    def predict(items):
        batches.append(len(items))
        return [f'{owner}.{number}' for owner, number in items]

    def jobs():
        for owner, count in enumerate(counts):
            events.append(f'read {owner}')
            yield owner, [(owner, number) for number in range(count)]

    for owner, found in share_batches(jobs(), predict, batch_size, **options):
        assert found == [f'{owner}.{number}' for number in range(counts[owner])]
        events.append(f'done {owner}')
    return batches, events


@pytest.mark.parametrize(
    ('counts', 'batches'),
    [
        ([3, 0, 5, 1], [4, 4, 1]),
        ([9], [4, 4, 1]),
        ([4, 4], [4, 4]),
        ([0, 0], []),
        ([], []),
        ([1, 0, 0, 0, 0, 3], [1, 3]),  # a fourth owner waiting: the image of the first is not held for ever
    ],
)
def test_owners_get_their_own_in_order_from_full_batches(counts, batches):
    made, events = run(counts, 4)
    assert made == batches
    assert [event for event in events if 'done' in event] == [f'done {owner}' for owner in range(len(counts))]


def test_owners_without_items_wait_only_behind_others():
    assert run([0, 0, 1, 0], 4)[1][:4] == ['read 0', 'done 0', 'read 1', 'done 1']


@pytest.mark.parametrize('size', [1, 3, 8])
def test_no_more_owners_wait_than_a_batch_has_items(size):
    events = run([1, *[0] * 40], size)[1]
    waiting = most = 0
    for event in events:
        waiting += 1 if 'read' in event else -1
        most = max(most, waiting)
    assert most == size


def test_at_once_nobody_waits():
    batches, events = run([2, 0, 5], 4, at_once=True)
    assert batches == [2, 4, 1]
    assert events == ['read 0', 'done 0', 'read 1', 'done 1', 'read 2', 'done 2']


def test_groups_hold_everything_in_order():
    assert list(grouped(range(7), 3)) == [[0, 1, 2], [3, 4, 5], [6]]
    assert list(grouped([], 3)) == []
