"""Records in columns: what goes in comes out, nothing is shared by accident, and mmengine's subsets work."""

import copy
import pickle

import numpy as np
import pytest

from hrpose.datasets import CocoDataset
from hrpose.datasets.storage.columns import RecordTable
from hrpose.errors import UserError


def same(found: object, wanted: object) -> bool:
    """Say whether two values agree in type, in every bit that counts, and, for arrays, in shape and type."""
    if isinstance(wanted, np.ndarray):
        return (
            isinstance(found, np.ndarray)
            and found.dtype == wanted.dtype
            and np.array_equal(found, wanted, equal_nan=wanted.dtype.kind == 'f')
        )
    return type(found) is type(wanted) and found == wanted


VALUES = {
    'whole numbers': [3, -1, 900_000],
    'whole numbers beyond 64 bits': [3, 2**70, -1],
    'halves': [0.5, -2.25, 1e300],
    'thirds': [1 / 3, 2 / 3, 1e-300],
    'flags': [True, False, True],
    'texts': ['images/a.jpg', 'images/b.jpg', 'images/a.jpg'],
    'texts of all scripts': ['', 'ß 図 \ud800', '😀'],
    'mixed ids': [7, '7', None],
    'lists': [[1, 2], [], [{'a': None}]],
    'boxes': [np.array([0.1, 2, 3, 4]), np.array([1.0, 2, 3, 4]), np.array([-1e9, 2, 3, 4])],
    'keypoints': [np.full((17, 2), value) for value in (0.0, 479.0, 639.5)],
    'not numbers': [np.array([np.nan, 1.0]), np.array([np.inf, 1.0]), np.array([-np.inf, 1.0])],
    'indices': [np.array([1, 2]), np.array([2**40, 3]), np.array([-1, 0])],
    'masks': [np.array([True, False])] * 3,
}


@pytest.mark.parametrize('values', VALUES.values(), ids=VALUES)
@pytest.mark.parametrize('missing', [None, 0, 1, 2])
def test_every_record_comes_out_as_it_went_in(values, missing):
    records = [{'id': number, 'value': value} for number, value in enumerate(values)]
    if missing is not None:
        del records[missing]['value']
    table = RecordTable.of(copy.deepcopy(records))
    for reread in (table, pickle.loads(pickle.dumps(table)), copy.deepcopy(table)):
        assert len(reread) == len(records)
        for found, wanted in zip(reread, records, strict=True):
            assert list(found) == list(wanted)
            assert all(same(found[name], wanted[name]) for name in wanted)


@pytest.mark.parametrize('values', [[(1, 2)], [{1: 2}], [{1, 2}], [np.zeros(2), np.zeros(3)], [np.zeros(2), [0, 0]]])
def test_values_that_fit_no_column_are_refused_by_field(values):
    with pytest.raises(UserError, match="'odd'"):
        RecordTable.of([{'odd': value} for value in values])


def test_a_column_uses_the_smallest_exact_type():
    def size(values: list[np.ndarray]) -> int:
        return RecordTable.of([{'value': value} for value in values]).num_bytes - 4 * len(values)

    assert size([np.array([0.0, 2.0])] * 10) == 20
    assert size([np.array([0.0, 640.0])] * 10) == 40
    assert size([np.array([0.0, 0.5])] * 10) == 80
    assert size([np.array([0.0, 0.1])] * 10) == 160


def test_a_record_can_be_changed_without_changing_the_table():
    table = RecordTable.of([{'box': np.arange(4.0), 'tags': [1]}])
    record = table[0]
    record['box'] += 1
    record['tags'].append(2)
    assert same(table[0]['box'], np.arange(4.0))
    assert table[0]['tags'] == [1]


def people(dataset: CocoDataset) -> list[int]:
    return [dataset.get_data_info(place)['id'] for place in range(len(dataset))]


@pytest.mark.parametrize(
    ('indices', 'wanted'),
    [(2, [100, 101]), (-1, [103]), (99, [100, 101, 102, 103]), ([3, 0, 0], [103, 100, 100]), ((-1,), [103])],
)
def test_indices_and_subsets_keep_the_records_that_mmengine_keeps(indices, wanted, tiny_coco):
    data = tiny_coco()
    assert people(CocoDataset(**data.arguments, indices=indices)) == wanted
    whole = CocoDataset(**data.arguments)
    assert people(whole.get_subset(indices)) == wanted
    assert people(whole.get_subset(indices).get_subset(-1)) == wanted[-1:]
    assert people(whole) == [100, 101, 102, 103]
    whole.get_subset_(indices)
    assert people(whole) == wanted


def test_records_are_indexed_from_either_end(tiny_coco):
    dataset = CocoDataset(**tiny_coco().arguments, lazy_init=True)
    assert (dataset.get_data_info(-1)['sample_idx'], dataset.get_data_info(1)['sample_idx']) == (3, 1)
    assert dataset.get_data_info(-1)['id'] == 103


@pytest.mark.parametrize(
    ('indices', 'reason'), [([0, 4], 'there is no record 4'), ([-5], 'no record -5'), (0, 'nobody')]
)
def test_indices_outside_the_data_set_are_refused(indices, reason, tiny_coco):
    with pytest.raises(UserError, match=reason):
        CocoDataset(**tiny_coco().arguments, indices=indices)


def test_first_not_finite_finds_the_first_record():
    records = [
        {'box': np.array([1.0, 2.0])},
        {'id': 1},
        {'box': np.array([np.nan, 0.0])},
        {'box': np.array([0, np.inf])},
    ]
    table = RecordTable.of(records)
    assert (table.first_not_finite('box'), table.first_not_finite('id'), table.first_not_finite('none')) == (
        2,
        None,
        None,
    )
    assert (table[[0, 1]].first_not_finite('box'), table[[3, 0]].first_not_finite('box')) == (None, 0)
