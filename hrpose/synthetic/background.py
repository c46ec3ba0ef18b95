"""The background: a textured ground in perspective, and behind it a wall or a landscape.

Images here are (height, width, 3) float32, BGR in 0 to 1, at the size of the final image.
"""

import cv2
import numpy as np

from hrpose.synthetic.appearance import sample_colour
from hrpose.synthetic.camera import Camera

FARTHEST = 60.0  # metres; farther ground is drawn as at this distance


def sample_background(camera: Camera, wall: float, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Return an image, and where it shows the ground, (height, width) bool.

    Args:
        camera: that looks at it.
        wall: distance in metres at which the ground ends indoors.
        rng: source of randomness.
    """
    across, away = ground_coordinates(camera)
    outdoors = rng.random() < 0.45
    ground = (away > 0) & (away < (FARTHEST if outdoors else wall))
    image = _outdoors(camera, rng) if outdoors else _indoors(camera.size, rng)
    floor = _floor(np.clip(across, -FARTHEST, FARTHEST), np.clip(away, 0, FARTHEST), rng)
    image[ground] = floor[ground]
    image *= 1 + 0.1 * smooth_noise(camera.size, (5, 4), rng)[..., None]
    image *= 1 + rng.uniform(0, 0.05) * smooth_noise(camera.size, (90, 64), rng)[..., None]
    return np.clip(image, 0, 1), ground


def ground_coordinates(camera: Camera) -> tuple[np.ndarray, np.ndarray]:
    """Return where the ray of each pixel meets the ground, metres to the right and away; -1 away if it does not."""
    width, height = camera.size
    x = ((np.arange(width, dtype=np.float32) - (width - 1) / 2) / camera.zoom)[None, :]
    y = ((np.arange(height, dtype=np.float32) - (height - 1) / 2) / camera.zoom)[:, None]
    world: np.ndarray = camera.rotation.T.astype(np.float32)
    right, up, near = (a * x + b * y + c for a, b, c in world)
    reach = camera.lift / np.maximum(-up, 1e-4)
    below = up < -1e-3
    return np.where(below, right * reach, 0), np.where(below, -near * reach, -1)


def smooth_noise(size: tuple[int, int], cells: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    """Return normal noise (height, width) float32 with about `cells` (across, down) blobs."""
    grid = rng.standard_normal((cells[1], cells[0]), dtype=np.float32)
    return cv2.resize(grid, size, interpolation=cv2.INTER_CUBIC)


def _floor(across: np.ndarray, away: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Draw tiles, planks or grass, fading far away, where a pattern would alias."""
    first = np.array(sample_colour(rng), np.float32) * 0.5 + 0.25
    second = np.clip(first * rng.uniform(0.55, 1.4), 0, 1)
    width = rng.uniform(0.25, 0.9)
    kind = rng.integers(4)
    columns = np.floor(across / width).astype(int)
    rows = np.floor(away / (width * rng.uniform(1, 3)) + 0.37 * columns * (kind == 1)).astype(int)
    if kind == 0:  # chequered
        share = ((columns + rows) % 2).astype(np.float32)
    elif kind == 1:  # planks of different tones
        share = ((columns * 7 + rows * 13) % 5 / 4).astype(np.float32)
    elif kind == 2:  # seams
        share = ((across / width % 1 < 0.07) | (away / width % 1 < 0.07)).astype(np.float32)
    else:  # rough ground
        speckle = rng.standard_normal(across.shape, dtype=np.float32)
        share = np.clip(0.5 + 0.35 * cv2.GaussianBlur(speckle, (3, 3), 0.8), 0, 1)
    share = 0.5 + (share - 0.5) * np.clip(1.4 - away / 12, 0, 1)
    return first + share[..., None] * (second - first)


def _indoors(size: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    """Draw a wall with wallpaper, pictures, doors, windows and shelves."""
    width, height = size
    base = np.array(sample_colour(rng), np.float32) * 0.6 + 0.25
    ramp = np.linspace(rng.uniform(0.75, 1.1), rng.uniform(0.75, 1.1), width, dtype=np.float32)
    wall = np.ones((height, width, 3), np.float32) * base * ramp[None, :, None]
    period = int(rng.integers(7, 30))
    if rng.random() < 0.45:
        rows, columns = np.indices((height, width))
        lines = columns % period < period // 2
        if rng.random() < 0.4:
            lines ^= rows % period < period // 2
        wall[lines] *= rng.uniform(0.8, 1.15)
    for _ in range(rng.integers(2, 8)):
        _panel(wall, rng)
    return wall


def _panel(wall: np.ndarray, rng: np.random.Generator) -> None:
    """Draw a framed rectangle in place: empty, or with shelves or bars."""
    height, width = wall.shape[:2]
    w, h = int(rng.integers(14, 90)), int(rng.integers(20, 150))
    x, y = int(rng.integers(-10, width)), int(rng.integers(-20, height - 40))
    frame, fill = sample_colour(rng), sample_colour(rng)
    cv2.rectangle(wall, (x, y), (x + w, y + h), fill, -1)
    step = int(rng.integers(9, 30))
    kind = rng.integers(3)
    if kind == 0:
        for row in range(y + step, y + h, step):
            cv2.line(wall, (x, row), (x + w, row), frame, 2, cv2.LINE_AA)
    if kind == 1:
        for column in range(x, x + w, 5):
            top = y + int(rng.integers(2, 14))
            cv2.rectangle(wall, (column, top), (column + 3, y + h), sample_colour(rng), -1)
    cv2.rectangle(wall, (x, y), (x + w, y + h), frame, int(rng.integers(1, 4)), cv2.LINE_AA)


def _outdoors(camera: Camera, rng: np.random.Generator) -> np.ndarray:
    """Draw the sky, and houses or hills along the horizon."""
    width, height = camera.size
    low = np.array((0.92, 0.86, 0.8), np.float32) * rng.uniform(0.8, 1.05)
    high = np.array(sample_colour(rng), np.float32) * 0.4 + 0.45
    ramp = np.linspace(0, 1, height, dtype=np.float32)[:, None, None]
    sky = np.ones((1, width, 1), np.float32) * (high + ramp * (low - high))
    sky += 0.06 * smooth_noise(camera.size, (7, 9), rng)[..., None]
    horizon = int(height / 2 - camera.zoom * np.tan(np.radians(camera.pitch)))
    if rng.random() < 0.5:
        for _ in range(rng.integers(3, 9)):
            _house(sky, horizon, rng)
    else:
        for tone in (0.75, 0.5):
            ridge = smooth_noise((width, 1), (int(rng.integers(5, 12)), 1), rng)[0]
            top = horizon - rng.uniform(15, 60) - 16 * ridge
            outline = [*zip(range(width), top, strict=True), (width, height), (0, height)]
            green = (0.25 * tone, rng.uniform(0.45, 0.7) * tone, rng.uniform(0.3, 0.6) * tone)
            cv2.fillPoly(sky, [np.array(outline).astype(np.int32)], green, cv2.LINE_AA)
    return sky


def _house(sky: np.ndarray, horizon: int, rng: np.random.Generator) -> None:
    """Draw a house front with rows of windows, in place."""
    w, h = int(rng.integers(30, 120)), int(rng.integers(40, 190))
    x, y = int(rng.integers(-30, sky.shape[1])), horizon - h
    wall, glass = sample_colour(rng), sample_colour(rng)
    cv2.rectangle(sky, (x, y), (x + w, sky.shape[0]), wall, -1)
    step = int(rng.integers(10, 24))
    for left in range(x + 4, x + w - step // 2, step):
        for top in range(y + 5, horizon - 4, step):
            cv2.rectangle(sky, (left, top), (left + step // 2, top + int(0.6 * step)), glass, -1)
