"""Writing generated people in COCO's layout: `train/`, `val/`, `annotations/person_keypoints_{train,val}.json`.

Box, area and segmentation describe the visible part of a person, without anything outside the image or hidden, as in
COCO's own masks. An image depends on (seed, split, index) alone, not on the number of workers or images.
"""

import json
import multiprocessing
import os
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from tqdm import tqdm

from hrpose.datasets.metainfo import resolve
from hrpose.errors import UserError
from hrpose.synthetic.render import Seen, render
from hrpose.synthetic.scene import sample_scene

VERSION = 2  # of the generator; raise it when the same seed gives other images
SPLITS = ('train', 'val')
SIZES = {(320, 240): 0.6, (240, 320): 0.16, (320, 214): 0.12, (284, 240): 0.12}  # with probabilities
STAMP = 'synthetic.json'
LICENSE = {'id': 1, 'name': 'CC0', 'url': 'https://creativecommons.org/publicdomain/zero/1.0/'}


def make_image(seed: int, split: str, index: int) -> tuple[np.ndarray, list[Seen]]:
    """Return image `index` of `split`, (height, width, 3) uint8 BGR, and the people in it, nearest first."""
    rng = np.random.default_rng([seed, SPLITS.index(split), index])
    size = list(SIZES)[rng.choice(len(SIZES), p=list(SIZES.values()))]
    return render(sample_scene(size, rng), rng)


def make_dataset(
    out: str | Path, *, train: int, val: int, seed: int = 0, workers: int = 2, overwrite: bool = False
) -> bool:
    """Write a data set of `train` + `val` images to the folder `out`.

    Repeating a finished request changes nothing; an interrupted one starts again.

    Returns:
        Whether anything was written.

    Raises:
        UserError: no images or a count below 0, a negative seed, no worker, or `out` has other content and `overwrite`
            is off.
    """
    out = Path(out)
    request = {'version': VERSION, 'train': train, 'val': val, 'seed': seed}
    _check(request, workers)
    if _is_complete(out, request):
        return False
    _make_room(out, request, overwrite)
    _write_json(out / STAMP, {**request, 'complete': False})
    for split in SPLITS:
        _write_split(out, split, request[split], seed, workers)
    _write_json(out / STAMP, {**request, 'complete': True})
    return True


def annotation_file(out: str | Path, split: str) -> Path:
    """Return the path of the annotations of `split`."""
    return Path(out) / 'annotations' / f'person_keypoints_{split}.json'


def _check(request: dict[str, int], workers: int) -> None:
    train, val, seed = (request[name] for name in ('train', 'val', 'seed'))
    if train < 0 or val < 0 or train + val == 0:
        raise UserError(f'--train {train} --val {val}: ask for at least one image in all, and none below 0')
    if seed < 0:
        raise UserError(f'--seed {seed}: has to be 0 or more')
    if workers < 1:
        raise UserError(f'--workers {workers}: has to be 1 or more')


def _stamp(out: Path) -> dict[str, Any] | None:
    """Return the request that a folder was made with, or None if it is not such a folder."""
    try:
        stamp = json.loads((out / STAMP).read_text())
    except (OSError, ValueError):
        return None
    return stamp if isinstance(stamp, dict) else None


def _is_complete(out: Path, request: dict[str, int]) -> bool:
    return _stamp(out) == {**request, 'complete': True} and all(
        annotation_file(out, split).is_file() and len(list((out / split).glob('*.jpg'))) == request[split]
        for split in SPLITS
    )


def _make_room(out: Path, request: dict[str, int], overwrite: bool) -> None:
    """Make the folders of `out`, without the files of an earlier request."""
    if out.exists() and not out.is_dir():
        raise UserError(f'{out}: is a file; name a folder to write the data set to')
    stamp = _stamp(out)
    if out.is_dir() and any(out.iterdir()) and stamp is None:
        raise UserError(f'{out}: has files that are not from this command; name another folder')
    if stamp is not None and {**stamp, 'complete': True} != {**request, 'complete': True} and not overwrite:
        held = ', '.join(f'{key} {stamp.get(key)}' for key in request)
        raise UserError(f'{out}: has a data set made with {held}; name another folder, or replace it by --overwrite')
    for split in SPLITS:
        annotation_file(out, split).unlink(missing_ok=True)
        for old in (out / split).glob('*.jpg'):
            old.unlink()
        (out / split).mkdir(parents=True, exist_ok=True)
    (out / 'annotations').mkdir(exist_ok=True)


