"""Pickles written by hand, instruction by instruction, and files of `torch.save` around them."""

import io
import pickle
import struct
import zipfile
from collections.abc import Mapping
from typing import Any


class Call:
    """Pickles as a call of `function`, a name such as 'numpy.ndarray', and as BUILD with `state` if given."""

    def __init__(self, function: str, *arguments: Any, state: Any = None, new: bool = False) -> None:
        self.function, self.arguments, self.state, self.new = function, arguments, state, new


class Name(str):
    """Pickles as the object of a name."""


class Persistent(tuple):
    """Pickles as a persistent id, by which PyTorch's files mention a tensor's memory."""


def storage(kind: str = 'Float', key: str = '0', count: int = 2) -> Persistent:
    return Persistent(('storage', Name(f'torch.{kind}Storage'), key, 'cpu', count))


def tensor(memory: Any, offset: Any = 0, size: Any = (2,), stride: Any = (1,)) -> Call:
    hooks = Call('collections.OrderedDict')
    return Call('torch._utils._rebuild_tensor_v2', memory, offset, size, stride, False, hooks)


def instructions(value: Any) -> bytes:
    """Return what leaves `value` on the unpickler's stack."""
    match value:
        case Name():
            return b'c' + '\n'.join(value.rsplit('.', 1)).encode() + b'\n'
        case Persistent():
            return instructions(tuple(value)) + b'Q'
        case Call():
            call = instructions(Name(value.function)) + instructions(value.arguments) + (b'\x81' if value.new else b'R')
            return call if value.state is None else call + instructions(value.state) + b'b'
        case None | True | False:
            return {None: b'N', True: b'\x88', False: b'\x89'}[value]
        case int():
            digits = pickle.encode_long(value)
            return b'\x8a' + bytes([len(digits)]) + digits
        case float():
            return b'G' + struct.pack('>d', value)
        case str():
            text = value.encode('utf-8', 'surrogatepass')
            return b'X' + struct.pack('<I', len(text)) + text
        case bytes():
            return instructions(Call('_codecs.encode', value.decode('latin1'), 'latin1'))
        case tuple():
            return b'(' + b''.join(map(instructions, value)) + b't'
        case list():
            return b'](' + b''.join(map(instructions, value)) + b'e'
        case dict():
            return b'}(' + b''.join(instructions(part) for pair in value.items() for part in pair) + b'u'
    raise TypeError(type(value))


def archive(body: bytes, members: Mapping[str, bytes] = {}, method: int = zipfile.ZIP_STORED) -> bytes:  # noqa: B006
    """Return a file in today's form."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, 'w', method) as file:
        file.writestr('archive/data.pkl', b'\x80\x02' + body + b'.')
        for name, content in members.items():
            file.writestr(f'archive/data/{name}', content)
    return buffer.getvalue()


def row(body: bytes, members: Mapping[str, tuple[int, bytes]] = {}) -> bytes:  # noqa: B006
    """Return a file in the form before PyTorch 1.6; members are key -> (number of elements, bytes)."""
    head = (0x1950A86A20F9469CFC6C, 1001, {'little_endian': True})
    file = b''.join(pickle.dumps(each, protocol=2) for each in head) + b'\x80\x02' + body + b'.'
    file += pickle.dumps(list(members), protocol=2)
    return file + b''.join(struct.pack('<q', count) + content for count, content in members.values())
