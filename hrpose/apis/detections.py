"""People's boxes in many images, by one process or several, written in COCO's result form."""

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

from hrpose.apis.detector import Boxes, PersonDetector
from hrpose.apis.sources import IMAGE_SUFFIXES
from hrpose.apis.unfinished import Unfinished, write_line, write_whole
from hrpose.datasets.annotations.coco_entries import category_of, person_category
from hrpose.datasets.coco import read_coco_json
from hrpose.errors import UserError
from hrpose.images.files import ImageError

# The others are only counted: a wrong folder would fill the screen.
_MOST_TOLD = 5


@dataclass(frozen=True)
class Picture:
    """An image to look into: its id in the result, and its file."""

    id: int | str
    path: str


@dataclass(frozen=True)
class Account:
    """What became of a job: how many images were looked into, the people found, and why images were left out."""

    images: int
    people: int
    broken: list[str]


def pictures_of_annotations(ann_file: str, img_root: str) -> tuple[list[Picture], int]:
    """Return the images that a COCO file lists, with its ids, and its category of people.

    Raises:
        UserError: no COCO file, one that lists no image, or no such folder.
    """
    content = read_coco_json(ann_file)
    _require_folder(img_root)
    pictures = [Picture(image['id'], str(Path(img_root) / image['file_name'])) for image in content['images']]
    if not pictures:
        raise UserError(f'{ann_file} lists no images')
    category = person_category(content.get('categories') or [])
    if category is None:
        category = category_of(next(iter(content.get('annotations') or ()), {}))
    return pictures, category


def pictures_of_folder(folder: str) -> list[Picture]:
    """Return the images of a folder and of those inside it, by name.

    An id is the number that the file is called by, as COCO's files are, if all are; otherwise its path in the folder.

    Raises:
        UserError: no such folder, or no image in it.
    """
    _require_folder(folder)
    paths = sorted(path for path in Path(folder).rglob('*') if path.suffix.lower() in IMAGE_SUFFIXES)
    if not paths:
        raise UserError(f'{folder} has no images: no file ends in {" ".join(sorted(IMAGE_SUFFIXES))}')
    numbers = {int(path.stem) for path in paths if path.stem.isdecimal()}
    if len(numbers) == len(paths):
        return [Picture(int(path.stem), str(path)) for path in paths]
    return [Picture(path.relative_to(folder).as_posix(), str(path)) for path in paths]


def _require_folder(folder: str) -> None:
    if not Path(folder).is_dir():
        raise UserError(f'there is no folder {folder}')


def detect_people(
    detector: PersonDetector, pictures: Sequence[Picture], out: Path, *, category: int = 1, workers: int = 2
) -> Account | None:
    """Look for people in `pictures`, together with the other processes of the group, and write the result file `out`.

    The batches are the same whatever the number of processes, and so is the result. What is done already of the same
    job, by however many processes, is not done again.

    Args:
        detector: whose thresholds and batch size are used.
        pictures: in the same order in every process.
        out: JSON file to write: a list of `{image_id, category_id, bbox: xywh, score}`, image by image, best first.
        category: `category_id` of the people.
        workers: processes that read and prepare images, for each process of the group; 0 for none.

    Returns:
        The account, in the main process; None in the others.

    Raises:
        UserError: no image can be read.
    """
    rank, world_size = get_dist_info()
    unfinished = Unfinished(out, job_of(detector, pictures, category))
    if rank == 0:
        different = unfinished.open()
        if different is not None:
            print(f'{unfinished.folder} is left from a job with another {different}: starting from the beginning')
    barrier()
    size = detector.batch_size
    batches = [pictures[start : start + size] for start in range(0, len(pictures), size)]
    finished = unfinished.finished()
    if finished and rank == 0:
        print(f'going on: {sum(len(batches[number]) for number in finished)} of {len(pictures)} images are done')
    mine = [number for number in range(len(batches)) if number not in finished][rank::world_size]
    with unfinished.append(rank) as file:
        for line in _look(detector, batches, mine, category, workers):
            write_line(file, line)
    barrier()
    return _write(out, unfinished, len(pictures)) if rank == 0 else None


def job_of(detector: PersonDetector, pictures: Sequence[Picture], category: int) -> dict[str, Any]:
    """Return, by name, what a result depends on; configs, weights and lists of images by their hashes."""
    weights = hashlib.sha256()
    for name, tensor in detector.model.state_dict().items():
        weights.update(name.encode())
        weights.update(tensor.cpu().contiguous().flatten().view(torch.uint8).numpy().tobytes())
    return {
        'config': _hash(detector.model.cfg._cfg_dict.to_dict()),
        'checkpoint': weights.hexdigest(),
        'list of images': _hash([(picture.id, picture.path) for picture in pictures]),
        'classes': list(detector.labels),
        'score threshold': detector.score_threshold,
        'NMS threshold': detector.nms_threshold,
        'batch size': detector.batch_size,
        'category': category,
    }


def _hash(content: Any) -> str:
    return hashlib.sha256(repr(content).encode()).hexdigest()


class _Prepared(Dataset):
    """Batches of pictures, read and prepared; what cannot be read stands beside them as a sentence."""

    def __init__(self, detector: PersonDetector, batches: Sequence[Sequence[Picture]]) -> None:
        self.detector, self.batches = detector, batches

    def __len__(self) -> int:
        return len(self.batches)

    def __getitem__(self, number: int) -> tuple[int, list[int | str], list[Any], list[str]]:
        ids, prepared, broken = [], [], []
        for picture in self.batches[number]:
            try:
                prepared.append(self.detector.prepare(picture.path))
                ids.append(picture.id)
            except ImageError as error:
                broken.append(str(error))
        return number, ids, prepared, broken


def _look(
    detector: PersonDetector, batches: Sequence[Sequence[Picture]], mine: list[int], category: int, workers: int
) -> Iterator[dict[str, Any]]:
    """Yield the line of each of the batches `mine`, showing progress in the main process."""
    rank, world_size = get_dist_info()
    if workers:
        # Each keeps to one core. Said here, since OpenCV can hang where a forked process says it: its threads are gone.
        cv2.setNumThreads(1)
    loader = DataLoader(_Prepared(detector, batches), batch_size=None, sampler=mine, num_workers=workers)
    share = f' (process 0 of {world_size})' if world_size > 1 else ''
    told = 0
    with tqdm(
        total=sum(len(batches[number]) for number in mine), unit=' images', desc=f'people{share}', disable=rank > 0
    ) as bar:
        for number, ids, prepared, broken in loader:
            for reason in broken[: _MOST_TOLD - told]:
                tqdm.write(f'left out: {reason}')
            told += len(broken[: _MOST_TOLD - told])
            boxes = detector.predict(prepared)
            found = [result for id_, one in zip(ids, boxes, strict=True) for result in coco_results(id_, one, category)]
            yield {'batch': number, 'found': found, 'broken': broken}
            bar.update(len(batches[number]))


def coco_results(image_id: int | str, found: Boxes, category: int) -> list[dict[str, Any]]:
    """Return COCO's result entries of an image, best first; thousandths of a px are kept."""
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


def _write(out: Path, unfinished: Unfinished, count: int) -> Account:
    lines = unfinished.all_lines()
    broken = [reason for line in lines for reason in line['broken']]
    if len(broken) == count:
        raise UserError(f'none of the {count} images can be read, for instance: {broken[0]}')
    found = [result for line in lines for result in line['found']]
    write_whole(out, json.dumps(found))
    unfinished.remove()
    return Account(count - len(broken), len(found), broken)
