"""Measure a data set of COCO train2017's size: time to build it, memory with one loader worker and with several.

python tools/analysis/dataset_size.py

The annotation file is generated (118k images, 262k annotations, 150k people with key points in 57k images, outlines
included, about 0.24 GB) and removed again. Time is that of one core. Memory is PSS, the proportional set size of
/proc/PID/smaps_rollup, summed over the main process and its workers after each person was read once: a page that n
processes share counts 1/n for each. `--transforms` puts each person through the published training pipeline.
"""

import argparse
import json
import multiprocessing
import os
import resource
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from hrpose.cli.run import run
from hrpose.errors import UserError

# Of person_keypoints_train2017.json.
IMAGES, IMAGES_WITH_PEOPLE, ANNOTATIONS, PEOPLE = 118_287, 56_599, 262_465, 149_813
JOINTS = 17
SIZE = (640, 480)
OUTLINE_POINTS = 28  # on average: the file then has the size of COCO's
BATCH = 32


def write_annotations(path: Path, *, share: float = 1.0, seed: int = 0) -> int:
    """Write a COCO key point file of train2017's size, or of a `share` of it; returns how many people are usable."""
    rng = np.random.default_rng(seed)
    images, with_people, count, people = (
        max(1, round(share * number)) for number in (IMAGES, IMAGES_WITH_PEOPLE, ANNOTATIONS, PEOPLE)
    )
    ids = np.sort(rng.choice(600_000, images, replace=False))
    chosen = np.sort(rng.choice(ids, with_people, replace=False))
    # Each image with people has one of them at least, so that exactly `with_people` are read.
    image_ids = np.concatenate([chosen, rng.choice(chosen, people - with_people), rng.choice(ids, count - people)])
    with path.open('w') as file:
        file.write('{"info": {"year": 2017}, "licenses": [], "images": [')
        file.write(','.join(map(_image, ids)))
        file.write('], "annotations": [')
        for line in _annotations(rng, image_ids, people):
            file.write(line)
        file.write('], "categories": [')
        joints = [f'joint_{number}' for number in range(JOINTS)]
        file.write(json.dumps({'id': 1, 'name': 'person', 'keypoints': joints, 'skeleton': []}) + ']}')
    return people


def _image(number: int) -> str:
    name = f'{number:012d}.jpg'
    return (
        f'{{"license": 3, "file_name": "{name}", "coco_url": "http://images.cocodataset.org/train2017/{name}", '
        f'"height": {SIZE[1]}, "width": {SIZE[0]}, "date_captured": "2013-11-14 11:18:45", '
        f'"flickr_url": "http://farm9.staticflickr.com/8186/8119368305_4e622c8349_z.jpg", "id": {number}}}'
    )


def _annotations(rng: np.random.Generator, image_ids: np.ndarray, people: int) -> Iterator[str]:
    """Yield the annotations' text; the first `people` have labelled key points, some of the others are crowds."""
    outlines = [_outline(rng) for _ in range(500)]
    corners = rng.uniform(0, 300, (len(image_ids), 2)).round(2).tolist()
    sizes = rng.uniform(20, 180, (len(image_ids), 2)).round(2).tolist()
    joints = rng.integers(1, 480, (people, JOINTS, 3))
    joints[..., 2] = rng.integers(0, 3, (people, JOINTS))
    joints[:, 0, 2] = 2
    labelled = (joints[..., 2] > 0).sum(axis=1).tolist()
    joints *= joints[..., 2:] > 0
    nothing = [0] * (3 * JOINTS)
    for number, (image, (x, y), (w, h)) in enumerate(zip(image_ids.tolist(), corners, sizes, strict=True)):
        is_person = number < people
        values = joints[number].ravel().tolist() if is_person else nothing
        visible = labelled[number] if is_person else 0
        crowd = not is_person and number % 20 == 0
        outline = '{"counts": [272, 2, 4, 4, 1, 9, 115], "size": [480, 640]}' if crowd else outlines[number % 500]
        yield (
            f'{"," if number else ""}{{"segmentation": {outline}, "num_keypoints": {visible}, '
            f'"area": {w * h * 0.53:.5f}, "iscrowd": {int(crowd)}, "keypoints": {values}, "image_id": {image}, '
            f'"bbox": [{x}, {y}, {w}, {h}], "category_id": 1, "id": {900_000 + number}}}'
        )


