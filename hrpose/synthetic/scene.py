"""A scene: the camera, one to five people, things that hide them, and things that resemble them."""

from dataclasses import dataclass

import numpy as np

from hrpose.synthetic.appearance import SKINS, dress, sample_cloth, sample_colour, sample_outfit
from hrpose.synthetic.body import Skeleton, sample_skeleton
from hrpose.synthetic.camera import Camera, turn_y
from hrpose.synthetic.shapes import Material, Solid, ellipsoid

UP = np.array([0.0, 1.0, 0.0])
PEOPLE_PROBABILITIES = (0.28, 0.3, 0.22, 0.12, 0.08)  # of one to five people
ROOM = 0.6  # metres between two people
ATTEMPTS = 20


@dataclass(frozen=True)
class Person:
    """A dressed body in camera space."""

    skeleton: Skeleton
    solids: list[Solid]


@dataclass(frozen=True)
class Scene:
    """The content of an image. People and `things` (each a list of solids) are in camera space."""

    camera: Camera
    people: list[Person]
    things: list[list[Solid]]


def sample_scene(size: tuple[int, int], rng: np.random.Generator) -> Scene:
    """Return a scene for an image of `size` (width, height)."""
    count = int(rng.choice(len(PEOPLE_PROBABILITIES), p=PEOPLE_PROBABILITIES)) + 1
    zoom = size[1] * rng.uniform(1.1, 2.2)
    tallness = min(size[1], 270) * rng.uniform(0.56, 0.93)  # height of a standing adult in the image
    distance = zoom * 1.7 / tallness
    camera = sample_camera(size, zoom, distance, rng)
    spots = _sample_spots(camera, distance, count, rng)
    people, things = [], []
    for spot in spots:
        skeleton = sample_skeleton(rng).moved(turn_y(_sample_heading(rng)), spot)
        solids = [solid.seen_from(camera) for solid in dress(skeleton, sample_outfit(skeleton, rng))]
        people.append(Person(skeleton.moved(camera.rotation, camera.from_world(np.zeros(3))), solids))
        if skeleton.legs == 'sitting':
            things.append(_stool(skeleton, rng))
    things += sample_things(camera, spots, distance, rng)
    return Scene(camera, people, [[solid.seen_from(camera) for solid in thing] for thing in things])


def sample_camera(size: tuple[int, int], zoom: float, distance: float, rng: np.random.Generator) -> Camera:
    """Return a camera between knee height and above the head, aimed at the middle of a person."""
    lift = float(np.clip(rng.normal(1.45, 0.55), 0.4, 3.0))
    aim = rng.normal(0.88, 0.12)
    return Camera(
        size=size,
        zoom=float(zoom),
        lift=lift,
        pitch=float(np.degrees(np.arctan2(lift - aim, distance))),
        roll=float(rng.normal(0, 3)),
    )


def _sample_spots(camera: Camera, distance: float, count: int, rng: np.random.Generator) -> list[np.ndarray]:
    """Return up to `count` places (3,) on the ground in view, close but not on top of each other."""
    spots: list[np.ndarray] = []
    for _ in range(count * ATTEMPTS):
        far = distance * (rng.uniform(0.92, 1.08) if not spots else rng.uniform(0.88, 1.45))
        half = 0.5 * camera.size[0] / camera.zoom
        spot = np.array([far * rng.uniform(-0.95, 0.95) * half, 0.0, -far])
        if all(np.linalg.norm(spot - other) > ROOM for other in spots):
            spots.append(spot)
        if len(spots) == count:
            break
    return spots


def _sample_heading(rng: np.random.Generator) -> float:
    """Return the direction that a person faces in degrees: 0 to the camera, 180 away from it."""
    around = rng.random()
    if around < 0.54:
        return float(rng.normal(0, 35))
    if around < 0.76:
        return float(rng.choice([-1, 1]) * rng.normal(80, 18))
    return float(rng.normal(180, 38))


def _stool(skeleton: Skeleton, rng: np.random.Generator) -> list[Solid]:
    """Return a seat on legs for a sitting person."""
    pelvis, stature = skeleton.points['pelvis'], skeleton.size.stature
    behind = skeleton.frames['pelvis'][:, 2] * [1, 0, 1] * 0.02 * stature
    centre = (pelvis - behind) * [1, 0, 1]
    height = max(pelvis[1] - 0.075 * stature * skeleton.size.build, 0.08)
    material = Material(sample_colour(rng))
    seat = ellipsoid(centre + [0, height - 0.02, 0], UP, np.array([1.0, 0, 0]), (0.19, 0.19, 0.03), material)
    if rng.random() < 0.4:
        top = centre + [0, height - 0.03, 0]
        return [seat, Solid(centre, top, np.array([1.0, 0, 0]), (0.17, 0.17, 0.01), material)]
    feet = [np.array([0.14 * x, 0, 0.14 * z]) for x in (-1, 1) for z in (-1, 1)]
    top = centre + [0, height - 0.03, 0]
    return [seat, *(_rod(centre + foot, top + 0.8 * foot, 0.016, 0.016, material) for foot in feet)]


def _rod(start: np.ndarray, end: np.ndarray, first: float, last: float, material: Material) -> Solid:
    """Return a round bar from `start` to `end` with radii `first` and `last` in metres."""
    side = np.array([1.0, 0.0, 0.2])
    return Solid(start, end, side, (first, first, first), material, last / first)


