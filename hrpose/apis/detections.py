"""People's boxes in many images, found by one process or several and written as COCO results."""

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import torch
from mmengine.dist import barrier, get_dist_info
from torch.utils.data import DataLoader, Dataset
from tqdm import tqdm

from hrpose.apis.boxes import Boxes
from hrpose.apis.detector import PersonDetector
from hrpose.apis.sources import IMAGE_SUFFIXES
from hrpose.apis.unfinished import UnfinishedJob
from hrpose.datasets.annotations import category_of, file_name_of, person_category
from hrpose.datasets.coco import read_coco_json
from hrpose.errors import UserError
from hrpose.files import whole
from hrpose.images.files import ImageError

# Further images that cannot be read are only counted, as a wrong folder would fill the screen.
_MOST_REPORTED = 5


@dataclass(frozen=True)
class ListedImage:
    """An image to detect people in: its id in the results, and its file."""

    id: int | str
    path: str


@dataclass(frozen=True)
class Summary:
    """What a job did: how many images it read, how many people it found, and why images were left out."""

    images: int
    people: int
    broken: list[str]


def images_of_annotations(ann_file: str, img_root: str) -> tuple[list[ListedImage], int]:
    """Return the images of a COCO file, with its ids, and its category of people.

    Raises:
        UserError: it is not a COCO file, lists no image, or there is no such folder.
    """
    content = read_coco_json(ann_file)
    _require_folder(img_root)
    images = [
        ListedImage(image['id'], str(Path(img_root) / file_name_of(image, ann_file))) for image in content['images']
    ]
    if not images:
        raise UserError(f'{ann_file} lists no images')
    category = person_category(content.get('categories') or [])
    if category is None:
        category = category_of(next(iter(content.get('annotations') or ()), {}))
    return images, category


def images_of_folder(folder: str) -> list[ListedImage]:
    """Return the images of a folder and of the folders inside it, by name.

    If all names are numbers, as COCO's are, these are the ids; otherwise the paths in the folder are.

    Raises:
        UserError: there is no such folder, or no image in it.
    """
    _require_folder(folder)
    paths = sorted(path for path in Path(folder).rglob('*') if path.suffix.lower() in IMAGE_SUFFIXES)
    if not paths:
        raise UserError(f'{folder} has no images: no file ends in {" ".join(sorted(IMAGE_SUFFIXES))}')
    numbers = {int(path.stem) for path in paths if path.stem.isdecimal()}
    if len(numbers) == len(paths):
        return [ListedImage(int(path.stem), str(path)) for path in paths]
    return [ListedImage(path.relative_to(folder).as_posix(), str(path)) for path in paths]


def _require_folder(folder: str) -> None:
    if not Path(folder).is_dir():
        raise UserError(f'there is no folder {folder}')


def detect_people(
    detector: PersonDetector, images: Sequence[ListedImage], out: Path, *, category: int = 1, workers: int = 2
) -> Summary | None:
    """Detect people in `images`, together with the other processes of the group, and write the results to `out`.

    Batches do not depend on the number of processes, and so neither does the file. Batches that an interrupted run of
    the same job finished are not repeated.

    Args:
        detector: with its thresholds and batch size.
        images: in the same order in every process.
        out: JSON file to write: a list of `{image_id, category_id, bbox: xywh, score}`, image by image, best first.
        category: `category_id` of the people.
        workers: loader workers of each process; 0 for none.

    Returns:
        The summary in the main process, None in the others.

    Raises:
        UserError: no image can be read.
    """
    rank, world_size = get_dist_info()
    job = UnfinishedJob(out, job_of(detector, images, category))
    if rank == 0 and (different := job.open()) is not None:
        print(f'{job.folder} is left from a job with another {different}: starting from the beginning')
    barrier()
    size = detector.batch_size
    batches = [images[start : start + size] for start in range(0, len(images), size)]
    finished = job.finished()
    if finished and rank == 0:
        print(f'going on: {sum(len(batches[number]) for number in finished)} of {len(images)} images are done')
    mine = [number for number in range(len(batches)) if number not in finished][rank::world_size]
    with job.append(rank) as write:
        for line in _detect(detector, batches, mine, category, workers):
            write(line)
    barrier()
    return _write(out, job, len(images)) if rank == 0 else None


