"""Anti-aliased text on RGB images, in a font that an installed package provides."""

from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont

Colour = tuple[int, int, int]  # RGB

DARK: Colour = (28, 28, 28)


def text_size(text: str, size: int) -> tuple[int, int]:
    """Return the width of `text` and the height of its line, px, at a font of `size` px."""
    ascent, descent = _font(size).getmetrics()
    return int(np.ceil(_font(size).getlength(text))), ascent + descent


def fit_text(text: str, size: int, width: int) -> str:
    """Return `text`, cut short with an ellipsis if it is wider than `width` px."""
    if text_size(text, size)[0] <= width:
        return text
    while text and text_size(text + '…', size)[0] > width:
        text = text[:-1]
    return text.rstrip() + '…' if text else ''


def write_text(canvas: np.ndarray, text: str, corner: tuple[int, int], *, size: int, colour: Colour = DARK) -> None:
    """Write one line onto `canvas`, in place; what falls outside is cut.

    Args:
        canvas: (H, W, 3) uint8 RGB; changed.
        text: one line.
        corner: (x, y) of the line's top left, image px.
        size: of the font, px.
        colour: RGB.
    """
    width, height = text_size(text, size)
    x, y = corner
    left, top = max(x, 0), max(y, 0)
    right, bottom = min(x + width, canvas.shape[1]), min(y + height, canvas.shape[0])
    if right <= left or bottom <= top:
        return
    ink = Image.new('L', (width, height))
    ImageDraw.Draw(ink).text((0, 0), text, fill=255, font=_font(size))
    mask = np.asarray(ink)[top - y : bottom - y, left - x : right - x]
    blend(canvas[top:bottom, left:right], mask, colour, 1.0)


def blend(region: np.ndarray, mask: np.ndarray, colour: Colour, opacity: float) -> None:
    """Blend `colour` into `region` (h, w, 3) uint8, in place, by `mask` (h, w) uint8 times `opacity`."""
    weight = mask[..., None].astype(np.float32) * (opacity / 255)
    mixed = region + (np.asarray(colour, np.float32) - region) * weight
    region[...] = np.rint(mixed).astype(np.uint8)


@lru_cache(maxsize=32)
def _font(size: int) -> Any:
    """Return Matplotlib's DejaVu Sans, or else Pillow's own font, which has no accents."""
    size = max(int(size), 6)
    package = find_spec('matplotlib')  # finding it takes no time, importing it does
    if package is not None and package.origin:
        path = Path(package.origin).parent / 'mpl-data/fonts/ttf/DejaVuSans.ttf'
        if path.is_file():
            return ImageFont.truetype(str(path), size)
    return ImageFont.load_default(size)
