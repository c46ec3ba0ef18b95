"""What a checkpoint may call: each name that its pickle may mention, and our own checked function for it.

Nothing here hands a library a shape, dtype, offset or address that was not checked against the bytes there are.
"""

import math
from collections import Counter, OrderedDict
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from mmengine.logging import HistoryBuffer
from torch import Tensor

from hrpose.checkpoints.plain import history_buffer
from hrpose.checkpoints.unpickle import Named, Unfinished, plain_key, refuse
from hrpose.hardware import available_memory

_STATISTICS = ('min', 'max', 'current', 'mean')
_MAX_DIMS = 64
# Beside the file's own size: what its calls may make of small arguments.
_ROOM = 256 * 2**20

# The names of plain dtypes, as PyTorch and NumPy pickle them.
_FLOATS = 'float16 float32 float64 bfloat16 float8_e4m3fn float8_e4m3fnuz float8_e5m2 float8_e5m2fnuz float8_e8m0fnu'
_OTHERS = 'bool int8 int16 int32 int64 uint8 uint16 uint32 uint64'
DTYPES = {f'torch.{name}': getattr(torch, name) for name in f'{_FLOATS} {_OTHERS}'.split() if hasattr(torch, name)}
_STORAGES = {
    f'{module}.{name}Storage': dtype
    for module in ('torch', 'torch.cuda')
    for name, dtype in {
        **{'Double': torch.float64, 'Float': torch.float32, 'Half': torch.float16, 'BFloat16': torch.bfloat16},
        **{'Long': torch.int64, 'Int': torch.int32, 'Short': torch.int16, 'Char': torch.int8, 'Byte': torch.uint8},
        'Bool': torch.bool,
    }.items()
} | {'torch.storage.UntypedStorage': torch.uint8}
_NUMPY_DTYPES = ('b1', *(f'{kind}{size}' for kind in 'iu' for size in (1, 2, 4, 8)), 'f2', 'f4', 'f8')


class Storage:
    """A tensor's memory, which is filled after the pickle was read.

    Args:
        count: of elements.
        dtype: of the elements.
        device: where it is.
    """

    def __init__(self, count: int, dtype: torch.dtype, device: torch.device) -> None:
        self.count, self.dtype = count, dtype
        # As what its tensors see it: one dtype for all.
        self.seen_as: torch.dtype | None = None
        self.data = torch.empty(count * dtype.itemsize, dtype=torch.uint8, device=device)


def storage_id(pid: Any) -> tuple[str, torch.dtype, int]:
    """Return the key, dtype and number of elements that the persistent id of a storage holds.

    It is ('storage', class, key, location, count), and before PyTorch 1.6 had a view as well, which is always None.
    """
    kind, storage, key, _, count, *view = pid
    if type(storage) is Named and storage.name not in _STORAGES:
        refuse(storage.name)
    if kind != 'storage' or type(key) is not str or view not in ([], [None]) or not _is_count(count):
        refuse('the memory of a tensor by a wrong name')
    return key, _STORAGES[storage.name], count


