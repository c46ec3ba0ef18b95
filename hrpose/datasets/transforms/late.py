"""Decoding late: a JPEG stays encoded until the warp knows which of its rows it reads.

What costs in a JPEG is the entropy code of its rows, one after the other. A baseline JPEG that is told to be less
high ends earlier; the rows that it does have are the same.
"""

import math
import struct
from dataclasses import dataclass
from typing import Any

import numpy as np
import simplejpeg

from hrpose.datasets.transforms.decode import decode_image, require_warpable, require_whole

# A decoder smooths colour over neighbouring rows, so the last two rows of a shortened picture are not final.
MARGIN = 4
FACTORS = (8, 4, 2)  # by which a decoder can leave out frequencies of each block of 8 x 8
# Start of frame of the two kinds that code rows in order, in Huffman's code (ITU-T T.81, table B.1).
_BASELINE, _EXTENDED, _SCAN = 0xC0, 0xC1, 0xDA


@dataclass(frozen=True)
class Header:
    """What a JPEG says of itself.

    Attributes:
        height: rows.
        width: columns.
        at: where in the file the height stands, two bytes, big-endian.
    """

    height: int
    width: int
    at: int


class EncodedImage:
    """A JPEG file's content with the shape of its picture; `np.asarray` gives all of it, (H, W, 3) uint8 RGB.

    Args:
        content: the file, whole.
        name: stands in the error if it turns out broken.
        header: of `content`.
        reduce: whether it may be decoded at a half, a quarter or an eighth.
    """

    def __init__(self, content: bytes, name: str, header: Header, *, reduce: bool = False) -> None:
        self.content = content
        self.name = name
        self.header = header
        self.reduce = reduce

    @property
    def shape(self) -> tuple[int, int, int]:
        """(H, W, 3)."""
        return self.header.height, self.header.width, 3

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.asarray(decode_image(self.content, self.name), dtype)

    def read(self, end: float, shrinks_by: float = 1.0) -> tuple[np.ndarray, int]:
        """Return the picture with at least its rows before `end`, and the factor by which it was reduced.

        Args:
            end: row of the picture, px.
            shrinks_by: stored px that become one px of what is shown.

        Returns:
            (h, w, 3) uint8 RGB, the same values as in the whole picture, and 1; with `reduce` and a large `shrinks_by`
            a picture 2, 4 or 8 times smaller, and that factor.

        Raises:
            ImageError: it cannot be decoded.
        """
        factor = next((each for each in FACTORS if self.reduce and shrinks_by >= each), 1)
        height, rows = self.header.height, max(1, math.ceil(min(end, self.header.height)))
        margin = MARGIN * factor
        content: bytes | bytearray = self.content
        is_shortened = rows + margin < height
        if is_shortened:
            content = bytearray(content)
            struct.pack_into('>H', content, self.header.at, rows + margin)
        stored = (rows + margin if is_shortened else height, self.header.width)
        least = [math.ceil(side / factor) for side in stored] if factor > 1 else (0, 0)
        try:
            image = simplejpeg.decode_jpeg(content, 'RGB', min_height=least[0], min_width=least[1], strict=False)
        except ValueError:
            return np.asarray(self), 1  # whatever is wrong with it is told as for any other picture
        return image[: math.ceil(rows / factor)] if is_shortened else image, factor


def encoded_image(content: bytes, name: str, *, reduce: bool = False) -> EncodedImage | None:
    """Return a file's content as a picture still to be decoded; None where it has to be decoded whole.

    Raises:
        ImageError: it lacks its end, or is larger than what can be warped.
    """
    header = read_header(content)
    if header is None:
        return None
    require_whole(content, name)
    require_warpable(header.height, header.width, name)
    return EncodedImage(content, name, header, reduce=reduce)


def read_header(content: bytes) -> Header | None:
    """Return the header of a JPEG whose rows are coded in order, all colours in one scan; None for anything else."""
    if content[:2] != b'\xff\xd8':
        return None
    at, header, colours = 2, None, 0
    while at + 10 <= len(content) and content[at] == 0xFF:
        kind, length = content[at + 1], int.from_bytes(content[at + 2 : at + 4])
        if kind == _SCAN:
            return header if content[at + 4] == colours else None
        if kind in (_BASELINE, _EXTENDED):
            precision, height, width, colours = struct.unpack_from('>BHHB', content, at + 4)
            if precision != 8 or not height or not width or colours not in (1, 3):
                return None
            header = Header(height, width, at + 5)
        at += 2 + length
    return None
