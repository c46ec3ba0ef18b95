"""Writing a pack of crops: each person cut out as far as the augmentation of the config reaches."""

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np

from hrpose.datasets.storage.crops import ABOUT, FORMATS, VERSION, key_of, read_about, shard_files
from hrpose.datasets.transforms.base import Reach
from hrpose.datasets.transforms.load import LoadImage
from hrpose.datasets.transforms.warp import PadBox, WarpAffine
from hrpose.errors import UserError, nearest
from hrpose.files import whole
from hrpose.images.files import ImageError

SHARD = 16384  # people in one file
QUALITY = 95
FULL_COLOUR = 90  # the lowest JPEG quality at which colour keeps its full resolution


class Crop(NamedTuple):
    """One packed person; if the image could not be read, `content` is empty and `problem` says why."""

    content: bytes
    shape: tuple[int, int]
    crop: tuple[int, int, int, int]
    image: tuple[int, int]
    key: int
    problem: str = ''


@dataclass(frozen=True)
class Cutter:
    """Cuts people out as far as a training pipeline may show them; thread-safe."""

    load: LoadImage
    pad: PadBox
    steps: tuple[Any, ...]  # of the pipeline between `pad` and the warp
    input_width: int  # of the network's input, px
    form: str  # 'jpeg' or 'raw'
    quality: int = QUALITY  # of a JPEG, 1 to 100

    @classmethod
    def of(cls, pipeline: Any, form: str, quality: int = QUALITY) -> 'Cutter':
        """Return the cutter for the built pipeline of a data set.

        Raises:
            UserError: another order of steps, a step without `reach`, or an unknown form.
        """
        if form not in FORMATS:
            raise UserError(f"pack: there is no format '{form}'; {nearest(form, FORMATS)}")
        names = [type(step).__name__ for step in pipeline]
        if names[:2] != ['LoadImage', 'PadBox'] or 'WarpAffine' not in names:
            raise UserError(f'pack: the pipeline {names} does not begin with LoadImage, PadBox or has no WarpAffine')
        warp: WarpAffine = pipeline[names.index('WarpAffine')]
        steps = tuple(pipeline[2 : names.index('WarpAffine')])
        if silent := [type(step).__name__ for step in steps if not hasattr(step, 'reach')]:
            raise UserError(f'pack: {silent[0]} does not tell how far it moves a region; give it a method reach()')
        return cls(pipeline[0], pipeline[1], steps, warp.input_size[0], form, quality)

    def __call__(self, record: dict[str, Any]) -> Crop:
        """Return the crop of a record's person."""
        try:
            image = self.load(record)['img']
        except ImageError as error:
            return Crop(b'', (0, 0), (0, 0, 1, 1), (1, 1), key_of(record), str(error))
        height, width = image.shape[:2]
        crop, scale = self.plan(record, (width, height))
        kept = shrink(image[crop[1] : crop[3], crop[0] : crop[2]], scale)
        return Crop(encode(kept, self.form, self.quality), kept.shape[:2], crop, (width, height), key_of(record))

    def plan(self, record: dict[str, Any], image_size: tuple[int, int]) -> tuple[tuple[int, int, int, int], float]:
        """Return the crop (x1, y1, x2, y2) and the scale, at most 1, at which its smallest region fills the input."""
        padded = self.pad(record)
        reach = Reach.of(padded['center'], padded['size'])
        for step in self.steps:
            reach = step.reach(reach, padded)
        return reach.rectangle(image_size), min(1.0, self.input_width / reach.least_width.min())


def shrink(image: np.ndarray, scale: float) -> np.ndarray:
    """Return an image (H, W, 3) shrunk by averaging areas, or unchanged where that saves less than a quarter."""
    if scale > 0.85:
        return image
    size = [max(1, round(side * scale)) for side in (image.shape[1], image.shape[0])]
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA)


def encode(image: np.ndarray, form: str, quality: int = QUALITY) -> bytes:
    """Return the bytes of an RGB image (H, W, 3): a JPEG, from quality 90 on with full colour, or its pixels."""
    if form == 'raw':
        return np.ascontiguousarray(image).tobytes()
    full = quality >= FULL_COLOUR
    sampling = cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444 if full else cv2.IMWRITE_JPEG_SAMPLING_FACTOR_420
    options = [cv2.IMWRITE_JPEG_QUALITY, quality, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, sampling]
    return cv2.imencode('.jpg', image[..., ::-1], options)[1].tobytes()


