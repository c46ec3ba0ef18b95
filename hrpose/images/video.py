"""Videos: frames read as (H, W, 3) uint8 RGB, and written to an MP4 file that ordinary players open."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from hrpose.errors import UserError
from hrpose.images.convert import swap_red_blue

# H.264 plays everywhere, but most builds of OpenCV cannot write it; MPEG-4 Part 2 they all can.
CODES = ('avc1', 'mp4v')


@contextmanager
def quiet_opencv() -> Iterator[None]:
    """Suppress the messages of OpenCV and FFmpeg about failures that hrpose reports itself."""
    os.environ.setdefault('OPENCV_FFMPEG_LOGLEVEL', '-8')
    log: Any = cv2 if hasattr(cv2, 'setLogLevel') else import_module('cv2.utils.logging')  # OpenCV 4, 5
    before = log.getLogLevel()
    log.setLogLevel(0)
    try:
        yield
    finally:
        log.setLogLevel(before)


def open_capture(source: str | Path | int) -> cv2.VideoCapture:
    """Open a video file, or the camera of that number; the caller checks `isOpened()`, and releases it."""
    with quiet_opencv():
        return cv2.VideoCapture(source if isinstance(source, int) else str(source))


@contextmanager
def released(capture: cv2.VideoCapture) -> Iterator[cv2.VideoCapture]:
    """Release a capture at the end of the block."""
    try:
        yield capture
    finally:
        capture.release()


def read_frames(capture: cv2.VideoCapture) -> Iterator[np.ndarray]:
    """Yield the frames that a capture still has, (H, W, 3) uint8 RGB."""
    while (read := capture.read())[0] and read[1] is not None:
        yield swap_red_blue(read[1])


class VideoWriter:
    """An MP4 file that takes frames. Until `close` it is called `NAME.part.mp4`, so a file of its name is complete.

    Args:
        path: of the file, with the suffix .mp4. Its folder is made.
        rate: frames a second.
        size: (w, h) px of every frame. MPEG needs even sides: of an odd one the last row or column is dropped.

    Raises:
        UserError: another suffix, a rate that is not a positive number, or a file that OpenCV cannot write.
    """

    def __init__(self, path: str | Path, *, rate: float, size: tuple[int, int]) -> None:
        self.path, self.size = Path(path), (int(size[0]), int(size[1]))
        if self.path.suffix != '.mp4':
            raise UserError(f'{path}: videos are written as .mp4; choose that suffix')
        if not 0 < rate < np.inf:
            raise UserError(f'{path}: the frame rate {rate} is not a positive number')
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._part = self.path.with_suffix('.part.mp4')
        self._writer = _open_writer(self._part, rate, self.size)

    def write(self, image: np.ndarray) -> None:
        """Add a frame, (H, W, 3) uint8 RGB.

        Raises:
            UserError: the frame has another size or dtype, which OpenCV would drop silently.
        """
        if image.shape != (self.size[1], self.size[0], 3) or image.dtype != np.uint8:
            raise UserError(
                f'{self.path} takes frames of {self.size} (w, h) px, uint8 RGB, not {image.dtype} {image.shape}'
            )
        self._writer.write(swap_red_blue(image))

    def close(self) -> None:
        """Complete the file and give it its name."""
        if self._writer.isOpened():
            self._writer.release()
            os.replace(self._part, self.path)


def _open_writer(path: Path, rate: float, size: tuple[int, int]) -> cv2.VideoWriter:
    with quiet_opencv():
        for code in CODES:
            writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*code), rate, size)
            if writer.isOpened():
                return writer
    path.unlink(missing_ok=True)
    raise UserError(f'OpenCV cannot write the video {path} of {size} (w, h) px at {rate:g} frames a second')
