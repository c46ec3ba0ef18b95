"""Where a stream's frames come from: images, videos, a camera or a program. `Broken` stands for what cannot be read."""

import glob
import os
from collections.abc import Callable, Iterable, Iterator, Sequence, Sized
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import cv2
import numpy as np

from hrpose.errors import UserError, shown, similar
from hrpose.files import expanded
from hrpose.images.convert import as_rgb, is_one_image, swap_red_blue
from hrpose.images.video import open_capture, read_frames, released

IMAGE_SUFFIXES = {'.bmp', '.jpeg', '.jpg', '.png', '.tif', '.tiff', '.webp'}
VIDEO_SUFFIXES = {'.avi', '.gif', '.m4v', '.mkv', '.mov', '.mp4', '.mpeg', '.mpg', '.ts', '.webm', '.wmv'}

# Addresses that OpenCV reads a video from. What is live does not wait for the next frame.
_LIVE_SCHEMES, _FILE_SCHEMES = ('rtsp', 'rtsps', 'rtmp'), ('http', 'https')

# Frames a second, if a source does not give its rate.
FALLBACK_RATE = 25.0

# These store the number of their frames; for others OpenCV multiplies duration and rate, which can be off by one.
_COUNTED_SUFFIXES = {'.m4v', '.mov', '.mp4'}


@dataclass(frozen=True)
class Frame:
    """An image of a source."""

    rgb: np.ndarray  # (H, W, 3) uint8
    name: str  # a relative path, unique in the source
    source: str | None  # path of the image or video, or the camera; None for an image from a program
    index: int | None = None  # from 0 in its video, camera or iterable; None for an image on its own
    rate: float | None = None  # frames a second of a video or camera

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
        """The name of the frame in messages."""
        return f'{self.source or self.name}{"" if self.index is None else f", frame {self.index}"}'


@dataclass(frozen=True)
class Broken:
    """Frames that cannot be read: the reason, and how many they are."""

    reason: str
    count: int = 1


@dataclass(frozen=True)
class Source:
    """Frames to read one after the other."""

    read: Callable[[], Iterator[Frame | Broken]]  # yields the frames, and `Broken` for those that cannot be read
    total: int | None = None  # how many there are; None if unknown
    live: bool = False  # whether it is a camera, whose frames do not wait for each other
    videos: bool = False  # whether any frame comes from a video or camera


def open_source(source: Any) -> Source:
    """Open a folder, a glob pattern, an image, a video, a camera, the address of a video or an iterable of images.

    A folder gives its images and videos, known by suffix and sorted by name, without those of folders inside it; the
    pattern `DIR/**` includes them. A pattern gives every file that it matches. A camera is given by its number, or, as
    a video on another machine, by its address: rtsp, rtmp or http(s).

    Raises:
        UserError: there is no such file, camera or address, nothing matches, or `source` is something else.
    """
    if isinstance(source, str) and '://' in source:
        return _address(source)
    if isinstance(source, str | Path):
        return _files(_found(str(source)))
    if isinstance(source, int) and not isinstance(source, bool):
        return _camera(source)
    if is_one_image(source):
        raise UserError('a stream takes several images; call the inferencer itself for one, or give [image]')
    if isinstance(source, Iterable):
        return Source(lambda: _of_program(source), total=len(source) if isinstance(source, Sized) else None)
    what = f'{source}' if source is None or isinstance(source, bool) else type(source).__name__
    raise UserError(f'a source is a path, a pattern, the number of a camera or an iterable of images, not {what}')


def is_video(path: Path) -> bool:
    """Return whether a file has the suffix of a video."""
    return path.suffix.lower() in VIDEO_SUFFIXES


def _found(source: str) -> list[Path]:
    """Return the files that a path or pattern names, in order."""
    path = expanded(source)
    if path.is_file():
        return [path]
    if path.is_dir():
        files = sorted(entry for entry in path.iterdir() if entry.suffix.lower() in IMAGE_SUFFIXES | VIDEO_SUFFIXES)
        if not files:
            raise UserError(
                f'the folder {path} has no image or video with a suffix of '
                f'{" ".join(sorted(IMAGE_SUFFIXES | VIDEO_SUFFIXES))}; for those in its folders write {path}/**'
            )
        return files
    if glob.has_magic(source):
        files = sorted(Path(match) for match in glob.glob(str(path), recursive=True) if Path(match).is_file())
        if not files:
            raise UserError(f'no file matches {source}')
        return files
    if not path.parent.is_dir():
        raise UserError(f'there is no {source}; there is no folder {path.parent}')
    names = (entry.name for entry in path.parent.iterdir() if entry.suffix.lower() in IMAGE_SUFFIXES | VIDEO_SUFFIXES)
    raise UserError(f'there is no {source}{similar(path.name, names) or "; check the path"}')


