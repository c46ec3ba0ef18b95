"""Plot the loss, learning rate and metrics of one training run or several.

python tools/analysis/plot_logs.py WORK_DIR [WORK_DIR ...] --out curve.png
"""

import argparse
import warnings
from pathlib import Path

from hrpose.analysis.curves import plot_training, read_run
from hrpose.cli.run import run
from hrpose.errors import UserError


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        'work_dirs',
        nargs='+',
        type=Path,
        metavar='WORK_DIR',
        help='of a training: its newest run, joined to the one that it resumed (or a scalars.json)',
    )
    parser.add_argument('--out', type=Path, help='image to write (default: WORK_DIR/curve.png)')
    parser.add_argument('--ceiling', type=float, help='highest value that the first metric can reach')
    parser.add_argument('--metrics', nargs='+', metavar='NAME', help='for example coco/AP')
    parser.add_argument('--smoothing', type=float, default=0.6, help='weight of the past in the loss, 0 to below 1')
    parser.add_argument('--title')
    return parser.parse_args()


def label_runs(work_dirs: list[Path]) -> dict[str, Path]:
    """Label each run by its folder, or by its whole path where two folders have the same name."""
    names = [path.resolve().name for path in work_dirs]
    labels = [name if names.count(name) == 1 else str(path) for name, path in zip(names, work_dirs, strict=True)]
    if len(set(labels)) < len(labels):
        raise UserError('WORK_DIR: the same folder is given twice')
    return dict(zip(labels, work_dirs, strict=True))


def main() -> None:
    """Write the plot."""
    arguments = parse_arguments()
    warnings.formatwarning = lambda message, *_args, **_kwargs: f'warning: {message}\n'
    runs = {label: read_run(path) for label, path in label_runs(arguments.work_dirs).items()}
    first = arguments.work_dirs[0]
    out = plot_training(
        next(iter(runs.values())) if len(runs) == 1 else runs,
        arguments.out or (first.parent if first.is_file() else first) / 'curve.png',
        ceiling=arguments.ceiling,
        metrics=arguments.metrics,
        smoothing=arguments.smoothing,
        title=arguments.title,
    )
    print(f'wrote {out}')


if __name__ == '__main__':
    run(main)
