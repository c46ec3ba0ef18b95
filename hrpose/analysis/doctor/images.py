"""Checks of the image files: missing, unreadable, or of another size than the annotations state."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from hrpose.analysis.doctor.finding import Finding, rows_of
from hrpose.analysis.doctor.people import People
from hrpose.errors import some_of
from hrpose.images.files import ImageError

Load = Callable[[dict[str, Any]], dict[str, Any]]


@dataclass(frozen=True)
class Opened:
    """An image of `People` after opening it: its path, its size (w, h) or None, and why it could not be read."""

    image: int
    path: str
    size: tuple[int, int] | None
    error: str = ''

    @property
    def exists(self) -> bool:
        """Whether there is a file; of a remote image, nobody knows."""
        return '://' in self.path or Path(self.path).exists()


def open_images(people: People, folder: str, load: Load, *, workers: int) -> list[Opened]:
    """Open the images that training uses, as it does, in `workers` threads; without annotations, open all images."""

    def one(image: int) -> Opened:
        path = people.path(image, folder)
        try:
            height, width = load({'img_path': path})['img'].shape[:2]
        except ImageError as error:
            return Opened(image, path, None, str(error))
        return Opened(image, path, (width, height))

    used = np.unique(people.image[people.used]).tolist() if len(people) else list(range(len(people.image_ids)))
    with ThreadPoolExecutor(workers) as pool:  # the bar is shown on terminals only
        return list(tqdm(pool.map(one, used), total=len(used), desc='images read', disable=None))


def with_sizes(people: People, opened: Sequence[Opened]) -> People:
    """Return the people with the files' own sizes of images where the annotations state none."""
    sizes = people.image_sizes.copy()
    for image in opened:
        if image.size is not None and not np.isfinite(sizes[image.image]).all():
            sizes[image.image] = image.size
    return replace(people, image_sizes=sizes)


def unreadable_images(opened: Sequence[Opened], folder: str) -> Iterator[Finding]:
    """Find images that are not where annotations and folder say, and images that cannot be read whole."""
    if missing := [image.path for image in opened if image.error and not image.exists]:
        explanation = f'{len(missing)} of {len(opened)} images do not exist: {some_of(missing)}'
        advice = f'file_name in the annotations is relative to the folder {folder or "(none)"}; correct one of the two'
        yield Finding('missing_images', 'error', folder or 'images', explanation, advice)
    if broken := [image.error for image in opened if image.error and image.exists]:
        explanation = f'{len(broken)} of {len(opened)} images cannot be read: {some_of(broken)}'
        advice = 'download them again; training replaces and reports them, a test stops'
        yield Finding('unreadable_images', 'error', folder or 'images', explanation, advice)


def image_sizes(opened: Sequence[Opened], people: People) -> Iterator[Finding]:
    """Find images of another size than the annotations state."""
    stated = [tuple(size) if np.isfinite(size).all() else None for size in people.image_sizes]
    read = [(image, size) for image in opened if (size := image.size) is not None]
    other = [(image, size) for image, size in read if stated[image.image] not in (None, size)]
    if not other:
        return
    turned = sum(stated[image.image] == size[::-1] for image, size in other)
    examples = [f'{image.path} is {_by(size)}, stated {_by(stated[image.image])}' for image, size in other]
    explanation = f'{len(other)} of {len(read)} images have another size than stated: {some_of(examples)}'
    if turned:
        explanation += f'; {turned} with width and height exchanged, as by an EXIF rotation that only one side applies'
    advice = 'keypoints and boxes refer to the stated size: use the images of that size, or scale the annotations'
    rows = rows_of(np.isin(people.image, [image.image for image, _ in other]) & people.used)
    yield Finding('image_sizes', 'error', people.file, explanation, advice, rows)


def _by(size: Any) -> str:
    return ' x '.join(f'{side:g}' for side in size)
