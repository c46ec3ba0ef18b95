"""`hrpose make-synthetic`: write a data set of generated people.

The folder gets train/, val/ and annotations/person_keypoints_{train,val}.json. The same arguments give the same bytes,
whatever the number of workers. A folder that has them already is left as it is.
"""

import argparse
from collections.abc import Sequence


def main(words: Sequence[str] | None = None, *, prog: str | None = None) -> None:
    """Write the data set and print its folder."""
    parser = argparse.ArgumentParser(prog=prog, description="Write a data set of generated people in COCO's layout.")
    parser.add_argument('out', help='folder to write to')
    parser.add_argument('--train', type=int, default=2000, metavar='N', help='training images (default 2000)')
    parser.add_argument('--val', type=int, default=400, metavar='M', help='validation images (default 400)')
    parser.add_argument('--seed', type=int, default=0, help='0 or more (default 0)')
    parser.add_argument('--workers', type=int, default=2, help='processes (default 2)')
    parser.add_argument('--overwrite', action='store_true', help='replace what is in the folder')
    arguments = parser.parse_args(words)
    from hrpose.synthetic import annotation_file, make_dataset

    written = make_dataset(**vars(arguments))
    print(('wrote' if written else 'already there:'), annotation_file(arguments.out, 'train').parent.parent)
