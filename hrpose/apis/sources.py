"""Where a stream's frames come from: pictures, videos, a camera, a program. `Broken` stands for what cannot be read."""

import glob
import os
from collections.abc import Callable, Iterable, Iterator, Sequence, Sized
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from hrpose.errors import UserError, nearest
from hrpose.images.convert import as_rgb, is_one_image, swap_red_blue
from hrpose.images.video import open_capture, read_frames

IMAGE_SUFFIXES = {'.bmp', '.jpeg', '.jpg', '.png', '.tif', '.tiff', '.webp'}
VIDEO_SUFFIXES = {'.avi', '.gif', '.m4v', '.mkv', '.mov', '.mp4', '.mpeg', '.mpg', '.ts', '.webm', '.wmv'}

# These hold the number of their frames; for others OpenCV multiplies duration and rate, which may be one off.
_COUNTED_SUFFIXES = {'.m4v', '.mov', '.mp4'}


@dataclass(frozen=True)
class Frame:
    """A picture of a source.

    Attributes:
        rgb: its pixels, (H, W, 3) uint8.
        name: what the picture is called, the same for no other of the source: a relative path.
        source: path of the picture or video, or what else it comes from; None for a picture of a program's.
        index: from 0 in its video, camera or iterable; None for a picture of its own.
        rate: frames a second, of a video or camera.
    """

    rgb: np.ndarray
    name: str
    source: str | None
    index: int | None = None
    rate: float | None = None

    @property
    def image(self) -> np.ndarray:
        """(H, W, 3) uint8 BGR, as OpenCV has images: a new array."""
        return swap_red_blue(self.rgb)

    @property
    def size(self) -> tuple[int, int]:
        """(w, h) px."""
        return self.rgb.shape[1], self.rgb.shape[0]

    @property
    def title(self) -> str:
        """What a message calls the frame."""
        place = '' if self.index is None else f', frame {self.index}'
        return f'{self.source or self.name}{place}'


@dataclass(frozen=True)
class Broken:
    """What could not be read: a sentence that says which and why, and how many frames that are."""

    reason: str
    count: int = 1


@dataclass(frozen=True)
class Source:
    """Frames to go through.

    Attributes:
        read: yields the frames, and `Broken` for those that cannot be read.
        total: how many there are; None where nobody knows before the end.
        live: a camera: each frame is wanted before the next one comes.
        videos: whether any frame comes from a video or camera.
    """

    read: Callable[[], Iterator[Frame | Broken]]
    total: int | None = None
    live: bool = False
    videos: bool = False


def open_source(source: Any) -> Source:
    """Return the frames of a folder, a glob pattern, a picture, a video, a camera or an iterable of pictures.

    A folder gives its pictures and videos by their suffix, sorted by name, not those of folders inside it (the pattern
    `DIR/**` does). A pattern gives every file that it matches. A camera is given by its number.

    Raises:
        UserError: no such file or camera, nothing that matches, or something else than the above.
    """
    if isinstance(source, bool) or source is None:
        raise UserError(
            f'a source is a path, a pattern, the number of a camera or an iterable of pictures, not {source}'
        )
    if isinstance(source, int):
        return _camera(source)
    if isinstance(source, str | Path):
        return _files(_found(str(source)))
    if is_one_image(source):
        raise UserError('a stream takes many pictures: for one call the inferencer itself, or give [image]')
    if not isinstance(source, Iterable):
        raise UserError(
            f'a source is a path, a pattern, the number of a camera or an iterable of pictures, not '
            f'{type(source).__name__}'
        )
    return Source(lambda: _of_program(source), total=len(source) if isinstance(source, Sized) else None)