def _write_split(out: Path, split: str, count: int, seed: int, workers: int) -> None:
    """Write the images of one split, then its annotations."""
    images: list[dict] = []
    annotations: list[dict] = []
    job = partial(_write_image, folder=str(out / split), split=split, seed=seed)
    for image, people in tqdm(_map(job, count, workers), split, count, unit='image', mininterval=1):
        images.append(image)
        annotations += ({'id': number, **each} for number, each in enumerate(people, start=len(annotations) + 1))
    coco = resolve('coco')
    joints, skeleton = list(coco['keypoint_names']), [[a + 1, b + 1] for a, b in coco['skeleton']]  # COCO counts from 1
    person = {'id': 1, 'name': 'person', 'supercategory': 'person', 'keypoints': joints, 'skeleton': skeleton}
    content = {
        'info': {'description': f'hrpose generated people, {split}', 'version': str(VERSION), 'seed': seed},
        'licenses': [LICENSE],
        'images': images,
        'annotations': annotations,
        'categories': [person],
    }
    _write_json(annotation_file(out, split), content)


def _map(job: partial, count: int, workers: int) -> Iterator[tuple[dict, list[dict]]]:
    """Yield the results of `job` for 0 to `count` - 1, in order, computed by `workers` processes."""
    workers = min(workers, max(count, 1))
    if workers == 1:
        yield from map(job, range(count))
        return
    # Not forked: a fork of a process in which OpenCV or PyTorch has started threads may hang.
    context = multiprocessing.get_context('spawn')
    with context.Pool(workers, initializer=cv2.setNumThreads, initargs=(1,)) as pool:
        yield from pool.imap(job, range(count), chunksize=4)


def _write_image(index: int, *, folder: str, split: str, seed: int) -> tuple[dict, list[dict]]:
    """Write one image; return its entry in COCO's `images`, and its annotations without ids."""
    pixels, people = make_image(seed, split, index)
    height, width = pixels.shape[:2]
    name = f'{index + 1:012d}.jpg'
    _, data = cv2.imencode('.jpg', pixels, [cv2.IMWRITE_JPEG_QUALITY, 92])
    _write_bytes(Path(folder) / name, data.tobytes())
    image = {'id': index + 1, 'file_name': name, 'width': width, 'height': height, 'license': 1}
    return image, [annotate(person, image_id=index + 1) for person in people]


def annotate(person: Seen, *, image_id: int) -> dict[str, Any]:
    """Return the COCO annotation of `person`, without its id; the mask is COCO's uncompressed RLE.

    `bbox` is (x, y, w, h), and `area` the number of visible pixels.
    """
    rows, columns = np.flatnonzero(person.mask.any(axis=1)), np.flatnonzero(person.mask.any(axis=0))
    x, y = int(columns[0]), int(rows[0])
    keypoints = [
        value for px, py, v in person.keypoints for value in (round(float(px), 2), round(float(py), 2), int(v))
    ]
    return {
        'image_id': image_id,
        'category_id': 1,
        'iscrowd': 0,
        'bbox': [x, y, int(columns[-1]) - x + 1, int(rows[-1]) - y + 1],
        'area': int(person.mask.sum()),
        'num_keypoints': int((person.keypoints[:, 2] > 0).sum()),
        'keypoints': keypoints,
        'segmentation': {'size': list(person.mask.shape), 'counts': run_lengths(person.mask)},
    }


def run_lengths(mask: np.ndarray) -> list[int]:
    """Return the lengths of the runs of `mask` (h, w), column by column, zeros first, as in COCO's RLE."""
    flat = np.concatenate([[0], mask.ravel(order='F').astype(np.int8), [1 - int(mask[-1, -1])]])
    ends = np.flatnonzero(np.diff(flat))
    return np.diff(np.concatenate([[0], ends])).tolist()


def _write_json(path: Path, content: dict[str, Any]) -> None:
    _write_bytes(path, json.dumps(content, separators=(',', ':')).encode())


def _write_bytes(path: Path, data: bytes) -> None:
    """Write a file at once: an interrupted call leaves no part of it."""
    part = path.with_name(path.name + '.part')
    part.write_bytes(data)
    os.replace(part, path)
