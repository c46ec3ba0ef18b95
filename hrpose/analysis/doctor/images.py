"""Faults of the image files: missing, unreadable, or of another size than the annotations state.

I images.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from hrpose.analysis.doctor.finding import Finding, some_of
from hrpose.analysis.doctor.people import People
from hrpose.images.files import ImageError

Load = Callable[[dict[str, Any]], dict[str, Any]]


@dataclass(frozen=True)
class Opened:
    """What came of opening one image: its path, its size (w, h) or None, and why it could not be read."""

    image: int
    path: str
    size: tuple[int, int] | None
    error: str = ''


def open_images(
    people: People,
    folder: str,
    load: Load,
    *,
    workers: int = 2,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> list[Opened]:
    """Open the images that training uses, as it would, in a pool of threads: decoding frees Python's lock.

    Args:
        people: of the annotation file.
        folder: of the images.
        load: a `LoadImage`: what reads them in training.
        workers: threads.
        progress: called with how many are done, and of how many.
    """

    def one(image: int) -> Opened:
        path = people.path(image, folder)
        try:
            height, width = load({'img_path': path})['img'].shape[:2]
        except ImageError as error:
            return Opened(image, path, None, str(error))
        return Opened(image, path, (width, height))

    opened, images = [], used_images(people)
    with ThreadPoolExecutor(workers) as pool:
        for result in pool.map(one, images):
            opened.append(result)
            progress(len(opened), len(images))
    return opened


def used_images(people: People) -> list[int]:
    """Return the images of people that training uses; all of them where the file has no annotations (test-dev)."""
    return np.unique(people.image[people.used]).tolist() if len(people) else list(range(len(people.image_ids)))


def check_images(opened: Sequence[Opened], people: People, folder: str) -> list[Finding]:
    """Return everything that is wrong with the image files."""
    return [*missing_images(opened, folder), *unreadable_images(opened, folder), *image_sizes(opened, people)]


def with_sizes(people: People, opened: Sequence[Opened]) -> People:
    """Return the people with the files' own sizes of images where the annotations state none."""
    sizes = people.image_sizes.copy()
    for image in opened:
        if image.size is not None and not np.isfinite(sizes[image.image]).all():
            sizes[image.image] = image.size
    return replace(people, image_sizes=sizes)


def missing_images(opened: Sequence[Opened], folder: str) -> list[Finding]:
    """Images that are not where the annotations and the folder say."""
    lost = [image for image in opened if image.error and not _is_there(image.path)]
    if not lost:
        return []
    paths = some_of([image.path for image in lost])
    explanation = f'{len(lost)} of {len(opened)} images do not exist: {paths}'
    advice = f'file_name in the annotations is taken from the folder {folder or "(none)"}; mend one of the two'
    return [Finding('missing_images', 'error', folder or 'images', explanation, advice)]


def unreadable_images(opened: Sequence[Opened], folder: str) -> list[Finding]:
    """Images that are there but cannot be read whole."""
    broken = [image.error for image in opened if image.error and _is_there(image.path)]
    if not broken:
        return []
    explanation = f'{len(broken)} of {len(opened)} images cannot be read: {some_of(broken)}'
    advice = 'fetch them again; training replaces and reports them, a test stops'
    return [Finding('unreadable_images', 'error', folder or 'images', explanation, advice)]


def image_sizes(opened: Sequence[Opened], people: People) -> list[Finding]:
    """Images of another size than the annotations state."""
    stated = people.image_sizes
    whole = [image for image in opened if image.size is not None]
    other = [i for i in whole if np.isfinite(stated[i.image]).all() and tuple(stated[i.image]) != i.size]
    if not other:
        return []
    turned = sum(image.size is not None and tuple(stated[image.image][::-1]) == image.size for image in other)
    examples = [f'{i.path} is {_by(i.size)}, stated {_by(stated[i.image])}' for i in other]
    explanation = f'{len(other)} of {len(whole)} images are of another size than stated: {some_of(examples)}'
    if turned:
        explanation += f'; {turned} with width and height exchanged, as when one side honours EXIF rotation'
    advice = 'key points and boxes refer to the stated size: use those very images, or scale the annotations'
    rows = np.flatnonzero(np.isin(people.image, [image.image for image in other]) & people.used)
    return [Finding('image_sizes', 'error', people.file, explanation, advice, tuple(rows.tolist()))]


def unstated_sizes(people: People) -> list[Finding]:
    """Images without width and height in the file."""
    bare = np.asarray(~np.isfinite(people.image_sizes).all(axis=1))
    if not bare.any():
        return []
    explanation = f'{bare.sum()} of {len(bare)} images have no width and height, so boxes are not clipped to them'
    place = f'image ids {some_of([people.image_ids[i] for i in np.flatnonzero(bare)])} of {people.file}'
    return [Finding('unstated_sizes', 'warning', place, explanation, 'state them, in px of the stored file')]


def _is_there(path: str) -> bool:
    return '://' in path or Path(path).exists()


def _by(size: Any) -> str:
    return ' x '.join(f'{side:g}' for side in size)
