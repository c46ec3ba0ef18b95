"""Write Leeds Sports Pose Extended as COCO keypoint JSON, which every tool reads.

cd projects
python -m lsp_extended.convert /data/lspet/joints.mat /data/lspet/images lspet_train.json --last 9000
"""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from PIL import Image

from hrpose.cli.run import run
from hrpose.datasets.metainfo import resolve
from hrpose.errors import UserError

from .joints import Record, read_people


def convert(joints: Path, images: Path, out: Path, first: int = 1, last: int | None = None) -> int:
    """Write the people of images `first` to `last` as JSON; return how many there are.

    Boxes are clipped to the image. People without a labelled joint are left out.

    Args:
        joints: the release's joints.mat.
        images: folder of the images.
        out: JSON to write.
        first: number of the first image, from 1.
        last: number of the last image, included; None for the last that there is.

    Raises:
        UserError: a file of another form, a range without images, a missing or unreadable image.
    """
    people = read_people(joints)[first - 1 : last]
    if not people:
        raise UserError(f'{joints} has no image from {first} to {last or "the end"}')
    sizes = {person['id']: _size(images / person['file_name']) for person in people}
    annotations = [_annotation(person, sizes[person['id']]) for person in people if person['box'] is not None]
    info = resolve('lsp')
    content = {
        'images': [
            {'id': person['id'], 'file_name': person['file_name'], 'width': width, 'height': height}
            for person in people
            for width, height in [sizes[person['id']]]
        ],
        'annotations': annotations,
        'categories': [
            {
                'id': 1,
                'name': 'person',
                'keypoints': info['keypoint_names'],
                'skeleton': [[a + 1, b + 1] for a, b in info['skeleton']],
            }
        ],
    }
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(content))
    return len(annotations)


def _size(path: Path) -> tuple[int, int]:
    if not path.is_file():
        raise UserError(f'there is no image {path}')
    try:
        with Image.open(path) as image:  # reads the header only
            return image.size
    except Exception as error:  # Pillow raises errors of many kinds
        raise UserError(f'the image {path} cannot be read: {error}') from error


def _annotation(person: Record, size: tuple[int, int]) -> dict[str, Any]:
    width, height = size
    x1, y1, x2, y2 = person['box'].clip(0, [width - 1, height - 1] * 2).tolist()
    triplets = [[*point, flag] for point, flag in zip(person['keypoints'].tolist(), person['visible'], strict=True)]
    return {
        'id': person['id'],
        'image_id': person['id'],
        'category_id': 1,
        'iscrowd': 0,
        'bbox': [x1, y1, x2 - x1, y2 - y1],
        'area': (x2 - x1) * (y2 - y1),
        'num_keypoints': int((person['visible'] > 0).sum()),
        'keypoints': [float(value) for triplet in triplets for value in triplet],
    }


def main(words: Sequence[str] | None = None) -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(description=(__doc__ or '').splitlines()[0])
    parser.add_argument('joints', type=Path, help="the release's joints.mat")
    parser.add_argument('images', type=Path, help='folder with im00001.jpg and the others')
    parser.add_argument('out', type=Path, help='JSON to write')
    parser.add_argument('--first', type=int, default=1, help='number of the first image (default 1)')
    parser.add_argument('--last', type=int, help='number of the last image (default: the last)')
    arguments = parser.parse_args(words)
    count = convert(arguments.joints, arguments.images, arguments.out, arguments.first, arguments.last)
    print(f'{count} people in {arguments.out}')


if __name__ == '__main__':
    run(main)
