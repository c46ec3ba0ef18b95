"""What smoothing of joints gains and costs: jitter at rest, and lag in motion, on made sequences.

Letters: T frames, N people, K joints. Keypoints are (x, y) in image px, times in seconds.
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hrpose.analysis.curves import RUN_COLOURS
from hrpose.errors import UserError
from hrpose.evaluation.metrics.base import format_table
from hrpose.tracking import OneEuroFilter, smooth_track

Frames = NDArray[np.float64]  # (T, N, K, 2)
Smoother = Callable[[Frames, float], Frames]  # of frames and their rate

REST = np.array([[[100.0, 200.0], [140.0, 260.0]], [[400.0, 90.0], [420.0, 130.0]]])  # 2 people, 2 joints
SECONDS = 10.0
BETAS = (0.005, 0.01, 0.02, 0.04, 0.08, 0.16, 0.32)


class Smoothness(NamedTuple):
    """What a smoother does to a sequence at rest and to one in motion."""

    jitter: float  # share of the jitter that is left, at rest
    lag: float  # frames, in motion


def one_euro(frames: Frames, rate: float, **options: Any) -> Frames:
    """Smooth frame by frame, as in a stream; `options` are those of `OneEuroFilter`."""
    smooth, ids = OneEuroFilter(**options), np.arange(frames.shape[1])
    return np.array([smooth(people, None, ids, time=n / rate) for n, people in enumerate(frames)])


def savitzky_golay(frames: Frames, rate: float) -> Frames:
    """Smooth the whole sequence."""
    return np.stack([smooth_track(person, rate=rate) for person in np.moveaxis(frames, 1, 0)], axis=1)


def moving_average(frames: Frames, rate: float, *, count: int) -> Frames:
    """Return the mean of each frame and those before it, `count` in all: the simplest filter, to compare to."""
    padded = np.concatenate([np.repeat(frames[:1], count - 1, axis=0), frames])
    return np.lib.stride_tricks.sliding_window_view(padded, count, axis=0).mean(axis=-1)


def swaying(seconds: NDArray[np.float64]) -> Frames:
    """Return people who sway, at up to 250 px/s in x and 125 px/s in y, at the given times (T,)."""
    offset = 120 * np.sin(2 * np.pi * np.asarray(seconds) / 3)
    return REST + offset[:, None, None, None] * [1.0, 0.5]


def jitter(frames: Frames) -> float:
    """Return the root mean square of the change of a coordinate from frame to frame, px."""
    return float(np.sqrt(np.mean(np.diff(frames, axis=0) ** 2)))


def lag(smooth: Frames, seconds: NDArray[np.float64], rate: float) -> float:
    """Return by how many frames `swaying` has to be delayed to fit the smoothed frames at times (T,) best."""
    delays = np.arange(-1, 8, 0.01)
    return float(delays[np.argmin([np.sum((smooth - swaying(seconds - delay / rate)) ** 2) for delay in delays])])


def measure(smoother: Smoother, *, rate: float = 30.0, noise: float = 1.5, seed: int = 0) -> Smoothness:
    """Return the jitter and the lag of ten seconds, of which the first is left out.

    Args:
        smoother: from frames and their rate to frames.
        rate: frames a second.
        noise: standard deviation of what is added to each coordinate, px.
        seed: of the noise.
    """
    seconds = np.arange(round(SECONDS * rate)) / rate
    added = np.random.default_rng(seed).normal(scale=noise, size=(len(seconds), *REST.shape))
    later = slice(round(rate), None)
    left = jitter(smoother(REST + added, rate)[later]) / jitter(added[later])
    return Smoothness(left, lag(smoother(swaying(seconds) + added, rate)[later], seconds[later], rate))


SMOOTHERS: dict[str, Smoother] = {
    'One-Euro': one_euro,
    'Savitzky-Golay': savitzky_golay,
    'mean of 5 frames': partial(moving_average, count=5),
}


def smoothing_table(rates: tuple[float, ...] = (15.0, 25.0, 30.0, 60.0), *, noise: float = 1.5) -> str:
    """Return what each smoother does at each frame rate, as text."""
    rows = [
        [name, f'{rate:g}', f'{1 - found.jitter:.0%}', f'{found.lag:.2f}']
        for name, smoother in SMOOTHERS.items()
        for rate in rates
        for found in [measure(smoother, rate=rate, noise=noise)]
    ]
    return format_table(('smoother', 'frames a second', 'jitter removed', 'lag, frames'), rows)


def draw_smoothing(path: Path, *, rate: float = 30.0, noise: float = 1.5) -> Path:
    """Draw a coordinate at rest and one in motion, before and after smoothing, and jitter against lag.

    Args:
        path: .png, .svg or .pdf.
        rate: frames a second.
        noise: standard deviation of what is added to each coordinate, px.

    Raises:
        UserError: another suffix, or the file cannot be written.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(15, 4.6), layout='constrained')
    FigureCanvasAgg(figure)
    rest, motion, trade = figure.subplots(1, 3)
    seconds = np.arange(round(SECONDS * rate)) / rate
    added = np.random.default_rng(0).normal(scale=noise, size=(len(seconds), *REST.shape))
    still = np.broadcast_to(REST, added.shape)
    shown = (seconds >= 2) & (seconds < 4.5)
    for axis, true, title in ((rest, still, 'at rest'), (motion, swaying(seconds), 'in motion')):
        _draw_coordinate(axis, seconds, true, true + added, shown, rate)
        axis.set(title=f'x of a joint {title}, {noise:g} px of noise', xlabel='seconds', ylabel='px')
    _draw_trade(trade, rate, noise)
    for axis in (motion, trade):  # the first panel has the lines of the second
        axis.legend(frameon=False, fontsize=9)
    for axis in (rest, motion, trade):
        axis.grid(alpha=0.25)
        axis.spines[['top', 'right']].set_visible(False)
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        figure.savefig(path, dpi=90)
    except (ValueError, OSError) as error:
        raise UserError(f'cannot write {path}: {error}') from error
    return path


