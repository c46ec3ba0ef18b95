"""Random checkpoints of all that the reader allows, rightly and wrongly put together.

    python -m tests.attack.fuzz_checkpoints COUNT [SEED]

Each file is read, and what is taken is copied, saved and summed up, which reads all memory that it refers to. The
process ends with an error if anything but a `UserError` is raised; it dies if memory is read that is not the file's.
"""

import copy
import io
import random
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import torch

from hrpose.checkpoints import read_checkpoint
from hrpose.checkpoints.rebuild import DTYPES, Rebuild
from hrpose.errors import UserError
from tests.attack.pickles import Call, Name, Persistent, archive, instructions, row

FUNCTIONS = tuple(Rebuild(0).functions)
KINDS = ('Float', 'Double', 'Half', 'Long', 'Int', 'Short', 'Char', 'Byte', 'Bool', 'BFloat16')
HISTORY = 'mmengine.logging.history_buffer.HistoryBuffer'
MULTIARRAY = 'numpy._core.multiarray'
MEMBERS = {key: bytes(range(8 * int(key), 8 * int(key) + 24)) for key in '0123'}


class Generator:
    """Draws values that `instructions` writes; mostly right ones, as wrong ones end a file's reading early.

    Args:
        draw: the source of chance.
        error: how often a part is exchanged for any other.
    """

    def __init__(self, draw: random.Random, error: float) -> None:
        self.draw, self.error = draw, error

    def maybe(self, right: Any) -> Any:
        """Return `right`, or now and then anything."""
        return self.scalar() if self.draw.random() < self.error else right

    def scalar(self) -> Any:
        draw = self.draw
        integers = (0, 1, -1, 2, 3, 8, 64, 2**31, 2**62, 2**63, -(2**63), 2**255, 2**400)
        others = (
            None,
            True,
            False,
            0.5,
            float('nan'),
            '',
            'a',
            'b1',
            '0',
            'latin1',
            b'',
            b'\x02' * 8,
            (),
            [],
            {},
            (2, 3),
        )
        name = Name(draw.choice((*FUNCTIONS, *DTYPES)))
        return draw.choice((draw.choice(integers), draw.choice(others), draw.choice(others), name))

    def value(self, depth: int = 3) -> Any:
        """Return a value of any kind that a checkpoint may hold."""
        makers = [self.scalar, self.tensor, self.tensor, self.array, self.number, self.history, self.counter, self.odd]
        if depth:
            makers += [lambda: self.several(depth), lambda: self.mapping(depth), lambda: tuple(self.several(depth))]
        return self.draw.choice(makers)()

    def several(self, depth: int) -> list:
        return [self.value(depth - 1) for _ in range(self.draw.randrange(4))]

    def mapping(self, depth: int) -> dict:
        return {f'k{index}': self.value(depth - 1) for index in range(self.draw.randrange(4))}

    def shape(self, most: int) -> tuple[int, ...]:
        counts = (0, 1, 1, 2, 3, most)
        return tuple(self.draw.choice(counts) for _ in range(self.draw.choice((0, 1, 1, 2, 2, 3))))

    def storage(self) -> Persistent:
        kind, key = self.draw.choice(KINDS), self.draw.choice('0123')
        dtype = DTYPES[f'torch.{dict(zip(KINDS, DTYPES_OF_KINDS, strict=True))[kind]}']
        count = 24 // dtype.itemsize
        name = Name(f'torch.{kind}Storage')
        return Persistent((self.maybe('storage'), self.maybe(name), self.maybe(key), 'cpu', self.maybe(count)))

    def tensor(self) -> Call:
        size = self.shape(24)
        stride = tuple(self.draw.choice((0, 1, 1, 2, 3, 24)) for _ in size)
        where = (self.maybe(self.storage()), self.maybe(self.draw.choice((0, 0, 0, 1, 24))))
        rest = (self.maybe(size), self.maybe(stride), self.maybe(self.draw.random() < 0.2))
        if self.draw.random() < 0.2:
            dtype = Name(self.draw.choice(tuple(DTYPES)))
            return Call('torch._utils._rebuild_tensor_v3', *where, *rest, None, self.maybe(dtype))
        made = Call('torch._utils._rebuild_tensor_v2', *where, *rest, None)
        parameter = self.draw.random() < 0.2
        return Call('torch._utils._rebuild_parameter', made, True, None) if parameter else made

    def dtype(self) -> tuple[Call, int]:
        code = self.draw.choice(('b1', 'i1', 'i2', 'i4', 'i8', 'u1', 'u2', 'u4', 'u8', 'f2', 'f4', 'f8'))
        code = (
            self.draw.choice(('O8', 'V8', 'U2', 'S8', 'M8[s]', 'O', 'f16', 'c8'))
            if self.draw.random() < self.error
            else code
        )
        state = (3, self.draw.choice('<<<>|='), None, None, None, -1, -1, 0)
        spoiled = tuple(map(self.maybe, state)) if self.draw.random() < self.error else state
        return Call('numpy.dtype', code, False, True, state=spoiled), int(code[1:]) if code[1:].isdigit() else 8

    def array(self) -> Call:
        (dtype, size), shape = self.dtype(), self.shape(4)
        content = self.draw.randbytes(int(np.prod(shape)) * size)
        state = (1, self.maybe(shape), self.maybe(dtype), self.draw.random() < 0.5, self.maybe(content))
        return Call(
            f'{MULTIARRAY}._reconstruct', self.maybe(Name('numpy.ndarray')), (0,), b'b', state=self.maybe(state)
        )

    def number(self) -> Call:
        dtype, size = self.dtype()
        return Call(f'{MULTIARRAY}.scalar', self.maybe(dtype), self.maybe(self.draw.randbytes(size)))

    def history(self) -> Call:
        array = self.array()
        state = {'_log_history': self.maybe(array), '_count_history': array, 'max_length': self.maybe(1000)}
        return Call(HISTORY, state=self.maybe(state), new=True)

    def counter(self) -> Call:
        return Call('collections.Counter', self.maybe({'a': self.maybe(1), 2: 3}))

    def odd(self) -> Call:
        """Return a call of anything with anything."""
        arguments = [self.scalar() for _ in range(self.draw.randrange(8))]
        state = self.scalar() if self.draw.random() < 0.3 else None
        return Call(self.draw.choice(FUNCTIONS), *arguments, state=state, new=self.draw.random() < 0.3)

    def file(self) -> bytes:
        """Return a checkpoint file."""
        body = instructions({'state_dict': self.mapping(2), 'meta': self.mapping(3)})
        if self.draw.random() < self.error:
            at = self.draw.randrange(len(body))
            body = body[:at] + self.draw.randbytes(self.draw.randrange(3)) + body[at + 1 :]
        if self.draw.random() < 0.7:
            return archive(body, MEMBERS)
        return row(body, {key: (self.draw.choice((3, 6, 12, 24)), content) for key, content in MEMBERS.items()})


