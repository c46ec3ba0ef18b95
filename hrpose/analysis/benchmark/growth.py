"""How time and memory grow with people in an image, with images, and with joints. B people, K joints."""

import json
import logging
import multiprocessing
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from tempfile import NamedTemporaryFile
from typing import Any

import numpy as np
import torch
from mmengine.logging import MMLogger

from hrpose.analysis.benchmark.coco_case import coco_case
from hrpose.analysis.benchmark.memory import peak_mib
from hrpose.hardware import give_freed_memory_back, keep_freed_memory

# What is to be done for a size: (size, config of the network, device) -> a call.
Prepare = Callable[[int, str, torch.device], Callable[[], Any]]

# On average in val2017: people with annotations an image. And detections, enough for each person.
PEOPLE_PER_IMAGE, DETECTIONS_PER_IMAGE = 2.2, 2.4
CODEC_BATCH = 32
# What is over in a moment is repeated for so long.
LEAST_SECONDS = 0.3


def people_in_an_image(people: int, config: str, device: torch.device) -> Callable[[], Any]:
    """Everything that `PoseInferencer` does for a picture of 640x480 with so many boxes."""
    from hrpose.apis import PoseInferencer

    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (480, 640, 3), dtype=np.uint8)
    corners = rng.uniform(0, 300, (people, 2))
    boxes = np.hstack([corners, corners + rng.uniform(50, 200, (people, 2))])
    pose = PoseInferencer(config, device=str(device))
    pose(image, boxes=boxes[:1])  # the first call of a network plans its convolutions
    return lambda: pose(image, boxes=boxes)


def data_set(images: int, config: str, device: torch.device) -> Callable[[], Any]:
    """Reading an annotation file into a data set."""
    from hrpose.datasets import CocoDataset

    file = NamedTemporaryFile('w', suffix='.json')  # noqa: SIM115  it goes with the process
    json.dump(coco_case(images=images, people=round(PEOPLE_PER_IMAGE * images), detections=1)[0], file)
    file.flush()
    return lambda: len(CocoDataset(file.name))


def evaluation(images: int, config: str, device: torch.device) -> Callable[[], Any]:
    """COCO's ten figures."""
    from hrpose.evaluation.functional.coco_ap import evaluate_coco

    people, detections = (round(count * images) for count in (PEOPLE_PER_IMAGE, DETECTIONS_PER_IMAGE))
    truth, results, sigmas = coco_case(images=images, people=people, detections=detections)
    return lambda: evaluate_coco(truth, results, sigmas)


def _head(joints: int, config: str, device: torch.device) -> tuple[Any, list[torch.Tensor], torch.Tensor, torch.Tensor]:
    """Return a head, features [(B, C, h, w)], key points (B, K, 2) in input px and weights (B, K)."""
    from hrpose.config import load_config
    from hrpose.models.heads import HeatmapHead

    codec = load_config(config).codec.to_dict()
    head = HeatmapHead(codec=codec, in_channels=32, out_channels=joints).to(device)
    generator = torch.Generator().manual_seed(0)
    width, height = head.codec.heatmap_size
    features = torch.randn(CODEC_BATCH, 32, height, width, generator=generator).to(device)
    features = features.to(memory_format=torch.channels_last)
    size = torch.tensor(head.codec.input_size)
    keypoints = torch.rand(CODEC_BATCH, joints, 2, generator=generator) * size
    return head, [features], keypoints.to(device), torch.ones(CODEC_BATCH, joints, device=device)


def targets(joints: int, config: str, device: torch.device) -> Callable[[], Any]:
    """The codec's heatmaps for a batch."""
    head, _, keypoints, weights = _head(joints, config, device)
    return lambda: head.codec.encode(keypoints, weights)


def head_forward(joints: int, config: str, device: torch.device) -> Callable[[], Any]:
    """The head's heatmaps for a batch of features."""
    head, features, _, _ = _head(joints, config, device)
    return torch.no_grad()(lambda: head(features))


