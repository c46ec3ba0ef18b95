"""The boxes of a COCO file, results of a detector or annotations, for the pictures and frames that they belong to.

Boxes are xyxy in image px here, xywh in the file.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from hrpose.apis import Boxes
from hrpose.apis.sources import Frame
from hrpose.datasets.annotations.coco_entries import (
    Entry,
    LeftOut,
    annotated_box,
    detected_box,
    detected_score,
    image_key,
    image_of,
    person_category,
    require_category,
)
from hrpose.datasets.annotations.files import read_json
from hrpose.errors import UserError

Row = tuple[np.ndarray, float]  # box (4,), score

PERSON = 1  # COCO's number of the category, where a file of results does not say another


class BoxFile:
    """Gives each frame its boxes; what it leaves out is counted by reason in `left_out`.

    A file of annotations names its pictures, and one that it does not name is an error; their boxes are clipped as in a
    test. A file of results has numbers only: the picture's is that in its file's name (785 for 000000000785.jpg), a
    frame's of a video its place, from 0; a picture without a result has nobody in it.

    Args:
        path: the file.
        threshold: least score of a box.

    Raises:
        UserError: a file that is neither.
    """

    def __init__(self, path: str | Path, *, threshold: float = 0.0) -> None:
        self.path = path
        self.left_out: Counter[str] = Counter()
        self.rows: dict[str, list[Row]] = defaultdict(list)
        self.used: set[str] = set()
        self._names: dict[str, list[tuple[str, str]]] = defaultdict(list)
        content = read_json(str(path))
        try:
            self._read(content, threshold)
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
            raise UserError(f'{path} is not in COCO layout: {type(error).__name__}: {error}') from error

    def __call__(self, frame: Frame) -> Boxes:
        """Return a frame's boxes.

        Raises:
            UserError: the file names no such picture.
        """
        key = self._key_by_name(frame) if self._names else _key_by_number(frame)
        self.used.add(key)
        rows = self.rows.get(key, [])
        return Boxes(np.array([box for box, _ in rows]).reshape(-1, 4), np.array([score for _, score in rows]))

    @property
    def unused(self) -> int:
        """How many of the file's pictures with boxes were not asked for."""
        return len(set(self.rows) - self.used)

    def _read(self, content: Any, threshold: float) -> None:
        if isinstance(content, list):
            self._keep(content, PERSON, threshold)
        elif isinstance(content, Mapping) and isinstance(content.get('images'), list):
            images = {image_key(image['id']): image for image in content['images']}
            for key, image in images.items():
                self._names[Path(image['file_name']).name].append((image['file_name'], key))
            annotations = content.get('annotations') or []
            self._keep(annotations, person_category(content.get('categories') or []), threshold, images)
        else:
            raise UserError(f'{self.path} is no COCO file: neither a list of results nor images with annotations')

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
                box, score = _detected(entry, threshold) if images is None else _annotated(entry, images)
            except LeftOut as reason:
                self.left_out[str(reason)] += 1
            else:
                self.rows[_plain_number(image_key(entry['image_id']))].append((box, score))

    def _key_by_name(self, frame: Frame) -> str:
        path = Path(frame.source or frame.name)
        found = self._names.get(path.name, []) if frame.rate is None else []
        # Pictures of one name in several folders are told apart by as much of the path as the file gives.
        if len(found) > 1:
            found = [(name, key) for name, key in found if path.parts[-len(Path(name).parts) :] == Path(name).parts]
        if len(found) != 1:
            raise UserError(f'{frame.title}: {self.path} names {"several" if found else "no"} such pictures')
        return _plain_number(found[0][1])


def _detected(entry: Entry, threshold: float) -> Row:
    return detected_box(entry), detected_score(entry, threshold)


def _annotated(entry: Entry, images: Mapping[str, Entry]) -> Row:
    if int(entry.get('iscrowd') or 0):
        raise LeftOut('crowd')
    box = annotated_box(entry, image_of(entry, images))
    # A test lets a box pass that is one pixel wide or high, but nobody can be shown in it.
    if not (box[2:] > box[:2]).all():
        raise LeftOut('box without an area inside the image')
    return box, 1.0


def _key_by_number(frame: Frame) -> str:
    return _plain_number(Path(frame.source or frame.name).stem if frame.rate is None else str(frame.index))


def _plain_number(key: str) -> str:
    return str(int(key)) if key.isdecimal() else key
