"""Contact sheets: many pictures on one."""

from collections.abc import Sequence

import cv2
import numpy as np

from hrpose.errors import UserError
from hrpose.visualization.draw import as_canvas
from hrpose.visualization.palette import DARK, Colour
from hrpose.visualization.text import fit_text, text_size, write_text


def contact_sheet(
    images: Sequence[np.ndarray],
    columns: int,
    *,
    cell: tuple[int, int] = (240, 240),
    captions: Sequence[str] | None = None,
    gap: int = 8,
    background: Colour = (255, 255, 255),
) -> np.ndarray:
    """Tile pictures of any sizes, row by row, each scaled to fit its cell and centred in it.

    Args:
        images: of (h, w, 3) or (h, w) uint8 RGB; at least one.
        columns: the most pictures in a row.
        cell: (w, h) of a picture's place, pixels.
        captions: a line under each picture; cut short where too long.
        gap: between cells and around them, pixels.
        background: RGB.

    Returns:
        (rows * (h + line + gap) + gap, columns * (w + gap) + gap, 3) uint8 RGB.

    Raises:
        UserError: no images, no columns, an empty cell, or another number of captions than of
            images.
    """
    if not images:
        raise UserError('A contact sheet needs at least one image.')
    if columns < 1 or min(cell) < 1:
        raise UserError(f'A contact sheet needs columns and cell above zero, got {columns}, {cell}.')
    if captions is not None and len(captions) != len(images):
        raise UserError(f'{len(captions)} captions for {len(images)} images.')
    columns = min(columns, len(images))
    size = int(np.clip(min(cell) / 14, 11, 40))
    line = 0 if captions is None else text_size('', size)[1] + 2
    width, height = cell
    rows = -(-len(images) // columns)
    shape = (rows * (height + line + gap) + gap, columns * (width + gap) + gap, 3)
    sheet = np.full(shape, background, np.uint8)
    ink = DARK if sum(background) > 3 * 127 else (240, 240, 240)
    for index, image in enumerate(images):
        row, column = divmod(index, columns)
        x, y = gap + column * (width + gap), gap + row * (height + line + gap)
        _place(sheet[y : y + height, x : x + width], as_canvas(image))
        if captions is not None:
            text = fit_text(captions[index], size, width)
            write_text(sheet, text, (x, y + height + 1), size=size, colour=ink)
    return sheet


def resize(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Scale an image to (w, h) pixels, by area where it shrinks, so that nothing flickers."""
    shrinks = size[0] < image.shape[1] or size[1] < image.shape[0]
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC)


def _place(place: np.ndarray, image: np.ndarray) -> None:
    """Write `image` into the middle of `place`, a view, as large as fits."""
    height, width = place.shape[:2]
    scale = min(width / image.shape[1], height / image.shape[0])
    new_width = int(np.clip(round(image.shape[1] * scale), 1, width))
    new_height = int(np.clip(round(image.shape[0] * scale), 1, height))
    x, y = (width - new_width) // 2, (height - new_height) // 2
    place[y : y + new_height, x : x + new_width] = resize(image, (new_width, new_height))
