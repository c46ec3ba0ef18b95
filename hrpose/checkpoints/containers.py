"""The two forms of PyTorch's checkpoint files: a zip archive, and before PyTorch 1.6 a row of pickles."""

import io
import re
import zipfile
from collections.abc import Callable
from typing import Any, BinaryIO

import torch

from hrpose.checkpoints.rebuild import DTYPES, Rebuild, Storage, storage_id
from hrpose.checkpoints.unpickle import Source, Unpickler, refuse, require_plain

_LEGACY_MAGIC, _LEGACY_VERSION = 0x1950A86A20F9469CFC6C, 1001
_LOCAL_HEADER = 30  # bytes, before a member's name


class Storages:
    """The memory of a file's tensors, none larger than the bytes that the file holds for it.

    Args:
        device: where the tensors go.
        size: the file's, in bytes.
        require: raises for a key and a number of bytes that the file does not hold.
    """

    def __init__(self, device: torch.device, size: int, require: Callable[[str, int], None]) -> None:
        self.by_key: dict[str, Storage] = {}
        self._device, self._left, self._require = device, size, require

    def __call__(self, pid: Any) -> Storage:
        """Return the storage of a persistent id."""
        key, dtype, count = storage_id(pid)
        if key not in self.by_key:
            size = count * dtype.itemsize
            self._require(key, size)
            self._left -= size
            if self._left < 0:
                refuse('more bytes for tensors than the file has')
            self.by_key[key] = Storage(count, dtype, self._device)
        elif (self.by_key[key].dtype, self.by_key[key].count) != (dtype, count):
            refuse('one storage in two sizes or dtypes')
        return self.by_key[key]

    def fill(self, key: str, file: BinaryIO) -> None:
        """Read a storage's bytes from where `file` stands."""
        data = self.by_key[key].data
        here = data if data.device.type == 'cpu' else torch.empty(len(data), dtype=torch.uint8)
        if file.readinto(here.numpy()) != len(data):  # type: ignore[attr-defined]
            raise EOFError('the file ends within a tensor')
        if self.by_key[key].seen_as is torch.bool:  # a byte that is neither 0 nor 1 has no meaning to a library
            here.clamp_(max=1)
        if here is not data:
            data.copy_(here)


def read_archive(file: BinaryIO, size: int, device: torch.device) -> Any:
    """Return the content of a zip archive of `size` bytes; its members lie there as they are, not compressed."""
    members = _members(file, size)
    roots = [found[1] for name in members if (found := re.fullmatch(r'([^/]+/)data\.pkl', name))]
    if len(roots) != 1:
        raise ValueError(f'its archive holds {len(roots)} pickles, not one')
    root = roots[0]
    if f'{root}constants.pkl' in members:
        raise ValueError('it is a TorchScript program')
    if f'{root}byteorder' in members and _read(file, members[f'{root}byteorder']) != b'little':
        raise ValueError('it was written on a big-endian machine')

    def require(key: str, count: int) -> None:
        held = members.get(f'{root}data/{key}', (0, 0))[1]
        if held != count:
            refuse(f'{count} bytes for a tensor where the file holds {held}')

    rebuild, storages = Rebuild(size), Storages(device, size, require)
    pickled = _read(file, members[f'{root}data.pkl'])
    content = Unpickler(Source(io.BytesIO(pickled), size), rebuild.functions, DTYPES, storages).load()
    require_plain(content)
    # In the order of the file.
    for offset, key in sorted(
        (members[f'{root}data/{key}'][0], key) for key, each in storages.by_key.items() if each.count
    ):
        file.seek(offset)
        storages.fill(key, file)
    return _completed(content, rebuild)


def _members(file: BinaryIO, size: int) -> dict[str, tuple[int, int]]:
    """Return where each member's bytes begin and how many there are; all lie within the file, one after the other."""
    with zipfile.ZipFile(file) as archive:
        entries = archive.infolist()
    found, total = {}, 0
    for entry in entries:
        if entry.compress_type != zipfile.ZIP_STORED or entry.flag_bits & 1 or entry.compress_size != entry.file_size:
            refuse('compressed or encrypted members of its archive, which may unpack to any size')
        file.seek(entry.header_offset)
        header = file.read(_LOCAL_HEADER)
        name, extra = int.from_bytes(header[26:28], 'little'), int.from_bytes(header[28:30], 'little')
        begin = entry.header_offset + _LOCAL_HEADER + name + extra
        total += entry.file_size
        if header[:4] != b'PK\x03\x04' or begin + entry.file_size > size or total > size or entry.filename in found:
            raise zipfile.BadZipFile('the directory of its archive is wrong')
        found[entry.filename] = (begin, entry.file_size)
    return found


def _read(file: BinaryIO, place: tuple[int, int]) -> bytes:
    file.seek(place[0])
    return file.read(place[1])


def read_row(file: BinaryIO, size: int, device: torch.device) -> Any:
    """Return the content of a row of pickles: a magic number, a version, the machine, the content, keys; then bytes."""
    rebuild, storages = Rebuild(size), Storages(device, size, lambda key, count: None)
    source = Source(file, size)
    if Unpickler(source).load() != _LEGACY_MAGIC or Unpickler(source).load() != _LEGACY_VERSION:
        raise ValueError('it is a pickle, but not by torch.save')
    machine = Unpickler(source).load()
    if type(machine) is not dict or machine.get('little_endian') is not True:
        raise ValueError('it was written on a big-endian machine')
    content = Unpickler(source, rebuild.functions, DTYPES, storages).load()
    require_plain(content)
    keys = Unpickler(source).load()
    if type(keys) is not list or any(type(key) is not str for key in keys) or sorted(keys) != sorted(storages.by_key):
        raise ValueError('its list of tensors is wrong')
    for key in keys:
        if int.from_bytes(file.read(8), 'little') != storages.by_key[key].count:
            raise ValueError('a tensor is not of the size that it should have')
        storages.fill(key, file)
    return _completed(content, rebuild)


def _completed(content: Any, rebuild: Rebuild) -> Any:
    for finish in rebuild.later:
        finish()
    return content
