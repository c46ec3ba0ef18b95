"""Writing generated people in COCO's layout: `train/`, `val/`, `annotations/person_keypoints_{train,val}.json`.

Box, area and segmentation describe the visible part of a person, without anything outside the image or hidden, as in
COCO's own masks. An image depends on (seed, split, index) alone, not on the number of workers or images.
"""

from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from tqdm import tqdm

from hrpose.datasets.metainfo import resolve
from hrpose.synthetic.folder import LICENSE, check_request, fill, in_processes, write_bytes, write_json
from hrpose.synthetic.render import Seen, render
from hrpose.synthetic.scene import sample_scene

VERSION = 2  # of the generator; raise it when the same seed gives other images
SPLITS = ('train', 'val')
SIZES = {(320, 240): 0.6, (240, 320): 0.16, (320, 214): 0.12, (284, 240): 0.12}  # with probabilities


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
    check_request(request, workers)

    def write() -> None:
        for split in SPLITS:
            _write_split(out, split, request[split], seed, workers)

    files = [annotation_file(out, split) for split in SPLITS]
    files += [out / split / _image_name(index) for split in SPLITS for index in range(request[split])]
    return fill(out, request, files, write, overwrite=overwrite)


def annotation_file(out: str | Path, split: str) -> Path:
    """Return the path of the annotations of `split`."""
    return Path(out) / 'annotations' / f'person_keypoints_{split}.json'


def _write_split(out: Path, split: str, count: int, seed: int, workers: int) -> None:
    """Write the images of one split, then its annotations."""
    images: list[dict] = []
    annotations: list[dict] = []
    job = partial(_write_image, folder=str(out / split), split=split, seed=seed)
    for image, people in tqdm(in_processes(job, count, workers, together=4), split, count, unit='image', mininterval=1):
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
    write_json(annotation_file(out, split), content)


def _image_name(index: int) -> str:
    return f'{index + 1:012d}.jpg'


def _write_image(index: int, *, folder: str, split: str, seed: int) -> tuple[dict, list[dict]]:
    """Write one image; return its entry in COCO's `images`, and its annotations without ids."""
    pixels, people = make_image(seed, split, index)
    height, width = pixels.shape[:2]
    name = _image_name(index)
    _, data = cv2.imencode('.jpg', pixels, [cv2.IMWRITE_JPEG_QUALITY, 92])
    write_bytes(Path(folder) / name, data.tobytes())
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