def _files(paths: Sequence[Path]) -> Source:
    root = os.path.commonpath([path.absolute().parent for path in paths])
    names = [os.path.relpath(path.absolute(), root) for path in paths]
    counts = [_frame_count(path) if is_video(path) else 1 for path in paths]

    def read() -> Iterator[Frame | Broken]:
        for path, name in zip(paths, names, strict=True):
            yield from _video(path, name) if is_video(path) else _image(path, name)

    total = None if None in counts else sum(count or 0 for count in counts)
    return Source(read, total=total, videos=any(map(is_video, paths)))


def _image(path: Path, name: str) -> Iterator[Frame | Broken]:
    try:
        yield Frame(as_rgb(path), name, str(path))
    except UserError as error:
        yield Broken(str(error))


def _of_program(images: Iterable[Any]) -> Iterator[Frame | Broken]:
    for index, image in enumerate(images):
        source = str(image) if isinstance(image, str | Path) else None
        try:
            yield Frame(as_rgb(image), f'{index:06d}', source, index)
        except UserError as error:
            yield Broken(f'frame {index}: {error}')


def _frame_count(path: Path) -> int | None:
    """Return how many frames a video says it has, None if it does not, 1 if it cannot be read (for its `Broken`)."""
    with released(open_capture(path)) as capture:
        count = int(capture.get(cv2.CAP_PROP_FRAME_COUNT)) if capture.isOpened() else 1
    return count if count > 0 else None


def _video(path: Path, name: str) -> Iterator[Frame | Broken]:
    try:
        size = path.stat().st_size
    except OSError as error:
        yield Broken(f'the video {path} cannot be read: {error.strerror}')
        return
    with released(open_capture(path)) as capture:
        if not capture.isOpened():
            what = f'cut short, or in no format that OpenCV can read ({size} bytes)' if size else 'empty (0 bytes)'
            yield Broken(f'the video {path} is {what}')
            return
        stated, count = int(capture.get(cv2.CAP_PROP_FRAME_COUNT)), 0
        for frame in _frames(capture, name, str(path)):
            count += 1
            yield frame
    missing = stated - count
    if missing > (0 if path.suffix.lower() in _COUNTED_SUFFIXES else 1):
        yield Broken(f'the video {path} is cut short or damaged: of {stated} frames {count} can be read', missing)


def _camera(number: int) -> Source:
    if not 0 <= number < 2**31 or not (capture := open_capture(number)).isOpened():
        raise UserError(f'there is no camera {number} that OpenCV can open; cameras count from 0')

    def read() -> Iterator[Frame | Broken]:
        with released(capture):
            yield from _frames(capture, f'camera_{number}', f'camera {number}')
        yield Broken(f'camera {number} gives no more frames', 0)

    return Source(read, live=True, videos=True)


def _address(address: str) -> Source:
    scheme, title = address.partition('://')[0].lower(), shown(address)
    if scheme not in _LIVE_SCHEMES + _FILE_SCHEMES:
        raise UserError(
            f'{title}: {scheme} is no address that videos are read from; give one with '
            f'{", ".join(_LIVE_SCHEMES + _FILE_SCHEMES)}, or the path of a file'
        )
    if not address.isprintable() or not (capture := open_capture(address)).isOpened():
        raise UserError(f'{title}: OpenCV can read no video there; check the address, or download the file')

    def read() -> Iterator[Frame | Broken]:
        with released(capture):
            yield from _frames(capture, Path(urlsplit(address).path).stem or scheme, title)
        if scheme in _LIVE_SCHEMES:
            yield Broken(f'{title} gives no more frames', 0)

    return Source(read, live=scheme in _LIVE_SCHEMES, videos=True)


def _frames(capture: cv2.VideoCapture, name: str, source: str) -> Iterator[Frame]:
    rate = capture.get(cv2.CAP_PROP_FPS)
    for index, image in enumerate(read_frames(capture)):
        yield Frame(image, f'{name}/{index:06d}', source, index, rate if 0 < rate < np.inf else None)
