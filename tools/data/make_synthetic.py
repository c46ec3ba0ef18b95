"""Write the embedded data set: generated people in COCO's layout.

    python tools/data/make_synthetic.py data/synthetic --train 2000 --val 300 --seed 0

The folder then holds train/, val/ and annotations/person_keypoints_{train,val}.json. The same arguments give
the same bytes with any number of workers; a second run finds its own work and leaves it.
"""

import argparse

from hrpose.datasets.synthetic import annotation_file, make_dataset
from hrpose.errors import run


def main() -> None:
    """Parse the command line, write, and say where it is."""
    parser = argparse.ArgumentParser(description='Write generated people in the layout of COCO.')
    parser.add_argument('out', help='folder to write to')
    parser.add_argument('--train', type=int, default=2000, metavar='N', help='training images (default 2000)')
    parser.add_argument('--val', type=int, default=400, metavar='M', help='validation images (default 400)')
    parser.add_argument('--seed', type=int, default=0, help='0 or more (default 0)')
    parser.add_argument('--workers', type=int, default=2, help='processes (default 2)')
    parser.add_argument('--overwrite', action='store_true', help='replace what the folder holds')
    args = parser.parse_args()
    written = make_dataset(**vars(args))
    print(('wrote' if written else 'already there:'), annotation_file(args.out, 'train').parent.parent)


if __name__ == '__main__':
    run(main)
