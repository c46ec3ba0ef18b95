"""From what a user writes to a file: a path, the name of published weights, or an address."""

import hashlib
import os
from pathlib import Path

from hrpose.checkpoints.connection import is_address, require_address
from hrpose.checkpoints.download import begins_with, download
from hrpose.checkpoints.table import PUBLISHED, hash_in_name
from hrpose.errors import UserError, nearest, printable, shown
from hrpose.files import expanded

# Where published weights lie, and base addresses, separated by blanks, to ask before the published ones.
FOLDER, MIRRORS = 'HRPOSE_WEIGHTS', 'HRPOSE_WEIGHTS_MIRRORS'
DEFAULT_FOLDER = '~/.cache/hrpose/weights'


def weights_folder() -> Path:
    """Return the folder that published weights are looked for in, and downloaded to."""
    return expanded(os.environ.get(FOLDER) or DEFAULT_FOLDER)


def locate(given: str | Path) -> Path:
    """Return the local file of a path, of a name in `hrpose.checkpoints.table`, or of an http(s) address.

    The last two are looked for in `weights_folder()` first and downloaded into it if they are not there.

    Raises:
        UserError: neither a file nor a name that is known; a file that cannot be downloaded, or has another hash than
            its name says.
    """
    text = str(given)
    if is_address(text):
        return _of_address(text)
    if text.lower().startswith('file://'):
        raise UserError(f'{printable(text)}: an address of a local file; give its path, {printable(text[7:])}')
    if '://' in text:
        raise UserError(f'{shown(text)}: not http(s); give a path, a name such as hrnet_w32_coco_256x192, or http(s)')
    path = expanded(text)
    if path.is_file():
        return path
    if text in PUBLISHED:
        row = PUBLISHED[text]
        mirrors = [f'{base.rstrip("/")}/{row.file}' for base in os.environ.get(MIRRORS, '').split()]
        return _local(row.file, (*mirrors, *row.addresses), row.sha256)
    if os.sep in text or path.suffix:
        raise UserError(f'checkpoint {printable(text)}: no such file; check the path')
    raise UserError(
        f'checkpoint {printable(text)}: no such file, nor published weights of that name; {nearest(text, PUBLISHED)}'
    )


def _of_address(address: str) -> Path:
    """Return the file of an address. Without a hash in its name, the address itself tells it from its namesakes."""
    name = Path(require_address(address)).name
    if not name:
        raise UserError(f'{shown(address)}: names no file; give the address of a file')
    if len(name) > 200:
        raise UserError(f'{shown(address)[:200]}…: the name of its file is too long; download it, and give its path')
    sha256 = hash_in_name(name)
    if sha256 is None:
        name = f'{hashlib.sha256(address.encode()).hexdigest()[:8]}_{name}'
    return _local(name, (address,), sha256)


def _local(file: str, addresses: tuple[str, ...], sha256: str | None) -> Path:
    """Return `file` in the weights' folder, after downloading it if it is not there; a wrong hash is an error."""
    path = weights_folder() / file
    if not path.is_file():
        download(path, addresses, sha256=sha256)
    elif sha256 is not None and not begins_with(path, sha256):
        raise UserError(
            f'{path}: not the published file, or damaged: its SHA-256 does not begin with {sha256}; move it away, and '
            'it is downloaded again'
        )
    return path
