"""The affine map between image px and input px.

Both frames have (0, 0) at the centre of the first pixel. As published, the scale comes from the box's width alone (its
aspect is already the input's), and the box's centre maps to half the input's size.
"""

import numpy as np

Array = np.ndarray


def image_to_input_matrix(center: Array, size: Array, rotation: float, input_size: tuple[int, int]) -> Array:
    """Return the (2, 3) matrix, float64, that maps image px to input px.

    Args:
        center: (2,) centre of the region, image px.
        size: (2,) width and height of the region, image px, with the input's aspect.
        rotation: degrees; positive turns the region clockwise on the screen, its content counter-clockwise.
        input_size: (w, h) of the network's input, px.
    """
    scale = input_size[0] / float(size[0])
    angle = np.deg2rad(rotation)
    cosine, sine = scale * np.cos(angle), scale * np.sin(angle)
    linear = np.array([[cosine, sine], [-sine, cosine]])
    shift = np.asarray(input_size, dtype=np.float64) / 2 - linear @ np.asarray(center, dtype=np.float64)
    return np.column_stack([linear, shift])


def mirror_matrix(width: int) -> Array:
    """Return the (2, 3) matrix that mirrors an image `width` px wide: x -> width - 1 - x."""
    return np.array([[-1.0, 0.0, width - 1.0], [0.0, 1.0, 0.0]])


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
        points: (B, K, 2) input px.
        centers: (B, 2) of the regions, image px.
        sizes: (B, 2) of the regions, image px.
        input_size: (w, h) of the input, px.
    """
    half = np.asarray(input_size, dtype=np.float64) / 2
    scale = np.asarray(sizes, dtype=np.float64)[:, None, :1] / input_size[0]
    return (np.asarray(points, dtype=np.float64) - half) * scale + np.asarray(centers)[:, None]
