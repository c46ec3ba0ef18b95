"""The solid that everything is made of, and its intersection with rays.

A `Solid` is a tapered limb with an elliptical cross-section and rounded ends; with equal end points it is an ellipsoid.
The ray of a pixel meets it at a root of a quadratic in depth, so depth, surface normal and texture are exact for every
pixel, and the nearest surface is the visible one.

Solids are in camera space: metres, x right, y down, z along the view. A `Layer` is a rectangle of the canvas; h, w are
its size in canvas pixels.
"""

import math
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from hrpose.synthetic.camera import Camera

SHORTEST = 1e-3  # metres; an ellipsoid is a limb of this length
NEAREST = 0.2  # metres; solids closer to the camera are not drawn


class Material(NamedTuple):
    """Colour and pattern of a surface. Colours are BGR in 0 to 1; `period` is in metres."""

    colour: tuple[float, float, float]
    pattern: str = 'plain'  # or 'hoops', 'stripes', 'checks', 'dots'
    second: tuple[float, float, float] = (0.0, 0.0, 0.0)
    period: float = 0.08


@dataclass(frozen=True)
class Solid:
    """A tapered limb from `start` to `end` (3,).

    `side` (3,) is the direction of the first half axis of the cross-section; `radii` are the half axes at the start:
    along `side`, across it, and lengthwise (the depth of the rounded ends). At the end they are multiplied by `taper`.
    """

    start: np.ndarray
    end: np.ndarray
    side: np.ndarray
    radii: tuple[float, float, float]
    material: Material
    taper: float = 1.0

    def seen_from(self, camera: Camera) -> 'Solid':
        """Return this solid, given in world space, in the space of `camera`."""
        return self.moved(camera.rotation, camera.from_world(np.zeros(3)))

    def moved(self, rotation: np.ndarray, shift: np.ndarray) -> 'Solid':
        """Return this solid turned by `rotation` (3, 3), then moved by `shift` (3,)."""
        start, end = rotation @ self.start + shift, rotation @ self.end + shift
        return replace(self, start=start, end=end, side=rotation @ self.side)


def ellipsoid(
    centre: np.ndarray,
    axis: np.ndarray,
    side: np.ndarray,
    radii: tuple[float, float, float],
    material: Material,
) -> Solid:
    """Return an ellipsoid about `centre`; `radii` are along `side`, across both, and along `axis`."""
    half = 0.5 * SHORTEST * axis / np.linalg.norm(axis)
    return Solid(centre - half, centre + half, side, radii, material)


class Layer:
    """A rectangle (x0, y0, x1, y1) of the canvas with the solids drawn there.

    `depth` (h, w) float32, metres, infinite where empty; `normal` and `colour` (h, w, 3) float32, the colour BGR in 0
    to 1, without light until `Light.shade`.
    """

    def __init__(self, x0: int, y0: int, x1: int, y1: int):
        self.x0, self.y0, self.x1, self.y1 = x0, y0, max(x0, x1), max(y0, y1)
        shape = (self.y1 - self.y0, self.x1 - self.x0)
        self.depth = np.full(shape, np.inf, np.float32)
        self.normal = np.zeros((*shape, 3), np.float32)
        self.colour = np.zeros((*shape, 3), np.float32)

    @property
    def window(self) -> tuple[slice, slice]:
        """The rows and columns of the canvas that this layer covers."""
        return slice(self.y0, self.y1), slice(self.x0, self.x1)

    @property
    def mask(self) -> np.ndarray:
        """(h, w) bool: where something is drawn."""
        return np.isfinite(self.depth)


def draw(solids: list[Solid], camera: Camera) -> Layer:
    """Return the smallest layer with the nearest surfaces of `solids` (camera space)."""
    boxes = [extent(solid, camera) for solid in solids]
    kept = [(solid, box) for solid, box in zip(solids, boxes, strict=True) if box is not None]
    if not kept:
        return Layer(0, 0, 0, 0)
    corners = np.array([box for _, box in kept])
    layer = Layer(*corners[:, :2].min(axis=0), *corners[:, 2:].max(axis=0))
    for solid, box in kept:
        _cast(solid, box, camera, layer)
    return layer


def extent(solid: Solid, camera: Camera) -> tuple[int, int, int, int] | None:
    """Return a canvas box (x0, y0, x1, y1) around `solid`, or None if it is out of view."""
    reach = max(solid.radii)
    balls = [(*solid.start.tolist(), reach), (*solid.end.tolist(), reach * solid.taper)]
    if min(z - radius for _, _, z, radius in balls) < NEAREST:
        return None
    middle = (camera.width - 1) / 2, (camera.height - 1) / 2
    x0 = min(camera.focal * _edge(x, z, -radius) for x, _, z, radius in balls) + middle[0]
    x1 = max(camera.focal * _edge(x, z, radius) for x, _, z, radius in balls) + middle[0]
    y0 = min(camera.focal * _edge(y, z, -radius) for _, y, z, radius in balls) + middle[1]
    y1 = max(camera.focal * _edge(y, z, radius) for _, y, z, radius in balls) + middle[1]
    low = max(math.floor(x0), 0), max(math.floor(y0), 0)
    high = min(math.ceil(x1) + 1, camera.width), min(math.ceil(y1) + 1, camera.height)
    return (*low, *high) if low[0] < high[0] and low[1] < high[1] else None


def _edge(x: float, z: float, radius: float) -> float:
    """Return the slope x / z of a ray tangent to the ball at (x, z), on the side of the sign of `radius`."""
    return (x * z + radius * math.sqrt(x * x + z * z - radius * radius)) / (z * z - radius * radius)


