"""How time and memory grow with people in an image, with images, and with joints. B people, K joints."""

import json
import logging
import multiprocessing
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

import numpy as np
import torch
from mmengine.logging import MMLogger

from hrpose.analysis.benchmark.cases import coco_case
from hrpose.analysis.benchmark.measure import peak_mib, seconds_of
from hrpose.errors import UserError
from hrpose.hardware import give_freed_memory_back, keep_freed_memory

# (size, config of the network, device) -> the call to measure.
Prepare = Callable[[int, str, torch.device], Callable[[], Any]]
# Work -> `sizes`, `seconds` and `mib`.
Curves = dict[str, dict[str, list[float]]]

PEOPLE_PER_IMAGE, DETECTIONS_PER_IMAGE = 2.2, 2.4  # as in val2017, on average
CODEC_BATCH = 32
LEAST_SECONDS = 0.3  # short calls are repeated for so long


def people_in_an_image(people: int, config: str, device: torch.device) -> Callable[[], Any]:
    """Run `PoseInferencer` on an image of 640x480 with so many boxes."""
    from hrpose.apis import PoseInferencer

    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (480, 640, 3), dtype=np.uint8)
    corners = rng.uniform(0, 300, (people, 2))
    boxes = np.hstack([corners, corners + rng.uniform(50, 200, (people, 2))])
    pose = PoseInferencer(config, device=str(device))
    pose(image, boxes=boxes[:1])  # a network plans its convolutions in the first call
    return lambda: pose(image, boxes=boxes)


def data_set(images: int, config: str, device: torch.device) -> Callable[[], Any]:
    """Read an annotation file into a data set."""
    from hrpose.datasets import CocoDataset

    file = NamedTemporaryFile('w', suffix='.json')  # noqa: SIM115  the process removes it when it ends
    json.dump(coco_case(images=images, people=round(PEOPLE_PER_IMAGE * images), detections=1)[0], file)
    file.flush()
    return lambda: len(CocoDataset(file.name))


def evaluation(images: int, config: str, device: torch.device) -> Callable[[], Any]:
    """Compute COCO's ten metrics."""
    from hrpose.evaluation.functional.coco_ap import evaluate_coco

    people, detections = (round(count * images) for count in (PEOPLE_PER_IMAGE, DETECTIONS_PER_IMAGE))
    truth, results, sigmas = coco_case(images=images, people=people, detections=detections)
    return lambda: evaluate_coco(truth, results, sigmas)


def _head(joints: int, config: str, device: torch.device) -> tuple[Any, list[torch.Tensor], torch.Tensor, torch.Tensor]:
    """Return a head, features [(B, C, h, w)], keypoints (B, K, 2) in input px and weights (B, K)."""
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
    """Encode the heatmaps of a batch."""
    head, _, keypoints, weights = _head(joints, config, device)
    return lambda: head.codec.encode(keypoints, weights)


def head_forward(joints: int, config: str, device: torch.device) -> Callable[[], Any]:
    """Run the head on a batch of features."""
    head, features, _, _ = _head(joints, config, device)
    return torch.no_grad()(lambda: head(features))


def head_loss(joints: int, config: str, device: torch.device) -> Callable[[], Any]:
    """Run the head, make targets, compute the loss and its gradients."""
    head, features, keypoints, weights = _head(joints, config, device)
    features = [part.requires_grad_() for part in features]
    return lambda: head.loss(features, keypoints, weights)['loss_keypoint'].backward()


def decoding(joints: int, config: str, device: torch.device) -> Callable[[], Any]:
    """Decode the keypoints of a batch of heatmaps."""
    head, features, _, _ = _head(joints, config, device)
    with torch.no_grad():
        heatmaps = head(features)
    return lambda: head.predict(heatmaps)


@dataclass(frozen=True)
class Axis:
    """A quantity that grows, and the works that are measured against it."""

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


def measure_growth(
    axis: Axis, config: str, *, device: str = 'cpu', threads: int = 1, repeats: int = 5, largest: int | None = None
) -> Curves:
    """Measure the works of an axis, each size in new processes, and print the measurements.

    Args:
        axis: what grows.
        config: of the network and the codec.
        device: to measure on.
        threads: PyTorch's, on a CPU.
        repeats: of which the least time counts.
        largest: leave out larger sizes.
    """
    sizes = [size for size in axis.sizes if largest is None or size <= largest]
    if len(sizes) < 2:
        raise UserError(f'--largest {largest}: fewer than two sizes of {axis.name} are left of {axis.sizes}')
    curves: Curves = {}
    for name, work in axis.works.items():
        print(f'{axis.name}, {name}:', end='', flush=True)
        curve: dict[str, list[float]] = {'sizes': list(sizes), 'seconds': [], 'mib': []}
        for size in sizes:
            curve['seconds'].append(in_fresh_process(least_seconds, work, size, config, device, threads, repeats))
            curve['mib'].append(in_fresh_process(peak_of, work, size, config, device, threads))
            print(f'  {size} {1e3 * curve["seconds"][-1]:.2f} ms {curve["mib"][-1]:.1f} MiB', end='', flush=True)
        print()
        curves[name] = curve
    return curves