def _outline(rng: np.random.Generator) -> str:
    count = 2 * max(3, int(rng.exponential(OUTLINE_POINTS)))
    return str([rng.uniform(0, 480, count).round(2).tolist()])


def build(ann_file: Path, pipeline: list[Any]) -> Any:
    """Return the data set of the file."""
    from hrpose.datasets import CocoDataset

    joints = [f'joint_{number}' for number in range(JOINTS)]
    metainfo = {'dataset_name': 'generated', 'keypoint_names': joints}
    return CocoDataset(str(ann_file), metainfo=metainfo, pipeline=pipeline)


def pss(pid: int) -> int:
    """Return the proportional set size of a process, in bytes."""
    for line in Path(f'/proc/{pid}/smaps_rollup').read_text().splitlines():
        if line.startswith('Pss:'):
            return int(line.split()[1]) * 1024
    raise UserError(f'/proc/{pid}/smaps_rollup tells no PSS; this measurement needs Linux')


def time_to_build(ann_file: Path) -> dict[str, Any]:
    """Build the data set on one core; returns seconds of wall and of CPU, peak and table size, and people."""
    import hrpose.datasets  # noqa: F401  the import is not part of what is timed

    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    began, cpu = time.perf_counter(), time.process_time()
    dataset = build(ann_file, [])
    return {
        'seconds': time.perf_counter() - began,
        'cpu_seconds': time.process_time() - cpu,
        'peak_bytes': resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        'table_bytes': dataset.data_list.num_bytes,
        'people': len(dataset),
    }


def memory_with(ann_file: Path, workers: int, transforms: bool) -> int:
    """Return the PSS of this process and its forked loader workers, in bytes, after each person was read once."""
    from torch.utils.data import DataLoader

    dataset = build(ann_file, training_pipeline() if transforms else [])
    loader = DataLoader(
        dataset,
        BATCH,
        num_workers=workers,
        collate_fn=list if transforms else len,
        multiprocessing_context='fork',
        persistent_workers=True,
    )
    for _ in loader:
        pass
    total = pss(os.getpid()) + sum(pss(child.pid) for child in multiprocessing.active_children() if child.pid)
    return total


def training_pipeline() -> list[Any]:
    """Return the published training pipeline, on one picture that is in memory instead of a file."""
    from hrpose.config import load_config

    picture = np.random.default_rng(0).integers(0, 255, (SIZE[1], SIZE[0], 3), dtype=np.uint8)
    config = Path(__file__).resolve().parents[2] / 'configs' / 'hrnet_w32_coco_256x192.py'
    steps = load_config(config).train_dataloader.dataset.pipeline[1:]
    return [lambda results: {**results, 'img': picture, 'ori_shape': picture.shape[:2]}, *map(dict, steps)]


def in_fresh_process(function: Any, *arguments: Any) -> Any:
    """Call a function in a new process, where nothing was allocated before, and return what it returns."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context('spawn')) as pool:
        return pool.submit(function, *arguments).result()


def main() -> None:
    """Print both measurements as the command line says."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--workers', type=int, default=8, help='how many to compare with one')
    parser.add_argument('--transforms', action='store_true', help='put each person through the training pipeline')
    parser.add_argument('--share', type=float, default=1.0, help='of the size of train2017')
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        ann_file = Path(folder) / 'generated.json'
        people = write_annotations(ann_file, share=arguments.share)
        print(f'generated: {people} people, {ann_file.stat().st_size / 2**20:.0f} MiB of JSON')
        built = in_fresh_process(time_to_build, ann_file)
        print(
            f'build: {built["people"]} people in {built["seconds"]:.1f} s ({built["cpu_seconds"]:.1f} s of CPU), '
            f'peak {built["peak_bytes"] / 2**20:.0f} MiB, records {built["table_bytes"] / 2**20:.1f} MiB'
        )
        totals = [
            in_fresh_process(memory_with, ann_file, count, arguments.transforms) for count in (1, arguments.workers)
        ]
    one, several = (total / 2**20 for total in totals)
    print(
        f'memory: {one:.0f} MiB with 1 worker, {several:.0f} MiB with {arguments.workers}: {several / one:.2f} times '
        f'(PSS of all processes)'
    )


if __name__ == '__main__':
    run(main)
