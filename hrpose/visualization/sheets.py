"""Images made of several: contact sheets, two side by side, and crops to fill their cells."""

from collections.abc import Sequence

import cv2
import numpy as np

from hrpose.errors import UserError
from hrpose.structures import resize_matrix
from hrpose.visualization.draw import as_canvas, fit_text, font_size, text_size, write_text

OUTSIDE = (64, 64, 64)


def contact_sheet(
    images: Sequence[np.ndarray],
    columns: int,
    *,
    cell: tuple[int, int] = (240, 240),
    captions: Sequence[str] | None = None,
    gap: int = 8,
) -> np.ndarray:
    """Tile images of any sizes on white, row by row, each scaled to fit its cell and centred in it.

    Args:
        images: at least one of (h, w, 3) or (h, w) uint8 RGB.
        columns: the most images in a row.
        cell: (w, h) px of an image's place.
        captions: a line under each image, cut short if too long.
        gap: between cells and around them, px.

    Returns:
        (rows * (h + line + gap) + gap, columns * (w + gap) + gap, 3) uint8 RGB.

    Raises:
        UserError: there are no images, no columns, an empty cell, or not as many captions as images.
    """
    if not images:
        raise UserError('a contact sheet needs at least one image')
    if columns < 1 or min(cell) < 1:
        raise UserError(f'a contact sheet needs columns and a cell above zero, not {columns} and {cell}')
    if captions is not None and len(captions) != len(images):
        raise UserError(f'{len(images)} images need as many captions, not {len(captions)}')
    columns = min(columns, len(images))
    size = int(np.clip(min(cell) / 14, 11, 40))
    line = 0 if captions is None else text_size('', size)[1] + 2
    width, height = cell
    rows = -(-len(images) // columns)
    shape = (rows * (height + line + gap) + gap, columns * (width + gap) + gap, 3)
    sheet = np.full(shape, 255, np.uint8)
    for index, image in enumerate(images):
        row, column = divmod(index, columns)
        x, y = gap + column * (width + gap), gap + row * (height + line + gap)
        _place(sheet[y : y + height, x : x + width], as_canvas(image))
        if captions is not None:
            write_text(sheet, fit_text(captions[index], size, width), (x, y + height + 1), size=size)
    return sheet


def side_by_side(
    truth: np.ndarray,
    prediction: np.ndarray,
    *,
    captions: tuple[str, str] = ('ground truth', 'prediction'),
) -> np.ndarray:
    """Put two images of any sizes beside one another on white, each under its caption.

    Args:
        truth: (H, W, 3) uint8 RGB, on the left.
        prediction: (H', W', 3) uint8 RGB, on the right.
        captions: of the two.

    Returns:
        (max(H, H') + a line, W + W' + a gap, 3) uint8 RGB.
    """
    images = [as_canvas(truth), as_canvas(prediction)]
    size = font_size(images[0])
    band = text_size('', size)[1] + size // 2
    gap = max(2, size // 3)
    total_width = sum(image.shape[1] for image in images) + gap
    sheet = np.full((max(i.shape[0] for i in images) + band, total_width, 3), 255, np.uint8)
    left = 0
    for image, caption in zip(images, captions, strict=True):
        height, width = image.shape[:2]
        text = fit_text(caption, size, width - size // 2)
        write_text(sheet, text, (left + size // 4, size // 4), size=size)
        sheet[band : band + height, left : left + width] = image
        left += width + gap
    return sheet


def resize(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Scale an image to (w, h) px, averaging areas where it shrinks, which avoids aliasing."""
    shrinks = size[0] < image.shape[1] or size[1] < image.shape[0]
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC)


def crop_around(
    image: np.ndarray, box: np.ndarray, size: tuple[int, int], *, padding: float = 1.0
) -> tuple[np.ndarray, np.ndarray]:
    """Crop a box, widened to the aspect of `size`, and scale it to that size.

    A view that would leave the image is moved inside; what remains outside is grey.

    Args:
        image: (H, W, 3) uint8 RGB.
        box: (4,) xyxy, image px.
        size: (w, h) of the tile, px.
        padding: factor on the box.

    Returns:
        The tile (h, w, 3), and the (2, 3) matrix from image px to tile px.
    """
    box, bound = np.asarray(box, dtype=np.float64), np.array([image.shape[1], image.shape[0]])
    extent = np.maximum(box[2:] - box[:2], 1) * padding
    scale = min(size[0] / extent[0], size[1] / extent[1])
    view = np.maximum(np.rint(np.asarray(size) / scale), 1).astype(int)
    low = np.rint((box[:2] + box[2:]) / 2 - view / 2).astype(int)
    # Moved inside; centred if the view is larger than the image.
    low = np.where(view <= bound, np.clip(low, 0, np.maximum(bound - view, 0)), (bound - view) // 2)
    (left, top), (right, bottom) = np.maximum(-low, 0).tolist(), np.maximum(low + view - bound, 0).tolist()
    start, stop = np.maximum(low, 0), np.minimum(low + view, bound)
    inside = image[start[1] : stop[1], start[0] : stop[0]]
    shown = cv2.copyMakeBorder(inside, top, bottom, left, right, cv2.BORDER_CONSTANT, value=OUTSIDE)
    return resize(shown, size), resize_matrix(np.asarray(size) / view, low)


def _place(place: np.ndarray, image: np.ndarray) -> None:
    """Write `image` into the middle of `place`, a view, as large as fits."""
    height, width = place.shape[:2]
    scale = min(width / image.shape[1], height / image.shape[0])
    new_width = int(np.clip(round(image.shape[1] * scale), 1, width))
    new_height = int(np.clip(round(image.shape[0] * scale), 1, height))
    x, y = (width - new_width) // 2, (height - new_height) // 2
    place[y : y + new_height, x : x + new_width] = resize(image, (new_width, new_height))
