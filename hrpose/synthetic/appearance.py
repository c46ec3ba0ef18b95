"""What people look like: flesh, face, hair and clothes as solids on a skeleton, and the light on them.

Left and right look the same, so only face, feet and occlusion show which is which.
"""

from dataclasses import dataclass
from functools import partial

import cv2
import numpy as np

from hrpose.synthetic.body import SIDES, Skeleton
from hrpose.synthetic.shapes import Layer, Material, Solid, ellipsoid

# BGR in 0 to 1, light to dark.
# fmt: off
SKINS = (
    (0.68, 0.78, 0.93), (0.58, 0.70, 0.88), (0.45, 0.60, 0.80), (0.33, 0.47, 0.67), (0.24, 0.34, 0.50),
    (0.17, 0.23, 0.35),
)
HAIRS = (
    (0.07, 0.08, 0.09), (0.10, 0.15, 0.22), (0.14, 0.25, 0.38), (0.35, 0.58, 0.74), (0.12, 0.24, 0.50),
    (0.62, 0.64, 0.66),
)
# fmt: on
HAIR_PROBABILITIES = (0.3, 0.26, 0.18, 0.12, 0.07, 0.07)
PATTERNS = {'plain': 0.62, 'hoops': 0.13, 'stripes': 0.08, 'checks': 0.1, 'dots': 0.07}  # with probabilities
UPRIGHT = ('standing', 'at ease', 'walking')  # poses of the legs with which a skirt can be worn


@dataclass(frozen=True)
class Outfit:
    """The clothes and colours of one person."""

    skin: Material
    hair: Material
    top: Material
    bottom: Material
    shoes: Material
    sleeves: str  # 'long', 'short', 'none'
    legs: str  # 'long', 'short', 'skirt'
    haircut: str  # 'short', 'long', 'bun', 'cap', 'none'


@dataclass(frozen=True)
class Light:
    """Light from one `direction` (3,), in camera space towards the light, and light from everywhere.

    `sun` and `sky` are BGR strengths; on a surface that faces the light they add up to about 1.
    """

    direction: np.ndarray
    sun: np.ndarray
    sky: np.ndarray

    def shade(self, layer: Layer) -> None:
        """Light the colours of `layer` in place; surfaces at a slant to the view are darker, as in soft light."""
        drawn = layer.mask
        normal = layer.normal[drawn]
        facing = np.maximum(normal @ self.direction.astype(np.float32), 0)
        edge = 0.62 + 0.38 * np.clip(-1.6 * normal[:, 2], 0, 1)
        strength = self.sky.astype(np.float32) + facing[:, None] * self.sun.astype(np.float32)
        layer.colour[drawn] *= strength * edge[:, None]


def sample_light(rng: np.random.Generator) -> Light:
    """Return light from above, mostly from the side of the camera, warm or cold."""
    direction = np.array([rng.uniform(-0.9, 0.9), rng.uniform(-1.1, -0.35), rng.uniform(-0.9, 0.25)])
    warmth = rng.uniform(-0.06, 0.06)
    share = rng.uniform(0.35, 0.62)
    tint = np.array([1 - warmth, 1.0, 1 + warmth])
    return Light(direction / np.linalg.norm(direction), share * tint, (1.08 - share) * (2 - tint))


def sample_colour(rng: np.random.Generator) -> tuple[float, float, float]:
    """Return a BGR colour of cloth or paint: any hue, often grey, dark or light."""
    saturation = rng.beta(1.3, 1.5) if rng.random() < 0.75 else rng.uniform(0, 0.12)
    value = rng.uniform(0.14, 0.95)
    hsv = np.array([[[rng.uniform(0, 360), saturation, value]]], np.float32)
    blue, green, red = cv2.cvtColor(hsv, cv2.COLOR_HSV2BGR)[0, 0].tolist()
    return blue, green, red


def sample_cloth(rng: np.random.Generator) -> Material:
    """Return a plain or patterned cloth."""
    pattern = str(rng.choice(list(PATTERNS), p=list(PATTERNS.values())))
    return Material(sample_colour(rng), pattern, sample_colour(rng), float(rng.uniform(0.06, 0.16)))


def sample_outfit(skeleton: Skeleton, rng: np.random.Generator) -> Outfit:
    """Return clothes; skirts only with legs close together."""
    skin = np.array(SKINS[rng.integers(len(SKINS))]) * rng.uniform(0.9, 1.08)
    hair = np.array(HAIRS[rng.choice(len(HAIRS), p=HAIR_PROBABILITIES)]) * rng.uniform(0.8, 1.2)
    bottom = sample_cloth(rng)
    if rng.random() < 0.7:
        bottom = bottom._replace(pattern='plain')
    skirt = skeleton.legs in UPRIGHT and rng.random() < 0.2
    return Outfit(
        skin=Material(tuple(np.minimum(skin, 1))),
        hair=Material(tuple(np.minimum(hair, 1))),
        top=sample_cloth(rng),
        bottom=bottom,
        shoes=Material(tuple(np.array(sample_colour(rng)) * rng.uniform(0.3, 1.0))),
        sleeves=str(rng.choice(['long', 'short', 'none'], p=[0.45, 0.42, 0.13])),
        legs='skirt' if skirt else str(rng.choice(['long', 'short'], p=[0.68, 0.32])),
        haircut=str(rng.choice(['short', 'long', 'bun', 'cap', 'none'], p=[0.42, 0.28, 0.1, 0.12, 0.08])),
    )


