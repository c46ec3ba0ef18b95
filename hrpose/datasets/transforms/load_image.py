"""Reading an image file, and telling a broken one from a whole one."""

from typing import Any

import cv2
import numpy as np
from mmengine import fileio

from hrpose.datasets.storage import check_backend
from hrpose.errors import UserError
from hrpose.registry import TRANSFORMS

# Whatever is in the file comes out as 8 bits a channel: 16 bits lose their lower half, alpha is dropped.
_RGB = cv2.IMREAD_COLOR_RGB
# COCO's annotations refer to the pixels as stored, whatever the EXIF orientation says.
_RGB_AS_STORED = _RGB | cv2.IMREAD_IGNORE_ORIENTATION

_JPEG_START, _JPEG_SCAN, _JPEG_END = b'\xff\xd8', b'\xff\xda', b'\xff\xd9'
_PNG_START, _PNG_END = b'\x89PNG', b'IEND'


class ImageError(UserError):
    """An image that is missing, or that holds something else than a whole picture."""


@TRANSFORMS.register_module()
class LoadImage:
    """Puts the picture at `img_path` into `img`: (H, W, 3) uint8 RGB; and its size into `ori_shape` (H, W).

    Grey and palette pictures get three channels, CMYK becomes RGB, 16 bits their upper 8, and alpha is dropped.

    Args:
        backend_args: of mmengine's file backends, with `zip` and `lmdb` as in `hrpose.datasets.storage`; local files
            unless given.
        apply_exif: turn the picture as its EXIF orientation says; for annotations that were drawn on it turned.
            COCO's refer to the pixels as stored.

    Raises:
        UserError: there is no such backend.
        ImageError: no such file, or not a whole picture; names the file.
    """

    def __init__(self, backend_args: dict[str, Any] | None = None, *, apply_exif: bool = False) -> None:
        check_backend(backend_args)
        self.backend_args = backend_args
        self.apply_exif = apply_exif

    def __call__(self, results: dict[str, Any]) -> dict[str, Any]:
        image = read_image(results['img_path'], self.backend_args, apply_exif=self.apply_exif)
        return {**results, 'img': image, 'ori_shape': image.shape[:2]}


def read_image(path: str, backend_args: dict[str, Any] | None = None, *, apply_exif: bool = False) -> np.ndarray:
    """Return the picture at `path` as (H, W, 3) uint8 RGB, as `LoadImage` has it; raise `ImageError` otherwise."""
    try:
        content = fileio.get(str(path), backend_args=backend_args)
    except OSError as error:
        nowhere = isinstance(error, FileNotFoundError) and backend_args is None
        reason = 'there is no such file' if nowhere else error.strerror or str(error)
        raise ImageError(f'cannot read the image {path}: {reason}') from error
    return decode_image(content, str(path), apply_exif=apply_exif)


def decode_image(content: bytes, name: str, *, apply_exif: bool = False) -> np.ndarray:
    """Return an encoded picture as (H, W, 3) uint8 RGB; `name` stands in the `ImageError` if it is broken."""
    if not content:
        raise ImageError(f'the image {name} is empty (0 bytes)')
    if is_cut_short(content):
        raise ImageError(f'the image {name} is cut short ({len(content)} bytes); fetch it again')
    try:
        image = cv2.imdecode(np.frombuffer(content, np.uint8), _RGB if apply_exif else _RGB_AS_STORED)
    except cv2.error as error:
        raise ImageError(f'the image {name} cannot be decoded: {error.err}') from error
    if image is None:
        raise ImageError(f'the image {name} is no picture that OpenCV can decode ({len(content)} bytes)')
    return image


def is_cut_short(content: bytes) -> bool:
    """Say whether a JPEG or PNG lacks its end; OpenCV would fill the missing part with grey in silence."""
    if content.startswith(_JPEG_START):
        # Thumbnails in the header end with the same marker, so only one behind the last scan counts.
        return content.rfind(_JPEG_END) < content.rfind(_JPEG_SCAN)
    if content.startswith(_PNG_START):
        return _PNG_END not in content[-64:]
    return False
