"""Many images in one file: zip archives and LMDB, as file backends of mmengine (`backend_args`).

In both, an image's name is its path with `/`, such as `train2017/000000000009.jpg`. Loader workers may be forked at any
time: an archive is read by position, without a shared file offset, and LMDB is closed before a fork.
"""

import functools
import hashlib
import os
import struct
import weakref
import zipfile
import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np
from mmengine import fileio
from mmengine.fileio.backends import BaseStorageBackend, LmdbBackend, backends, register_backend

from hrpose.errors import UserError, nearest

# Backend -> its argument for the file or folder.
PLACE_OF = {'zip': 'zip_path', 'lmdb': 'db_path'}

# In a zip archive: signature, 22 bytes that the central directory repeats, lengths of name and of extra field.
_LOCAL_HEADER = struct.Struct('<4s22xHH')


def check_backend(backend_args: Mapping[str, Any] | None) -> None:
    """Raise `UserError` if the backend does not exist or does not take these arguments."""
    if backend_args is None:
        return
    name = backend_args.get('backend')
    if name is not None and name not in backends:
        raise UserError(f"backend_args: there is no backend '{name}'; {nearest(str(name), backends)}")
    try:
        fileio.get_file_backend('', backend_args=dict(backend_args), enable_singleton=True)
    except (TypeError, ImportError) as error:
        raise UserError(f'backend_args {dict(backend_args)}: {error}') from error


def container_of(backend_args: Mapping[str, Any] | None) -> 'ZipBackend | ImageLmdbBackend | None':
    """Return the archive or LMDB that images are read from, or None for local files."""
    if backend_args is None or backend_args.get('backend') not in PLACE_OF:
        return None
    return fileio.get_file_backend('', backend_args=dict(backend_args), enable_singleton=True)


class ZipBackend(BaseStorageBackend):
    """Reads the members of a zip archive, stored or deflated.

    Args:
        zip_path: the archive, relative to the working directory.
    """

    def __init__(self, zip_path: str) -> None:
        self.zip_path = str(zip_path)

    def exists(self, filepath: str) -> bool:
        """Say whether the archive has a member with this name."""
        return self._place(filepath) is not None

    def get(self, filepath: str) -> bytes:
        """Return the content of a member.

        Raises:
            OSError: the archive or the member does not exist, or the member is damaged.
        """
        place = self._place(filepath)
        if place is None:
            raise FileNotFoundError(2, f'the archive {self.zip_path} has no such member', filepath)
        offset, packed_size, checksum, method = map(int, self._index[1][place].tolist())
        signature, name_length, extra_length = _LOCAL_HEADER.unpack(self._read(offset, _LOCAL_HEADER.size))
        packed = self._read(offset + _LOCAL_HEADER.size + name_length + extra_length, packed_size)
        try:
            content = zlib.decompress(packed, -zlib.MAX_WBITS) if method == zipfile.ZIP_DEFLATED else packed
        except zlib.error as error:
            raise OSError(5, f'damaged in the archive {self.zip_path} ({error})', filepath) from error
        if signature != b'PK\x03\x04' or zlib.crc32(content) != checksum:
            raise OSError(5, f'damaged in the archive {self.zip_path} (its checksum differs)', filepath)
        return content

    def get_text(self, filepath: str, encoding: str = 'utf-8') -> str:
        """Return the content of a member as text."""
        return self.get(filepath).decode(encoding)

    @functools.cached_property
    def _index(self) -> tuple[np.ndarray, np.ndarray]:
        """Hashes (N,) of the members' names, ascending, and their offset, packed size, checksum and method (N, 4).

        Workers share flat arrays; each would have its own copy of 100,000 objects.
        """
        try:
            with zipfile.ZipFile(self.zip_path) as archive:
                members = [member for member in archive.infolist() if not member.is_dir()]
        except zipfile.BadZipFile as error:
            raise UserError(f'{self.zip_path}: not a zip archive: {error}') from error
        for member in members:
            if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED) or member.flag_bits & 1:
                raise UserError(
                    f'{self.zip_path}: {member.filename} is encrypted, or neither stored nor deflated; '
                    'unpack the archive, and pack it again by zip -0 -r'
                )
        hashes = np.array([_hash(member.filename) for member in members], dtype=np.uint64)
        facts = np.array(
            [(member.header_offset, member.compress_size, member.CRC, member.compress_type) for member in members],
            dtype=np.int64,
        ).reshape(-1, 4)
        order = np.argsort(hashes)
        return hashes[order], facts[order]

    @functools.cached_property
    def _file(self) -> int:
        descriptor = os.open(self.zip_path, os.O_RDONLY)
        weakref.finalize(self, os.close, descriptor)
        return descriptor

    def _place(self, name: str) -> int | None:
        hashes, _ = self._index
        wanted = _hash(str(name))
        place = int(np.searchsorted(hashes, np.uint64(wanted)))
        return place if place < len(hashes) and int(hashes[place]) == wanted else None

    def _read(self, offset: int, size: int) -> bytes:
        content = os.pread(self._file, size, offset)
        if len(content) < size:
            raise OSError(5, f'the archive {self.zip_path} is cut short', self.zip_path)
        return content


class ImageLmdbBackend(LmdbBackend):
    """mmengine's LMDB backend, safe to fork. A missing image is an error, not None; keys are UTF-8.

    Args:
        db_path: folder of the LMDB, relative to the working directory.
        **options: of mmengine's backend and of `lmdb.open`.
    """

    _client: Any = None  # mmengine's __del__ needs it even if lmdb is not installed

    def __init__(self, db_path: str, **options: Any) -> None:
        super().__init__(db_path, **options)
        _LMDB.add(self)

    def exists(self, filepath: str) -> bool:
        """Say whether there is an image with this key."""
        return self._value(filepath) is not None

    def get(self, filepath: str) -> bytes:
        """Return the image with this key.

        Raises:
            OSError: the LMDB does not exist, cannot be read, or has no such key.
        """
        value = self._value(filepath)
        if value is None:
            raise FileNotFoundError(2, f'the LMDB {self.db_path} has no such key', filepath)
        return value

    def close(self) -> None:
        """Close the LMDB; the next read opens it again."""
        if self._client is not None:
            self._client.close()
            self._client = None

    def _value(self, key: str) -> bytes | None:
        try:
            if self._client is None:
                self._client = self._get_client()
            with self._client.begin() as transaction:
                return transaction.get(str(key).encode())
        except Exception as error:  # lmdb's errors have no narrower base, and lmdb may not be installed
            raise OSError(5, f'the LMDB {self.db_path} cannot be read ({error})', key) from error


# A forked process must neither use nor reopen an LMDB that its parent has open.
_LMDB: weakref.WeakSet[ImageLmdbBackend] = weakref.WeakSet()


def _close_all() -> None:
    for backend in list(_LMDB):
        backend.close()


def _hash(name: str) -> int:
    return int.from_bytes(hashlib.blake2b(name.encode('utf-8', 'surrogatepass'), digest_size=8).digest(), 'little')


os.register_at_fork(before=_close_all)
register_backend('zip', ZipBackend, force=True)
register_backend('lmdb', ImageLmdbBackend, force=True)
