"""Bodies: proportions, joint limits and poses, as an articulated skeleton in three dimensions.

Body space: metres, x to the person's left, y up, z to where the person faces. At rest a person stands, arms hanging.
Angles are in degrees with anatomical names: flexion moves a limb forward (a knee backward), abduction away from the
body, rotation turns a limb inward about itself. Proportions follow the segment lengths of Drillis and Contini (1966).
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from hrpose.synthetic.camera import turn_x, turn_y, turn_z

SIDES = ('left', 'right')

# Limits of joint angles, degrees. Sampled angles are clipped to them.
# fmt: off
LIMITS = {
    'hip_flexion': (-25, 115), 'hip_abduction': (-10, 45), 'hip_rotation': (-35, 30), 'knee_flexion': (0, 140),
    'shoulder_flexion': (-45, 175), 'shoulder_abduction': (-5, 170), 'shoulder_rotation': (-90, 85),
    'elbow_flexion': (2, 145), 'ankle_flexion': (-40, 25), 'spine_flexion': (-20, 60), 'spine_lean': (-25, 25),
    'spine_twist': (-35, 35), 'neck_flexion': (-35, 40), 'neck_lean': (-25, 25), 'neck_twist': (-65, 65),
}
# Pose: (its probability, its angles as (mean, standard deviation)). Other angles are (0, 6) at limbs, and at spine and
# neck those of `_trunk` and `_place_head`.
ARMS: dict[str, tuple[float, dict]] = {
    'hanging': (0.22, dict(shoulder_abduction=(11, 6), shoulder_rotation=(0, 30), elbow_flexion=(16, 12))),
    'swinging': (0.14, dict(shoulder_flexion=(0, 30), shoulder_abduction=(9, 5), elbow_flexion=(35, 30))),
    'on hip': (0.1, dict(shoulder_flexion=(-8, 8), shoulder_abduction=(42, 8), shoulder_rotation=(70, 10),
                         elbow_flexion=(98, 10))),
    'at chest': (0.11, dict(shoulder_flexion=(28, 14), shoulder_abduction=(12, 8), shoulder_rotation=(35, 20),
                            elbow_flexion=(105, 18))),
    'forward': (0.1, dict(shoulder_flexion=(78, 18), shoulder_abduction=(8, 12), elbow_flexion=(18, 16))),
    'up': (0.09, dict(shoulder_flexion=(160, 14), shoulder_abduction=(10, 10), elbow_flexion=(18, 18))),
    'on head': (0.05, dict(shoulder_flexion=(120, 14), shoulder_abduction=(28, 14), shoulder_rotation=(45, 15),
                           elbow_flexion=(112, 14))),
    'sideways': (0.08, dict(shoulder_abduction=(85, 18), shoulder_rotation=(0, 40), elbow_flexion=(18, 18))),
    'waving': (0.07, dict(shoulder_abduction=(75, 14), shoulder_rotation=(-80, 12), elbow_flexion=(80, 22))),
    'behind': (0.04, dict(shoulder_flexion=(-32, 8), shoulder_abduction=(14, 6), shoulder_rotation=(55, 15),
                          elbow_flexion=(48, 16))),
}
_STANDING = dict(hip_abduction=(6, 4), hip_rotation=(-8, 8), knee_flexion=(5, 4))
_ASTRIDE = dict(hip_abduction=(24, 7), hip_rotation=(-15, 8), knee_flexion=(6, 5))
_SITTING = dict(hip_flexion=(86, 8), hip_abduction=(9, 8), hip_rotation=(-4, 10), knee_flexion=(86, 14))
_CROUCHING = dict(hip_flexion=(95, 12), hip_abduction=(16, 9), knee_flexion=(112, 14), ankle_flexion=(15, 6))
# Pose: (its probability, one leg, the other).
LEGS: dict[str, tuple[float, dict, dict]] = {
    'standing': (0.19, _STANDING, _STANDING),
    'at ease': (0.16, dict(hip_flexion=(-2, 3), hip_abduction=(2, 3), knee_flexion=(3, 3)),
                dict(hip_flexion=(20, 9), hip_abduction=(13, 5), hip_rotation=(-18, 8), knee_flexion=(32, 14))),
    'walking': (0.18, dict(hip_flexion=(25, 7), hip_abduction=(3, 3), knee_flexion=(10, 7)),
                dict(hip_flexion=(-14, 7), hip_abduction=(3, 3), knee_flexion=(28, 14), ankle_flexion=(-15, 8))),
    'running': (0.08, dict(hip_flexion=(55, 15), hip_abduction=(3, 3), knee_flexion=(70, 18)),
                dict(hip_flexion=(-14, 8), hip_abduction=(3, 3), knee_flexion=(70, 30), ankle_flexion=(-20, 8))),
    'astride': (0.09, _ASTRIDE, _ASTRIDE),
    'lunging': (0.07, dict(hip_flexion=(68, 12), hip_abduction=(8, 5), knee_flexion=(75, 14)),
                dict(hip_flexion=(-16, 7), hip_abduction=(6, 5), knee_flexion=(28, 14), ankle_flexion=(-25, 8))),
    'kicking': (0.06, dict(hip_flexion=(66, 20), hip_abduction=(8, 9), knee_flexion=(28, 22)),
                dict(hip_flexion=(0, 5), hip_abduction=(4, 3), knee_flexion=(8, 6))),
    'kneeling': (0.04, dict(hip_flexion=(88, 7), hip_abduction=(8, 5), knee_flexion=(90, 8)),
                 dict(hip_flexion=(0, 6), hip_abduction=(5, 3), knee_flexion=(92, 8), ankle_flexion=(-40, 3))),
    'sitting': (0.09, _SITTING, _SITTING),
    'crouching': (0.04, _CROUCHING, _CROUCHING),
}
# fmt: on
ATTEMPTS = 12


@dataclass(frozen=True)
class Proportions:
    """Lengths in metres, and `build`, the thickness of trunk and limbs (1 is average)."""

    stature: float
    build: float
    head: float  # half its height
    neck: float
    trunk: float  # hips to shoulders
    shoulders: float  # half their width
    hips: float  # half the distance between the hip joints
    upper_arm: float
    forearm: float
    thigh: float
    shin: float
    ankle: float  # height above the sole


@dataclass(frozen=True)
class Pose:
    """The angles of a body in degrees. `spine`, `neck`, and each of `leg` and `arm` by side have names of `LIMITS`."""

    legs: str  # the name of the pose of the legs
    pitch: float  # of the pelvis, forward
    tilt: float  # of the pelvis, sideways
    spine: Mapping[str, float]
    neck: Mapping[str, float]
    leg: Mapping[str, Mapping[str, float]]
    arm: Mapping[str, Mapping[str, float]]


@dataclass(frozen=True)
class Skeleton:
    """A posed body: points (3,), and for each part a frame (3, 3) whose columns are its left, up and front."""

    size: Proportions
    legs: str
    points: dict[str, np.ndarray]
    frames: dict[str, np.ndarray]

    def moved(self, rotation: np.ndarray, shift: np.ndarray) -> 'Skeleton':
        """Return this skeleton turned by `rotation` (3, 3), then moved by `shift` (3,)."""
        points = {name: rotation @ point + shift for name, point in self.points.items()}
        frames = {name: rotation @ frame for name, frame in self.frames.items()}
        return Skeleton(self.size, self.legs, points, frames)


def sample_proportions(rng: np.random.Generator) -> Proportions:
    """Return the proportions of an adult, or in one of seven cases of a child."""
    child = rng.random() < 0.14
    stature = rng.uniform(1.1, 1.45) if child else np.clip(rng.normal(1.71, 0.1), 1.5, 1.98)

    def share(mean: float) -> float:
        return float(stature * mean * np.clip(rng.normal(1, 0.045), 0.9, 1.1))

    return Proportions(
        stature=float(stature),
        build=float(np.clip(rng.normal(1.02, 0.14), 0.78, 1.4)),
        head=share(0.084 if child else 0.074),
        neck=share(0.052),
        trunk=share(0.288),
        shoulders=share(0.108),
        hips=share(0.052),
        upper_arm=share(0.176),
        forearm=share(0.15),
        thigh=share(0.242),
        shin=share(0.24),
        ankle=share(0.042),
    )


def sample_skeleton(rng: np.random.Generator) -> Skeleton:
    """Return a body of random proportions in a random pose that faces z, its feet (or knee) on the ground y = 0."""
    size = sample_proportions(rng)
    pose = sample_pose(size, rng)
    leap = rng.uniform(0.05, 0.3) if pose.legs in ('running', 'astride') and rng.random() < 0.35 else 0.0
    return posed(size, pose, leap)


def sample_pose(size: Proportions, rng: np.random.Generator, legs: str | None = None) -> Pose:
    """Return a random pose in which a body of this size is not inside itself; `legs` names one of `LEGS`."""
    for _ in range(ATTEMPTS):
        pose = _sample_pose(rng, legs)
        if not _through_itself(_about_hips(size, pose)):
            break
    return pose


def _sample_pose(rng: np.random.Generator, legs: str | None) -> Pose:
    legs = legs or str(rng.choice(list(LEGS), p=[probability for probability, _, _ in LEGS.values()]))
    spine, pitch = _trunk(legs, rng)
    tilt = rng.normal(0, 4)
    # People with a bent trunk mostly look up.
    neck = _draw({'neck_flexion': (-0.55 * max(pitch, 0) + 4, 10), 'neck_lean': (0, 7), 'neck_twist': (0, 24)}, rng)
    one, other = LEGS[legs][1:]
    leg_poses = (one, other) if rng.random() < 0.5 else (other, one)
    arms = rng.choice(list(ARMS), size=2, p=[probability for probability, _ in ARMS.values()])
    if rng.random() < 0.35:
        arms[1] = arms[0]
    leg, arm = {}, {}
    for side, leg_pose, arm_pose in zip(SIDES, leg_poses, arms, strict=True):
        leg[side] = _draw(leg_pose, rng)
        arm[side] = _draw(ARMS[str(arm_pose)][1], rng)
    return Pose(legs, pitch, tilt, spine, neck, leg, arm)


def posed(size: Proportions, pose: Pose, leap: float = 0.0) -> Skeleton:
    """Return a body in a pose, its hips above the origin, and `leap` metres between it and the ground y = 0."""
    skeleton = _about_hips(size, pose)
    below = {'sole': 0.0, 'toe': 0.0, 'knee': 0.036 * size.stature}
    lowest = min(skeleton.points[f'{side}_{part}'][1] - drop for part, drop in below.items() for side in SIDES)
    return skeleton.moved(np.eye(3), np.array([0.0, leap - lowest, 0.0]))


def _about_hips(size: Proportions, pose: Pose) -> Skeleton:
    """Return a body in a pose, the middle of its hips at the origin."""
    points: dict[str, np.ndarray] = {}
    frames = {'pelvis': turn_x(pose.pitch) @ turn_z(pose.tilt)}
    _place_trunk(size, pose.spine, points, frames)
    _place_head(size, pose.neck, points, frames)
    for side in SIDES:
        _place_leg(size, side, pose.leg[side], pose.pitch, points, frames)
        _place_arm(size, side, pose.arm[side], points, frames)
    return Skeleton(size, pose.legs, points, frames)


def _draw(wanted: Mapping[str, tuple[float, float]], rng: np.random.Generator) -> dict[str, float]:
    """Return all angles of `LIMITS`, sampled as `wanted` or around 0, within their limits."""
    return {name: float(np.clip(rng.normal(*wanted.get(name, (0, 6))), *limits)) for name, limits in LIMITS.items()}


def _trunk(legs: str, rng: np.random.Generator) -> tuple[dict[str, float], float]:
    """Return the angles of the spine, and the forward tilt of the pelvis in degrees."""
    spine: dict[str, tuple[float, float]] = {'spine_flexion': (6, 9), 'spine_lean': (0, 8), 'spine_twist': (0, 12)}
    pitch = rng.normal(2, 5)
    if legs in ('standing', 'at ease', 'astride') and rng.random() < 0.16:
        spine['spine_flexion'], pitch = (28, 12), rng.uniform(20, 55)
    if legs in ('running', 'lunging'):
        pitch = rng.normal(12, 7)
    if legs == 'crouching':
        spine['spine_flexion'], pitch = (22, 10), rng.normal(18, 8)
    return _draw(spine, rng), float(pitch)


def _place_trunk(size: Proportions, spine: Mapping[str, float], points: dict, frames: dict) -> None:
    """Place pelvis, waist, chest, hips and shoulders; half of each bend is at the waist."""
    half = turn_y(spine['spine_twist'] / 2) @ turn_z(spine['spine_lean'] / 2) @ turn_x(spine['spine_flexion'] / 2)
    frames['waist'] = frames['pelvis'] @ half
    frames['chest'] = frames['waist'] @ half
    points['pelvis'] = np.zeros(3)
    points['waist'] = frames['pelvis'] @ [0, 0.36 * size.trunk, 0]
    points['breast'] = points['waist'] + frames['waist'] @ [0, 0.28 * size.trunk, 0]
    points['neck'] = points['breast'] + frames['chest'] @ [0, 0.36 * size.trunk, 0]
    for side, sign in (('left', 1), ('right', -1)):
        points[f'{side}_hip'] = frames['pelvis'] @ [sign * size.hips, 0, 0]
        points[f'{side}_shoulder'] = points['neck'] + frames['chest'] @ [sign * size.shoulders, 0, 0]


def _place_head(size: Proportions, neck: Mapping[str, float], points: dict, frames: dict) -> None:
    """Place the head and its parts."""
    turned = frames['chest'] @ turn_y(neck['neck_twist']) @ turn_z(neck['neck_lean'])
    frames['head'] = turned @ turn_x(neck['neck_flexion'])
    unit = size.head
    base = points['neck'] + frames['chest'] @ [0, size.neck, 0]
    points['head_bottom'] = base
    points['head'] = base + frames['head'] @ [0, 0.82 * unit, 0.12 * unit]
    on_head = {
        'head_top': (0, 0.96, -0.04),
        'nose': (0, -0.2, 0.95),
        'left_eye': (0.32, 0.1, 0.78),
        'right_eye': (-0.32, 0.1, 0.78),
        'left_ear': (0.76, -0.1, -0.05),
        'right_ear': (-0.76, -0.1, -0.05),
        'mouth': (0, -0.5, 0.76),
        'left_brow': (0.32, 0.3, 0.76),
        'right_brow': (-0.32, 0.3, 0.76),
    }
    for name, place in on_head.items():
        points[name] = points['head'] + unit * (frames['head'] @ place)


def _place_leg(
    size: Proportions, side: str, angle: Mapping[str, float], pitch: float, points: dict, frames: dict
) -> None:
    """Place one leg. The pelvis tilts above the thighs, so the hip undoes its pitch."""
    sign = 1 if side == 'left' else -1
    thigh = (
        frames['pelvis']
        @ turn_x(-pitch)
        @ turn_z(sign * angle['hip_abduction'])
        @ turn_x(-angle['hip_flexion'])
        @ turn_y(-sign * angle['hip_rotation'])
    )
    shin = thigh @ turn_x(angle['knee_flexion'])
    foot = shin @ turn_x(-angle['ankle_flexion']) @ turn_y(sign * 8)
    knee = points[f'{side}_hip'] + thigh @ [0, -size.thigh, 0]
    ankle = knee + shin @ [0, -size.shin, 0]
    points |= {
        f'{side}_knee': knee,
        f'{side}_ankle': ankle,
        f'{side}_sole': ankle + foot @ [0, -size.ankle, 0],
        f'{side}_heel': ankle + foot @ [0, -0.5 * size.ankle, -0.018 * size.stature],
        f'{side}_toe': ankle + foot @ [0, -0.72 * size.ankle, 0.1 * size.stature],
    }
    frames |= {f'{side}_thigh': thigh, f'{side}_shin': shin, f'{side}_foot': foot}


def _place_arm(size: Proportions, side: str, angle: Mapping[str, float], points: dict, frames: dict) -> None:
    """Place one arm, the hand along the forearm."""
    sign = 1 if side == 'left' else -1
    upper = (
        frames['chest']
        @ turn_z(sign * angle['shoulder_abduction'])
        @ turn_x(-angle['shoulder_flexion'])
        @ turn_y(-sign * angle['shoulder_rotation'])
    )
    fore = upper @ turn_x(-angle['elbow_flexion'])
    elbow = points[f'{side}_shoulder'] + upper @ [0, -size.upper_arm, 0]
    wrist = elbow + fore @ [0, -size.forearm, 0]
    points |= {
        f'{side}_elbow': elbow,
        f'{side}_wrist': wrist,
        f'{side}_hand': wrist + fore @ [0, -0.075 * size.stature, 0],
    }
    frames |= {f'{side}_upper_arm': upper, f'{side}_forearm': fore}


def _through_itself(skeleton: Skeleton) -> bool:
    """Return whether a forearm is inside trunk or head, or one lower leg inside the other."""
    size, points = skeleton.size, skeleton.points
    girth = size.build * size.stature
    for side in SIDES:
        tip = points[f'{side}_hand']
        middle = (points[f'{side}_elbow'] + points[f'{side}_wrist']) / 2
        for point in (tip, points[f'{side}_wrist'], middle):
            local = (point - points['waist']) @ skeleton.frames['waist']
            deep = (local[0] / (0.1 * girth)) ** 2 + (local[2] / (0.085 * girth)) ** 2 < 1
            if deep and -0.4 * size.trunk < local[1] < 0.66 * size.trunk:
                return True
            if np.linalg.norm(point - points['head']) < 0.95 * size.head:
                return True
    gap = np.linalg.norm(points['left_ankle'] - points['right_ankle'])
    return bool(gap < 0.05 * size.stature)