def head_loss(joints: int, config: str, device: torch.device) -> Callable[[], Any]:
    """The head's forward pass, targets, loss, and all of it backwards."""
    head, features, keypoints, weights = _head(joints, config, device)
    features = [part.requires_grad_() for part in features]
    return lambda: head.loss(features, keypoints, weights)['loss_keypoint'].backward()


def decoding(joints: int, config: str, device: torch.device) -> Callable[[], Any]:
    """Key points from a batch's heatmaps."""
    head, features, _, _ = _head(joints, config, device)
    with torch.no_grad():
        heatmaps = head(features)
    return lambda: head.predict(heatmaps)


@dataclass(frozen=True)
class Axis:
    """Something that grows, and what is measured against it."""

    name: str
    sizes: tuple[int, ...]
    works: dict[str, Prepare]


AXES = {
    'people': Axis('people in an image', (1, 2, 4, 8, 16, 25, 32, 50, 64, 75, 100), {'inferencer': people_in_an_image}),
    'images': Axis(
        'images', (100, 300, 1000, 3000, 10_000, 30_000, 100_000), {'data set': data_set, 'evaluation': evaluation}
    ),
    'joints': Axis(
        'joints',
        (5, 17, 26, 42, 68, 100, 133),
        {'targets': targets, 'forward': head_forward, 'loss, both ways': head_loss, 'decoding': decoding},
    ),
}


@dataclass(frozen=True)
class Line:
    """The straight line nearest to a measurement, by relative distance.

    Attributes:
        start: at size 0.
        slope: for one more.
        deviation: the largest distance of a measured value from the line, relative to the value.
        at: the size where that is.
    """

    start: float
    slope: float
    deviation: float
    at: int

    def __call__(self, sizes: np.ndarray) -> np.ndarray:
        """Return the line's values at sizes (N,)."""
        return self.start + self.slope * sizes


def fit_line(sizes: Sequence[float], values: Sequence[float]) -> Line:
    """Return the line for which the squares of relative distances are least: small sizes count as much as large ones.

    Args:
        sizes: two different ones at least.
        values: at these, above 0.
    """
    x, y = np.asarray(sizes, dtype=np.float64), np.asarray(values, dtype=np.float64)
    rows = np.column_stack([np.ones_like(x), x]) / y[:, None]
    (start, slope), *_ = np.linalg.lstsq(rows, np.ones_like(y), rcond=None)
    apart = np.abs(start + slope * x - y) / y
    return Line(float(start), float(slope), float(apart.max()), int(x[apart.argmax()]))


def peak_of(work: Prepare, size: int, config: str, device: str, threads: int) -> float:
    """Return the most memory, MiB, that the first run of a work needs; for a fresh process."""
    place = _ready(device, threads)
    run = work(size, config, place)
    give_freed_memory_back()
    return peak_mib(run, place)


def seconds_of(work: Prepare, size: int, config: str, device: str, threads: int, repeats: int) -> float:
    """Return the least time of `repeats` runs of a work, or of as many as fit in `LEAST_SECONDS`, after one more."""
    place = _ready(device, threads)
    if place.type == 'cpu':
        keep_freed_memory()  # as the commands do
    run = work(size, config, place)
    run()
    seconds: list[float] = []
    while len(seconds) < repeats or sum(seconds) < LEAST_SECONDS:
        _wait(place)
        began = time.perf_counter()
        run()
        _wait(place)
        seconds.append(time.perf_counter() - began)
    return min(seconds)


def _ready(device: str, threads: int) -> torch.device:
    """Prepare a fresh process: threads, and no log of what each of them builds."""
    MMLogger.get_current_instance().setLevel(logging.ERROR)
    torch.set_num_threads(threads)
    return torch.device(device)


def _wait(device: torch.device) -> None:
    if device.type == 'cuda':
        torch.cuda.synchronize(device)


def in_fresh_process(function: Callable[..., Any], *arguments: Any) -> Any:
    """Call a function in a process that has only imported it, and return what it returns."""
    context = multiprocessing.get_context('forkserver')
    context.set_forkserver_preload([__name__])
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        return pool.submit(function, *arguments).result()