def _draw_coordinate(
    axis: Any, seconds: NDArray[np.float64], true: Frames, given: Frames, shown: NDArray[np.bool_], rate: float
) -> None:
    axis.plot(seconds[shown], given[shown, 0, 0, 0], '.', color='0.6', label='given')
    axis.plot(seconds[shown], true[shown, 0, 0, 0], color='0.2', linewidth=1, label='true')
    for (name, smoother), colour in zip(SMOOTHERS.items(), RUN_COLOURS, strict=False):
        style = ':' if name.startswith('mean') else '-'
        axis.plot(seconds[shown], smoother(given, rate)[shown, 0, 0, 0], style, color=colour, label=name)


def _draw_trade(axis: Any, rate: float, noise: float) -> None:
    families: dict[str, dict[str, Smoother]] = {
        'One-Euro, by beta': {f'{beta:g}': partial(one_euro, beta=beta) for beta in BETAS},
        'Savitzky-Golay (sees later frames)': {'': savitzky_golay},
        'mean, by frames': {f'{count}': partial(moving_average, count=count) for count in (2, 3, 5, 11)},
    }
    for (name, members), colour, marker in zip(families.items(), RUN_COLOURS, 'osv', strict=False):
        found = np.array([measure(smoother, rate=rate, noise=noise) for smoother in members.values()])
        axis.plot(100 * found[:, 0], found[:, 1], marker=marker, color=colour, label=name)
        for (x, y), text in zip(found, members, strict=True):
            axis.annotate(text, (100 * x, y), xytext=(5, 5), textcoords='offset points', fontsize=8)
    axis.axhspan(-0.2, 1, xmax=0.5, color='0.5', alpha=0.12, label='at most 30 % and a frame')
    axis.set(title=f'{rate:g} frames a second', xlabel='jitter left at rest, %', ylabel='lag in motion, frames')
    axis.set(xlim=(0, 60), ylim=(-0.2, 5.2))
