"""Writing generated people in COCO's layout: `train/`, `val/`, `annotations/person_keypoints_{train,val}.json`.

Box, area and segmentation describe the visible part of a person as drawn: what lies outside the picture or
behind something does not count, as in COCO's own masks. Every picture is drawn from (seed, split, index)
alone, so neither the number of workers nor the number of pictures changes any of them.
"""

import json
import multiprocessing
import os
import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from hrpose.datasets.metainfo import resolve
from hrpose.errors import UserError
from hrpose.synthetic.render import Seen, render
from hrpose.synthetic.scene import sample_scene

VERSION = 2  # of the generator; raise it when the same seed gives other pictures
SPLITS = ('train', 'val')
SIZES = ((320, 240), (240, 320), (320, 214), (284, 240))
SIZE_ODDS = (0.6, 0.16, 0.12, 0.12)
STAMP = 'synthetic.json'


def make_image(seed: int, split: str, index: int) -> tuple[np.ndarray, list[Seen]]:
    """Return picture `index` of `split`: (height, width, 3) uint8 BGR, and who is in it, nearest first."""
    rng = np.random.default_rng([seed, SPLITS.index(split), index])
    size = SIZES[rng.choice(len(SIZES), p=SIZE_ODDS)]
    return render(sample_scene(size, rng), rng)