def _found(source: str) -> list[Path]:
    """Return the files that a path or pattern names, in order; folders in a pattern's matches are passed over."""
    path = Path(source).expanduser()
    if path.is_file():
        return [path]
    if path.is_dir():
        files = sorted(entry for entry in path.iterdir() if entry.suffix.lower() in IMAGE_SUFFIXES | VIDEO_SUFFIXES)
        if not files:
            raise UserError(
                f'no picture or video in the folder {path}: suffixes are '
                f'{" ".join(sorted(IMAGE_SUFFIXES | VIDEO_SUFFIXES))}; for those of folders in it write {path}/**'
            )
        return files
    if glob.has_magic(source):
        files = sorted(Path(match) for match in glob.glob(str(path), recursive=True) if Path(match).is_file())
        if not files:
            raise UserError(f'no file matches {source}')
        return files
    near = nearest(path.name, (entry.name for entry in path.parent.iterdir())) if path.parent.is_dir() else ''
    raise UserError(f'there is no {source}; {near or f"there is no folder {path.parent}"}')


def _files(paths: Sequence[Path]) -> Source:
    root = os.path.commonpath([path.absolute().parent for path in paths])
    names = [os.path.relpath(path.absolute(), root) for path in paths]
    videos = [path for path in paths if is_video(path)]

    def read() -> Iterator[Frame | Broken]:
        for path, name in zip(paths, names, strict=True):
            yield from _video(path, name) if is_video(path) else _picture(path, name)

    counts = [_frame_count(path) for path in videos]
    total = None if None in counts else len(paths) - len(videos) + sum(filter(None, counts))
    return Source(read, total=total, videos=bool(videos))


def is_video(path: Path) -> bool:
    """Say whether a file's suffix is a video's."""
    return path.suffix.lower() in VIDEO_SUFFIXES


def _picture(path: Path, name: str) -> Iterator[Frame | Broken]:
    try:
        yield Frame(as_rgb(path), name, str(path))
    except UserError as error:
        yield Broken(str(error))


def _of_program(pictures: Iterable[Any]) -> Iterator[Frame | Broken]:
    for index, picture in enumerate(pictures):
        source = str(picture) if isinstance(picture, str | Path) else None
        try:
            yield Frame(as_rgb(picture), f'{index:06d}', source, index)
        except UserError as error:
            yield Broken(f'frame {index}: {error}')


def _frame_count(path: Path) -> int | None:
    """Return how many frames a video says it has; None if it does not say. One that cannot be read is told once: 1."""
    with opened(path) as capture:
        if not capture.isOpened():
            return 1
        count = int(capture.get(cv2.CAP_PROP_FRAME_COUNT))
        return count if count > 0 else None


def _video(path: Path, name: str) -> Iterator[Frame | Broken]:
    try:
        size = path.stat().st_size
    except OSError as error:
        yield Broken(f'the video {path} cannot be read: {error.strerror}')
        return
    with opened(path) as capture:
        if not capture.isOpened():
            what = f'cut short, or no video that OpenCV can read ({size} bytes)' if size else 'empty (0 bytes)'
            yield Broken(f'the video {path} is {what}')
            return
        said = int(capture.get(cv2.CAP_PROP_FRAME_COUNT))
        count = 0
        for frame in _frames(capture, name, str(path)):
            count += 1
            yield frame
    missing = said - count
    if missing > (0 if path.suffix.lower() in _COUNTED_SUFFIXES else 1):
        yield Broken(f'the video {path} is cut short or damaged: of {said} frames {count} can be read', missing)


def _camera(number: int) -> Source:
    capture = open_capture(number)
    if not capture.isOpened():
        raise UserError(f'there is no camera {number} that OpenCV can open; cameras count from 0')

    def read() -> Iterator[Frame | Broken]:
        try:
            yield from _frames(capture, f'camera_{number}', f'camera {number}')
        finally:
            capture.release()
        yield Broken(f'camera {number} gives no more frames', 0)

    return Source(read, live=True, videos=True)


def _frames(capture: cv2.VideoCapture, name: str, source: str) -> Iterator[Frame]:
    rate = capture.get(cv2.CAP_PROP_FPS)
    for index, image in enumerate(read_frames(capture)):
        yield Frame(image, f'{name}/{index:06d}', source, index, rate if 0 < rate < np.inf else None)


@contextmanager
def opened(path: Path) -> Iterator[cv2.VideoCapture]:
    """Open a video, as far as it is one, and close it afterwards."""
    capture = open_capture(path)
    try:
        yield capture
    finally:
        capture.release()
