"""Networks side by side: size, cost and speed here, accuracy where a config was trained, and the published values."""

import multiprocessing
import re
import resource
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import torch

from hrpose.analysis.benchmark.measure import Work, measure
from hrpose.analysis.curves import RUN_COLOURS, SCALARS, chosen_metrics, read_run
from hrpose.analysis.model_stats import layer_costs, total_cost
from hrpose.analysis.published import PUBLISHED, Published
from hrpose.apis import init_model
from hrpose.config import load_config
from hrpose.errors import UserError
from hrpose.evaluation.metrics.base import format_table

HEADER = (
    *('config', 'input', 'parameters, M', 'published', 'GFLOPs', 'published'),
    *('ms an image', 'MiB', 'metric', 'measured', 'published'),
)
LEGEND = """
GFLOPs: by the count of the published tables (see model_stats.py). ms: one image through the network without flip test,
median. MiB: what a process with the network holds while it predicts that image beyond what it held before (on a GPU:
what PyTorch allocated there). measured: the best validation in --work-dirs, on the config's own data set; published: on
COCO val2017 (AP) or MPII's validation split (PCKh), by the networks' authors or the HRNet paper, not by hrpose."""
REPEATS = 10
DATA_SET = re.compile(r'_?(coco|mpii|synthetic|lspet)_')


@dataclass(frozen=True)
class Compared:
    """One network in the comparison.

    Attributes:
        name: of the config.
        size: (w, h) of the input, px.
        parameters: number.
        gflops: multiply-adds of one image, by the official count.
        seconds: of one image through the network.
        memory: MiB at the peak of that.
        metric: name of what `measured` is; '' if the config was not trained.
        measured: best validation.
        published: the published values, if there are any.
    """

    name: str
    size: tuple[int, int]
    parameters: int
    gflops: float
    seconds: float
    memory: float
    metric: str = ''
    measured: float | None = None
    published: Published | None = None

    @property
    def family(self) -> str:
        """The first word of the config's name, for instance 'hrnet', without a number of stacks."""
        return self.name.split('_')[0].rstrip('0123456789')


def compare(
    configs: Iterable[str], *, work_dirs: Path | None = None, device: str = 'cpu', repeats: int = REPEATS
) -> list[Compared]:
    """Measure each config's network in a process of its own, so that none inherits another's memory.

    Args:
        configs: files, or names of hrpose's configs.
        work_dirs: folder with one work directory a config, by its name. A config without one, or with one that has no
            log, has no measured accuracy.
        device: that runs the networks.
        repeats: timed passes.
    """
    found = []
    for config in configs:
        with multiprocessing.get_context('spawn').Pool(1) as pool:
            measured = pool.apply(measure_network, (config, device, repeats))
        name = Path(config).stem
        metric, value = best_validation(work_dirs / name) if work_dirs and has_log(work_dirs / name) else ('', None)
        found.append(Compared(name, **measured, metric=metric, measured=value, published=PUBLISHED.get(name)))
    return found


def measure_network(config: str, device: str, repeats: int) -> dict[str, Any]:
    """Return the fields of `Compared` that a network has without data."""
    cfg = load_config(config)
    if 'codec' not in cfg:
        raise UserError(f'{config} has no codec; only pose networks can be compared')
    where, (width, height) = torch.device(device), cfg.codec.input_size
    before = psutil.Process().memory_info().rss
    model = init_model(cfg, device=device)
    image = torch.zeros(1, 3, height, width, device=where)
    with torch.inference_mode():
        timing = measure({config: Work(lambda: model.inference(image), people=1)}, where, repeats=repeats)[config]
    memory = timing.peak_mib or (peak_memory() - before) / 2**20
    cost = total_cost(layer_costs(model, image).values())
    return dict(
        size=(width, height),
        parameters=sum(weight.numel() for weight in model.parameters()),
        gflops=cost.official_gflops,
        seconds=timing.median,
        memory=memory,
    )


def peak_memory() -> int:
    """Return the most memory that this process has held, bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == 'darwin' else 1024)


def has_log(work_dir: Path) -> bool:
    """Return whether a work directory is there and holds the scalars of a training."""
    return any(work_dir.glob(f'*/vis_data/{SCALARS}'))


def best_validation(work_dir: Path) -> tuple[str, float | None]:
    """Return the name of a training's first metric, and its best value; ('', None) before the first validation."""
    records = read_run(work_dir)
    names = chosen_metrics([records], None)
    values = [record[names[0]] for record in records if names and names[0] in record]
    return (names[0], float(np.nanmax(values))) if values else ('', None)


