"""Pictures in and out of files."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from hrpose.errors import UserError
from hrpose.images.files import read_image


def read_picture(path: str | Path, backend_args: dict[str, Any] | None = None) -> np.ndarray:
    """Read an image file as (H, W, 3) uint8 BGR, pixels as stored: those that the annotations refer to.

    Args:
        path: of the image.
        backend_args: of mmengine's file backends, where it is no file of its own.

    Raises:
        UserError: the file is missing, or not a whole image.
    """
    return np.ascontiguousarray(read_image(str(path), backend_args)[..., ::-1])


def save_picture(path: str | Path, image: np.ndarray) -> Path:
    """Write (H, W, 3) uint8 BGR to `path`, as its suffix says, making its folder if need be.

    Raises:
        UserError: the suffix names no format that OpenCV writes.
    """
    path = Path(path)
    # OpenCV's own imwrite returns False where a folder is missing, and says nothing.
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        encoded, data = cv2.imencode(path.suffix, image)
    except cv2.error:
        encoded = False
    if not encoded:
        raise UserError(f"Cannot write {path}: '{path.suffix}' is no image format; use .png or .jpg.")
    path.write_bytes(data.tobytes())
    return path


@contextmanager
def quiet_opencv() -> Iterator[None]:
    """Hush what OpenCV and FFmpeg print by themselves, where a sentence of ours tells the failure."""
    os.environ.setdefault('OPENCV_FFMPEG_LOGLEVEL', '-8')
    before = cv2.getLogLevel()
    cv2.setLogLevel(0)
    try:
        yield
    finally:
        cv2.setLogLevel(before)