def dress(skeleton: Skeleton, outfit: Outfit) -> list[Solid]:
    """Return the solids of a person, in the space of `skeleton`."""
    solids = [*_trunk(skeleton, outfit), *_head(skeleton, outfit), *_hair(skeleton, outfit)]
    for side in SIDES:
        solids += _arm(skeleton, outfit, side)
        solids += _leg(skeleton, outfit, side)
    if outfit.legs == 'skirt':
        solids.append(_skirt(skeleton, outfit))
    return solids


def _limb(
    skeleton: Skeleton,
    start: str,
    end: str,
    girth: tuple[float, float],
    material: Material,
    frame: str,
    reach: float = 1,
) -> Solid:
    """Return a round limb from point `start` to a share `reach` of the way to `end`.

    Both radii `girth`, at `start` and `end`, are shares of the stature.
    """
    stature = skeleton.size.stature * (0.35 + 0.65 * skeleton.size.build)
    first, last = skeleton.points[start], skeleton.points[end]
    radius = girth[0] * stature
    taper = (girth[0] + reach * (girth[1] - girth[0])) / girth[0]
    side = skeleton.frames[frame][:, 0]
    return Solid(first, first + reach * (last - first), side, (radius, radius, 0.9 * radius), material, taper)


def _trunk(skeleton: Skeleton, outfit: Outfit) -> list[Solid]:
    """Return pelvis, belly, chest, shoulders and neck."""
    points, frames = skeleton.points, skeleton.frames
    girth = skeleton.size.stature * skeleton.size.build
    across, hips = skeleton.size.shoulders, skeleton.size.hips
    pelvis, waist, chest = (frames[name][:, 0] for name in ('pelvis', 'waist', 'chest'))
    low = points['pelvis'] - frames['pelvis'] @ [0, 0.03 * girth, 0]
    top = points['neck'] - frames['chest'] @ [0, 0.035 * girth, 0]
    wide = 0.45 * across + 0.045 * girth
    belly = points['waist'] - frames['waist'] @ [0, 0.035 * girth, 0]
    up = frames['chest'][:, 1]
    left, right = (points[f'{side}_shoulder'] - 0.01 * girth * up for side in SIDES)
    thick = 0.03 * girth
    return [
        Solid(low, points['waist'], pelvis, (hips + 0.042 * girth, 0.066 * girth, thick), outfit.bottom, 0.86),
        Solid(
            belly, points['breast'], waist, (0.081 * girth, 0.061 * girth, thick), outfit.top, wide / (0.081 * girth)
        ),
        Solid(points['breast'], top, chest, (wide, 0.067 * girth, thick), outfit.top, 0.9),
        Solid(left, right, up, (0.037 * girth, 0.043 * girth, thick), outfit.top),
        _limb(skeleton, 'neck', 'head', (0.036, 0.03), outfit.skin, 'chest', 0.7),
    ]


def _ball(skeleton: Skeleton, centre: np.ndarray, radii: tuple[float, float, float], material: Material) -> Solid:
    """Return an ellipsoid upright on the head; `radii`, wide, deep and high, are shares of half the head's height."""
    left, up, _ = skeleton.frames['head'].T
    wide, deep, high = (radius * skeleton.size.head for radius in radii)
    return ellipsoid(centre, up, left, (wide, deep, high), material)


def _head(skeleton: Skeleton, outfit: Outfit) -> list[Solid]:
    """Return skull, jaw and face; the face is enlarged so that it shows at this resolution."""
    points, unit = skeleton.points, skeleton.size.head
    _, up, front = skeleton.frames['head'].T
    ball = partial(_ball, skeleton)
    shadow = Material(tuple(0.78 * np.array(outfit.skin.colour)))
    lips = Material(tuple(np.array(outfit.skin.colour) * (0.5, 0.45, 0.78)))
    white, dark = Material((0.95, 0.95, 0.95)), Material((0.07, 0.06, 0.06))
    solids = [
        ball(points['head'] + 0.08 * unit * up - 0.04 * unit * front, (0.72, 0.84, 0.88), outfit.skin),
        ball(points['head'] - 0.38 * unit * up + 0.18 * unit * front, (0.54, 0.58, 0.6), outfit.skin),
        ball(points['nose'] - 0.1 * unit * front, (0.14, 0.2, 0.2), shadow),
        ball(points['mouth'] - 0.06 * unit * front, (0.25, 0.1, 0.07), lips),
    ]
    for side in SIDES:
        eye = points[f'{side}_eye']
        solids += [
            ball(eye - 0.1 * unit * front, (0.19, 0.13, 0.12), white),
            ball(eye - 0.02 * unit * front, (0.1, 0.08, 0.1), dark),
            ball(points[f'{side}_brow'] - 0.08 * unit * front, (0.22, 0.1, 0.055), outfit.hair),
            ball(points[f'{side}_ear'], (0.1, 0.18, 0.25), shadow),
        ]
    return solids


