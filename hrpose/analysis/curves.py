"""The curves of a training run: loss, learning rate and metrics, from mmengine's scalars.

A record is one line of `vis_data/scalars.json`. Training lines have `loss`, `lr`, `iter`, `step` and, if training
counts epochs, `epoch`; validation lines have metrics such as `coco/AP`, and `step`, the epoch or the iteration.
"""

import json
import warnings
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path
from typing import Any

import numpy as np

from hrpose.errors import UserError

Record = dict[str, Any]
Curve = tuple[np.ndarray, np.ndarray]  # x and y, both (T,)

SCALARS = 'scalars.json'
MOST_METRICS = 3
RUN_COLOURS = ('#0072B2', '#D55E00', '#009E73', '#CC79A7', '#E69F00', '#56B4E9')
METRIC_STYLES = ('-', '--', ':')
NOT_METRICS = ('step', 'epoch', 'iter', 'time', 'data_time', 'memory')


def read_scalars(path: str | Path) -> list[Record]:
    """Read one `scalars.json`, with one JSON object a line.

    Other lines, such as the last one of a killed run, are left out, with a warning that counts them.

    Raises:
        UserError: the file is missing or has no record.
    """
    path = Path(path)
    if not path.is_file():
        raise UserError(f'there is no file of scalars {path}')
    lines = [line for line in path.read_text(encoding='utf-8', errors='replace').splitlines() if line.strip()]
    records = []
    for line in lines:
        with suppress(json.JSONDecodeError):
            if isinstance(record := json.loads(line), dict):
                records.append(record)
    if len(records) < len(lines):
        warnings.warn(f'{path}: left out {len(lines) - len(records)} lines that are not JSON objects', stacklevel=2)
    if not records:
        raise UserError(f'{path} has no records yet; wait until the run has logged something')
    return records


def read_run(work_dir: str | Path) -> list[Record]:
    """Read the scalars of the newest run in a work directory, with those of the runs that it resumed.

    Args:
        work_dir: as given to training, with one `TIME/vis_data/scalars.json` for each start; or the folder of one
            start; or the file itself.

    Returns:
        Records in order; those of steps that a resumed run repeated are the last ones.

    Raises:
        UserError: there are no scalars, or none of training.
    """
    work_dir = Path(work_dir)
    runs = [read_scalars(path) for path in find_scalars(work_dir)]
    runs = [run for run in runs if _training(run)]
    if not runs:
        raise UserError(f'{work_dir} has no {SCALARS} with a training loss')
    joined = runs.pop()
    while runs and not _starts_fresh(joined):
        joined = _before(runs.pop(), joined) + joined
    return joined


def find_scalars(work_dir: str | Path) -> list[Path]:
    """Return the files of scalars in a work directory, oldest first.

    Raises:
        UserError: there is none.
    """
    work_dir = Path(work_dir)
    if work_dir.is_file():
        return [work_dir]
    for pattern in (f'*/vis_data/{SCALARS}', f'vis_data/{SCALARS}', SCALARS):
        # Folders are named by time, year first.
        if found := sorted(work_dir.glob(pattern)):
            return found
    raise UserError(
        f'there is no {SCALARS} under {work_dir}; give the work directory of a training run, which has folders such as '
        '20250131_120000/vis_data'
    )


