"""Measure and draw what smoothing of joints gains and costs: jitter at rest, lag in motion, on made sequences.

python tools/analysis/plot_smoothing.py --out smoothing.png
"""

import argparse
from pathlib import Path

from hrpose.cli.run import run


def main() -> None:
    """Print jitter and lag at several frame rates, and draw them for one."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--rate', type=float, default=30.0, help='frames a second of the drawing (default 30)')
    parser.add_argument('--noise', type=float, default=1.5, help='standard deviation of each coordinate, px')
    parser.add_argument('--out', type=Path, help='image to write')
    arguments = parser.parse_args()
    from hrpose.analysis.smoothing import draw_smoothing, smoothing_table

    print(smoothing_table(noise=arguments.noise))
    if arguments.out:
        print(f'wrote {draw_smoothing(arguments.out, rate=arguments.rate, noise=arguments.noise)}')


if __name__ == '__main__':
    run(main)
