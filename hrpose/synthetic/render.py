"""From a scene to an image and its annotations.

Everything is drawn into layers with depth, and the nearest surface is kept. Masks, boxes, areas and visibility are read
from the drawing.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from hrpose.datasets.metainfo import resolve
from hrpose.synthetic.appearance import Light, sample_light
from hrpose.synthetic.background import sample_background
from hrpose.synthetic.camera import SUPERSAMPLING, Camera
from hrpose.synthetic.scene import Person, Scene
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

    `mask` (height, width) bool is the visible part; `keypoints` (17, 3) are x, y in image pixels and COCO's visibility:
    0 outside the image (x and y are then 0), 1 hidden, 2 visible.
    """

    mask: np.ndarray
    keypoints: np.ndarray


def render(scene: Scene, rng: np.random.Generator) -> tuple[np.ndarray, list[Seen]]:
    """Return the image (height, width, 3) uint8 BGR, and the people in it, nearest first.

    People of whom too little is visible (`LEAST_SEEN`, `LEAST_AREA`) are removed from the scene.
    """
    camera, light = scene.camera, sample_light(rng)
    things = [draw(thing, camera) for thing in scene.things]
    people = sorted(scene.people, key=lambda person: person.skeleton.points['pelvis'][2])
    layers = [draw(person.solids, camera) for person in people]
    kept, depth, owner = _visible_enough(layers, things, camera)
    people, layers = [people[i] for i in kept], [layers[i] for i in kept]

    farthest = max([p.skeleton.points['pelvis'][2] for p in people], default=4.0)
    background, ground = sample_background(camera, farthest + rng.uniform(0.8, 3.0), rng)
    solids = [solid for person in people for solid in person.solids]
    solids += [solid for thing in scene.things for solid in thing]
    background *= 1 - rng.uniform(0.25, 0.5) * _shadow(solids, camera, light, ground)[..., None]
    canvas = cv2.resize(background, (camera.width, camera.height), interpolation=cv2.INTER_LINEAR)
    for layer in [*layers, *things]:
        light.shade(layer)
        nearest = layer.mask & (layer.depth <= depth[layer.window])
        canvas[layer.window][nearest] = layer.colour[nearest]
    image = cv2.resize(canvas, camera.size, interpolation=cv2.INTER_AREA)
    shown = cv2.resize(owner, camera.size, interpolation=cv2.INTER_NEAREST)
    seen = [
        Seen(shown == index, _keypoints(person, index, depth, owner, camera)) for index, person in enumerate(people)
    ]
    return _develop(image, rng), [person for person in seen if person.mask.any()]


def _merge(layers: list[Layer], things: list[Layer], camera: Camera) -> tuple[np.ndarray, np.ndarray]:
    """Return over the canvas the nearest depth and its owner: an index, `THING` or `NOBODY`."""
    depth = np.full((camera.height, camera.width), np.inf, np.float32)
    owner = np.full(depth.shape, NOBODY, np.int16)
    for name, layer in [*enumerate(layers), *((THING, thing) for thing in things)]:
        nearer = layer.depth < depth[layer.window]
        depth[layer.window][nearer] = layer.depth[nearer]
        owner[layer.window][nearer] = name
    return depth, owner


def _visible_enough(
    layers: list[Layer], things: list[Layer], camera: Camera
) -> tuple[list[int], np.ndarray, np.ndarray]:
    """Return the indices of people of whom enough is visible, and the merged depth and owner of these.

    The most hidden person is removed first, which may uncover others.
    """
    kept = list(range(len(layers)))
    while True:
        depth, owner = _merge([layers[i] for i in kept], things, camera)
        visible = np.array([(owner == place).sum() for place in range(len(kept))])
        whole = np.array([max(layers[i].mask.sum(), 1) for i in kept])
        score = np.minimum(visible / whole / LEAST_SEEN, visible / (LEAST_AREA * SUPERSAMPLING**2))
        if not kept or score.min() >= 1:
            return kept, depth, owner
        kept.pop(int(score.argmin()))


def _keypoints(person: Person, index: int, depth: np.ndarray, owner: np.ndarray, camera: Camera) -> np.ndarray:
    """Return the keypoints (17, 3) of a person; visibility follows from the depth at the pixel of each joint."""
    size = person.skeleton.size
    keypoints = np.zeros((len(JOINTS), 3))
    for row, name in enumerate(JOINTS):
        joint = person.skeleton.points[name]
        x, y = camera.to_image(joint)
        if joint[2] <= 0 or not (0 <= x <= camera.size[0] - 1 and 0 <= y <= camera.size[1] - 1):
            continue
        u, v = np.rint(camera.to_canvas(joint)).astype(int)
        margin = DEPTHS[name] * size.stature * max(size.build, 1.0)
        other = owner[v, u] not in (index, NOBODY) and depth[v, u] < joint[2]
        hidden = other or depth[v, u] < joint[2] - margin
        keypoints[row] = x, y, 1 if hidden else 2
    return keypoints


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


def _develop(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return the uint8 image of a cheap camera: exposure, haze, blur and noise."""
    image = image * rng.uniform(0.8, 1.15) * (1 + rng.normal(0, 0.03, 3)).astype(np.float32)
    haze = rng.uniform(0, 0.12)
    image = haze * rng.uniform(0.4, 0.9) + (1 - haze) * image
    softness = rng.uniform(0, 0.65)
    if softness > 0.3:
        image = cv2.GaussianBlur(image, (0, 0), softness)
    noise = rng.standard_normal(image.shape, dtype=np.float32)
    image = np.clip(image, 0, 1) ** rng.uniform(0.8, 1.2) + rng.uniform(0.005, 0.025) * noise
    return (255 * np.clip(image, 0, 1) + 0.5).astype(np.uint8)
