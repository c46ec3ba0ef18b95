"""The pinhole camera, and the rotations that poses are made of.

World space: metres, x to the right of the image, y up, z towards the camera; the ground is y = 0, and the camera stands
above the origin. Camera space: x right, y down, z along the view. Canvas: the image drawn at `SUPERSAMPLING` times its
size (an integer, as image sizes are even). In image and canvas, integer coordinates are pixel centres.
"""

import math
from dataclasses import dataclass
from functools import cached_property, partial

import numpy as np

SUPERSAMPLING = 1.5


def _turn(axis: int, degrees: float) -> np.ndarray:
    """Return the rotation (3, 3) by `degrees` about an axis: 0 is x, 1 is y, 2 is z."""
    a, b = (axis + 1) % 3, (axis + 2) % 3
    matrix = np.eye(3)
    matrix[a, a] = matrix[b, b] = math.cos(math.radians(degrees))
    matrix[b, a] = math.sin(math.radians(degrees))
    matrix[a, b] = -matrix[b, a]
    return matrix


turn_x, turn_y, turn_z = (partial(_turn, axis) for axis in range(3))


@dataclass(frozen=True)
class Camera:
    """A camera `lift` metres above the ground, tilted down by `pitch`, rolled by `roll`, turned right by `yaw` degrees.

    `size` is the (width, height) of the image, `zoom` the focal length in image pixels.
    """

    size: tuple[int, int]
    zoom: float
    lift: float
    pitch: float
    roll: float
    yaw: float = 0.0

    @property
    def width(self) -> int:
        """Columns of the canvas."""
        return round(self.size[0] * SUPERSAMPLING)

    @property
    def height(self) -> int:
        """Rows of the canvas."""
        return round(self.size[1] * SUPERSAMPLING)

    @property
    def focal(self) -> float:
        """Focal length in canvas pixels."""
        return self.zoom * SUPERSAMPLING

    @cached_property
    def rotation(self) -> np.ndarray:
        """(3, 3): world directions to camera directions."""
        facing = np.array([[1.0, 0, 0], [0, -1, 0], [0, 0, -1]])
        return turn_z(self.roll) @ facing @ turn_x(self.pitch) @ turn_y(self.yaw)

    @cached_property
    def rays_x(self) -> np.ndarray:
        """(width,) float32: x of the ray (x, y, 1) through each canvas column."""
        return ((np.arange(self.width) - (self.width - 1) / 2) / self.focal).astype(np.float32)

    @cached_property
    def rays_y(self) -> np.ndarray:
        """(height,) float32: y of the ray (x, y, 1) through each canvas row."""
        return ((np.arange(self.height) - (self.height - 1) / 2) / self.focal).astype(np.float32)

    def from_world(self, points: np.ndarray) -> np.ndarray:
        """Return world `points` (..., 3) in camera space."""
        return (points - np.array([0.0, self.lift, 0.0])) @ self.rotation.T

    def to_canvas(self, points: np.ndarray) -> np.ndarray:
        """Return the canvas pixels (..., 2) of camera-space `points` (..., 3)."""
        centre = np.array([(self.width - 1) / 2, (self.height - 1) / 2])
        return self.focal * points[..., :2] / points[..., 2:] + centre

    def to_image(self, points: np.ndarray) -> np.ndarray:
        """Return the image pixels (..., 2) of camera-space `points` (..., 3)."""
        return (self.to_canvas(points) + 0.5) / SUPERSAMPLING - 0.5
