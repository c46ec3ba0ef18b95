"""A reader of pickles that calls nothing but the functions of a table, on arguments that these functions check.

Python's own unpickler imports what a file names and calls it. PyTorch's safe loader calls a list of library functions
with whatever arguments a file gives, and some of them (NumPy's array type, for one) then read any address in memory.
Here a name in a file stays a `Named`, and a call of it is a call of our function for that name.
"""

import pickle
from collections import Counter, OrderedDict
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, NoReturn

import numpy as np
import torch
from mmengine.logging import HistoryBuffer

# More than this is an attack on memory or time: an HRNet with its optimizer takes a tenth of the steps.
MAX_STEPS = 3_000_000
MAX_VALUES = 5_000_000
MAX_DEPTH = 64
MAX_BITS = 256

_NO_VALUE = object()


class RefusedError(Exception):
    """What a file asks for and does not get."""


def refuse(wish: str) -> NoReturn:
    """Raise `RefusedError`; control characters of a stranger's text are not printed."""
    raise RefusedError(''.join(sign if sign.isprintable() else '?' for sign in wish[:200]))


@dataclass(frozen=True)
class Named:
    """A name that the file mentions; the object of that name is neither imported nor touched."""

    name: str


class Unfinished:
    """An object that a second instruction of the file, BUILD, completes.

    Args:
        finish: makes the object of the state that BUILD brings.
    """

    def __init__(self, finish: Callable[[Any], Any]) -> None:
        self.finish = finish
        self.value: Any = _NO_VALUE


class Source:
    """The bytes of a pickle: no read takes more memory than there is in the file, and their number is limited."""

    def __init__(self, file: Any, size: int) -> None:
        self._file, self._size, self._left = file, size, MAX_STEPS

    def read(self, count: int) -> bytes:
        """Return the next `count` bytes, or what is left."""
        self._left -= 1
        if self._left < 0:
            refuse(f'more than {MAX_STEPS} steps of reading')
        return self._file.read(min(count, self._size))

    def readline(self) -> bytes:
        """Return the rest of a line; names are short."""
        return self._file.readline(1000)


class _Instructions(dict):
    def __missing__(self, code: int) -> NoReturn:
        raise pickle.UnpicklingError(f'unknown instruction {code}')


# The instructions that PyTorch's own safe loader knows.
_KNOWN = 'BINFLOAT BINGET BININT BININT1 BININT2 BINPERSID BINPUT BINUNICODE EMPTY_DICT EMPTY_LIST EMPTY_TUPLE GLOBAL'
_KNOWN += ' LONG1 LONG_BINGET LONG_BINPUT MARK NEWFALSE NEWTRUE NONE PROTO SHORT_BINSTRING STOP TUPLE TUPLE1 TUPLE2'
_KNOWN += ' TUPLE3'


