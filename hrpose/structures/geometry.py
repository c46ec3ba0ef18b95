"""From the box of an annotation or a detector to the region that the network sees, and the affine map between the two.

A box is `(x1, y1, x2, y2)` in image px unless its name says `xywh`. Both frames, image px and input px, have (0, 0) at
the centre of the first pixel. As published, the scale comes from the region's width alone (its aspect is already the
input's), and the region's centre maps to half the input's size. Where corners are aligned, as in UDP, the region's
corners map to the centres of the input's corner pixels instead.
"""

import numpy as np

Array = np.ndarray

# The official release (`_xywh2cs`) enlarges each box by a quarter.
PUBLISHED_PADDING = 1.25

# Coordinates beyond this many px are mistakes: float32 has no half pixels there, and no image is a thousandth as long.
MAX_COORDINATE = 2.0**24


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


def image_to_input_matrix(
    center: Array, size: Array, rotation: float, input_size: tuple[int, int], *, align_corners: bool = False
) -> Array:
    """Return the (2, 3) matrix, float64, that maps image px to input px.

    Args:
        center: (2,) centre of the region, image px.
        size: (2,) width and height of the region, image px, with the input's aspect.
        rotation: degrees; positive turns the region clockwise on the screen, its content counter-clockwise.
        input_size: (w, h) of the network's input, px.
        align_corners: map the region's corners to the centres of the input's corner pixels, so that w - 1 and h - 1 px
            span it.
    """
    # As published, one scale for both axes; with aligned corners the two differ a little.
    last = np.asarray(input_size, dtype=np.float64) - align_corners
    scale_x, scale_y = last / np.asarray(size, dtype=np.float64) if align_corners else (last[0] / float(size[0]),) * 2
    angle = np.deg2rad(rotation)
    cosine, sine = np.cos(angle), np.sin(angle)
    linear = np.array([[scale_x * cosine, scale_x * sine], [-(scale_y * sine), scale_y * cosine]])
    shift = last / 2 - linear @ np.asarray(center, dtype=np.float64)
    return np.column_stack([linear, shift])


def mirror_matrix(width: int) -> Array:
    """Return the (2, 3) matrix that mirrors an image `width` px wide: x -> width - 1 - x."""
    return np.array([[-1.0, 0.0, width - 1.0], [0.0, 1.0, 0.0]])


def resize_matrix(scale: Array, corner: Array | tuple[int, int] = (0, 0)) -> Array:
    """Return the (2, 3) matrix from px of an image to px of its part from `corner` on, resized by `scale`.

    Pixels are areas here: resizing maps outer corner to outer corner, so the centre of the first pixel moves.

    Args:
        scale: (2,) factors on x and y.
        corner: (x, y) of the first pixel of the part, image px.
    """
    return np.column_stack([np.diag(scale), scale * (0.5 - np.asarray(corner)) - 0.5])


def compose_affine(outer: Array, inner: Array) -> Array:
    """Return the (2, 3) matrix that applies `inner` (2, 3) first, then `outer` (2, 3)."""
    linear = outer[:, :2] @ inner[:, :2]
    return np.column_stack([linear, outer[:, :2] @ inner[:, 2] + outer[:, 2]])


def invert_affine(matrix: Array) -> Array:
    """Return the (2, 3) inverse of a (2, 3) affine matrix."""
    linear = np.linalg.inv(matrix[:, :2])
    return np.column_stack([linear, -linear @ matrix[:, 2]])


def apply_affine(points: Array, matrix: Array) -> Array:
    """Return points (..., 2) mapped by `matrix` (2, 3), float64."""
    return np.asarray(points, dtype=np.float64) @ matrix[:, :2].T + matrix[:, 2]


def input_to_image(points: Array, centers: Array, sizes: Array, input_size: tuple[int, int]) -> Array:
    """Return keypoints (B, K, 2) of B people in image px, float64, for regions without rotation.

    Args:
        points: (B, K, 2) input px as a codec decodes them: (0, 0) and `input_size` are corners of the region.
        centers: (B, 2) of the regions, image px.
        sizes: (B, 2) of the regions, image px.
        input_size: (w, h) of the input, px.
    """
    half = np.asarray(input_size, dtype=np.float64) / 2
    scale = np.asarray(sizes, dtype=np.float64)[:, None, :1] / input_size[0]
    return (np.asarray(points, dtype=np.float64) - half) * scale + np.asarray(centers)[:, None]
