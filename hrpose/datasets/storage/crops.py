"""Reading a pack of crops: a folder of shards, each a file of consecutive crops and an index of flat arrays.

    pack.json          what was packed, and how
    crops-00000.bin    encoded or plain RGB pixels
    crops-00000.npz    `ends` (M,) of each person's bytes; `shapes` (M, 2) height and width of the stored crop; `crops`
                       (M, 4) its box in the image; `images` (M, 2) width and height of the image; `keys` (M,) of people

M people of a shard. A person whose image could not be read has no bytes.
"""

import json
import zlib
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from hrpose.errors import UserError
from hrpose.images.files import ImageError, decode_image
from hrpose.structures import resize_matrix

ABOUT = 'pack.json'
VERSION = 1
FORMATS = ('jpeg', 'raw')


def key_of(record: dict[str, Any]) -> int:
    """Return a number that identifies the person of a record, from its id and image name."""
    return zlib.crc32(f'{record["id"]} {Path(record["img_path"]).name}'.encode())


def shard_files(folder: Path, number: int) -> tuple[Path, Path]:
    """Return the files of a shard: crops and index."""
    return folder / f'crops-{number:05d}.bin', folder / f'crops-{number:05d}.npz'


class CropPack:
    """The crops of the people of a data set, by index.

    Args:
        folder: written by `hrpose pack`.

    Raises:
        UserError: there is no pack, or it is not finished.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        self.about = read_about(self.folder)
        if not self.about.get('finished'):
            raise UserError(f'{folder}: the pack is not finished; repeat the command that began it')

    def __len__(self) -> int:
        return int(self.about['people'])

    @cached_property
    def _index(self) -> dict[str, np.ndarray]:
        """The joined arrays of all shards, with the `starts` of each person's bytes too."""
        count = -(-len(self) // self.about['shard'])
        shards = [dict(np.load(shard_files(self.folder, number)[1])) for number in range(count)]
        for shard in shards:
            shard['starts'] = np.concatenate([[0], shard['ends'][:-1]])
        return {name: np.concatenate([shard[name] for shard in shards]) for name in shards[0]}

    @cached_property
    def _files(self) -> dict[int, np.memmap]:
        return {}

    def _bytes(self, place: int) -> np.ndarray:
        shard = place // self.about['shard']
        if shard not in self._files:
            self._files[shard] = np.memmap(shard_files(self.folder, shard)[0], np.uint8, 'r')
        return self._files[shard][self._index['starts'][place] : self._index['ends'][place]]

    def read(self, record: dict[str, Any]) -> dict[str, Any]:
        """Return the crop of a record with its `sample_idx`.

        Returns:
            `img` (h, w, 3) uint8 RGB, read-only; `crop` and `crop_matrix`, see `pixel_matrix`; `ori_shape` (H, W) of
            the original image.

        Raises:
            UserError: another person is at this index, since the pack was made from other annotations.
            ImageError: the image could not be read when the pack was made.
        """
        place = record['sample_idx']
        if place >= len(self) or self._index['keys'][place] != key_of(record):
            raise UserError(
                f'{self.folder}: the pack was made from other annotations, since person {record["id"]} of '
                f'{record["img_path"]} is not at index {place}; pack again with this config'
            )
        content = self._bytes(place)
        if not len(content):
            raise ImageError(f'{record["img_path"]} could not be read when the pack in {self.folder} was made')
        crop = self._index['crops'][place]
        height, width = self._index['shapes'][place].tolist()
        if self.about['format'] == 'raw':
            image = content.reshape(height, width, 3)
        else:
            image = decode_image(content.tobytes(), f'{record["img_path"]} in {self.folder}')
        image_width, image_height = self._index['images'][place].tolist()
        return {
            'img': image,
            'crop': tuple(crop.tolist()),
            'crop_matrix': resize_matrix(np.array([width, height]) / (crop[2:] - crop[:2]), crop[:2]),
            'ori_shape': (image_height, image_width),
        }


def read_about(folder: Path) -> dict[str, Any]:
    """Return the content of `pack.json` in a folder; raise `UserError` if there is no pack of this version."""
    try:
        about = json.loads((folder / ABOUT).read_text())
    except OSError:
        advice = f'make one: hrpose pack CONFIG {folder}'
        raise UserError(f'{folder}: there is no pack of crops; {advice}') from None
    except ValueError as error:
        raise UserError(f'{folder / ABOUT}: not valid JSON: {error}') from error
    if about.get('version') != VERSION:
        raise UserError(f'{folder}: the pack was written by another version of hrpose; pack again')
    return about
