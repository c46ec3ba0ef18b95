"""Draw what the network sees: augmented crops, joints and target heatmaps, as sheets in a folder.

python tools/data/browse.py configs/hrnet_w32_coco_256x192.py --count 48 --epoch 3
"""

import argparse
import logging
from pathlib import Path

from hrpose.cli.run import run


def parse_arguments() -> argparse.Namespace:
    from hrpose.cli.arguments import config_parser

    parser = config_parser(__doc__)
    parser.add_argument('--split', choices=('train', 'val', 'test'), default='train', help='default train')
    parser.add_argument('--count', type=int, default=32, help="samples, in the order of the loader's sampler")
    parser.add_argument('--seed', type=int, help="of order and augmentation; default: the config's")
    parser.add_argument('--epoch', type=int, default=0, help='from 0; each has other augmentation (default 0)')
    parser.add_argument('--out', type=Path, default=Path('work_dirs/browse'), help='folder of the sheets')
    arguments = parser.parse_args()
    if arguments.count < 1 or arguments.epoch < 0 or (arguments.seed or 0) < 0:
        parser.error('--count has to be above 0, --seed and --epoch not below')
    return arguments


def main() -> None:
    """Write the sheets."""
    arguments = parse_arguments()
    from mmengine.logging import MMLogger

    from hrpose.analysis.browse import write_sheets
    from hrpose.cli.arguments import config_of

    MMLogger.get_current_instance().setLevel(logging.WARNING)
    cfg = config_of(arguments)
    options = {name: getattr(arguments, name) for name in ('count', 'seed', 'epoch')}
    print('left: the crop with the joints that count in the loss, left ones blue, right ones orange; right: heatmaps')
    for path in write_sheets(cfg, arguments.split, arguments.out, **options):
        print(path)


if __name__ == '__main__':
    run(main)