def make_dataset(
    out: str | Path,
    *,
    train: int,
    val: int,
    seed: int = 0,
    workers: int = 2,
    overwrite: bool = False,
) -> bool:
    """Write a data set of `train` + `val` pictures to the folder `out`.

    The same request again finds its own work and leaves it; an interrupted one starts over.

    Returns:
        Whether anything was written.

    Raises:
        UserError: a count below 0 or none at all, a negative seed, no worker, or `out` holds something else
            and `overwrite` is off.
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
    """Return where the annotations of `split` are."""
    return Path(out) / 'annotations' / f'person_keypoints_{split}.json'


def _check(request: dict[str, int], workers: int) -> None:
    if request['train'] < 0 or request['val'] < 0 or request['train'] + request['val'] == 0:
        raise UserError(
            f'cannot make {request["train"]} training and {request["val"]} validation images; '
            'ask for at least one in all, and none below 0'
        )
    if request['seed'] < 0:
        raise UserError(f'the seed is {request["seed"]}; it has to be 0 or more')
    if workers < 1:
        raise UserError(f'cannot work with {workers} workers; ask for at least 1')


def _stamp(out: Path) -> dict[str, Any] | None:
    """Return what was asked of this folder before, or None if it is not one of ours."""
    try:
        stamp = json.loads((out / STAMP).read_text())
    except (OSError, ValueError):
        return None
    return stamp if isinstance(stamp, dict) else None


def _is_complete(out: Path, request: dict[str, int]) -> bool:
    if _stamp(out) != {**request, 'complete': True}:
        return False
    return all(
        annotation_file(out, split).is_file() and sum(1 for _ in (out / split).glob('*.jpg')) == request[split]
        for split in SPLITS
    )


def _make_room(out: Path, request: dict[str, int], overwrite: bool) -> None:
    """Make the folders of `out`, free of what an earlier request left in them."""
    if out.exists() and not out.is_dir():
        raise UserError(f'{out} is a file; name a folder to write the data set to')
    stamp = _stamp(out)
    same = stamp is not None and {**stamp, 'complete': True} == {**request, 'complete': True}
    if out.is_dir() and any(out.iterdir()) and stamp is None:
        raise UserError(
            f'{out} holds files that this tool did not write, and it leaves them alone; name another folder'
        )
    if stamp is not None and not same and not overwrite:
        held = ', '.join(f'{key} {stamp.get(key)}' for key in request)
        raise UserError(
            f'{out} holds a data set made with {held}; name another folder, or pass --overwrite to replace it'
        )
    for split in SPLITS:
        annotation_file(out, split).unlink(missing_ok=True)
        for old in (out / split).glob('*.jpg'):
            old.unlink()
        (out / split).mkdir(parents=True, exist_ok=True)
    (out / 'annotations').mkdir(exist_ok=True)


def _write_split(out: Path, split: str, count: int, seed: int, workers: int) -> None:
    """Write the pictures of one split, then its annotations."""
    images: list[dict] = []
    annotations: list[dict] = []
    job = partial(_write_image, folder=str(out / split), split=split, seed=seed)
    for image, people in _report(_map(job, count, workers), count, split):
        images.append(image)
        for person in people:
            annotations.append({'id': len(annotations) + 1, **person})
    _write_json(
        annotation_file(out, split),
        {
            'info': {
                'description': f'hrpose generated people, {split}',
                'version': str(VERSION),
                'seed': seed,
            },
            'licenses': [
                {
                    'id': 1,
                    'name': 'CC0',
                    'url': 'https://creativecommons.org/publicdomain/zero/1.0/',
                }
            ],
            'images': images,
            'annotations': annotations,
            'categories': [_category()],
        },
    )


def _map(job: partial, count: int, workers: int) -> Iterator[tuple[dict, list[dict]]]:
    """Yield what `job` returns for 0 to `count` - 1, in order, worked out by `workers` processes."""
    workers = min(workers, max(count, 1))
    if workers == 1:
        yield from map(job, range(count))
        return
    # Not forked: a fork of a process in which OpenCV or PyTorch has started threads may hang.
    context = multiprocessing.get_context('spawn')
    with context.Pool(workers, initializer=cv2.setNumThreads, initargs=(1,)) as pool:
        yield from pool.imap(job, range(count), chunksize=4)


def _report(results: Iterator, count: int, split: str) -> Iterator:
    """Yield `results`, printing to stderr how many of `count` are done and how long the rest will take."""
    start = last = time.monotonic()
    live = sys.stderr.isatty()
    for done, result in enumerate(results, start=1):
        yield result
        now = time.monotonic()
        if done == count or now - last > (0.2 if live else 10):
            last, left = now, (now - start) / done * (count - done)
            print(
                f'{split}: {done}/{count} images, {left:.0f} s left   ',
                end='\r' if live and done < count else '\n',
                file=sys.stderr,
                flush=True,
            )


def _write_image(index: int, *, folder: str, split: str, seed: int) -> tuple[dict, list[dict]]:
    """Draw and write one picture; return its COCO `images` entry and annotations without their ids."""
    picture, people = make_image(seed, split, index)
    height, width = picture.shape[:2]
    name = f'{index + 1:012d}.jpg'
    _, data = cv2.imencode('.jpg', picture, [cv2.IMWRITE_JPEG_QUALITY, 92])
    _write_bytes(Path(folder) / name, data.tobytes())
    image = {'id': index + 1, 'file_name': name, 'width': width, 'height': height, 'license': 1}
    return image, [annotate(person, image_id=index + 1) for person in people]


def annotate(person: Seen, *, image_id: int) -> dict[str, Any]:
    """Return a COCO annotation of `person`, without its id; the mask is COCO's uncompressed RLE.

    `bbox` is (x, y, w, h) and `area` the number of pixels of the visible mask.
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
    """Return the lengths of the runs of `mask` (h, w), column by column, zeros first, as COCO counts them."""
    flat = np.concatenate([[0], mask.ravel(order='F').astype(np.int8), [1 - int(mask[-1, -1])]])
    ends = np.flatnonzero(np.diff(flat))
    return np.diff(np.concatenate([[0], ends])).tolist()


def _category() -> dict[str, Any]:
    """Return COCO's category of persons; its skeleton counts joints from 1."""
    coco = resolve('coco')
    return {
        'id': 1,
        'name': 'person',
        'supercategory': 'person',
        'keypoints': list(coco['keypoint_names']),
        'skeleton': [[a + 1, b + 1] for a, b in coco['skeleton']],
    }


def _write_json(path: Path, content: dict[str, Any]) -> None:
    _write_bytes(path, json.dumps(content, separators=(',', ':')).encode())


def _write_bytes(path: Path, data: bytes) -> None:
    """Write all of `data` or nothing."""
    part = path.with_name(path.name + '.part')
    part.write_bytes(data)
    os.replace(part, path)
