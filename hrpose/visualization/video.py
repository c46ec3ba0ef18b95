"""Pictures into a video file that an ordinary player opens."""

import os
from pathlib import Path

import cv2
import numpy as np

from hrpose.errors import UserError
from hrpose.visualization.files import quiet_opencv

# H.264 plays everywhere, but most builds of OpenCV cannot write it; MPEG-4 Part 2 they all can.
CODES = ('avc1', 'mp4v')


class VideoWriter:
    """Writes frames to an MP4 file, which has its name once it is complete: until `close` it is `NAME.part.mp4`.

    Args:
        path: of the file; its suffix has to be .mp4. Its folder is made.
        rate: frames a second.
        size: (w, h) px of every frame. MPEG's pictures have even sides: of an odd one the last row or column goes.

    Raises:
        UserError: another suffix, a rate that is none, or a file that OpenCV cannot write.
    """

    def __init__(self, path: str | Path, *, rate: float, size: tuple[int, int]) -> None:
        self.path, self.size = Path(path), (int(size[0]), int(size[1]))
        if self.path.suffix != '.mp4':
            raise UserError(f'a video is written as .mp4: {path} is not one')
        if not 0 < rate < np.inf:
            raise UserError(f'{path}: {rate} is no number of frames a second')
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._part = self.path.with_suffix('.part.mp4')
        self._writer = _open(self._part, rate, self.size)

    def write(self, image: np.ndarray) -> None:
        """Add a frame, (H, W, 3) uint8 BGR.

        Raises:
            UserError: a picture of another size, which OpenCV would drop in silence.
        """
        if image.shape != (self.size[1], self.size[0], 3) or image.dtype != np.uint8:
            raise UserError(f'{self.path} takes frames of {self.size} (w, h) px, uint8 BGR, not {image.shape}')
        self._writer.write(image)

    def close(self) -> None:
        """Complete the file, and give it its name."""
        if self._writer.isOpened():
            self._writer.release()
            os.replace(self._part, self.path)


def _open(path: Path, rate: float, size: tuple[int, int]) -> cv2.VideoWriter:
    with quiet_opencv():
        for code in CODES:
            writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*code), rate, size)
            if writer.isOpened():
                return writer
    path.unlink(missing_ok=True)
    raise UserError(f'OpenCV cannot write the video {path} of {size} (w, h) px at {rate:g} frames a second')
