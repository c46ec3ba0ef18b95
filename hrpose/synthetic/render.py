"""From a scene to an image and its annotations.

Everything is drawn into layers with depth, and the nearest surface is kept. Masks, boxes, areas and visibility are read
from the drawing.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import cv2
import numpy as np

from hrpose.datasets.metainfo import resolve
from hrpose.synthetic.appearance import Light, sample_light
from hrpose.synthetic.background import sample_background
from hrpose.synthetic.camera import SUPERSAMPLING, Camera
from hrpose.synthetic.scene import Scene
from hrpose.synthetic.shapes import Layer, Solid, draw

NOBODY, THING = -1, -2
JOINTS: tuple[str, ...] = resolve('coco')['keypoint_names']
LEAST_SEEN = 0.5  # share of the area that would be visible with nothing in front
LEAST_AREA = 400  # image pixels

# The most, as a share of stature, that the surface of a body lies in front of a visible joint. Anything nearer hides
# the joint: another person, a thing, or the body itself.
_DEPTH = {'nose': 0.022, 'eye': 0.022, 'ear': 0.026, 'shoulder': 0.062, 'elbow': 0.045, 'wrist': 0.036}
_DEPTH |= {'hip': 0.1, 'knee': 0.056, 'ankle': 0.055}
DEPTHS = {name: _DEPTH[name.rsplit('_', 1)[-1]] for name in JOINTS}


@dataclass(frozen=True)
class Seen:
    """One person as visible in the image.

    `mask` (height, width) bool is the visible part, and `share` how much it is of what nothing in front would leave
    visible. `keypoints` (K, 3) are x, y in image pixels and COCO's visibility: 0 outside the image (x and y are then
    0), 1 hidden, 2 visible. `covered` (K,) bool are the joints that somebody or something else hides.
    """

    mask: np.ndarray
    share: float
    keypoints: np.ndarray
    covered: np.ndarray


@dataclass(frozen=True)
class Drawing:
    """A scene drawn in layers, one a person and one a thing.

    Over the canvas, `depth` is that of the nearest surface, and `owner` whose it is: the index of a person, `THING` or
    `NOBODY`.
    """

    scene: Scene
    layers: list[Layer]
    things: list[Layer]
    depth: np.ndarray
    owner: np.ndarray

    @classmethod
    def of(cls, scene: Scene) -> 'Drawing':
        """Draw a scene."""
        layers = [draw(person.solids, scene.camera) for person in scene.people]
        things = [draw(thing, scene.camera) for thing in scene.things]
        return cls(scene, layers, things, *_merge(layers, things, scene.camera))

    def visible_enough(self) -> 'Drawing':
        """Return the drawing without people of whom less than `LEAST_SEEN` or `LEAST_AREA` is visible.

        The most hidden person is removed first, which may uncover others.
        """
        people, layers, depth, owner = self.scene.people, self.layers, self.depth, self.owner
        while people:
            visible, whole = _areas(layers, owner)
            score = np.minimum(visible / whole / LEAST_SEEN, visible / (LEAST_AREA * SUPERSAMPLING**2))
            if score.min() >= 1:
                break
            kept = np.delete(np.arange(len(people)), int(score.argmin())).tolist()
            people, layers = [people[i] for i in kept], [layers[i] for i in kept]
            depth, owner = _merge(layers, self.things, self.scene.camera)
        return replace(self, scene=replace(self.scene, people=people), layers=layers, depth=depth, owner=owner)

    def paint(self, background: np.ndarray, ground: np.ndarray, light: Light, darkness: float) -> np.ndarray:
        """Return the image (height, width, 3) float32 BGR.

        Args:
            background: (height, width, 3) float32 BGR in 0 to 1.
            ground: (height, width) bool, where it shows the ground.
            light: of the scene.
            darkness: of the shadows on the ground, 0 to 1.
        """
        camera = self.scene.camera
        solids = [solid for person in self.scene.people for solid in person.solids]
        solids += [solid for thing in self.scene.things for solid in thing]
        background = background * (1 - darkness * _shadow(solids, camera, light, ground)[..., None])
        canvas = cv2.resize(background, (camera.width, camera.height), interpolation=cv2.INTER_LINEAR)
        for layer in [*self.layers, *self.things]:
            light.shade(layer)
            nearest = layer.mask & (layer.depth <= self.depth[layer.window])
            canvas[layer.window][nearest] = layer.colour[nearest]
        return cv2.resize(canvas, camera.size, interpolation=cv2.INTER_AREA)

    def seen(self, depths: Mapping[str, float]) -> list[Seen]:
        """Return what is seen of each person; `depths` names the joints, see `DEPTHS`."""
        shown = cv2.resize(self.owner, self.scene.camera.size, interpolation=cv2.INTER_NEAREST)
        shares = np.divide(*_areas(self.layers, self.owner))
        return [
            Seen(shown == index, share, *self._keypoints(index, depths)) for index, share in enumerate(shares.tolist())
        ]

    def _keypoints(self, index: int, depths: Mapping[str, float]) -> tuple[np.ndarray, np.ndarray]:
        """Return a person's `keypoints` and `covered`; visibility follows from the depth at the pixel of each joint."""
        camera, skeleton = self.scene.camera, self.scene.people[index].skeleton
        keypoints, covered = np.zeros((len(depths), 3)), np.zeros(len(depths), dtype=bool)
        for row, (name, depth) in enumerate(depths.items()):
            joint = skeleton.points[name]
            x, y = camera.to_image(joint)
            if joint[2] <= 0 or not (0 <= x <= camera.size[0] - 1 and 0 <= y <= camera.size[1] - 1):
                continue
            u, v = np.rint(camera.to_canvas(joint)).astype(int)
            margin = depth * skeleton.size.stature * max(skeleton.size.build, 1.0)
            nearest = self.depth[v, u]
            covered[row] = self.owner[v, u] not in (index, NOBODY) and nearest < joint[2]
            keypoints[row] = x, y, 1 if covered[row] or nearest < joint[2] - margin else 2
        return keypoints, covered