def _cast(solid: Solid, box: tuple[int, int, int, int], camera: Camera, layer: Layer) -> None:
    """Draw `solid` into `layer` where it is nearer than other solids."""
    x0, y0, x1, y1 = box
    window = np.s_[y0 - layer.y0 : y1 - layer.y0, x0 - layer.x0 : x1 - layer.x0]
    rays = camera.rays_x[None, x0:x1], camera.rays_y[y0:y1, None]
    length = float(np.linalg.norm(solid.end - solid.start))
    axes = _axes(solid)
    scales = np.array([solid.radii[0], solid.radii[1], length])
    depth, cap = _meet(rays, (axes / scales[:, None]).astype(np.float32), solid, length)
    rows, columns = np.nonzero(depth < layer.depth[window])
    if not rows.size:
        return
    hit = depth[rows, columns]
    points = np.stack([rays[0][0, columns] * hit, rays[1][rows, 0] * hit, hit], axis=1)
    local = (points - solid.start.astype(np.float32)) @ axes.T.astype(np.float32)
    layer.depth[window][rows, columns] = hit
    layer.normal[window][rows, columns] = _normals(local, cap[rows, columns], solid, length, axes)
    layer.colour[window][rows, columns] = _paint(local, solid.material)


def _axes(solid: Solid) -> np.ndarray:
    """Return the unit directions side, across and lengthwise as rows (3, 3)."""
    along = _unit(solid.end - solid.start)
    side = solid.side - (solid.side @ along) * along
    if side @ side < 1e-12:
        side = _cross(along, along[[1, 2, 0]] + 0.1)
    side = _unit(side)
    return np.stack([side, _cross(along, side), along])


def _unit(vector: np.ndarray) -> np.ndarray:
    return vector / math.sqrt(vector @ vector)


def _cross(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return the cross product of two vectors (3,), faster than NumPy's for any shape."""
    (a0, a1, a2), (b0, b1, b2) = a.tolist(), b.tolist()
    return np.array([a1 * b2 - a2 * b1, a2 * b0 - a0 * b2, a0 * b1 - a1 * b0])


def _meet(
    rays: tuple[np.ndarray, np.ndarray], axes: np.ndarray, solid: Solid, length: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return the depth (h, w) at which rays (x, y, 1) first meet the solid, and the part: 0 side, 1 start, 2 end.

    With u, v, t the coordinates of a point in units of `axes`, the side is u^2 + v^2 = (1 + k t)^2 for t in 0 to 1,
    k = taper - 1, and each end is the ellipsoid u^2 + v^2 + (g (t - t0))^2 = scale^2.
    """
    x, y = rays
    u, v, t = (x * a[0] + y * a[1] + a[2] for a in axes)
    u0, v0, t0 = (axes @ solid.start).astype(np.float32)
    k = np.float32(solid.taper - 1)
    g2 = np.float32((length / solid.radii[2]) ** 2)
    square, cross, rest = u * u + v * v, u * u0 + v * v0, u0 * u0 + v0 * v0

    edge = 1 - k * t0
    depth = _first_root(square - (k * k) * t * t, cross + (k * edge) * t, rest - edge * edge)
    missed = depth == np.inf
    depth[missed] = 0
    along = t * depth - t0
    depth[missed | (along < 0) | (along > 1)] = np.inf
    which = np.zeros(depth.shape, np.uint8)
    quadratic = square + g2 * t * t
    for name, centre, scale in ((1, t0, 1.0), (2, t0 + 1, solid.taper)):
        size = np.float32(scale * scale)
        end = _first_root(quadratic, cross + (g2 * centre) * t, rest + g2 * centre * centre - size)
        nearer = end < depth
        depth[nearer], which[nearer] = end[nearer], name
    return depth, which


def _first_root(a: np.ndarray, b: np.ndarray, c: np.ndarray) -> np.ndarray:
    """Return the smaller root of a s^2 - 2 b s + c (h, w), infinite where there is none."""
    inside = b * b - a * c
    real = (inside >= 0) & (a > 1e-9)
    root = np.full(inside.shape, np.inf, np.float32)
    root[real] = (b[real] - np.sqrt(inside[real])) / a[real]
    return root


def _normals(local: np.ndarray, cap: np.ndarray, solid: Solid, length: float, axes: np.ndarray) -> np.ndarray:
    """Return unit surface normals (n, 3) in camera space at points `local` (n, 3), metres along the axes."""
    k = (solid.taper - 1) / length
    lengthwise = -(1 + k * local[:, 2]) * k
    for name, centre in ((1, 0.0), (2, length)):
        here = cap == name
        lengthwise[here] = (local[here, 2] - centre) / solid.radii[2] ** 2
    gradient = np.stack([local[:, 0] / solid.radii[0] ** 2, local[:, 1] / solid.radii[1] ** 2, lengthwise], axis=1)
    normal = gradient @ axes.astype(np.float32)
    return normal / np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-9)


def _paint(local: np.ndarray, material: Material) -> np.ndarray:
    """Return the colour, (n, 3) or (3,), at points `local` (n, 3), metres along the axes."""
    if material.pattern == 'plain':
        return np.array(material.colour, np.float32)
    across, lengthwise = local[:, 0] / material.period, local[:, 2] / material.period
    hoops, stripes = lengthwise % 1 < 0.5, across % 1 < 0.5
    mixed = {
        'hoops': hoops,
        'stripes': stripes,
        'checks': hoops ^ stripes,
        'dots': (lengthwise % 1 - 0.5) ** 2 + (across % 1 - 0.5) ** 2 < 0.09,
    }[material.pattern]
    return np.where(mixed[:, None], np.array(material.second, np.float32), np.array(material.colour, np.float32))