class Unpickler(pickle._Unpickler):  # type: ignore[name-defined, misc, unused-ignore]
    """Python's unpickler, in Python, with every instruction that calls or changes an object replaced.

    Args:
        source: where the pickle is.
        functions: name -> what stands in for it. A name that is not there is refused where the file mentions it.
        values: name -> a plain value of that name, a dtype for instance.
        storage: makes a tensor's memory of its persistent id.
    """

    stack: list[Any]
    memo: dict[int, Any]
    append: Callable[[Any], None]
    dispatch: ClassVar[dict[int, Callable]] = _Instructions(
        {code: pickle._Unpickler.dispatch[code] for code in (getattr(pickle, name)[0] for name in _KNOWN.split())}  # type: ignore[attr-defined, unused-ignore]
    )

    def __init__(
        self,
        source: Source,
        functions: Mapping[str, Callable] = {},  # noqa: B006
        values: Mapping[str, Any] = {},  # noqa: B006
        storage: Callable[[Any], Any] | None = None,
    ) -> None:
        super().__init__(source, encoding='utf-8')
        self._functions, self._values, self._make_storage = functions, values, storage

    def find_class(self, module: str, name: str) -> Any:
        """Return the plain value of a name, or the name itself."""
        full = f'{module.replace("__builtin__", "builtins")}.{name}'
        if full in self._values:
            return self._values[full]
        return Named(full) if full in self._functions else refuse(full)

    def persistent_load(self, pid: Any) -> Any:
        """Return a tensor's memory."""
        if self._make_storage is None:
            refuse('the memory of a tensor, where none can be')
        return self._make_storage(pid)

    def _call(self) -> None:
        arguments, function = self.stack.pop(), self.stack.pop()
        if type(function) is not Named or type(arguments) is not tuple:
            refuse(f'a call of {_called(function)}')
        self.append(self._functions[function.name](*arguments))

    def _finish(self) -> None:
        state, value = self.stack.pop(), self.stack[-1]
        if type(value) is OrderedDict:
            # Weights keep the versions of their modules in an attribute.
            if type(state) is not dict or len(state) != 1 or '_metadata' not in state:
                refuse('attributes of a dictionary')
            value._metadata = state['_metadata']  # type: ignore[attr-defined]
        elif type(value) is Unfinished and value.value is _NO_VALUE:
            self.stack[-1] = value.value = value.finish(state)
        else:
            refuse(f'a change of {_called(value)}')

    def _recall(self, place: int) -> None:
        value = self.memo[place]
        if type(value) is Unfinished and value.value is not _NO_VALUE:
            value = value.value
        self.append(value)

    def _extend(self, items: list[Any]) -> None:
        if type(self.stack[-1]) is not list:
            refuse(f'a change of {_called(self.stack[-1])}')
        self.stack[-1].extend(items)

    def _update(self, items: list[Any]) -> None:
        target = self.stack[-1]
        if type(target) not in (dict, OrderedDict, Counter):
            refuse(f'a change of {_called(target)}')
        for key, value in zip(items[::2], items[1::2], strict=True):
            target[plain_key(key)] = value

    def _two(self) -> list[Any]:
        value, key = self.stack.pop(), self.stack.pop()
        return [key, value]

    dispatch |= {
        pickle.REDUCE[0]: _call,
        pickle.NEWOBJ[0]: _call,
        pickle.BUILD[0]: _finish,
        pickle.BINGET[0]: lambda self: self._recall(self.read(1)[0]),
        pickle.LONG_BINGET[0]: lambda self: self._recall(int.from_bytes(self.read(4), 'little')),
        pickle.APPEND[0]: lambda self: self._extend([self.stack.pop()]),
        pickle.APPENDS[0]: lambda self: self._extend(self.pop_mark()),
        pickle.SETITEM[0]: lambda self: self._update(self._two()),
        pickle.SETITEMS[0]: lambda self: self._update(self.pop_mark()),
    }


def plain_key(key: Any) -> Any:
    """Return a dictionary's key or a set's member, which is a plain scalar.

    Hashing anything nested can take forever, and integers or tuples can be chosen so that their hashes are the same.
    """
    if type(key) not in (str, bytes, int, float, bool, type(None)) or (type(key) is int and key.bit_length() > 63):
        refuse(f'a key of type {type(key).__name__}')
    return key


def _called(value: Any) -> str:
    if type(value) is Named:
        return value.name
    return 'an unfinished object' if type(value) is Unfinished else f'a {type(value).__name__}'


_LEAVES: tuple[type, ...] = (str, bytes, float, bool, type(None), torch.Tensor, torch.nn.Parameter, np.ndarray)
_LEAVES += (HistoryBuffer, torch.dtype, torch.device)


def require_plain(content: Any) -> None:
    """Raise `RefusedError` unless all of `content` is plain values, arrays and tensors, few and shallow enough.

    What is mentioned twice counts twice, as whatever copies or prints the content meets it twice.
    """
    level, left = [content], MAX_VALUES
    for _ in range(MAX_DEPTH):
        following: list[Any] = []
        for value in level:
            inner = _inner(value)
            left -= len(inner) + (len(value) // 64 if type(value) in (str, bytes) else 0)
            if left < 0:
                refuse(f'more than {MAX_VALUES} values')
            following.extend(inner)
        if not following:
            return
        level = following
    refuse(f'values nested deeper than {MAX_DEPTH}')


def _inner(value: Any) -> Collection[Any]:
    kind = type(value)
    if kind is OrderedDict and vars(value):
        metadata = value._metadata
        if not all(isinstance(each, dict) for each in (metadata, *metadata.values())):
            refuse('module versions that are not dictionaries')
        return [*value.values(), metadata]
    if kind in (dict, OrderedDict, Counter):
        return value.values()
    if kind in (list, tuple, set, torch.Size):
        return value
    if kind is int and value.bit_length() > MAX_BITS:
        refuse(f'an integer of {value.bit_length()} bits')
    if kind is not int and kind not in _LEAVES and not isinstance(value, np.generic | np.dtype):
        refuse(_called(value))
    return ()
