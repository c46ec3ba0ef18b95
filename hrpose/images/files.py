"""Image files: read as (H, W, 3) uint8 RGB and written from it, and the check that a file holds a whole image."""

import io
from http.client import HTTPException
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from hrpose.errors import UserError, printable_lines
from hrpose.files import write_or_remove

# OpenCV's warp keeps coordinates as signed 16-bit numbers.
LONGEST_SIDE = 32_766

_JPEG_START, _JPEG_SCAN, _JPEG_END = b'\xff\xd8', b'\xff\xda', b'\xff\xd9'
_PNG_START, _PNG_END = b'\x89PNG', b'IEND'


class ImageError(UserError):
    """An image file that is missing, damaged, or no image; its name is escaped where a terminal would obey it."""

    def __init__(self, message: str) -> None:
        super().__init__(printable_lines(message))  # from a loader worker, it has a traceback's lines


def read_image(path: str | Path, backend_args: dict[str, Any] | None = None, *, apply_exif: bool = False) -> np.ndarray:
    """Read an image file as (H, W, 3) uint8 RGB, by default with its pixels as stored.

    Args:
        path: of the image.
        backend_args: of an mmengine file backend, for an image that is not a local file.
        apply_exif: turn the image as its EXIF orientation says. COCO's annotations refer to the pixels as stored.

    Raises:
        ImageError: there is no such file, or it is not a whole image; the message names it.
    """
    return decode_image(read_file(str(path), backend_args), str(path), apply_exif=apply_exif)


def read_file(path: str, backend_args: dict[str, Any] | None = None) -> bytes:
    """Return the content of an image file.

    Raises:
        ImageError: there is no such file, or it cannot be read.
    """
    try:
        content = _content(path, backend_args)
    except HTTPException as error:
        raise ImageError(f'cannot read the image {path}: the server broke off: {error!r}') from error
    except OSError as error:
        is_missing = isinstance(error, FileNotFoundError) and backend_args is None
        reason = 'there is no such file' if is_missing else error.strerror or str(error)
        raise ImageError(f'cannot read the image {path}: {reason}') from error
    except (ValueError, ImportError, AttributeError) as error:  # a NUL in the path; a client that is not installed
        raise ImageError(f'cannot read the image {path}: {error!s:.200}') from error
    if content is None:  # what the client of an object store returns for an unknown name
        raise ImageError(f'cannot read the image {path}: there is nothing of this name')
    return content


def _content(path: str, backend_args: dict[str, Any] | None) -> bytes | None:
    if backend_args is None and '://' not in path:
        return Path(path).read_bytes()
    from mmengine import fileio  # local files need no mmengine, which a runtime may lack

    return fileio.get(path, backend_args=backend_args)


def decode_image(content: bytes, name: str, *, apply_exif: bool = False) -> np.ndarray:
    """Decode an image file's content into (H, W, 3) uint8 RGB; of 16 bits a channel the upper 8 stay, alpha is dropped.

    Args:
        content: of the file, whole.
        name: stands in the error message.
        apply_exif: see `read_image`.

    Raises:
        ImageError: the content is not a whole image, or a side is too long.
    """
    require_whole(content, name)
    flags = cv2.IMREAD_COLOR_RGB | (0 if apply_exif else cv2.IMREAD_IGNORE_ORIENTATION)
    try:
        image = cv2.imdecode(np.frombuffer(_still_png(content), np.uint8), flags)
    except Exception as error:  # OpenCV's own error, and whatever a damaged animation makes Pillow raise
        raise ImageError(f'the image {name} cannot be decoded: {getattr(error, "err", error)}') from error
    if image is None:
        raise ImageError(f'the image {name} is in no format that OpenCV can decode ({len(content)} bytes)')
    require_warpable(image.shape[0], image.shape[1], f'the image {name}')
    return image


def save_image(path: str | Path, image: np.ndarray) -> Path:
    """Write (H, W, 3) uint8 RGB to a file in the format of its suffix, make its folder, and return the path.

    Raises:
        UserError: OpenCV writes no format with this suffix, or the file cannot be written.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    bgr = cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
    try:
        is_encoded, content = cv2.imencode(path.suffix, bgr)
    except cv2.error:
        is_encoded = False
    if not is_encoded:
        raise UserError(f"cannot write {path}: '{path.suffix}' is not an image format; use .png or .jpg")
    write_or_remove(path, content.tobytes())
    return path


def require_whole(content: bytes, name: str) -> None:
    """Raise `ImageError` if a file is empty, or is a JPEG or PNG without its end, which OpenCV would fill with grey."""
    if not content:
        raise ImageError(f'the image {name} is empty (0 bytes)')
    if content.startswith(_JPEG_START):
        # Most files end in the marker, which saves the search. A thumbnail in the header ends in it too, so elsewhere
        # only a marker after the last scan counts.
        is_cut = not content.endswith(_JPEG_END) and content.rfind(_JPEG_END) < content.rfind(_JPEG_SCAN)
    else:
        is_cut = content.startswith(_PNG_START) and _PNG_END not in content[-64:]
    if is_cut:
        raise ImageError(f'the image {name} is cut short ({len(content)} bytes); fetch it again')


def require_warpable(height: int, width: int, what: str) -> None:
    """Raise `ImageError` if an image has a side that is too long for OpenCV's warp."""
    if max(height, width) > LONGEST_SIDE:
        raise ImageError(
            f'{what} is {width} px wide and {height} px high, but OpenCV warps no side above {LONGEST_SIDE} px; '
            'cut it into tiles, or scale it down'
        )


def _still_png(content: bytes) -> bytes:
    """Return an animated PNG's first image as a PNG, anything else as it is.

    OpenCV 4.12 crashes the interpreter on some damaged animations, so Pillow reads them.
    """
    if not content.startswith(_PNG_START) or b'acTL' not in content:
        return content
    from PIL import Image

    still = io.BytesIO()
    with Image.open(io.BytesIO(content), formats=['PNG']) as image:
        image.save(still, 'PNG', compress_level=1, exif=image.getexif())
    return still.getvalue()