def comparison_table(found: Sequence[Compared]) -> str:
    """Return a table, a row for each network, and what its columns mean."""
    rows: list[list[Any]] = []
    for one in found:
        known = one.published or Published('', np.nan)
        costs = [one.parameters / 1e6, known.parameters, one.gflops, known.gflops, 1e3 * one.seconds, one.memory]
        metric = one.metric or known.metric or '-'
        rows.append([one.name, f'{one.size[0]}x{one.size[1]}', *costs, metric, one.measured, known.value])
    return f'{format_table(HEADER, rows)}\n{LEGEND}'


def draw_comparison(found: Sequence[Compared], path: Path) -> Path:
    """Draw accuracy against GFLOPs, a panel for each metric; a circle's area is the number of parameters.

    Args:
        found: those without any accuracy are left out.
        path: .png, .svg or .pdf.

    Raises:
        UserError: none has an accuracy, or another suffix.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    panels: dict[str, list[tuple[Compared, float]]] = {}
    for one in found:
        if one.published is not None:
            panels.setdefault(f'{one.published.metric}, published', []).append((one, one.published.value))
        if one.measured is not None:
            panels.setdefault(f'{one.metric}, measured', []).append((one, one.measured))
    if not panels:
        raise UserError('no config has an accuracy to draw: none is published, and --work-dirs has no training of them')
    colours = dict(zip(dict.fromkeys(one.family for one in found), cycle(RUN_COLOURS), strict=False))
    figure = Figure(figsize=(9 * len(panels), 6), layout='constrained')
    FigureCanvasAgg(figure)
    for axis, (title, points) in zip(figure.subplots(1, len(panels), squeeze=False)[0], panels.items(), strict=True):
        _draw_panel(axis, points, colours)
        axis.set(xlabel='GFLOPs, counted as in the published tables', ylabel=title)
    figure.draw_without_rendering()  # lays out the axes, so that labels can be placed
    for axis, points in zip(figure.axes, panels.values(), strict=True):
        _label_points(axis, points)
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        figure.savefig(path, dpi=150)
    except ValueError as error:
        raise UserError(f'cannot write {path}: {error}') from error
    return path


def _draw_panel(axis: Any, points: Sequence[tuple[Compared, float]], colours: dict[str, str]) -> None:
    for family in dict.fromkeys(one.family for one, _ in points):
        mine = [(one, value) for one, value in points if one.family == family]
        x, area = [one.gflops for one, _ in mine], [6 * one.parameters / 1e6 for one, _ in mine]
        axis.scatter(x, [value for _, value in mine], s=area, color=colours[family], alpha=0.6, label=family)
    for handle in axis.legend(frameon=False, loc='lower right').legend_handles:
        handle.set_sizes([60])
    axis.margins(0.12)
    axis.grid(alpha=0.25)
    axis.spines[['top', 'right']].set_visible(False)


# Of a label: offset from its point, in points, and alignment.
PLACES = (
    ((9, 0), 'left', 'center'),
    ((-9, 0), 'right', 'center'),
    ((0, 9), 'center', 'bottom'),
    ((0, -9), 'center', 'top'),
    ((9, 9), 'left', 'bottom'),
    ((9, -9), 'left', 'top'),
    ((-9, 9), 'right', 'bottom'),
    ((-9, -9), 'right', 'top'),
)


def _label_points(axis: Any, points: Sequence[tuple[Compared, float]]) -> None:
    """Write each point's name beside it, where it covers no other name, no point and not the legend."""
    from matplotlib.transforms import Bbox

    marks = axis.transData.transform([(one.gflops, value) for one, value in points])
    taken = [Bbox.from_extents(x - 8, y - 8, x + 8, y + 8) for x, y in marks]
    taken.append(axis.get_legend().get_window_extent())
    inside = axis.get_window_extent()
    for one, value in points:
        name = DATA_SET.sub('_', one.name.removeprefix(f'{one.family}_')).strip('_')
        for offset, side, level in PLACES:
            text = axis.annotate(
                name, (one.gflops, value), offset, textcoords='offset points', ha=side, va=level, fontsize=7
            )
            box = text.get_window_extent()
            if inside.contains(*box.min) and inside.contains(*box.max) and not box.count_overlaps(taken):
                break
            text.remove()
        else:
            continue  # no room; the table has it
        taken.append(box)
