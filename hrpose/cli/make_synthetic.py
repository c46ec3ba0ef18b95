"""`hrpose make-synthetic`: write a data set of generated people.

The folder gets train/, val/ and annotations/person_keypoints_{train,val}.json. With --video it gets PoseTrack18's
layout: images/{train,val}/ with a folder a video, and annotations/{train,val}/ with a file a video. The same arguments
give the same bytes, whatever the number of workers. A folder that has them already is left as it is.
"""

import argparse
from collections.abc import Sequence
from typing import Any

from hrpose.cli.parser import command_parser
from hrpose.errors import UserError

EXAMPLES = (
    'hrpose make-synthetic data/synthetic',
    'hrpose make-synthetic data/synthetic_video --video --train 8 --val 2',
)

IMAGES = {'train': 2000, 'val': 200}
VIDEOS = {'train': 24, 'val': 6}
FRAMES = 60


def parser_of(prog: str | None = None) -> argparse.ArgumentParser:
    """Return the parser of the command."""
    parser = command_parser(
        prog, "Write a data set of generated people in COCO's layout, or videos in PoseTrack18's.", EXAMPLES
    )
    parser.add_argument('out', help='folder to write to')
    parser.add_argument('--video', action='store_true', help='write videos of moving people, for tracking')
    for split, what in (('train', 'training'), ('val', 'validation')):
        default = f'(default {IMAGES[split]}, with --video {VIDEOS[split]})'
        parser.add_argument(f'--{split}', type=int, metavar='N', help=f'{what} images or videos {default}')
    parser.add_argument('--frames', type=int, metavar='N', help=f'of each video, 15 a second (default {FRAMES})')
    parser.add_argument('--seed', type=int, default=0, help='0 or more (default 0)')
    parser.add_argument('--workers', type=int, default=2, help='processes (default 2)')
    parser.add_argument('--overwrite', action='store_true', help='replace what is in the folder')
    return parser


def main(words: Sequence[str] | None = None, *, prog: str | None = None) -> None:
    """Write the data set and print its folder."""
    given = vars(parser_of(prog).parse_args(words))
    video, frames = given.pop('video'), given.pop('frames')
    if frames is not None and not video:
        raise UserError('--frames has no effect without --video; leave it out, or add --video')
    defaults = VIDEOS if video else IMAGES
    arguments: dict[str, Any] = {name: defaults.get(name) if value is None else value for name, value in given.items()}
    from hrpose.synthetic import make_dataset, make_videos

    if video:
        written = make_videos(**arguments, frames=FRAMES if frames is None else frames)
    else:
        written = make_dataset(**arguments)
    print('wrote' if written else 'already there:', arguments['out'])