def render(scene: Scene, rng: np.random.Generator) -> tuple[np.ndarray, list[Seen]]:
    """Return the image (height, width, 3) uint8 BGR, and the people in it, nearest first.

    People of whom too little is visible are removed from the scene, see `Drawing.visible_enough`.
    """
    light = sample_light(rng)
    people = sorted(scene.people, key=lambda person: person.skeleton.points['pelvis'][2])
    drawing = Drawing.of(replace(scene, people=people)).visible_enough()
    farthest = max([person.skeleton.points['pelvis'][2] for person in drawing.scene.people], default=4.0)
    background, ground = sample_background(scene.camera, farthest + rng.uniform(0.8, 3.0), rng)
    image = drawing.paint(background, ground, light, rng.uniform(0.25, 0.5))
    return develop(image, rng), [person for person in drawing.seen(DEPTHS) if person.mask.any()]


def _merge(layers: list[Layer], things: list[Layer], camera: Camera) -> tuple[np.ndarray, np.ndarray]:
    """Return over the canvas the nearest depth and its owner: an index, `THING` or `NOBODY`."""
    depth = np.full((camera.height, camera.width), np.inf, np.float32)
    owner = np.full(depth.shape, NOBODY, np.int16)
    for name, layer in [*enumerate(layers), *((THING, thing) for thing in things)]:
        nearer = layer.depth < depth[layer.window]
        depth[layer.window][nearer] = layer.depth[nearer]
        owner[layer.window][nearer] = name
    return depth, owner


def _areas(layers: list[Layer], owner: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the visible canvas pixels of each person, and those with nothing in front, at least 1: (N,) each."""
    visible = np.array([(owner == index).sum() for index in range(len(layers))], dtype=np.int64)
    return visible, np.array([max(layer.mask.sum(), 1) for layer in layers], dtype=np.int64)


def _shadow(solids: list[Solid], camera: Camera, light: Light, ground: np.ndarray) -> np.ndarray:
    """Return the shadow of `solids` (camera space) on the ground, (height, width) float32 in 0 to 1."""
    shadow = np.zeros(ground.shape, np.float32)
    up = camera.rotation @ [0.0, 1.0, 0.0]
    foot = camera.from_world(np.zeros(3))
    slope = max(float(light.direction @ up), 0.2)
    for solid in solids:
        ends = np.stack([solid.start, solid.end])
        cast = ends - ((ends - foot) @ up / slope)[:, None] * light.direction
        if cast[:, 2].min() < 0.3:
            continue
        radii = np.array([1, solid.taper]) * np.mean(solid.radii[:2]) * camera.zoom / cast[:, 2]
        points = camera.to_image(cast)
        if np.abs(points).max() > 4 * max(camera.size):
            continue
        spots = [
            cv2.ellipse2Poly((int(x), int(y)), (int(r) + 1, int(0.45 * r) + 1), 0, 0, 360, 40)
            for (x, y), r in zip(np.rint(points), radii, strict=True)
        ]
        cv2.fillConvexPoly(shadow, cv2.convexHull(np.concatenate(spots)), 1.0)
    return cv2.GaussianBlur(shadow, (0, 0), 2.0) * ground


def develop(image: np.ndarray, rng: np.random.Generator, grain: np.random.Generator | None = None) -> np.ndarray:
    """Return the uint8 image of a cheap camera: exposure, haze, blur and noise.

    Args:
        image: (height, width, 3) float32 BGR.
        rng: source of the camera's properties.
        grain: source of the noise, so that frames of one camera differ in noise only; `rng` by default.
    """
    image = image * rng.uniform(0.8, 1.15) * (1 + rng.normal(0, 0.03, 3)).astype(np.float32)
    haze = rng.uniform(0, 0.12)
    image = haze * rng.uniform(0.4, 0.9) + (1 - haze) * image
    softness = rng.uniform(0, 0.65)
    if softness > 0.3:
        image = cv2.GaussianBlur(image, (0, 0), softness)
    noise = (grain or rng).standard_normal(image.shape, dtype=np.float32)
    image = np.clip(image, 0, 1) ** rng.uniform(0.8, 1.2) + rng.uniform(0.005, 0.025) * noise
    return (255 * np.clip(image, 0, 1) + 0.5).astype(np.uint8)