def job_of(detector: PersonDetector, images: Sequence[ListedImage], category: int) -> dict[str, Any]:
    """Return what the results depend on, by name; configs, weights and lists of images as their hashes."""
    weights = hashlib.sha256()
    for name, tensor in detector.model.state_dict().items():
        weights.update(name.encode())
        weights.update(tensor.cpu().contiguous().flatten().view(torch.uint8).numpy().tobytes())
    return {
        'config': _hash(detector.model.cfg._cfg_dict.to_dict()),
        'checkpoint': weights.hexdigest(),
        'list of images': _hash([(image.id, image.path) for image in images]),
        'classes': list(detector.labels),
        'score threshold': detector.score_threshold,
        'NMS threshold': detector.nms_threshold,
        'batch size': detector.batch_size,
        'category': category,
    }


def _hash(content: Any) -> str:
    return hashlib.sha256(repr(content).encode()).hexdigest()


class _PreparedBatches(Dataset):
    """Batches of images, read and prepared: number, ids, inputs, and why other images of the batch are left out."""

    def __init__(self, detector: PersonDetector, batches: Sequence[Sequence[ListedImage]]) -> None:
        self.detector, self.batches = detector, batches

    def __len__(self) -> int:
        return len(self.batches)

    def __getitem__(self, number: int) -> tuple[int, list[int | str], list[Any], list[str]]:
        ids, prepared, broken = [], [], []
        for image in self.batches[number]:
            try:
                prepared.append(self.detector.prepare(image.path))
                ids.append(image.id)
            except ImageError as error:
                broken.append(str(error))
        return number, ids, prepared, broken


def _detect(
    detector: PersonDetector, batches: Sequence[Sequence[ListedImage]], mine: list[int], category: int, workers: int
) -> Iterator[dict[str, Any]]:
    """Yield a line for each of the batches `mine`, and show progress in the main process."""
    rank, world_size = get_dist_info()
    if workers:
        # One core for each worker. Set here, since OpenCV can hang if a forked process sets it: its threads are gone.
        cv2.setNumThreads(1)
    loader = DataLoader(_PreparedBatches(detector, batches), batch_size=None, sampler=mine, num_workers=workers)
    share = f' (process 0 of {world_size})' if world_size > 1 else ''
    reported, total = 0, sum(len(batches[number]) for number in mine)
    with tqdm(total=total, unit=' images', desc=f'people{share}', disable=rank > 0) as bar:
        for number, ids, prepared, broken in loader:
            for reason in broken[: _MOST_REPORTED - reported]:
                tqdm.write(f'left out: {reason}')
                reported += 1
            boxes = detector.predict(prepared)
            found = [result for id_, one in zip(ids, boxes, strict=True) for result in coco_results(id_, one, category)]
            yield {'batch': number, 'found': found, 'broken': broken}
            bar.update(len(batches[number]))


def coco_results(image_id: int | str, found: Boxes, category: int) -> list[dict[str, Any]]:
    """Return the COCO results of an image, best first, rounded to thousandths of a px."""
    sizes = found.boxes[:, 2:] - found.boxes[:, :2]
    return [
        {
            'image_id': image_id,
            'category_id': category,
            'bbox': [round(float(value), 3) for value in (*corner, *size)],
            'score': round(float(score), 6),
        }
        for corner, size, score in zip(found.boxes[:, :2], sizes, found.scores, strict=True)
    ]


def _write(out: Path, job: UnfinishedJob, count: int) -> Summary:
    lines = job.all_lines()
    broken = [reason for line in lines for reason in line['broken']]
    if len(broken) == count:
        raise UserError(f'none of the {count} images can be read, for instance: {broken[0]}')
    found = [result for line in lines for result in line['found']]
    with whole(out) as part:
        part.write_text(json.dumps(found))
    job.remove()
    return Summary(count - len(broken), len(found), broken)
