"""`hrpose browse`: draw what the network sees: augmented crops, joints and target heatmaps, as sheets in a folder."""

import argparse
import logging
from collections.abc import Sequence
from pathlib import Path

from hrpose.cli.parser import command_parser

EXAMPLES = ('hrpose browse hrnet_w32_coco_256x192 --count 48 --epoch 3 --cfg-options data_root=/data/coco',)


def parser_of(prog: str | None = None) -> argparse.ArgumentParser:
    """Return the parser of the command."""
    from hrpose.cli.arguments import add_config_arguments

    description = 'Draw what the network sees: augmented crops, joints and target heatmaps, as sheets in a folder.'
    parser = command_parser(prog, description, EXAMPLES)
    add_config_arguments(parser)
    parser.add_argument('--split', choices=('train', 'val', 'test'), default='train', help='default train')
    parser.add_argument('--count', type=int, default=32, help="samples, in the order of the loader's sampler")
    parser.add_argument('--seed', type=int, help="of order and augmentation; default: the config's")
    parser.add_argument('--epoch', type=int, default=0, help='from 0; each has other augmentation (default 0)')
    parser.add_argument('--out', type=Path, default=Path('work_dirs/browse'), help='folder of the sheets')
    return parser


def main(words: Sequence[str] | None = None, *, prog: str | None = None) -> None:
    """Write the sheets."""
    parser = parser_of(prog)
    arguments = parser.parse_args(words)
    if arguments.count < 1 or arguments.epoch < 0 or (arguments.seed or 0) < 0:
        parser.error('--count has to be above 0, --seed and --epoch not below')
    from mmengine.logging import MMLogger

    from hrpose.analysis.browse import write_sheets
    from hrpose.cli.arguments import config_of

    MMLogger.get_current_instance().setLevel(logging.WARNING)
    cfg = config_of(arguments)
    options = {name: getattr(arguments, name) for name in ('count', 'seed', 'epoch')}
    print('left: the crop with the joints that count in the loss, left ones blue, right ones orange; right: heatmaps')
    for path in write_sheets(cfg, arguments.split, arguments.out, **options):
        print(path)
