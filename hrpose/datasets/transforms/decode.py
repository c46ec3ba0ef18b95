"""From an encoded picture to pixels, and telling a broken one from a whole one."""

import cv2
import numpy as np

from hrpose.datasets.transforms.png import still_png
from hrpose.errors import UserError

# Whatever is in the file comes out as 8 bits a channel: 16 bits lose their lower half, alpha is dropped.
_RGB = cv2.IMREAD_COLOR_RGB
# COCO's annotations refer to the pixels as stored, whatever the EXIF orientation says.
_RGB_AS_STORED = _RGB | cv2.IMREAD_IGNORE_ORIENTATION

# OpenCV keeps places in an image that it warps as 16 bit numbers.
LONGEST_SIDE = 32_766

_JPEG_START, _JPEG_SCAN, _JPEG_END = b'\xff\xd8', b'\xff\xda', b'\xff\xd9'
_PNG_START, _PNG_END = b'\x89PNG', b'IEND'


class ImageError(UserError):
    """An image that is missing, or that holds something else than a whole picture."""


def decode_image(content: bytes, name: str, *, apply_exif: bool = False) -> np.ndarray:
    """Return an encoded picture as (H, W, 3) uint8 RGB; `name` stands in the `ImageError` if it is broken."""
    require_whole(content, name)
    try:
        image = cv2.imdecode(np.frombuffer(still_png(content), np.uint8), _RGB if apply_exif else _RGB_AS_STORED)
    except cv2.error as error:
        raise ImageError(f'the image {name} cannot be decoded: {error.err}') from error
    if image is None:
        raise ImageError(f'the image {name} is no picture that OpenCV can decode ({len(content)} bytes)')
    require_warpable(image.shape[0], image.shape[1], name)
    return image


def require_warpable(height: int, width: int, name: str) -> None:
    """Raise `ImageError` for a picture with a side that OpenCV cannot warp."""
    if max(height, width) > LONGEST_SIDE:
        raise ImageError(
            f'the image {name} is {width} px wide and {height} px high, but OpenCV warps no side above '
            f'{LONGEST_SIDE} px: cut it into tiles, or scale it down'
        )


def require_whole(content: bytes, name: str) -> None:
    """Raise `ImageError` for a file that is empty or lacks its end."""
    if not content:
        raise ImageError(f'the image {name} is empty (0 bytes)')
    if is_cut_short(content):
        raise ImageError(f'the image {name} is cut short ({len(content)} bytes); fetch it again')


def is_cut_short(content: bytes) -> bool:
    """Say whether a JPEG or PNG lacks its end; OpenCV would fill the missing part with grey in silence."""
    if content.startswith(_JPEG_START):
        if content.endswith(_JPEG_END):  # as nearly all do, and then nothing has to be searched
            return False
        # Thumbnails in the header end with the same marker, so only one behind the last scan counts.
        return content.rfind(_JPEG_END) < content.rfind(_JPEG_SCAN)
    if content.startswith(_PNG_START):
        return _PNG_END not in content[-64:]
    return False