class Rebuild:
    """The functions that stand in for what a pickle calls.

    Args:
        size: the file's, in bytes; what is made of it takes a few times as much at most, and no more than there is.
    """

    def __init__(self, size: int) -> None:
        self._room = min(size * 4 + _ROOM, available_memory())
        # Copies that can only be made when the storages are filled.
        self.later: list[Callable[[], Any]] = []
        self.functions: dict[str, Callable] = {
            **dict.fromkeys(_STORAGES, _not_callable),
            'torch._utils._rebuild_tensor': self.tensor,
            'torch._utils._rebuild_tensor_v2': self.tensor,
            'torch._utils._rebuild_tensor_v3': self.tensor_of_dtype,
            'torch._utils._rebuild_parameter': _parameter,
            'torch.Size': self.size,
            'torch.device': _device,
            'collections.OrderedDict': self.ordered,
            'collections.Counter': self.counter,
            'builtins.set': self.members,
            'builtins.bytes': lambda: b'',
            'builtins.getattr': _statistic,
            '_codecs.encode': self.encoded,
            'numpy.ndarray': _not_callable,
            'numpy.dtype': _dtype,
            'mmengine.logging.history_buffer.HistoryBuffer': lambda: Unfinished(_history),
        }
        for module in ('numpy.core.multiarray', 'numpy._core.multiarray'):  # of NumPy 1 and 2
            self.functions |= {f'{module}._reconstruct': self.array, f'{module}.scalar': _scalar}

    def _spend(self, size: int) -> None:
        self._room -= size
        if self._room < 0:
            refuse(f'far more memory than the file is large ({_ROOM >> 20} MiB more), or than there is')

    def tensor(
        self,
        storage: Any,
        offset: Any,
        size: Any,
        stride: Any,
        requires_grad: Any = False,
        _hooks: Any = None,
        metadata: Any = None,
    ) -> Tensor:
        """Return a tensor of a storage's own dtype; `offset` and `stride` count elements."""
        if type(storage) is not Storage or metadata:
            refuse('a tensor without a storage, or a conjugated one')
        return self._view(storage, storage.dtype, offset, size, stride, requires_grad)

    def tensor_of_dtype(
        self, storage: Any, offset: Any, size: Any, stride: Any, requires_grad: Any, _hooks: Any, dtype: Any
    ) -> Tensor:
        """Return a tensor of another dtype than its storage's, for which PyTorch has no class of storages."""
        if type(storage) is not Storage or type(dtype) is not torch.dtype:
            refuse('a tensor without a storage or dtype')
        return self._view(storage, dtype, offset, size, stride, requires_grad)

    def _view(
        self, storage: Storage, dtype: torch.dtype, offset: Any, size: Any, stride: Any, requires_grad: Any
    ) -> Tensor:
        self._spend(1024)
        shape, steps = _counts(size), _counts(stride)
        if len(shape) != len(steps) or not _is_count(offset):
            refuse('a tensor whose offset or stride does not fit its shape')
        length = storage.data.numel() // dtype.itemsize
        steps = tuple(min(step, length) if many == 1 else step for many, step in zip(shape, steps, strict=True))
        reach = offset + sum((many - 1) * step for many, step in zip(shape, steps, strict=True))
        if (0 in shape and offset > length) or (0 not in shape and reach >= length):
            refuse('a tensor that reaches outside its storage')
        view = torch.empty(0, dtype=dtype, device=storage.data.device)
        if 0 in shape:
            if math.prod(filter(None, shape)) > 2**40:
                refuse('a tensor of a vast shape')
            view = view.new_empty(shape)
        else:
            view.set_(storage.data.untyped_storage(), offset, shape, steps)
        if storage.seen_as not in (None, dtype):
            refuse('one storage in two sizes or dtypes')
        storage.seen_as = dtype
        if _overlaps(shape, steps):
            self._spend(math.prod(shape) * dtype.itemsize)
            view, shared = view.new_empty(shape), view
            self.later.append(lambda: view.data.copy_(shared))
        if requires_grad is True and dtype.is_floating_point:
            view.requires_grad_()
        return view

    def size(self, counts: Any) -> torch.Size:
        """Return a shape."""
        self._spend(64 + 16 * len(counts))
        return torch.Size(_counts(counts))

    def ordered(self, pairs: Any = ()) -> OrderedDict:
        """Return a dictionary of [key, value] pairs."""
        self._spend(128 * (1 + len(pairs)))
        return OrderedDict((plain_key(key), value) for key, value in pairs)

    def counter(self, counts: Any = None) -> Counter:
        """Return a Counter of a dictionary of integers."""
        counts = {} if counts is None else counts
        self._spend(128 * (1 + len(counts)))
        if type(counts) is not dict or any(type(count) is not int for count in counts.values()):
            refuse('a Counter whose counts are not integers')
        result: Counter = Counter()
        dict.update(result, counts)
        return result

    def members(self, values: Any = ()) -> set:
        """Return a set of a list of plain scalars."""
        if type(values) not in (list, tuple):
            refuse('a set that is not made from a list')
        self._spend(64 * (1 + len(values)))
        return {plain_key(value) for value in values}

    def encoded(self, text: Any, encoding: Any = 'utf-8') -> bytes:
        """Return bytes, which pickles of this protocol hold as text."""
        if type(text) is not str or encoding not in ('latin1', 'utf-8'):
            refuse('an odd encoding of bytes')
        self._spend(len(text))
        return text.encode(encoding)

    def array(self, kind: Any, shape: Any, code: Any) -> Unfinished:
        """Return an array that is to be finished; this first call always asks for an empty one of bytes."""
        if kind != Named('numpy.ndarray') or shape != (0,) or code != b'b':
            refuse('a NumPy array that is not made as NumPy makes it')
        return Unfinished(self._array)

    def _array(self, state: Any) -> np.ndarray:
        _, size, dtype, fortran, content = state
        shape = _counts(size)
        self._spend(256 + len(content))
        return _numbers(dtype, content, math.prod(shape)).reshape(shape, order='F' if fortran is True else 'C')


