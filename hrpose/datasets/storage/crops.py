"""A pack of crops, read: a folder of shards, each a file of crops one behind the other and an index of flat arrays.

    pack.json          what was packed, and how
    crops-00000.bin    encoded or plain RGB pixels
    crops-00000.npz    `ends` (M,) where each person's bytes end; `shapes` (M, 2) height and width as kept; `crops`
                       (M, 4) place in the stored image; `images` (M, 2) width and height of that; `keys` (M,) who it is

M people of a shard. A person whose picture could not be read has no bytes.
"""

import json
import zlib
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from hrpose.errors import UserError
from hrpose.images.files import ImageError, decode_image

ABOUT = 'pack.json'
VERSION = 1
FORMATS = ('jpeg', 'raw')


def key_of(record: dict[str, Any]) -> int:
    """Return a number that tells a record's person from others: by id and picture."""
    return zlib.crc32(f'{record["id"]} {Path(record["img_path"]).name}'.encode())


def shard_files(folder: Path, number: int) -> tuple[Path, Path]:
    """Return the files of a shard: crops and index."""
    return folder / f'crops-{number:05d}.bin', folder / f'crops-{number:05d}.npz'


class CropPack:
    """The crops of a data set's people, by their place in it.

    Args:
        folder: written by `tools/data/pack_crops.py`.

    Raises:
        UserError: no pack there, or one that is not finished.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        self.about = read_about(self.folder)
        if not self.about.get('finished'):
            raise UserError(f'the pack in {folder} is not finished; the command that began it goes on with it')

    def __len__(self) -> int:
        return int(self.about['people'])

    @cached_property
    def _index(self) -> dict[str, np.ndarray]:
        """All shards' arrays joined, and for each person the `start` and `end` of the bytes in the own shard."""
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
        """Return what a record, with its `sample_idx`, gets from the pack.

        Returns:
            `img` (h, w, 3) uint8 RGB, not to be written to; `crop` and `crop_matrix`, see `pixel_matrix`; `ori_shape`
            (H, W) of the stored image.

        Raises:
            UserError: somebody else is at this place: the pack was made of other annotations.
            ImageError: the picture could not be read when the pack was made.
        """
        place = record['sample_idx']
        if place >= len(self) or self._index['keys'][place] != key_of(record):
            raise UserError(
                f'the pack in {self.folder} was made of other annotations: person {record["id"]} of '
                f'{record["img_path"]} is not at place {place}; pack again with this config'
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
            'crop_matrix': crop_matrix(crop, (width, height)),
            'ori_shape': (image_height, image_width),
        }


def crop_matrix(crop: np.ndarray, kept: tuple[int, int]) -> np.ndarray:
    """Return the (2, 3) matrix from px of the stored image to px of a crop (x1, y1, x2, y2) kept at (w, h) px.

    Pixels are areas here: shrinking maps the crop's corner to the corner, so a pixel's centre moves by half a pixel.
    """
    scale = np.array(kept) / (crop[2:] - crop[:2])
    shift = scale * (0.5 - crop[:2]) - 0.5
    return np.column_stack([np.diag(scale), shift])


def read_about(folder: Path) -> dict[str, Any]:
    """Return the content of a pack's `pack.json`; raise `UserError` where there is none."""
    try:
        about = json.loads((folder / ABOUT).read_text())
    except OSError:
        advice = f'make one: python tools/data/pack_crops.py CONFIG {folder}'
        raise UserError(f'there is no pack of crops in {folder}; {advice}') from None
    except ValueError as error:
        raise UserError(f'{folder / ABOUT} is no valid JSON: {error}') from error
    if about.get('version') != VERSION:
        raise UserError(f'the pack in {folder} was written by another version of hrpose; pack again')
    return about
