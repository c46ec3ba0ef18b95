"""The records of a data set in columns: a few flat arrays, which forked loader workers share.

A list of 150,000 dicts would gradually be copied into every worker, since even reading a Python object writes to its
reference count. N records, U distinct texts.
"""

import gc
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, overload

import numpy as np

from hrpose.errors import UserError

Record = dict[str, Any]

# Numbers are stored in the first of these types that holds all values of the field exactly, else in their own.
_SMALL_TYPES = tuple(map(np.dtype, ('uint8', 'int16', 'int32', 'float32')))


class RecordTable(Sequence[Record]):
    """Records, read like a list of dicts; reading one makes a new dict with new arrays.

    A field may be missing from some records. Its values are arrays of one shape and type, numbers of one type (NumPy's
    become Python's), text, or anything else that JSON keeps unchanged. A subset shares the columns of the whole.
    """

    def __init__(self, columns: dict[str, '_Column'], rows: np.ndarray) -> None:
        self._columns = columns
        self._rows = _frozen(rows)

    @classmethod
    def of(cls, records: Sequence[Record]) -> 'RecordTable':
        """Return the table of `records`.

        Raises:
            UserError: the values of a field do not fit into a column; the message names the field.
        """
        names = dict.fromkeys(name for record in records for name in record)
        return cls({name: _column(name, records) for name in names}, np.arange(len(records), dtype=np.int32))

    def __len__(self) -> int:
        return len(self._rows)

    @overload
    def __getitem__(self, place: int) -> Record: ...

    @overload
    def __getitem__(self, place: slice | Sequence[int] | np.ndarray) -> 'RecordTable': ...

    def __getitem__(self, place: int | slice | Sequence[int] | np.ndarray) -> 'Record | RecordTable':
        if not isinstance(place, int | np.integer):
            return RecordTable(self._columns, self._rows[place])
        row = self._rows[place]
        return {name: column.read(row) for name, column in self._columns.items() if column.has(row)}

    def values(self, name: str) -> Iterator[Any]:
        """Yield one field of each record that has it, without making records."""
        column = self._columns[name]
        return (column.read(row) for row in self._rows if column.has(row))

    def first_not_finite(self, name: str, limit: float = np.inf) -> int | None:
        """Return the index of the first record with NaN, infinity or a size of `limit` or more in `name`, or None."""
        column = self._columns.get(name)
        if column is None or not isinstance(column.kept, _Numbers):
            return None
        values = column.kept.values
        bad = ~(np.abs(values) < limit).reshape(len(values), -1).all(axis=1)
        if not bad.any():
            return None
        bad = bad if column.places is None else (column.places >= 0) & bad[column.places]
        return next(iter(np.flatnonzero(bad[self._rows]).tolist()), None)

    def __deepcopy__(self, memo: dict[int, Any]) -> 'RecordTable':
        return self  # it cannot be changed

    @property
    def num_bytes(self) -> int:
        """Memory of all columns, in bytes."""
        holders = [holder for column in self._columns.values() for holder in (column, column.kept)]
        parts = [self._rows, *(part for holder in holders for part in vars(holder).values())]
        return sum(part.nbytes for part in parts if isinstance(part, np.ndarray))


@dataclass(frozen=True)
class _Numbers:
    """Numbers or arrays of one shape: `values` (N, …) as stored, `dtype` as returned."""

    values: np.ndarray
    dtype: np.dtype
    is_array: bool

    def read(self, place: int) -> Any:
        value = self.values[place].astype(self.dtype)
        return value if self.is_array else value.item()


@dataclass(frozen=True)
class _Texts:
    """Each distinct text once, in UTF-8: `codes` (N,) of the values, `ends` (U,) of the texts in `content`, bytes."""

    codes: np.ndarray
    ends: np.ndarray
    content: np.ndarray
    decode: Callable[[str], Any]

    def read(self, place: int) -> Any:
        code = self.codes[place]
        start = self.ends[code - 1] if code else 0
        return self.decode(self.content[start : self.ends[code]].tobytes().decode('utf-8', 'surrogatepass'))


@dataclass(frozen=True)
class _Column:
    """One field: its values and, if some records lack it, the index (N,) of each record's value, -1 for none."""

    kept: _Numbers | _Texts
    places: np.ndarray | None

    def has(self, row: int) -> bool:
        return self.places is None or bool(self.places[row] >= 0)

    def read(self, row: int) -> Any:
        return self.kept.read(row if self.places is None else self.places[row])


def _column(name: str, records: Sequence[Record]) -> _Column:
    has = np.array([name in record for record in records])
    values = [record[name] for record in records if name in record]
    places = None if has.all() else _frozen(np.where(has, np.cumsum(has) - 1, -1).astype(np.int32))
    return _Column(_numbers(values) or _texts(name, values), places)


def _numbers(values: list[Any]) -> _Numbers | None:
    """Return the column of `values`, or None if they are not all numbers or arrays of one shape and type."""
    kind = type(values[0])
    if not issubclass(kind, int | float | np.ndarray | np.number | np.bool_):
        return None
    if any(type(value) is not kind for value in values):
        return None
    is_array = kind is np.ndarray
    if is_array and len({(value.shape, value.dtype) for value in values}) > 1:
        return None
    array = np.stack(values) if is_array else np.array(values)
    if array.dtype.kind not in 'biuf':  # Python's integers can be too large
        return None
    return _Numbers(_frozen(_smallest(array)), array.dtype, is_array)


def _smallest(values: np.ndarray) -> np.ndarray:
    for dtype in _SMALL_TYPES:
        if dtype.itemsize < values.itemsize:
            with np.errstate(invalid='ignore', over='ignore'):
                small = values.astype(dtype)
            if np.array_equal(small, values, equal_nan=values.dtype.kind == 'f'):
                return small
    return values


def _texts(name: str, values: list[Any]) -> _Texts:
    is_text = all(type(value) is str for value in values)
    texts = values if is_text else [_as_json(name, value) for value in values]
    code_of = {text: code for code, text in enumerate(dict.fromkeys(texts))}
    encoded = [text.encode('utf-8', 'surrogatepass') for text in code_of]
    return _Texts(
        _frozen(np.array([code_of[text] for text in texts], dtype=np.int32)),
        _frozen(np.cumsum([len(text) for text in encoded], dtype=np.int64)),
        np.frombuffer(b''.join(encoded), dtype=np.uint8),
        str if is_text else json.loads,
    )


def _as_json(name: str, value: Any) -> str:
    try:
        text = json.dumps(value)
        unchanged = json.loads(text) == value
    except (TypeError, ValueError):
        unchanged = False
    if not unchanged:
        raise UserError(
            f"records: '{name}' is {value!r:.80}, a {type(value).__name__}; use NumPy arrays of one shape and type in "
            'all records, numbers, text, or values that JSON can hold (a list, not a tuple)'
        )
    return text


@contextmanager
def paused_collector() -> Iterator[None]:
    """Pause the garbage collector, which would scan millions of parsed objects again and again: half of the time."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _frozen(array: np.ndarray) -> np.ndarray:
    array.setflags(write=False)
    return array
