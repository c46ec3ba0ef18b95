"""Videos as a browser sends them."""

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest


@pytest.fixture
def make_video(tmp_path: Path) -> Callable[..., bytes]:
    """A factory of video files of a number of frames, 10 a second."""

    def make(frames: int = 5, suffix: str = '.mp4', code: str = 'mp4v') -> bytes:
        path = tmp_path / f'made{suffix}'
        writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*code), 10, (80, 60))
        for index in range(frames):
            writer.write(np.full((60, 80, 3), 40 * index % 256, np.uint8))
        writer.release()
        return path.read_bytes()

    return make