def sample_things(
    camera: Camera, spots: list[np.ndarray], distance: float, rng: np.random.Generator
) -> list[list[Solid]]:
    """Return things in front of people, which hide them, and things behind them that look like limbs."""
    things = []
    if rng.random() < 0.4:
        target = spots[rng.integers(len(spots))]
        nearer = target * rng.uniform(0.72, 0.88) + [rng.uniform(-0.35, 0.35), 0, 0]
        if all(np.linalg.norm(nearer - spot) > 0.45 for spot in spots):
            things.append(_FRONT[rng.integers(len(_FRONT))](nearer, rng))
    for _ in range(rng.integers(1, 5)):
        far = distance * rng.uniform(1.15, 2.1)
        half = 0.5 * camera.size[0] / camera.zoom
        spot = np.array([far * rng.uniform(-1, 1) * half, 0.0, -far])
        if all(np.linalg.norm(spot - other) > 0.6 for other in spots):
            things.append(_BEHIND[rng.integers(len(_BEHIND))](spot, rng))
    return things


def _post(spot: np.ndarray, rng: np.random.Generator) -> list[Solid]:
    """Return a thin upright post."""
    top = spot + [rng.normal(0, 0.06), rng.uniform(0.9, 3.0), 0]
    radius = rng.uniform(0.03, 0.08)
    return [_rod(spot, top, radius, radius * rng.uniform(0.7, 1), sample_cloth(rng))]


def _bush(spot: np.ndarray, rng: np.random.Generator) -> list[Solid]:
    """Return a heap of leaves up to the knee or the waist."""
    green = np.array([rng.uniform(0.1, 0.25), rng.uniform(0.3, 0.55), rng.uniform(0.12, 0.4)])
    reach = rng.uniform(0.18, 0.34)
    solids = []
    for _ in range(rng.integers(8, 15)):
        place = spot + [rng.normal(0, reach), abs(rng.normal(0.25, 0.2)), rng.normal(0, 0.1)]
        axis = np.array([rng.normal(0, 0.6), 1.0, rng.normal(0, 0.6)])
        radii = tuple(rng.uniform(0.05, 0.15) * np.array([0.9, 0.7, 1.3]))
        material = Material(tuple(green * rng.uniform(0.6, 1.3)))
        solids.append(ellipsoid(place, axis, np.array([1.0, 0.1, 0]), radii, material))
    return solids


def _board(spot: np.ndarray, rng: np.random.Generator) -> list[Solid]:
    """Return a flat board up to the hip, like the back of a bench or a sign."""
    height, width = rng.uniform(0.35, 0.85), rng.uniform(0.25, 0.6)
    low = spot + [0, 0.03, 0]
    side = turn_y(rng.normal(0, 25)) @ [1.0, 0.0, 0.0]
    return [Solid(low, low + [0, height, 0], side, (width, 0.04, 0.03), sample_cloth(rng))]


def _fence(spot: np.ndarray, rng: np.random.Generator) -> list[Solid]:
    """Return two rails between posts."""
    height, width, radius = rng.uniform(0.5, 1.0), rng.uniform(0.5, 0.9), rng.uniform(0.022, 0.045)
    along = turn_y(rng.normal(0, 25)) @ [width, 0.0, 0.0]
    material = Material(sample_colour(rng))
    rails = [
        _rod(spot - along + high, spot + along + high, radius, radius, material)
        for high in (np.array([0, height, 0]), np.array([0, 0.55 * height, 0]))
    ]
    posts = [_rod(spot + s * along, spot + s * along + [0, height, 0], radius, radius, material) for s in (-1, 1)]
    return rails + posts


def _tree(spot: np.ndarray, rng: np.random.Generator) -> list[Solid]:
    """Return a bare trunk with branches that taper and bend like arms and legs."""
    bark = Material(_limb_colour(rng))
    top = spot + [rng.normal(0, 0.12), rng.uniform(1.2, 2.4), 0]
    solids = [_rod(spot, top, rng.uniform(0.05, 0.1), 0.04, bark)]
    for _ in range(rng.integers(2, 6)):
        fork = spot + rng.uniform(0.3, 1.0) * (top - spot)
        bend = fork + rng.uniform(0.2, 0.42) * _direction(rng)
        tip = bend + rng.uniform(0.2, 0.4) * _direction(rng)
        solids += [_rod(fork, bend, 0.045, 0.033, bark), _rod(bend, tip, 0.033, 0.022, bark)]
    return solids


def _rubble(spot: np.ndarray, rng: np.random.Generator) -> list[Solid]:
    """Return bent pipes and balls with the size and colour of limbs and heads."""
    solids = []
    for _ in range(rng.integers(2, 6)):
        place = spot + [rng.normal(0, 0.5), rng.uniform(0.1, 1.9), rng.normal(0, 0.15)]
        material = Material(_limb_colour(rng))
        if rng.random() < 0.3:
            radii = tuple(rng.uniform(0.07, 0.13) * np.array([1, 1, 1.15]))
            solids.append(ellipsoid(place, UP, np.array([1.0, 0, 0]), radii, material))
            continue
        bend = place + rng.uniform(0.24, 0.42) * _direction(rng)
        tip = bend + rng.uniform(0.22, 0.4) * _direction(rng)
        solids += [_rod(place, bend, 0.052, 0.04, material), _rod(bend, tip, 0.04, 0.025, material)]
    return solids


def _direction(rng: np.random.Generator) -> np.ndarray:
    """Return a unit vector (3,) in any direction."""
    vector = rng.normal(size=3) * [1, 1, 0.4]
    return vector / max(float(np.linalg.norm(vector)), 1e-6)


def _limb_colour(rng: np.random.Generator) -> tuple[float, float, float]:
    """Return a colour of skin, bark or cloth."""
    if rng.random() < 0.5:
        blue, green, red = (np.array(SKINS[rng.integers(len(SKINS))]) * rng.uniform(0.7, 1.0)).tolist()
        return blue, green, red
    return sample_colour(rng)


_FRONT = (_post, _bush, _board, _fence)
_BEHIND = (_post, _tree, _rubble, _bush, _fence, _board)
