"""What `hrpose infer` writes, a class for each format. Files are complete after every frame, videos once closed."""

import csv
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np

from hrpose.apis.result import PoseResult
from hrpose.apis.sources import FALLBACK_RATE, IMAGE_SUFFIXES
from hrpose.errors import UserError
from hrpose.images.files import save_image
from hrpose.images.video import VideoWriter

Draw = Callable[[PoseResult], np.ndarray]


class Saver(AbstractContextManager):
    """Writes the results of a stream, one after the other.

    Args:
        out: folder to write to; it exists.
        draw: from a result to its image (H, W, 3) uint8 RGB with the people drawn.
    """

    # The file, or the folder of the files, in `out`.
    target: str
    needs_images = False

    def __init__(self, out: Path, draw: Draw) -> None:
        self.path, self.draw = out / self.target, draw

    def add(self, result: PoseResult) -> None:
        """Write the people of a frame."""
        raise NotImplementedError

    def close(self) -> None:
        """Complete and close what is open."""

    def __exit__(self, *reason: object) -> None:
        self.close()


class JsonSaver(Saver):
    """`poses.json`: a list with `PoseResult.to_dict()` of every frame, one a line.

    The end of the list is always in the file; the next frame overwrites it.
    """

    target = 'poses.json'
    _end = b'\n]\n'

    def __init__(self, out: Path, draw: Draw) -> None:
        super().__init__(out, draw)
        self._file, self._comma = self.path.open('wb'), b''
        self._write(b'[' + self._end)

    def add(self, result: PoseResult) -> None:
        self._file.seek(-len(self._end), 2)
        self._write(self._comma + b'\n' + result.to_json().encode() + self._end)
        self._comma = b','

    def _write(self, text: bytes) -> None:
        self._file.write(text)
        self._file.flush()

    def close(self) -> None:
        self._file.close()


class CsvSaver(Saver):
    """`poses.csv`: a line for each person."""

    target = 'poses.csv'

    def __init__(self, out: Path, draw: Draw) -> None:
        super().__init__(out, draw)
        self._file = self.path.open('w', newline='', encoding='utf-8')
        self._table: Any = None

    def add(self, result: PoseResult) -> None:
        if self._table is None:
            self._table = csv.writer(self._file, lineterminator='\n')
            self._table.writerow(columns(result.names, tracked=result.track_ids is not None))
        place = ['' if value is None else value for value in (result.source, result.frame_index)]
        for number, person in enumerate(result.to_dict()['people']):
            joints = [value for joint in person['keypoints'] for value in joint]
            track = [person['track_id']] if 'track_id' in person else []
            self._table.writerow([*place, number, *track, *person['box'], person['box_score'], *joints])
        self._file.flush()

    def close(self) -> None:
        self._file.close()


def columns(names: tuple[str, ...], *, tracked: bool = False) -> list[str]:
    """Return the columns of the table for the names of the keypoints, with `track_id` if people have ids."""
    joints = [f'{name}_{value}' for name in names for value in ('x', 'y', 'score')]
    track = ['track_id'] if tracked else []
    return ['source', 'frame', 'person', *track, 'box_x1', 'box_y1', 'box_x2', 'box_y2', 'box_score', *joints]


class ImageSaver(Saver):
    """`images/`: every frame with its people drawn, named as in the source."""

    target = 'images'
    needs_images = True

    def add(self, result: PoseResult) -> None:
        suffix = '' if Path(result.name).suffix.lower() in IMAGE_SUFFIXES else '.jpg'
        save_image(self.path / f'{result.name}{suffix}', self.draw(result))


class VideoSaver(Saver):
    """`videos/`: every video with its people drawn, at its rate and size. Images are skipped."""

    target = 'videos'
    needs_images = True

    def __init__(self, out: Path, draw: Draw) -> None:
        super().__init__(out, draw)
        self._writer: VideoWriter | None = None
        self._source: str | None = None

    def add(self, result: PoseResult) -> None:
        if result.frame_index is None:
            return
        if self._writer is None or result.source != self._source:
            self.close()
            self._source = result.source
            path = self.path / Path(result.name).parent.with_suffix('.mp4')
            self._writer = VideoWriter(path, rate=result.rate or FALLBACK_RATE, size=result.image_size)
        self._writer.write(self.draw(result))

    def close(self) -> None:
        if self._writer is not None:
            self._writer.close()
        self._writer = None


SAVERS: dict[str, type[Saver]] = {'json': JsonSaver, 'csv': CsvSaver, 'images': ImageSaver, 'video': VideoSaver}


def check_targets(kinds: list[str], out: Path, *, overwrite: bool) -> None:
    """Refuse to replace results of an earlier run unless `overwrite` is set."""
    for kind in [] if overwrite else kinds:
        path = out / SAVERS[kind].target
        if path.is_file() or (path.is_dir() and any(path.iterdir())):
            raise UserError(f'{path} exists; give another --out, or --overwrite')