def plot_training(
    scalars: Sequence[Record] | Mapping[str, Sequence[Record]],
    out_png: str | Path,
    *,
    ceiling: float | None = None,
    metrics: Sequence[str] | None = None,
    smoothing: float = 0.6,
    title: str | None = None,
) -> Path:
    """Plot loss (raw values faint), learning rate and metrics, of one run or several.

    Args:
        scalars: the records of one run, or those of several by label; see `read_run`.
        out_png: the file to write; .png, .svg or .pdf.
        ceiling: the highest value that the first metric can reach, drawn as a line.
        metrics: names to plot; by default AP and AP50, or PCK, or else the first few.
        smoothing: weight of the past in the smoothed loss, in [0, 1).
        title: above the plot.

    Returns:
        The path of the file.

    Raises:
        UserError: there is nothing to plot, no run has a metric, or `smoothing` is out of range.
    """
    if not 0 <= smoothing < 1:
        raise UserError(f'smoothing has to be in [0, 1), not {smoothing}')
    runs = dict(scalars) if isinstance(scalars, Mapping) else {'': scalars}
    names = chosen_metrics(runs.values(), metrics)
    curves = {label: curves_of(records, names) for label, records in runs.items()}
    if not any(len(curve.loss[0]) for curve in curves.values()):
        raise UserError('these scalars have no training loss to plot')
    if len({curve.unit for curve in curves.values()}) > 1:
        raise UserError('runs that count epochs and runs that count iterations cannot share a plot; plot them apart')
    figure, loss_axis, lr_axis, metric_axis = _panels(
        has_lr=any(len(curve.lr[0]) for curve in curves.values()), has_metrics=bool(names)
    )
    for colour, (label, curve) in zip(cycle(RUN_COLOURS), curves.items(), strict=False):
        _plot_loss(loss_axis, curve, colour, label, smoothing)
        if lr_axis is not None:
            lr_axis.plot(*curve.lr, color=colour, linewidth=1.2)
        if metric_axis is not None:
            _plot_metrics(metric_axis, curve, colour, label)
    _finish(loss_axis, lr_axis, metric_axis, next(iter(curves.values())).unit, ceiling)
    if title:
        figure.suptitle(title, fontsize=12)
    out_png = Path(out_png)
    out_png.parent.mkdir(parents=True, exist_ok=True)
    try:
        figure.savefig(out_png, dpi=150)
    except ValueError as error:
        raise UserError(f'cannot write {out_png}: {error}') from error
    return out_png


@dataclass(frozen=True)
class Curves:
    """The curves of one run; x counts `unit`s."""

    unit: str
    loss: Curve
    lr: Curve
    metrics: dict[str, Curve] = field(default_factory=dict)


def curves_of(records: Sequence[Record], metrics: Sequence[str]) -> Curves:
    """Sort records into curves over epochs, or iterations where training counts no epochs."""
    training = _training(records)
    by_epoch = any('epoch' in record for record in training)
    length = _epoch_length(training) if by_epoch else 1.0
    found = {name: _series(records, name, 1.0) for name in metrics}
    return Curves(
        unit='epoch' if by_epoch else 'iteration',
        loss=_series(training, 'loss', length),
        lr=_series(training, 'lr', length),
        metrics={name: curve for name, curve in found.items() if len(curve[0])},
    )


def smooth(values: np.ndarray, weight: float) -> np.ndarray:
    """Return the exponential moving average (T,) of values (T,), without bias to zero; NaN is skipped."""
    smoothed = np.full(len(values), np.nan)
    total = norm = 0.0
    for index, value in enumerate(values):
        if np.isfinite(value):
            total = weight * total + (1 - weight) * value
            norm = weight * norm + (1 - weight)
        if norm:
            smoothed[index] = total / norm
    return smoothed


def _training(records: Iterable[Record]) -> list[Record]:
    return [record for record in records if 'loss' in record and 'step' in record]


def _starts_fresh(records: Sequence[Record]) -> bool:
    """Return whether a run began in epoch 1 or, without epochs, within its first logging interval."""
    training = _training(records)
    first = training[0]
    if 'epoch' in first:
        return first['epoch'] <= 1
    return len(training) < 2 or first['step'] <= training[1]['step'] - first['step']


def _before(earlier: Sequence[Record], later: Sequence[Record]) -> list[Record]:
    """Return the records of an earlier run that a later one, which resumed it, did not repeat."""
    first = _training(later)[0]
    validated_again = first.get('epoch', first['step'])  # the unit of validation lines' step
    return [
        record
        for record in earlier
        if record.get('step', 0) < (first['step'] if 'loss' in record else validated_again)
        and record.get('epoch', 0) < first.get('epoch', np.inf)
    ]


def _epoch_length(training: Sequence[Record]) -> float:
    """Return the iterations in an epoch: by the last record of epoch e its step is only a little below e times that."""
    return float(max(np.ceil(record['step'] / record['epoch']) for record in training))


def _series(records: Iterable[Record], name: str, step_length: float) -> Curve:
    points = [
        (record['step'] / step_length, record[name])
        for record in records
        if 'step' in record and isinstance(record.get(name), (int, float))
    ]
    x, y = np.array(points, dtype=np.float64).reshape(-1, 2).T
    return x, y


