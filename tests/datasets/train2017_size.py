"""A data set of COCO train2017's size: time to build it, and memory with one loader worker and with several.

Memory is PSS, the proportional set size of /proc/PID/smaps_rollup, summed over the main process and its workers: a page
that n processes share counts 1/n for each.

    python -m tests.datasets.train2017_size
"""

import argparse
import json
import multiprocessing
import os
import resource
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from hrpose.analysis.benchmark.cases import coco_case
from hrpose.errors import UserError

# person_keypoints_train2017.json.
IMAGES, IMAGES_WITH_PEOPLE, ANNOTATIONS, PEOPLE = 118_287, 56_599, 262_465, 149_813
SIZE = (640, 480)
OUTLINE_POINTS = 28  # on average: the file then has the size of COCO's
BATCH = 32
CONFIG = 'hrnet_w32_coco_256x192'


def write_annotations(path: Path, *, share: float = 1.0, seed: int = 0) -> int:
    """Write a COCO keypoint file of train2017's size, or a `share` of it; return how many people have keypoints."""
    images, with_people, count, people = (
        max(1, round(share * number)) for number in (IMAGES, IMAGES_WITH_PEOPLE, ANNOTATIONS, PEOPLE)
    )
    rng = np.random.default_rng(seed)
    content = coco_case(seed, images=images, people=count, detections=1)[0]
    outlines = [
        rng.uniform(0, 480, (2 * max(3, int(n)))).round(2).tolist() for n in rng.exponential(OUTLINE_POINTS, 500)
    ]
    # Each image with people has one of them at least.
    of_people = np.concatenate([np.arange(with_people), rng.integers(0, with_people, people - with_people)])
    image_ids = np.concatenate([of_people, rng.integers(0, images, count - people)]).tolist()
    for number, (annotation, image) in enumerate(zip(content['annotations'], image_ids, strict=True)):
        joints = np.reshape(annotation['keypoints'], (-1, 3)).astype(int)
        joints[0, 2] = 2
        joints *= (joints[:, 2:] > 0) & (number < people)
        crowd = number >= people and number % 20 == 0
        annotation |= {
            'image_id': image,
            'iscrowd': int(crowd),
            'keypoints': joints.ravel().tolist(),
            'num_keypoints': int((joints[:, 2] > 0).sum()),
            'segmentation': {'counts': [272, 2, 4, 4], 'size': [480, 640]} if crowd else [outlines[number % 500]],
        }
    for image in content['images']:
        image['coco_url'] = f'http://images.cocodataset.org/train2017/{image["file_name"]}'
    path.write_text(json.dumps(content))
    return people


def build(ann_file: Path, pipeline: list[Any]) -> Any:
    """Return the data set of the file."""
    from hrpose.datasets import CocoDataset

    return CocoDataset(str(ann_file), pipeline=pipeline)


def time_to_build(ann_file: Path) -> dict[str, Any]:
    """Build the data set on one core; return wall and CPU seconds, peak and table bytes, and people."""
    import hrpose.datasets  # noqa: F401  the import is not timed

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

    loader = DataLoader(
        build(ann_file, training_pipeline() if transforms else []),
        BATCH,
        num_workers=workers,
        collate_fn=list if transforms else len,
        multiprocessing_context='fork',
        persistent_workers=True,
    )
    for _ in loader:
        pass
    return pss(os.getpid()) + sum(pss(child.pid) for child in multiprocessing.active_children() if child.pid)


def training_pipeline() -> list[Any]:
    """Return the published training pipeline, on one image in memory instead of files."""
    from hrpose.config import load_config

    image = np.random.default_rng(0).integers(0, 255, (SIZE[1], SIZE[0], 3), dtype=np.uint8)
    steps = load_config(CONFIG).train_dataloader.dataset.pipeline[1:]
    return [lambda results: {**results, 'img': image, 'ori_shape': image.shape[:2]}, *map(dict, steps)]


def pss(pid: int) -> int:
    """Return the proportional set size of a process, in bytes."""
    for line in Path(f'/proc/{pid}/smaps_rollup').read_text().splitlines():
        if line.startswith('Pss:'):
            return int(line.split()[1]) * 1024
    raise UserError(f'/proc/{pid}/smaps_rollup has no PSS; memory can only be measured on Linux')


def in_new_process(function: Callable[..., Any], *arguments: Any) -> Any:
    """Call a function in a new process, where nothing was allocated before, and return the result."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context('spawn')) as pool:
        return pool.submit(function, *arguments).result()


def main() -> None:
    """Print both measurements."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--workers', type=int, default=8, help='how many to compare with one (default 8)')
    parser.add_argument('--transforms', action='store_true', help='put each person through the training pipeline')
    parser.add_argument('--share', type=float, default=1.0, help='of the size of train2017 (default 1)')
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        ann_file = Path(folder) / 'generated.json'
        people = write_annotations(ann_file, share=arguments.share)
        print(f'generated: {people} people, {ann_file.stat().st_size / 2**20:.0f} MiB of JSON')
        built = in_new_process(time_to_build, ann_file)
        print(
            f'build: {built["people"]} people in {built["seconds"]:.1f} s ({built["cpu_seconds"]:.1f} s of CPU), '
            f'peak {built["peak_bytes"] / 2**20:.0f} MiB, records {built["table_bytes"] / 2**20:.1f} MiB'
        )
        one, several = (
            in_new_process(memory_with, ann_file, count, arguments.transforms) / 2**20
            for count in (1, arguments.workers)
        )
    workers, times = f'{several:.0f} MiB with {arguments.workers}', several / one
    print(f'memory: {one:.0f} MiB with 1 worker, {workers}: {times:.2f} times (PSS of all processes)')


if __name__ == '__main__':
    main()
