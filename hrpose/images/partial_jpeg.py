"""JPEGs that stay encoded until the warp knows which of their rows it reads.

Most of the time goes into the entropy code of the rows, one after the other. The decoder of a sequential JPEG whose
header is changed to a smaller height stops earlier; the rows that it decodes are the same.
"""

import math
import struct
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import simplejpeg

from hrpose.images.files import decode_image, require_warpable, require_whole

# A decoder smooths colour over neighbouring rows, so the last two rows of a shortened image are not final.
MARGIN = 4
FACTORS = (8, 4, 2)  # by which a decoder can reduce an image, leaving out frequencies of each 8 x 8 block
# Start of frame, baseline and extended sequential, and start of scan (ITU-T T.81, table B.1).
_SEQUENTIAL, _SCAN = (0xC0, 0xC1), 0xDA


class JpegHeader(NamedTuple):
    """The size of a JPEG in px."""

    height: int
    width: int
    height_offset: int  # where in the file the height is stored, as two big-endian bytes


@dataclass(frozen=True)
class EncodedImage:
    """A JPEG that is still encoded, with the shape of its image; `np.asarray` decodes it, (H, W, 3) uint8 RGB."""

    content: bytes  # the whole file
    name: str  # stands in the error message if the file is damaged
    header: JpegHeader
    reduce: bool = False  # allow decoding at a half, a quarter or an eighth of the size

    @property
    def shape(self) -> tuple[int, int, int]:
        """(H, W, 3)."""
        return self.header.height, self.header.width, 3

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.asarray(decode_image(self.content, self.name), dtype)

    def decode_rows(self, end: float, shrinks_by: float = 1.0) -> tuple[np.ndarray, int]:
        """Decode at least the rows before `end`.

        Args:
            end: row, px.
            shrinks_by: by how much the warp shrinks the image, in px of the image for one px of the input.

        Returns:
            The rows (h, w, 3) uint8 RGB, equal to those of the whole image, and 1; or, with `reduce` and where
            `shrinks_by` allows it, rows of an image 2, 4 or 8 times smaller, and that factor.

        Raises:
            ImageError: the file cannot be decoded.
        """
        factor = next((each for each in FACTORS if self.reduce and shrinks_by >= each), 1)
        height, rows = self.header.height, max(1, math.ceil(min(end, self.header.height)))
        margin = MARGIN * factor
        content: bytes | bytearray = self.content
        is_shortened = rows + margin < height
        if is_shortened:
            content = bytearray(content)
            struct.pack_into('>H', content, self.header.height_offset, rows + margin)
        stored = (rows + margin if is_shortened else height, self.header.width)
        least = [math.ceil(side / factor) for side in stored] if factor > 1 else (0, 0)
        try:
            image = simplejpeg.decode_jpeg(content, 'RGB', min_height=least[0], min_width=least[1], strict=False)
        except ValueError:
            return np.asarray(self), 1  # which raises the same error as for any other image
        return image[: math.ceil(rows / factor)] if is_shortened else image, factor


def encoded_image(content: bytes, name: str, *, reduce: bool = False) -> EncodedImage | None:
    """Return a sequential JPEG as an `EncodedImage`, None for a file that has to be decoded as a whole.

    Raises:
        ImageError: the file lacks its end, or the image is too large to be warped.
    """
    header = read_header(content)
    if header is None:
        return None
    require_whole(content, name)
    require_warpable(header.height, header.width, f'the image {name}')
    return EncodedImage(content, name, header, reduce=reduce)


def read_header(content: bytes) -> JpegHeader | None:
    """Return the header of a sequential JPEG with all colours in one scan; None for anything else."""
    if content[:2] != b'\xff\xd8':
        return None
    at, header, colours = 2, None, 0
    while at + 10 <= len(content) and content[at] == 0xFF:
        kind, length = content[at + 1], int.from_bytes(content[at + 2 : at + 4], 'big')
        if kind == _SCAN:
            return header if content[at + 4] == colours else None
        if kind in _SEQUENTIAL:
            precision, height, width, colours = struct.unpack_from('>BHHB', content, at + 4)
            if precision != 8 or not height or not width or colours not in (1, 3):
                return None
            header = JpegHeader(height, width, at + 5)
        at += 2 + length
    return None
