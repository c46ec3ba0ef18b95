"""`hrpose pack`: cut the people of a config's training set out of the images, once, for faster training.

The training then reads the pack: `--cfg-options train_pipeline.0="{'type':'LoadCrop','pack':'data/coco_crops'}"`.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from hrpose.cli.parser import command_parser

EXAMPLES = ('hrpose pack hrnet_w32_coco_256x192 data/coco_crops --format jpeg',)


def parser_of(prog: str | None = None) -> argparse.ArgumentParser:
    """Return the parser of the command."""
    from hrpose.cli.arguments import add_config_arguments

    description = "Cut the people of a config's training set out of the images, once, for faster training."
    parser = command_parser(prog, description, EXAMPLES)
    add_config_arguments(parser)
    parser.add_argument('out', type=Path, help='folder of the pack')
    parser.add_argument('--format', choices=('raw', 'jpeg'), default='raw', help='jpeg: a fifth of the size')
    parser.add_argument(
        '--quality', type=int, choices=range(1, 101), default=95, metavar='Q', help='of a JPEG, 1 to 100 (default 95)'
    )
    parser.add_argument('--workers', type=int, default=2, help='threads (default 2)')
    return parser


def main(words: Sequence[str] | None = None, *, prog: str | None = None) -> None:
    """Write the pack. If an earlier call was interrupted, continue it."""
    arguments = parser_of(prog).parse_args(words)
    from mmengine.registry import init_default_scope
    from tqdm import tqdm

    from hrpose.cli.arguments import config_of
    from hrpose.datasets.storage.pack_crops import pack_people
    from hrpose.registry import DATASETS

    init_default_scope('hrpose')
    cfg = config_of(arguments)
    dataset = DATASETS.build(cfg.train_dataloader.dataset.to_dict())
    with tqdm(total=len(dataset), unit='person', mininterval=1) as bar:
        about = pack_people(
            dataset,
            arguments.out,
            arguments.format,
            quality=arguments.quality,
            workers=arguments.workers,
            progress=lambda done: bar.update(done - bar.n),
        )
    people, size = about['people'], about['bytes']
    print(f'{people} people in {arguments.out}, {size / 2**20:.1f} MiB, {size / people / 1024:.1f} KiB each')
    for problem in about['problems'][:10]:
        print(f'left out: {problem}')
    if about['problems']:
        print(f'{len(about["problems"])} people left out: training replaces them by others')