def _hair(skeleton: Skeleton, outfit: Outfit) -> list[Solid]:
    """Return hair or a cap on the skull, clear of the face."""
    head, unit = skeleton.points['head'], skeleton.size.head
    left, up, front = skeleton.frames['head'].T
    if outfit.haircut == 'none':
        return []

    def ball(high: float, ahead: float, radii: tuple[float, float, float], material: Material) -> Solid:
        return _ball(skeleton, head + unit * (high * up + ahead * front), radii, material)

    crown = ball(0.3, -0.22, (0.79, 0.84, 0.78), outfit.hair)
    back = ball(-0.02, -0.34, (0.72, 0.6, 0.74), outfit.hair)
    if outfit.haircut == 'cap':
        brim = ball(0.5, 0.62, (0.6, 0.55, 0.07), outfit.top)
        return [back, ball(0.36, -0.1, (0.79, 0.88, 0.7), outfit.top), brim]
    if outfit.haircut == 'bun':
        return [crown, back, ball(0.55, -0.95, (0.34, 0.34, 0.34), outfit.hair)]
    if outfit.haircut == 'long':
        top = head + unit * (0.1 * up - 0.36 * front)
        nape = head + unit * (-1.25 * up - 0.5 * front)
        return [crown, Solid(top, nape, left, (0.76 * unit, 0.5 * unit, 0.3 * unit), outfit.hair, 0.82)]
    return [crown, back]


def _arm(skeleton: Skeleton, outfit: Outfit, side: str) -> list[Solid]:
    """Return upper arm, forearm, hand and sleeve."""
    upper, fore = f'{side}_upper_arm', f'{side}_forearm'
    sleeve = outfit.top if outfit.sleeves == 'long' else outfit.skin
    thick = 0.003 if outfit.sleeves == 'long' else 0.0
    shoulder, elbow, wrist = f'{side}_shoulder', f'{side}_elbow', f'{side}_wrist'
    solids = [
        _limb(skeleton, shoulder, elbow, (0.034 + thick, 0.026 + thick), sleeve, upper),
        _limb(skeleton, elbow, wrist, (0.027 + thick, 0.018 + thick), sleeve, fore),
    ]
    hand = _limb(skeleton, wrist, f'{side}_hand', (0.018, 0.018), outfit.skin, fore)
    radius = hand.radii[0]
    radii = (0.65 * radius, 1.25 * radius, radius)
    solids.append(Solid(hand.start, hand.end, hand.side, radii, outfit.skin, 0.85))
    if outfit.sleeves == 'short':
        solids.append(_limb(skeleton, shoulder, elbow, (0.04, 0.038), outfit.top, upper, 0.55))
    return solids


def _leg(skeleton: Skeleton, outfit: Outfit, side: str) -> list[Solid]:
    """Return thigh, shin, calf, foot and trouser leg."""
    thigh, shin, foot = f'{side}_thigh', f'{side}_shin', f'{side}_foot'
    hip, knee, ankle = f'{side}_hip', f'{side}_knee', f'{side}_ankle'
    trousers = outfit.legs == 'long'
    cloth, thick = (outfit.bottom, 0.004) if trousers else (outfit.skin, 0.0)
    solids = [
        _limb(skeleton, hip, knee, (0.054 + thick, 0.036 + thick), cloth, thigh),
        _limb(skeleton, knee, ankle, (0.036 + thick, 0.023 + 2 * thick), cloth, shin),
    ]
    if not trousers:
        calf = _limb(skeleton, knee, ankle, (0.034, 0.03), cloth, shin, 0.5)
        behind = -0.012 * skeleton.size.stature * skeleton.frames[shin][:, 2]
        solids.append(Solid(calf.start + behind, calf.end + behind, calf.side, calf.radii, cloth, calf.taper))
    if outfit.legs == 'short':
        solids.append(_limb(skeleton, hip, knee, (0.06, 0.05), outfit.bottom, thigh, 0.72))
    stature = skeleton.size.stature
    heel, toe, across = skeleton.points[f'{side}_heel'], skeleton.points[f'{side}_toe'], skeleton.frames[foot][:, 0]
    shoe = Solid(heel, toe, across, (0.027 * stature, 0.03 * stature, 0.025 * stature), outfit.shoes, 0.8)
    return [*solids, shoe]


def _skirt(skeleton: Skeleton, outfit: Outfit) -> Solid:
    """Return a bell from the hips to above the knees."""
    girth = skeleton.size.stature * skeleton.size.build
    knees = (skeleton.points['left_knee'] + skeleton.points['right_knee']) / 2
    start = skeleton.points['pelvis'] + 0.02 * girth * skeleton.frames['pelvis'][:, 1]
    radii = (skeleton.size.hips + 0.045 * girth, 0.074 * girth, 0.02 * girth)
    return Solid(start, start + 0.86 * (knees - start), skeleton.frames['pelvis'][:, 0], radii, outfit.bottom, 1.5)
