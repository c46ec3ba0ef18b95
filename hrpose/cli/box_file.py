"""The boxes of a COCO file, results of a detector or annotations, for the pictures and frames that they belong to.

Boxes are xyxy in image px here, xywh in the file.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from hrpose.apis import Boxes
from hrpose.apis.sources import Frame
from hrpose.datasets.coco import annotated_box, read_json
from hrpose.errors import UserError
from hrpose.evaluation.coco_format import image_key, person_category

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
        except (KeyError, TypeError, ValueError, AttributeError) as error:
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
            self._keep(annotations, person_category(content), threshold, images)
        else:
            raise UserError(f'{self.path} is no COCO file: neither a list of results nor images with annotations')

    def _keep(
        self, entries: Iterable[Any], category: int, threshold: float, images: Mapping[str, Any] | None = None
    ) -> None:
        for entry in entries:
            key, score = image_key(entry['image_id']), float(entry.get('score', 1.0))
            box = _box_of(entry, None if images is None else images.get(key, {}))
            reason = (
                ('of another category' if int(entry.get('category_id', category)) != category else None)
                or ('of crowds' if int(entry.get('iscrowd') or 0) else None)
                or ('below the threshold' if score < threshold else None)
                or ('without an area' if box is None else None)
            )
            if reason or box is None:
                self.left_out[str(reason)] += 1
            else:
                self.rows[_plain_number(key)].append((box, score))

    def _key_by_name(self, frame: Frame) -> str:
        path = Path(frame.source or frame.name)
        found = self._names.get(path.name, []) if frame.rate is None else []
        # Pictures of one name in several folders are told apart by as much of the path as the file gives.
        if len(found) > 1:
            found = [(name, key) for name, key in found if path.parts[-len(Path(name).parts) :] == Path(name).parts]
        if len(found) != 1:
            raise UserError(f'{frame.title}: {self.path} names {"several" if found else "no"} such pictures')
        return _plain_number(found[0][1])


def _box_of(entry: Mapping[str, Any], image: Mapping[str, Any] | None) -> np.ndarray | None:
    """Return the box of a result (without an image) or of an annotation; None without an area."""
    x, y, width, height = (float(value) for value in entry['bbox'])
    if not (width > 0 and height > 0 and all(map(math.isfinite, (x, y, width, height)))):
        return None
    box = np.array([x, y, x + width, y + height]) if image is None else annotated_box(dict(entry), dict(image))
    return box if box is not None and (box[2:] > box[:2]).all() else None


def _key_by_number(frame: Frame) -> str:
    return _plain_number(Path(frame.source or frame.name).stem if frame.rate is None else str(frame.index))


def _plain_number(key: str) -> str:
    return str(int(key)) if key.isdecimal() else key
