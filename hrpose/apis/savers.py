"""What `hrpose infer` writes, a class for each format.

Files are complete after every frame; videos and PoseTrack's files once their last frame is there.
"""

import csv
import io
import json
import re
import tempfile
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np

from hrpose.apis.posetrack import most_seen
from hrpose.apis.result import PoseResult
from hrpose.apis.sources import FALLBACK_RATE, IMAGE_SUFFIXES
from hrpose.datasets.metainfo.known import POSETRACK18
from hrpose.errors import UserError
from hrpose.evaluation.functional.posetrack_folder import write_folder
from hrpose.files import GrowingFile
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
    """`poses.json`: a list with `PoseResult.to_dict()` of every frame, one a line."""

    target = 'poses.json'

    def __init__(self, out: Path, draw: Draw) -> None:
        super().__init__(out, draw)
        self._file, self._comma = GrowingFile(self.path, b'[', b'\n]\n'), b''

    def add(self, result: PoseResult) -> None:
        # The name of a file need not be UTF-8; its escapes are JSON's too.
        self._file.add(self._comma + b'\n' + result.to_json().encode(errors='backslashreplace'))
        self._comma = b','

    def close(self) -> None:
        self._file.close()


class CsvSaver(Saver):
    """`poses.csv`: a line for each person."""

    target = 'poses.csv'

    def __init__(self, out: Path, draw: Draw) -> None:
        super().__init__(out, draw)
        self._file, self._is_new = GrowingFile(self.path), True

    def add(self, result: PoseResult) -> None:
        text = io.StringIO()
        table = csv.writer(text, lineterminator='\n')
        if self._is_new:
            table.writerow(columns(result.names, tracked=result.track_ids is not None))
        place = ['' if value is None else value for value in (result.source, result.frame_index)]
        for number, person in enumerate(result.to_dict()['people']):
            joints = [value for joint in person['keypoints'] for value in joint]
            track = [person['track_id']] if 'track_id' in person else []
            table.writerow([*place, number, *track, *person['box'], person['box_score'], *joints])
        self._file.add(text.getvalue().encode(errors='backslashreplace'))
        self._is_new = False

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


class PoseTrackSaver(Saver):
    """`posetrack/`: a JSON of every video, or folder of images, in PoseTrack18's form, with ids from 0 in each.

    Frames have the ids of the release, if videos are named as there: 10128340007 for `012834_mpii_test/000007.jpg`.
    Other videos are numbered from 1. Of more than 1000 tracks in a video, poseval's limit, those with most frames stay.
    """

    target = 'posetrack'

    def __init__(self, out: Path, draw: Draw) -> None:
        super().__init__(out, draw)
        self._video: str | None = None
        self._seen: list[str] = []
        self._start()

    def _start(self) -> None:
        self._images: list[dict[str, Any]] = []
        self._people: list[dict[str, Any]] = []

    def add(self, result: PoseResult) -> None:
        if result.track_ids is None:
            raise UserError('--save posetrack: people have no ids; give --track too')
        if result.names != tuple(POSETRACK18['keypoint_names']):
            raise UserError(
                f'--save posetrack: the network has other joints ({", ".join(result.names[:3])}, …) than PoseTrack18; '
                'take one that was trained on it, such as hrnet_w32_posetrack18_256x192'
            )
        video = _video_name(result)
        if video != self._video:
            self.close()
            if video in self._seen:
                raise UserError(f'--save posetrack: two videos are named {video}; give them one at a time')
            self._video = video
            self._seen.append(video)
        stem = Path(result.name).stem
        frame = int(stem) if stem.isdecimal() else len(self._images)
        digits = re.match(r'\d{1,6}', video)
        number = int(digits[0]) if digits else len(self._seen)
        image = int(f'1{number:06d}{frame:04d}')
        name = result.name if Path(result.name).suffix else f'{result.name}.jpg'
        self._images.append({'id': image, 'frame_id': image, 'file_name': name, 'vid_id': f'{number:06d}'})
        joints = np.concatenate([result.keypoints, result.scores[..., None]], axis=-1)
        joints = joints.reshape(len(result), 3 * len(result.names))
        self._people += [
            {'image_id': image, 'track_id': track, 'keypoints': keypoints}
            for track, keypoints in zip(result.track_ids.tolist(), joints, strict=True)
        ]

    def close(self) -> None:
        if self._video is None:
            return
        category = {'id': 1, 'name': 'person', 'keypoints': list(POSETRACK18['keypoint_names'])}
        frames = {'images': self._images, 'annotations': [], 'categories': [category]}
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / f'{self._video}.json').write_text(json.dumps(frames), encoding='utf-8')
            write_folder(self.path, folder, most_seen(self._people) if self._people else [])
        self._video = None
        self._start()


def _video_name(result: PoseResult) -> str:
    """Return the name of a result's video without suffix; of an image, that of its folder."""
    path = Path(result.source or 'stream')
    return path.absolute().parent.name if result.frame_index is None else path.stem


SAVERS: dict[str, type[Saver]] = {
    'json': JsonSaver,
    'csv': CsvSaver,
    'images': ImageSaver,
    'video': VideoSaver,
    'posetrack': PoseTrackSaver,
}


def check_targets(kinds: list[str], out: Path, *, overwrite: bool) -> None:
    """Refuse to replace results of an earlier run unless `overwrite` is set."""
    for kind in [] if overwrite else kinds:
        path = out / SAVERS[kind].target
        if path.is_file() or (path.is_dir() and any(path.iterdir())):
            raise UserError(f'{path} exists; give another --out, or --overwrite')
