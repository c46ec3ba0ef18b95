"""`hrpose make-synthetic`: write the embedded data set, generated people in COCO's layout.

The folder then holds train/, val/ and annotations/person_keypoints_{train,val}.json. The same arguments give
the same bytes with any number of workers; a second run finds its own work and leaves it.
"""

import argparse
from collections.abc import Sequence


def parse_arguments(words: Sequence[str] | None, prog: str | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog=prog, description='Write generated people in the layout of COCO.')
    parser.add_argument('out', help='folder to write to')
    parser.add_argument('--train', type=int, default=2000, metavar='N', help='training images (default 2000)')
    parser.add_argument('--val', type=int, default=400, metavar='M', help='validation images (default 400)')
    parser.add_argument('--seed', type=int, default=0, help='0 or more (default 0)')
    parser.add_argument('--workers', type=int, default=2, help='processes (default 2)')
    parser.add_argument('--overwrite', action='store_true', help='replace what the folder holds')
    return parser.parse_args(words)


def main(words: Sequence[str] | None = None, *, prog: str | None = None) -> None:
    """Write as the command line says, and say where it is."""
    arguments = parse_arguments(words, prog)
    from hrpose.synthetic import annotation_file, make_dataset

    written = make_dataset(**vars(arguments))
    print(('wrote' if written else 'already there:'), annotation_file(arguments.out, 'train').parent.parent)
