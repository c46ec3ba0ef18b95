"""From the box of an annotation or a detector to the region that the network sees.

A box is `(x1, y1, x2, y2)` in image px unless its name says `xywh`.
"""

import numpy as np

Array = np.ndarray

# The official release (`_xywh2cs`) enlarges each box by a quarter.
PUBLISHED_PADDING = 1.25


def pad_box(box: Array, *, aspect: float, padding: float = PUBLISHED_PADDING) -> tuple[Array, Array]:
    """Return the centre and the size of the region around `box` that has the input's aspect.

    The shorter side grows until width / height equals `aspect`; then both sides grow by `padding`.

    Args:
        box: (..., 4) xyxy in image px.
        aspect: width over height of the network's input.
        padding: factor on both sides; 1.25 as published.

    Returns:
        centre (..., 2) and size (..., 2), both (x, y) in image px, float64.
    """
    box = np.asarray(box, dtype=np.float64)
    low, high = box[..., :2], box[..., 2:]
    width, height = np.moveaxis(high - low, -1, 0)
    size = np.stack([np.maximum(width, height * aspect), np.maximum(height, width / aspect)], axis=-1)
    return (low + high) / 2, size * padding


def clip_box_to_last_pixel(box_xywh: Array, image_size: tuple[float, float]) -> Array:
    """Return an annotated box clipped to the image as the published COCO protocol does; detected boxes are not clipped.

    The far corner is `x + w - 1`, at most the image's last pixel. So a box inside the image also gets one pixel shorter
    on each axis.

    Args:
        box_xywh: (..., 4) in image px.
        image_size: (w, h) of the image in px.

    Returns:
        (..., 4) xyxy in image px, float64. A box outside the image has `x2 < x1` or `y2 < y1`.
    """
    box = np.asarray(box_xywh, dtype=np.float64)
    low = np.maximum(box[..., :2], 0)
    high = low + np.maximum(box[..., 2:] - 1, 0)
    last_pixel = np.asarray(image_size, dtype=np.float64) - 1
    return np.concatenate([low, np.minimum(high, last_pixel)], axis=-1)