def peak_of(work: Prepare, size: int, config: str, device: str, threads: int) -> float:
    """Return the most memory, MiB, that the first run of a work needs; for a fresh process."""
    place = _ready(device, threads)
    run = work(size, config, place)
    give_freed_memory_back()
    return peak_mib(run, place)


def least_seconds(work: Prepare, size: int, config: str, device: str, threads: int, repeats: int) -> float:
    """Return the least time of at least `repeats` runs of a work, after one more."""
    place = _ready(device, threads)
    if place.type == 'cpu':
        keep_freed_memory()  # as the commands do
    run = work(size, config, place)
    run()
    seconds: list[float] = []
    while len(seconds) < repeats or sum(seconds) < LEAST_SECONDS:
        seconds.append(seconds_of(run, place))
    return min(seconds)


def _ready(device: str, threads: int) -> torch.device:
    """Prepare a fresh process: set its threads, and silence the log."""
    MMLogger.get_current_instance().setLevel(logging.ERROR)
    torch.set_num_threads(threads)
    return torch.device(device)


def in_fresh_process(function: Callable[..., Any], *arguments: Any) -> Any:
    """Call a function in a process that has only imported it, and return the result."""
    context = multiprocessing.get_context('forkserver')
    context.set_forkserver_preload([__name__])
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        return pool.submit(function, *arguments).result()


@dataclass(frozen=True)
class Line:
    """The straight line nearest to a measurement by relative distance.

    Attributes:
        start: value at size 0.
        slope: for one more.
        distance: the largest distance of a measured value from the line, relative to the value.
        at: the size of that value.
    """

    start: float
    slope: float
    distance: float
    at: int

    def __call__(self, sizes: np.ndarray) -> np.ndarray:
        """Return the line's values at sizes (N,)."""
        return self.start + self.slope * sizes


def fit_line(sizes: Sequence[float], values: Sequence[float]) -> Line:
    """Return the line with the least squares of relative distances, so that small sizes count as much as large ones.

    Args:
        sizes: at least two different ones.
        values: at these sizes, above 0.
    """
    x, y = np.asarray(sizes, dtype=np.float64), np.asarray(values, dtype=np.float64)
    rows = np.column_stack([np.ones_like(x), x]) / y[:, None]
    (start, slope), *_ = np.linalg.lstsq(rows, np.ones_like(y), rcond=None)
    apart = np.abs(start + slope * x - y) / y
    return Line(float(start), float(slope), float(apart.max()), int(x[apart.argmax()]))


def line_rows(axis: str, curves: Curves) -> list[list[Any]]:
    """Return a row for the time and the memory of each work: the line, and how far the curve is from it."""
    rows: list[list[Any]] = []
    for name, curve in curves.items():
        for unit, values in (('ms', [1e3 * value for value in curve['seconds']]), ('MiB', curve['mib'])):
            line = fit_line(curve['sizes'], values)
            rows.append([axis, name, unit, line.start, line.slope, 100 * line.distance, line.at])
    return rows


def draw_growth(curves: Mapping[str, Curves], path: Path) -> None:
    """Draw a column for each axis, time above memory: measured values as dots, fitted lines as lines."""
    import matplotlib

    matplotlib.use('Agg')
    import matplotlib.pyplot as plt

    figure, grid = plt.subplots(2, len(curves), figsize=(4.4 * len(curves), 7), squeeze=False, layout='constrained')
    figure.suptitle('Measured cost (dots) and the nearest straight lines')
    for (axis, works), column in zip(curves.items(), grid.T, strict=True):
        for plot, key, factor, label in zip(column, ('seconds', 'mib'), (1e3, 1), ('ms', 'peak MiB'), strict=True):
            for name, curve in works.items():
                sizes, values = curve['sizes'], [factor * value for value in curve[key]]
                line, along = fit_line(sizes, values), np.geomspace(min(sizes), max(sizes), 100)
                (dots,) = plot.plot(sizes, values, 'o', markersize=4, label=f'{name} (within {line.distance:.0%})')
                plot.plot(along, line(along), '-', linewidth=1, color=dots.get_color())
            is_wide = max(AXES[axis].sizes) > 1000
            plot.set(**dict(xscale='log', yscale='log') if is_wide else dict(xlim=(0, None), ylim=(0, None)))
            plot.set(xlabel=AXES[axis].name, ylabel=label)
            plot.grid(alpha=0.3)
            plot.legend(fontsize=8, loc='upper left')
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=100)
    plt.close(figure)