def pack_people(
    dataset: Any,
    folder: Path,
    form: str = 'raw',
    *,
    quality: int = QUALITY,
    workers: int = 2,
    shard: int = SHARD,
    progress: Callable[[int], None] = lambda done: None,
) -> dict[str, Any]:
    """Write the pack of a data set's people; return the content of `pack.json`.

    Finished shards of an interrupted call are kept.

    Args:
        dataset: built with the training pipeline.
        folder: of the pack; created if it does not exist.
        form: 'raw', read without decoding, or 'jpeg', a fifth of the size.
        quality: of a JPEG, 1 to 100; below 90 colour has half the resolution.
        workers: threads.
        shard: people in one file.
        progress: called with the number of people that are done.

    Raises:
        UserError: the folder has another pack, the pipeline cannot be packed, or the disk is full.
    """
    cutter = Cutter.of(dataset.pipeline.transforms, form, quality)
    about = describe(dataset, cutter, shard)
    folder.mkdir(parents=True, exist_ok=True)
    if (folder / ABOUT).exists():
        before = read_about(folder)
        if different := [name for name in about if before.get(name) != about[name]]:
            raise UserError(f'{folder}: has a pack of something else ({different[0]} differs); name another folder')
        about = before
    write_json(folder / ABOUT, about)
    for number, start in enumerate(range(0, len(dataset), shard)):
        end = min(start + shard, len(dataset))
        if not shard_files(folder, number)[1].exists():
            records = (dataset.get_data_info(place) for place in range(start, end))
            write_shard(folder, number, counted(cut_all(records, cutter, workers), start, progress))
        progress(end)
    about |= {'finished': True, **totals(folder, -(-len(dataset) // shard))}
    write_json(folder / ABOUT, about)
    return about


def describe(dataset: Any, cutter: Cutter, shard: int) -> dict[str, Any]:
    """Return all that a pack depends on."""
    steps = [f'{type(step).__name__} {sorted(vars(step).items())}' for step in (cutter.pad, *cutter.steps)]
    lossy = {'quality': cutter.quality} if cutter.form == 'jpeg' and cutter.quality != QUALITY else {}
    return {
        **lossy,
        'version': VERSION,
        'annotations': Path(dataset.ann_file).name,
        'people': len(dataset),
        'format': cutter.form,
        'input_width': cutter.input_width,
        'steps': steps,
        'shard': shard,
    }


def cut_all(records: Iterator[dict[str, Any]], cutter: Cutter, workers: int) -> Iterator[Crop]:
    """Yield the crops in the order of the records. Threads suffice: OpenCV works outside Python's lock."""
    with ThreadPoolExecutor(workers) as pool:
        while some := list(islice(records, 64 * workers)):
            yield from pool.map(cutter, some)


def counted(crops: Iterator[Crop], done: int, progress: Callable[[int], None]) -> Iterator[Crop]:
    """Yield the crops, and report how many are done."""
    for number, crop in enumerate(crops, start=done + 1):
        progress(number)
        yield crop


def write_shard(folder: Path, number: int, crops: Iterator[Crop]) -> None:
    """Write the two files of a shard, the index last and at once; a shard without index counts as missing."""
    content, index = shard_files(folder, number)
    rows, end, ends = [], 0, []
    try:
        with open(content, 'wb') as file:
            for crop in crops:
                file.write(crop.content)
                end += len(crop.content)
                ends.append(end)
                rows.append(crop)
        with whole(index) as part, open(part, 'wb') as file:
            np.savez(
                file,
                ends=np.array(ends, dtype=np.int64),
                shapes=np.array([row.shape for row in rows], dtype=np.int32),
                crops=np.array([row.crop for row in rows], dtype=np.int32),
                images=np.array([row.image for row in rows], dtype=np.int32),
                keys=np.array([row.key for row in rows], dtype=np.int64),
                problems=np.array([row.problem for row in rows if row.problem], dtype=np.str_),
            )
    except OSError as error:
        raise UserError(f'{folder}: cannot be written: {error.strerror}; finished shards are kept') from error


def totals(folder: Path, shards: int) -> dict[str, Any]:
    """Return the bytes of all shards, and the problems of images that could not be read."""
    files = [shard_files(folder, number) for number in range(shards)]
    problems = [str(problem) for _, index in files for problem in np.load(index)['problems']]
    return {'bytes': sum(content.stat().st_size for content, _ in files), 'problems': problems}


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Write a JSON file, whole or not at all."""
    with whole(path) as part:
        part.write_text(json.dumps(content, indent=1))