def _is_count(value: Any) -> bool:
    return type(value) is int and 0 <= value < 2**62


def _counts(values: Any) -> tuple[int, ...]:
    if type(values) not in (tuple, list, torch.Size) or len(values) > _MAX_DIMS or not all(map(_is_count, values)):
        refuse('a shape that is not made of counts')
    return tuple(values)


def _overlaps(shape: tuple[int, ...], steps: tuple[int, ...]) -> bool:
    """Say whether elements may share memory: some step is shorter than all that lies within it."""
    reach = 0
    for step, many in sorted((step, many) for step, many in zip(steps, shape, strict=True) if many != 1):
        if many and step <= reach:
            return True
        reach += (many - 1) * step
    return False


def _not_callable(*_: Any) -> None:
    refuse('a call of a class of storages or arrays')


def _parameter(data: Any, requires_grad: Any, _hooks: Any) -> torch.nn.Parameter:
    if type(data) is not Tensor or not data.is_floating_point():
        refuse('a parameter that is not a floating-point tensor')
    return torch.nn.Parameter(data.detach(), requires_grad is True)


def _device(kind: Any, index: Any = None) -> torch.device:
    if type(kind) is not str or not (index is None or (type(index) is int and 0 <= index < 128)):
        refuse('a device by a wrong name')
    return torch.device(kind) if index is None else torch.device(kind, index)


def _statistic(owner: Any, name: Any) -> str:
    """Stand in for `getattr`, by which a pickled `HistoryBuffer` names its own four methods, and nothing else."""
    if owner != Named('mmengine.logging.history_buffer.HistoryBuffer') or name not in _STATISTICS:
        refuse(f'getattr of {name}' if type(name) is str else 'getattr')
    return name


def _history(state: Any) -> HistoryBuffer:
    if type(state) is not dict:
        refuse('a HistoryBuffer without a state')
    values, counts = state.get('_log_history'), state.get('_count_history')
    if not isinstance(values, np.ndarray) or not isinstance(counts, np.ndarray):
        refuse('a HistoryBuffer without arrays of numbers')
    return history_buffer(values, counts, state.get('max_length', -1))


def _dtype(code: Any, _align: Any = False, _copy: Any = True) -> Unfinished:
    if code not in _NUMPY_DTYPES:
        refuse('a NumPy dtype other than plain numbers')

    def finish(state: Any) -> np.dtype:
        version, order, *rest = state
        if version != 3 or order not in ('<', '>', '|', '=') or rest != [None, None, None, -1, -1, 0]:
            refuse('a NumPy dtype other than plain numbers')
        return np.dtype(code).newbyteorder(order)

    return Unfinished(finish)


def _numbers(dtype: Any, content: Any, count: int) -> np.ndarray:
    """Return `count` numbers (count,) of their bytes, exactly."""
    if not isinstance(dtype, np.dtype) or type(content) is not bytes or len(content) != count * dtype.itemsize:
        refuse('a NumPy array whose bytes are not of its shape and dtype')
    if dtype.kind == 'b':
        return np.frombuffer(content, np.uint8) != 0
    return np.frombuffer(content, dtype).astype(dtype.newbyteorder('='))


def _scalar(dtype: Any, content: Any) -> np.generic:
    return _numbers(dtype, content, 1)[0]
