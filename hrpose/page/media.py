"""Images and videos that a browser sends: recognised by their content, limited in size, turned upright."""

import io
import warnings
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from PIL import Image as PILImage

from hrpose.errors import UserError
from hrpose.images.files import decode_image
from hrpose.images.video import open_capture, read_frames, released

# What browsers show and OpenCV reads.
IMAGE_FORMATS = ('JPEG', 'PNG', 'WEBP', 'BMP')
# FFmpeg guesses formats by content, and some of them (playlists) name other files and addresses. Only these pass.
VIDEO_FORMATS = 'MP4, MOV, WebM, MKV or AVI'
_ORIENTATION = 0x0112  # EXIF tag


def decode_upload(content: bytes, name: str, *, megapixels: float) -> np.ndarray:
    """Decode an image file's content into (H, W, 3) uint8 RGB, upright as browsers show it.

    Args:
        content: of the file.
        name: stands in error messages.
        megapixels: the largest image; its size is read from the header, before any pixel is decoded.

    Raises:
        UserError: the content is not a whole image in one of the formats, or the image is too large.
    """
    if not content:
        raise UserError(f'{name}: the file is empty')
    try:
        (width, height), orientation = _read_header(content)
    except PILImage.DecompressionBombError as error:
        raise UserError(f'{name}: the image is larger than the limit of {megapixels:g} megapixels') from error
    except Exception as error:  # of a damaged header Pillow's parsers raise many kinds
        raise UserError(f'{name}: this is not an image; use JPEG, PNG, WebP or BMP') from error
    if width * height > megapixels * 1e6:
        raise UserError(f'{name}: the image has {width}x{height} px; the limit is {megapixels:g} megapixels')
    return _upright(decode_image(content, name), orientation)


def _read_header(content: bytes) -> tuple[tuple[int, int], int]:
    """Return the stored size (w, h) and the EXIF orientation, 1 to 8."""
    with warnings.catch_warnings():  # Pillow warns of large images; the caller judges them
        warnings.simplefilter('ignore', PILImage.DecompressionBombWarning)
        with PILImage.open(io.BytesIO(content), formats=IMAGE_FORMATS) as image:
            exif = PILImage.Exif()
            exif.load(image.info.get('exif', b''))  # not `getexif()`, which decodes the pixels of a PNG
            return image.size, exif.get(_ORIENTATION, 1)


def _upright(image: np.ndarray, orientation: int) -> np.ndarray:
    """Return an image (H, W, 3) turned and mirrored as its EXIF orientation says."""
    if orientation in (5, 6, 7, 8):
        image = image.transpose(1, 0, 2)
    if orientation in (3, 4, 7, 8):
        image = image[::-1]
    if orientation in (2, 3, 6, 7):
        image = image[:, ::-1]
    return np.ascontiguousarray(image)


def is_video(start: bytes) -> bool:
    """Return whether a file that starts with these bytes (at least 12) is a video in one of the formats."""
    is_avi = start[:4] == b'RIFF' and start[8:12] == b'AVI '
    return is_avi or start[4:8] == b'ftyp' or start[:4] == b'\x1aE\xdf\xa3'


def read_video(path: Path, name: str, *, megapixels: float) -> Iterator[tuple[float, np.ndarray]]:
    """Yield the time in seconds and the image (H, W, 3) uint8 RGB of each frame of a video.

    Raises:
        UserError: the file is not a video that OpenCV can read, or its frames are too large.
    """
    with path.open('rb') as file:
        if not is_video(file.read(12)):
            raise UserError(f'{name}: this is not a video; use {VIDEO_FORMATS}')
    with released(open_capture(path)) as capture:
        width, height = (capture.get(each) for each in (cv2.CAP_PROP_FRAME_WIDTH, cv2.CAP_PROP_FRAME_HEIGHT))
        if not capture.isOpened() or not width * height:
            raise UserError(f'{name}: the video is cut short, or in a codec that OpenCV cannot read')
        if width * height > megapixels * 1e6:
            raise UserError(
                f'{name}: the frames have {width:.0f}x{height:.0f} px; the limit is {megapixels:g} megapixels'
            )
        last = -1.0
        for image in read_frames(capture):
            # Recorded videos have no constant rate. Damaged ones repeat times, which a tracker refuses.
            last = max(capture.get(cv2.CAP_PROP_POS_MSEC) / 1000, last + 0.001, 0.0)
            yield last, image
        if last < 0:
            raise UserError(f'{name}: the video has no frame that can be read')
