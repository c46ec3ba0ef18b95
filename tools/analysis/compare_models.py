"""Compare networks: parameters, operations, time and memory here, accuracy where trained, and the published values.

python tools/analysis/compare_models.py hrnet_w32_coco_256x192 simplebaseline_r50_coco_256x192 --out comparison.png
"""

import argparse
from pathlib import Path

from hrpose.cli.run import run


def main() -> None:
    """Print the table, and draw accuracy against cost."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('configs', nargs='+', metavar='CONFIG', help="a config file, or the name of one of hrpose's")
    parser.add_argument(
        '--work-dirs', type=Path, default=Path('work_dirs'), help='folder of trainings, by config (default: work_dirs)'
    )
    parser.add_argument('--device', default='cpu')
    parser.add_argument('--repeats', type=int, default=10, help='timed passes of each network (default 10)')
    parser.add_argument('--out', type=Path, help='image to write: accuracy against GFLOPs')
    arguments = parser.parse_args()
    from hrpose.analysis.comparison import compare, comparison_table, draw_comparison

    found = compare(
        arguments.configs, work_dirs=arguments.work_dirs, device=arguments.device, repeats=arguments.repeats
    )
    print(comparison_table(found))
    if arguments.out:
        print(f'wrote {draw_comparison(found, arguments.out)}')


if __name__ == '__main__':
    run(main)
