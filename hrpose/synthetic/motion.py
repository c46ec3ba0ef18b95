"""Moving people: paths on the ground, a gait as fast as the path, gestures; and a camera that turns and zooms.

Whatever happens is smooth in time. In every shot two people cross, so that one hides the other, and a third one leaves
the image at a side and comes back. Others stand behind them.

Letters: T frames, N people, A = 15 joint angles of `LIMITS`. World space is that of camera.py, in metres; angles are in
degrees, times in seconds.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from scipy.interpolate import PchipInterpolator
from scipy.ndimage import gaussian_filter1d

from hrpose.synthetic.appearance import Outfit, dress, sample_outfit
from hrpose.synthetic.body import LIMITS, SIDES, Pose, Proportions, Skeleton, posed, sample_pose, sample_proportions
from hrpose.synthetic.camera import Camera, turn_y
from hrpose.synthetic.scene import Person, Scene, sample_camera, sample_things
from hrpose.synthetic.shapes import Solid

RATE = 15.0  # frames a second
STILL = {'standing': 0.4, 'at ease': 0.3, 'astride': 0.2, 'crouching': 0.1}  # poses of legs, with probabilities
PAUSE = 1.6  # seconds from one gesture to the next
WALK = 0.9  # metres a second from which on a gait has its full swing
TURN = 0.25  # seconds, the standard deviation of the Gaussian that smooths turns

_ANGLES = {name: place for place, name in enumerate(LIMITS)}
_LIMITS = np.array(list(LIMITS.values()), dtype=np.float64).T  # (2, A)


class Path(NamedTuple):
    """Where a person is, and where to."""

    places: np.ndarray  # (T, 2) x and z on the ground
    speeds: np.ndarray  # (T,) metres a second
    headings: np.ndarray  # (T,) degrees: 0 to the camera, 90 to the right of the image


@dataclass(frozen=True)
class Shot:
    """The content of a video in world space."""

    cameras: list[Camera]  # T
    outfits: list[Outfit]  # N
    people: list[list[Skeleton]]  # N lists of T
    things: list[list[Solid]]

    def scenes(self) -> Iterator[Scene]:
        """Yield what each frame shows, its people in the order of `people`."""
        for frame, camera in enumerate(self.cameras):
            people = []
            for skeletons, outfit in zip(self.people, self.outfits, strict=True):
                body = skeletons[frame]
                solids = [solid.seen_from(camera) for solid in dress(body, outfit)]
                people.append(Person(body.moved(camera.rotation, camera.from_world(np.zeros(3))), solids))
            yield Scene(camera, people, [[solid.seen_from(camera) for solid in thing] for thing in self.things])


def sample_shot(size: tuple[int, int], frames: int, rng: np.random.Generator) -> Shot:
    """Return three to five people in motion, and a moving camera, for `frames` images of `size` (width, height)."""
    times = np.arange(frames) / RATE
    zoom = size[1] * rng.uniform(1.2, 1.9)
    distance = zoom * 1.7 / (size[1] * rng.uniform(0.5, 0.68))
    still = sample_camera(size, zoom, distance, rng)
    cameras = _moving(still, times, rng)
    reach = 0.5 * size[0] / zoom  # half the width of the view of the camera at rest, a metre away
    widest = max(0.5 * size[0] / camera.zoom + math.tan(math.radians(abs(camera.yaw))) for camera in cameras)
    paths = _sample_paths(times, distance, reach, widest, rng)
    people, outfits = [], []
    for path in paths:
        body = sample_proportions(rng)
        people.append(_act(body, path, times, rng))
        outfits.append(sample_outfit(people[-1][0], rng))
    spots = [np.array([x, 0.0, z]) for path in paths for x, z in path.places]
    return Shot(cameras, outfits, people, sample_things(still, spots, distance, rng))


def _moving(camera: Camera, times: np.ndarray, rng: np.random.Generator) -> list[Camera]:
    """Return T cameras that pan, tilt and zoom slowly from the same place."""

    def wave(least: float, most: float) -> np.ndarray:
        swings = rng.uniform(0.4, 0.9) * times / max(times[-1], 1 / RATE)
        return rng.choice([-1, 1]) * rng.uniform(least, most) * np.sin(2 * np.pi * (swings + rng.random()))

    yaw, pitch, zoom = wave(3, 7), wave(0.3, 1.5), wave(0.06, 0.14)
    return [
        replace(camera, yaw=float(y), pitch=camera.pitch + float(p), zoom=camera.zoom * (1 + float(z)))
        for y, p, z in zip(yaw, pitch, zoom, strict=True)
    ]


def _sample_paths(
    times: np.ndarray, distance: float, reach: float, widest: float, rng: np.random.Generator
) -> list[Path]:
    """Return the paths of two who cross, of one who leaves and returns, and of up to two who stay.

    Args:
        times: (T,).
        distance: of the nearest people from the camera.
        reach: half the width of the view, a metre away.
        widest: the same, for what any frame shows.
        rng: source of randomness.
    """
    duration = float(times[-1]) + 1 / RATE
    side = float(rng.choice([-1, 1]))
    near, far = distance * rng.uniform(0.92, 1.0), distance * rng.uniform(1.15, 1.3)
    paths = [
        _path(_patrol(-side, 0.85 * reach * near, near, duration, rng), times, rng.normal(0, 35)),
        _path(_patrol(side, 0.85 * reach * far, far, duration, rng), times, rng.normal(0, 35)),
    ]
    away, side = distance * rng.uniform(1.38, 1.5), float(rng.choice([-1, 1]))
    inside, outside = 0.8 * reach * away, widest * away + 0.45
    plan = ((0, inside, 0), (0.03, inside, 0), (0.42, outside, 0), (0.55, outside, 0.5), (1, 0.9 * inside, 0.2))
    leaving = [(share * duration, side * x, -away - back) for share, x, back in plan]
    paths.append(_path(leaving, times, rng.normal(0, 35)))
    spots: list[float] = []
    for _ in range(rng.integers(3)):
        x, z = rng.uniform(-0.9, 0.9), -distance * (1.75 + 0.25 * len(spots))
        spots.append(x)
        sway = [(share * duration, -x * reach * z + rng.normal(0, 0.06), z + rng.normal(0, 0.06)) for share in (0, 1)]
        paths.append(_path(sway, times, rng.normal(0, 60)))
    return paths


def _patrol(
    side: float, width: float, away: float, duration: float, rng: np.random.Generator
) -> list[tuple[float, float, float]]:
    """Return waypoints (time, x, z) between x = `-width` and `width`, from `side` on; one way fits the duration."""
    speed = max(rng.uniform(0.8, 1.2), 2 * width / duration)
    points: list[tuple[float, float, float]] = []
    time = 0.0
    while not points or points[-1][0] < duration:
        points.append((time, side * width, -away - rng.uniform(0, 0.12)))
        side, time = -side, time + 2 * width / speed
    return points


def _path(waypoints: list[tuple[float, float, float]], times: np.ndarray, facing: float) -> Path:
    """Return the smooth path through waypoints (time, x, z); who does not walk turns to `facing` degrees."""
    knots = np.array(waypoints)
    curve = PchipInterpolator(knots[:, 0], knots[:, 1:])
    velocity = gaussian_filter1d(curve(times, 1), TURN * RATE, axis=0, mode='nearest')
    ahead = velocity + 0.25 * np.array([math.sin(math.radians(facing)), math.cos(math.radians(facing))])
    headings = np.degrees(np.unwrap(np.arctan2(ahead[:, 0], ahead[:, 1])))
    headings = gaussian_filter1d(headings, TURN * RATE, mode='nearest')
    return Path(curve(times), np.linalg.norm(velocity, axis=1), headings)


def _act(size: Proportions, path: Path, times: np.ndarray, rng: np.random.Generator) -> list[Skeleton]:
    """Return a person's T bodies in world space: gestures, and the gait that the path needs."""
    knots = np.arange(0, times[-1] + 2 * PAUSE, PAUSE)
    legs = rng.choice(list(STILL), size=len(knots), p=list(STILL.values()))
    poses = [sample_pose(size, rng, str(name)) for name in legs]
    trunk = PchipInterpolator(knots, [(pose.pitch, pose.tilt) for pose in poses])(times)
    angles = PchipInterpolator(knots, [_angles(pose) for pose in poses])(times)  # (T, 6, A)
    walk = np.minimum(path.speeds / WALK, 1.0)[:, None]
    phase = 2 * np.pi * (np.cumsum(path.speeds) / RATE / (0.84 * size.stature) + rng.random())
    trunk[:, :1] += walk * (3 - trunk[:, :1])
    for half, (leg, arm) in enumerate(((2, 4), (3, 5))):
        swing = np.sin(phase + half * np.pi)[:, None]
        lift = np.maximum(np.cos(phase + half * np.pi + 0.35), 0)[:, None] ** 2
        gait = np.zeros((len(times), len(LIMITS)))
        gait[:, [_ANGLES['hip_flexion']]] = 6 + 24 * swing
        gait[:, [_ANGLES['knee_flexion']]] = 8 + 46 * lift
        gait[:, [_ANGLES['ankle_flexion']]] = 6 * swing - 10 * lift
        gait[:, [_ANGLES['hip_abduction']]] = 3
        angles[:, leg] += walk * (gait - angles[:, leg])
        raised = np.abs(angles[:, arm][:, [_ANGLES['shoulder_flexion'], _ANGLES['shoulder_abduction']]]).sum(axis=1)
        hanging = np.exp(-((raised / 60) ** 2))[:, None]
        angles[:, arm, _ANGLES['shoulder_flexion'], None] -= 22 * walk * hanging * swing
    angles[:, 0] *= 1 - 0.6 * walk  # who walks keeps the back straighter
    angles = np.clip(angles, *_LIMITS)
    bodies = []
    for frame, (x, z) in enumerate(path.places):
        body = posed(size, _pose(poses[0].legs, trunk[frame], angles[frame]))
        bodies.append(body.moved(turn_y(path.headings[frame]), np.array([x, 0.0, z])))
    return bodies


def _angles(pose: Pose) -> np.ndarray:
    """Return the angles of a pose (6, A): spine, neck, left and right leg, left and right arm."""
    parts = [pose.spine, pose.neck, *(part[side] for part in (pose.leg, pose.arm) for side in SIDES)]
    return np.array([[part[name] for name in LIMITS] for part in parts])


def _pose(legs: str, trunk: np.ndarray, angles: np.ndarray) -> Pose:
    """Return the pose of a pelvis (2,), pitch and tilt, and angles (6, A)."""
    spine, neck, *limbs = (dict(zip(LIMITS, row, strict=True)) for row in angles.tolist())
    left_leg, right_leg, left_arm, right_arm = limbs
    leg, arm = {'left': left_leg, 'right': right_leg}, {'left': left_arm, 'right': right_arm}
    return Pose(legs, float(trunk[0]), float(trunk[1]), spine, neck, leg, arm)
