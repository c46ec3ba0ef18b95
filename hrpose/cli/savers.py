"""What `hrpose infer` writes, one class a format. A file is complete after every frame, a video once it is closed."""

import csv
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from hrpose.apis import PoseResult
from hrpose.apis.sources import IMAGE_SUFFIXES
from hrpose.errors import UserError
from hrpose.images.files import save_image
from hrpose.images.video import VideoWriter

# Of a camera that does not say.
FALLBACK_RATE = 25.0


class Saver(AbstractContextManager):
    """Takes the results of a stream, one after the other.

    Args:
        out: folder of everything that the command writes; it exists.
        threshold: joints that score no more are left out of drawings.
    """

    # Below `out`: the file, or the folder of the files.
    target: str
    needs_images = False

    def __init__(self, out: Path, threshold: float) -> None:
        self.path, self.threshold = out / self.target, threshold

    def add(self, result: PoseResult) -> None:
        """Write a frame's people."""
        raise NotImplementedError

    def close(self) -> None:
        """Complete what is not complete after every frame."""

    def __exit__(self, *reason: object) -> None:
        self.close()


class JsonSaver(Saver):
    """`poses.json`: a list with `PoseResult.to_dict()` of every frame, one a line, of which memory holds one.

    The list's end stands in the file at every moment and is overwritten by the next frame.
    """

    target = 'poses.json'
    _end = b'\n]\n'

    def __init__(self, out: Path, threshold: float) -> None:
        super().__init__(out, threshold)
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
    """`poses.csv`: a line for each person; a frame without people has none."""

    target = 'poses.csv'

    def __init__(self, out: Path, threshold: float) -> None:
        super().__init__(out, threshold)
        self._file = self.path.open('w', newline='', encoding='utf-8')
        self._table: Any = None

    def add(self, result: PoseResult) -> None:
        if self._table is None:
            self._table = csv.writer(self._file, lineterminator='\n')
            self._table.writerow(columns(result.names))
        place = (
            '' if result.source is None else result.source,
            '' if result.frame_index is None else result.frame_index,
        )
        for number, person in enumerate(result.to_dict()['people']):
            joints = [value for joint in person['keypoints'] for value in joint]
            self._table.writerow([*place, number, *person['box'], person['box_score'], *joints])
        self._file.flush()

    def close(self) -> None:
        self._file.close()


def columns(names: tuple[str, ...]) -> list[str]:
    """Return the head of the table for the joints' names."""
    joints = [f'{name}_{value}' for name in names for value in ('x', 'y', 'score')]
    return ['source', 'frame', 'person', 'box_x1', 'box_y1', 'box_x2', 'box_y2', 'box_score', *joints]


class ImageSaver(Saver):
    """`images/`: every frame with its people drawn, under its name in the source."""

    target = 'images'
    needs_images = True

    def add(self, result: PoseResult) -> None:
        suffix = '' if Path(result.name).suffix.lower() in IMAGE_SUFFIXES else '.jpg'
        save_image(self.path / f'{result.name}{suffix}', result.draw_rgb(threshold=self.threshold))


class VideoSaver(Saver):
    """`videos/`: every video with its people drawn, at its rate and size; pictures of their own are passed over."""

    target = 'videos'
    needs_images = True

    def __init__(self, out: Path, threshold: float) -> None:
        super().__init__(out, threshold)
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
        self._writer.write(result.draw_rgb(threshold=self.threshold))

    def close(self) -> None:
        if self._writer is not None:
            self._writer.close()
        self._writer = None


SAVERS: dict[str, type[Saver]] = {'json': JsonSaver, 'csv': CsvSaver, 'images': ImageSaver, 'video': VideoSaver}


def check_targets(kinds: list[str], out: Path, *, overwrite: bool) -> None:
    """Refuse to write over what an earlier run left in `out`, unless that is asked for; make the folder."""
    for kind in [] if overwrite else kinds:
        path = out / SAVERS[kind].target
        if path.is_file() or (path.is_dir() and any(path.iterdir())):
            raise UserError(f'{path} is there already: give another --out, or --overwrite to write over it')
    out.mkdir(parents=True, exist_ok=True)
