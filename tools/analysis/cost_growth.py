"""Measure how time and memory grow with people in an image, with images, and with joints; draw both.

python tools/analysis/cost_growth.py configs/hrnet_w32_coco_256x192.py --out growth.png

- people in an image: `PoseInferencer` on one image of 640x480 with 1 to 100 boxes;
- images: reading an annotation file of 100 to 100,000 images into a data set, and COCO's evaluation of as many, with
  2.2 annotated and 2.4 detected people in each; generated, without image files;
- joints: targets, the head's forward pass, its loss with gradients, and decoding, for 32 people with 5 to 133 joints.

Each size is measured in processes of its own: in one the least time of several repeats, in another the most memory
above what the process had before. A line is fitted to each curve by relative distance; the largest distance is printed.
"""

import argparse
import json
from pathlib import Path

from hrpose.cli.run import run


def main() -> None:
    """Measure, print a line for each curve, draw."""
    from hrpose.analysis.benchmark.growth import AXES, draw_growth, line_rows, measure_growth
    from hrpose.evaluation.metrics.tables import format_table

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('config', help='config file of the network and the codec, or the name of a shipped one')
    parser.add_argument('--axes', nargs='+', choices=AXES, default=list(AXES), help='what grows (default: all)')
    parser.add_argument('--largest', type=int, help='leave out larger sizes')
    parser.add_argument('--repeats', type=int, default=5, help='of which the least time counts (default 5)')
    parser.add_argument('--threads', type=int, default=1, help="PyTorch's, on a CPU (default 1)")
    parser.add_argument('--device', default='cpu')
    parser.add_argument('--out', type=Path, default=Path('work_dirs/cost_growth.png'), help='the plot')
    parser.add_argument('--json', type=Path, metavar='FILE', help='write the measurements to this file too')
    arguments = parser.parse_args()
    options = {name: getattr(arguments, name) for name in ('device', 'threads', 'repeats', 'largest')}
    curves = {name: measure_growth(AXES[name], arguments.config, **options) for name in arguments.axes}
    header = ['against', 'of', 'unit', 'at size 0', 'for one more', 'largest distance %', 'at']
    print('\n' + format_table(header, [row for name in curves for row in line_rows(name, curves[name])]))
    draw_growth(curves, arguments.out)
    print(f'\n{arguments.out}')
    if arguments.json:
        arguments.json.write_text(json.dumps(curves, indent=1) + '\n')


if __name__ == '__main__':
    run(main)
