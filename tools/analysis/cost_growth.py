"""Measure how time and memory grow with people in an image, with images, and with joints; draw both.

python tools/analysis/cost_growth.py configs/hrnet_w32_coco_256x192.py --out growth.png

- people in an image: all that `PoseInferencer` does for one picture of 640x480 with 1 to 100 boxes;
- images: reading an annotation file of 100 to 100,000 images into a data set, and COCO's evaluation of as many, with
  2.2 annotated people and 2.4 detected ones in each; generated, without pictures;
- joints: targets, the head's forward pass, its loss forward and back, and decoding, for 32 people with 5 to 133 joints.

Each size is measured in processes of its own: in one the least time of some repeats, in another the most memory above
what that process had before. A line is fitted to each curve by relative distance, and its largest deviation printed.
"""

import argparse
import json
from pathlib import Path
from typing import Any

from hrpose.cli.run import run
from hrpose.errors import UserError


def parse_arguments() -> argparse.Namespace:
    from hrpose.analysis.benchmark.growth import AXES

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('config', help="a config's file, or the name of one of hrpose's: of the network and the codec")
    parser.add_argument('--axes', nargs='+', choices=AXES, default=list(AXES), help='what is to grow (default: all)')
    parser.add_argument('--largest', type=int, help='leave out larger sizes')
    parser.add_argument('--repeats', type=int, default=5, help='of which the least time counts (default 5)')
    parser.add_argument('--threads', type=int, default=1, help="PyTorch's on a CPU (default 1)")
    parser.add_argument('--device', default='cpu')
    parser.add_argument('--out', type=Path, default=Path('work_dirs/cost_growth.png'), help='the figure')
    parser.add_argument('--json', type=Path, metavar='FILE', help='write the figures there too')
    return parser.parse_args()


def main() -> None:
    """Measure, print a line for each curve, draw."""
    arguments = parse_arguments()
    from hrpose.analysis.benchmark.growth import AXES
    from hrpose.evaluation.metrics.tables import format_table

    curves = {name: measured(AXES[name], arguments) for name in arguments.axes}
    header = ['against', 'of', 'what', 'at size 0', 'for one more', 'largest deviation %', 'at']
    print('\n' + format_table(header, [row for name in curves for row in summary(name, curves[name])]))
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    draw(curves, arguments.out)
    print(f'\n{arguments.out}')
    if arguments.json:
        arguments.json.write_text(json.dumps(curves, indent=1) + '\n')


def measured(axis: Any, arguments: argparse.Namespace) -> dict[str, dict[str, list[float]]]:
    """Return work -> `sizes`, `seconds` and `mib`, measured one size after the other."""
    from hrpose.analysis.benchmark.growth import in_fresh_process, peak_of, seconds_of

    sizes = [size for size in axis.sizes if arguments.largest is None or size <= arguments.largest]
    if len(sizes) < 2:
        raise UserError(f'--largest {arguments.largest} leaves no two sizes of {axis.name}: {axis.sizes}')
    settings = arguments.config, arguments.device, arguments.threads
    curves = {}
    for name, work in axis.works.items():
        print(f'{axis.name}, {name}:', end='', flush=True)
        pairs = []
        for size in sizes:
            seconds = in_fresh_process(seconds_of, work, size, *settings, arguments.repeats)
            pairs.append((seconds, in_fresh_process(peak_of, work, size, *settings)))
            print(f'  {size} {1e3 * pairs[-1][0]:.2f} ms {pairs[-1][1]:.1f} MiB', end='', flush=True)
        print()
        curves[name] = {'sizes': sizes, 'seconds': [pair[0] for pair in pairs], 'mib': [pair[1] for pair in pairs]}
    return curves


def summary(axis: str, curves: dict[str, dict[str, list[float]]]) -> list[list[Any]]:
    """Return a row for each work's time and memory: the line, and how far the curve is from it."""
    from hrpose.analysis.benchmark.growth import fit_line

    rows: list[list[Any]] = []
    for name, curve in curves.items():
        for what, values in (('ms', [1e3 * value for value in curve['seconds']]), ('MiB', curve['mib'])):
            line = fit_line(curve['sizes'], values)
            rows.append([axis, name, what, line.start, line.slope, 100 * line.deviation, line.at])
    return rows


def draw(curves: dict[str, dict[str, dict[str, list[float]]]], path: Path) -> None:
    """Draw a column for each axis, time above memory; dots are measured, lines fitted."""
    import matplotlib

    matplotlib.use('Agg')
    import matplotlib.pyplot as plt

    from hrpose.analysis.benchmark.growth import AXES

    figure, grid = plt.subplots(2, len(curves), figsize=(4.4 * len(curves), 7), squeeze=False, layout='constrained')
    figure.suptitle('What it costs, as measured (dots) and as a straight line (lines)')
    for column, (axis, works) in enumerate(curves.items()):
        for row, (key, factor, label) in enumerate((('seconds', 1e3, 'time, ms'), ('mib', 1, 'peak memory, MiB'))):
            plot = grid[row, column]
            for name, curve in works.items():
                _draw_curve(plot, name, curve['sizes'], [factor * value for value in curve[key]])
            if max(AXES[axis].sizes) > 1000:
                plot.set(xscale='log', yscale='log')
            else:
                plot.set(xlim=(0, None), ylim=(0, None))
            plot.set(xlabel=AXES[axis].name, ylabel=label)
            plot.grid(alpha=0.3)
            plot.legend(fontsize=8, loc='upper left')
    figure.savefig(path, dpi=100)
    plt.close(figure)


def _draw_curve(plot: Any, name: str, sizes: list[float], values: list[float]) -> None:
    import numpy as np

    from hrpose.analysis.benchmark.growth import fit_line

    line = fit_line(sizes, values)
    (dots,) = plot.plot(sizes, values, 'o', markersize=4, label=f'{name} (at most {100 * line.deviation:.0f} % off)')
    along = np.geomspace(min(sizes), max(sizes), 100)
    plot.plot(along, line(along), '-', linewidth=1, color=dots.get_color())


if __name__ == '__main__':
    run(main)