DTYPES_OF_KINDS = ['float32', 'float64', 'float16', 'int64', 'int32', 'int16', 'int8', 'uint8', 'bool', 'bfloat16']


def use(value: Any) -> None:
    """Touch all memory that a value refers to."""
    if isinstance(value, dict):
        for each in value.values():
            use(each)
    elif isinstance(value, list | tuple | set):
        for each in value:
            use(each)
    elif isinstance(value, torch.Tensor):
        value.detach().clone().contiguous().to(torch.complex128).sum()
    elif isinstance(value, np.ndarray | np.generic):
        assert value.dtype.kind in 'biuf'
        np.asarray(value).sum()


def run(count: int, seed: int) -> Counter[str]:
    """Read `count` files; returns how many were 'taken' and 'refused'."""
    outcomes: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / 'case.pth'
        for index in range(count):
            draw = random.Random(f'{seed} {index}')
            content = Generator(draw, draw.choice((0, 0, 0.01, 0.1))).file()
            path.write_bytes(content)
            try:
                read = read_checkpoint(path)
            except UserError:
                outcomes['refused'] += 1
                continue
            except BaseException:
                print(f'case {index} of seed {seed}')
                raise
            outcomes['taken'] += 1
            use(read)
            torch.save(copy.deepcopy(read), io.BytesIO())
    return outcomes


if __name__ == '__main__':
    torch.set_num_threads(1)
    found = run(int(sys.argv[1]), int((*sys.argv, 0)[2]))
    print(f'{found["taken"]} taken, {found["refused"]} refused')
