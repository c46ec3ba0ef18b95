"""Boxes of people from a COCO file: a detector's results, or annotations.

Boxes are xyxy in image px here, xywh in the file.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from hrpose.apis.boxes import Boxes
from hrpose.apis.sources import Frame
from hrpose.datasets.annotations import (
    Entry,
    LeftOut,
    annotated_box,
    detected_box,
    detected_score,
    image_key,
    image_of,
    person_category,
    read_coco_json,
    read_json,
    require_category,
)
from hrpose.errors import UserError

Row = tuple[np.ndarray, float]  # box (4,), score

PERSON = 1  # COCO's category of people, which a file of results does not name


class BoxFile:
    """Gives each frame its boxes. `left_out` counts those that are not used, by reason.

    Annotations name their images, with their folders where frames of several videos have the same names. A frame that
    they do not name is an error, and boxes are clipped as in a test.
    Results have ids only. An image's id is its file name, or the number in it (785 for 000000000785.jpg); a frame of a
    video has its index, from 0. An image without results has no people.

    Args:
        path: the file, or a folder of annotation files such as PoseTrack's, one a video.
        threshold: lowest score of a box.

    Raises:
        UserError: the file is neither.
    """

    def __init__(self, path: str | Path, *, threshold: float = 0.0) -> None:
        self.path = path
        self.left_out: Counter[str] = Counter()
        self.rows: dict[str, list[Row]] = defaultdict(list)
        self.used: set[str] = set()
        self._names: dict[str, list[tuple[tuple[str, ...], str]]] = defaultdict(list)
        content = read_coco_json(str(path)) if Path(path).is_dir() else read_json(str(path))
        try:
            self._read(content, threshold)
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
            raise UserError(f'{path} is not in COCO layout: {type(error).__name__}: {error}') from error

    def __call__(self, frame: Frame) -> Boxes:
        """Return a frame's boxes.

        Raises:
            UserError: the annotations name no such image.
        """
        return self._rows_of(self._key_by_name(frame) if self._names else self._key_by_id(frame))

    def of_image(self, image_id: Any) -> Boxes:
        """Return the boxes of the image with this id."""
        return self._rows_of(_plain_number(image_key(image_id)))

    def _rows_of(self, key: str) -> Boxes:
        self.used.add(key)
        rows = self.rows.get(key, [])
        return Boxes(np.array([box for box, _ in rows]).reshape(-1, 4), np.array([score for _, score in rows]))

    @property
    def unused(self) -> int:
        """The number of images with boxes that were not asked for."""
        return len(set(self.rows) - self.used)

    def _read(self, content: Any, threshold: float) -> None:
        if isinstance(content, list):
            self._keep(content, PERSON, threshold)
        elif isinstance(content, Mapping) and isinstance(content.get('images'), list):
            images = {image_key(image['id']): image for image in content['images']}
            for key, image in images.items():
                name = Path(image['file_name'])
                self._names[name.name].append((name.parts, key))
            annotations = content.get('annotations') or []
            self._keep(annotations, person_category(content.get('categories') or []), threshold, images)
        else:
            raise UserError(f'{self.path} is not in COCO layout: neither a list of results nor images with annotations')

    def _keep(
        self,
        entries: Iterable[Entry],
        category: int | None,
        threshold: float,
        images: Mapping[str, Entry] | None = None,
    ) -> None:
        for entry in entries:
            try:
                require_category(entry, category)
                if images is None:
                    box, score = detected_box(entry), detected_score(entry, threshold)
                else:
                    box, score = _annotated_box(entry, images), 1.0
            except LeftOut as reason:
                self.left_out[str(reason)] += 1
            else:
                self.rows[_plain_number(image_key(entry['image_id']))].append((box, score))

    def _key_by_name(self, frame: Frame) -> str:
        path = Path(frame.source or frame.name).absolute()
        found = self._names.get(path.name, []) if frame.rate is None else []
        # The folder has to agree, or a frame would get the boxes of another video. Folders above may have been renamed,
        # so they count only where the folder leaves a choice.
        found = [(name, key) for name, key in found if _ends_with(path.parts, name[-2:])]
        if len(found) > 1:
            found = [(name, key) for name, key in found if _ends_with(path.parts, name)]
        if len(found) != 1:
            raise UserError(
                f'{frame.title}: {self.path} names {"several" if found else "no"} images with this folder and name; '
                'give the boxes of these images'
            )
        return _plain_number(found[0][1])

    def _key_by_id(self, frame: Frame) -> str:
        if frame.rate is not None:
            return str(frame.index)
        path = Path(frame.source or frame.name)
        number = _plain_number(path.stem)
        return next((key for key in (frame.name, path.name, number) if key in self.rows), number)


def _annotated_box(entry: Entry, images: Mapping[str, Entry]) -> np.ndarray:
    if int(entry.get('iscrowd') or 0):
        raise LeftOut('crowd')
    box = annotated_box(entry, image_of(entry, images))
    # A test accepts a box of one pixel, but no person can be shown in it.
    if not (box[2:] > box[:2]).all():
        raise LeftOut('box without an area inside the image')
    return box


def _ends_with(parts: tuple[str, ...], end: tuple[str, ...]) -> bool:
    return parts[-len(end) :] == end


def _plain_number(key: str) -> str:
    return str(int(key)) if key.isdecimal() else key