def chosen_metrics(runs: Iterable[Sequence[Record]], wanted: Sequence[str] | None) -> tuple[str, ...]:
    """Return the names of metrics to plot, in order; by default those that papers report first."""
    names = dict.fromkeys(
        name
        for records in runs
        for record in records
        if 'loss' not in record
        for name, value in record.items()
        if isinstance(value, (int, float)) and name not in NOT_METRICS
    )
    if wanted is not None:
        for name in wanted:
            if name not in names:
                raise UserError(f"no run logged the metric '{name}'; choices: {', '.join(names) or 'none'}")
        return tuple(wanted)
    reported = [name for name in names if name.rsplit('/', 1)[-1] in ('AP', 'AP50')]
    reported = reported or [name for name in names if 'pck' in name.lower() and '@' in name]
    return tuple((reported or list(names))[:MOST_METRICS])


def _panels(*, has_lr: bool, has_metrics: bool) -> tuple[Any, Any, Any, Any]:
    """Return a figure and its axes for loss, learning rate (thin, below) and metrics; None if unused."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10 if has_metrics else 6, 4.2), layout='constrained')
    FigureCanvasAgg(figure)
    grid = figure.add_gridspec(2 if has_lr else 1, 2 if has_metrics else 1, height_ratios=(4, 1) if has_lr else None)
    loss_axis = figure.add_subplot(grid[0, 0])
    lr_axis = figure.add_subplot(grid[1, 0], sharex=loss_axis) if has_lr else None
    metric_axis = figure.add_subplot(grid[:, 1], sharex=loss_axis) if has_metrics else None
    return figure, loss_axis, lr_axis, metric_axis


def _plot_loss(axis: Any, curve: Curves, colour: str, label: str, smoothing: float) -> None:
    x, y = curve.loss
    axis.plot(x, y, color=colour, alpha=0.25, linewidth=1)
    mark = 'o' if len(x) == 1 else None  # a line of one point would not be seen
    axis.plot(x, smooth(y, smoothing), color=colour, linewidth=1.8, marker=mark, label=label or 'loss, smoothed')


def _plot_metrics(axis: Any, curve: Curves, colour: str, label: str) -> None:
    for style, (name, (x, y)) in zip(cycle(METRIC_STYLES), curve.metrics.items(), strict=False):
        best = np.nanmax(y) if np.isfinite(y).any() else np.nan
        text = f'{label + ": " if label else ""}{name}, best {best:.3f}'
        mark = 'o' if len(x) <= 60 else None
        axis.plot(x, y, style, color=colour, linewidth=1.6, marker=mark, markersize=3.5, label=text)


def _finish(loss_axis: Any, lr_axis: Any, metric_axis: Any, unit: str, ceiling: float | None) -> None:
    values = np.concatenate([line.get_ydata() for line in loss_axis.lines])
    values = values[np.isfinite(values)]
    if len(values) and values.min() > 0 and values.max() > 10 * values.min():
        loss_axis.set_yscale('log')
    loss_axis.xaxis.get_major_locator().set_params(integer=True)  # shared by all three
    loss_axis.set_title('training loss', fontsize=11)
    loss_axis.legend(frameon=False, fontsize=9)
    (lr_axis or loss_axis).set_xlabel(unit)
    if lr_axis is not None:
        loss_axis.tick_params(labelbottom=False)
        lr_axis.set_ylabel('lr', fontsize=9)
        lr_axis.ticklabel_format(axis='y', style='sci', scilimits=(0, 0))
        lr_axis.tick_params(axis='y', labelsize=8)
        lr_axis.yaxis.get_offset_text().set_fontsize(8)
        lr_axis.set_ylim(bottom=0)
    if metric_axis is not None:
        _finish_metrics(metric_axis, unit, ceiling)
    for axis in (loss_axis, lr_axis, metric_axis):
        if axis is not None:
            axis.grid(alpha=0.25)
            axis.spines[['top', 'right']].set_visible(False)


def _finish_metrics(axis: Any, unit: str, ceiling: float | None) -> None:
    if ceiling is not None:
        axis.axhline(ceiling, color='0.35', linestyle=(0, (6, 3)), linewidth=1.2, zorder=1)
        place = axis.get_yaxis_transform()  # x in parts of the axis, y in data
        axis.text(0.01, ceiling, f'ceiling {ceiling:.3f}', va='top', fontsize=9, color='0.35', transform=place)
    highest = max((np.nanmax(line.get_ydata(), initial=0) for line in axis.lines), default=0)
    axis.set_ylim(0, 1.02 if highest <= 1 else None)
    axis.set_title('validation', fontsize=11)
    axis.set_xlabel(unit)
    axis.legend(frameon=False, fontsize=9, loc='lower right')
