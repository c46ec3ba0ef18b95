"""Drawing on NumPy images: poses, boxes, heatmaps and lines of text.

The `draw_…` functions take an RGB uint8 image and return a new one; none changes its input.
Letters: N people, K joints; H, W the image's height and width; h, w those of a heatmap.
Coordinates are image px, (x, y), with (0, 0) the centre of the top left pixel.
"""

import colorsys
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache, partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from hrpose.datasets.metainfo.names import CENTRE, LEFT, RIGHT, joint_sides
from hrpose.errors import UserError

Colour = tuple[int, int, int]  # RGB

# Blue, orange and green stay apart for the common kinds of colour blindness.
SIDE_COLOURS: dict[str, Colour] = {LEFT: (30, 148, 255), RIGHT: (255, 136, 20), CENTRE: (60, 214, 120)}
DARK: Colour = (28, 28, 28)
LIGHT: Colour = (248, 248, 248)
BOX: Colour = (235, 235, 235)

SHIFT = 4  # OpenCV takes coordinates in units of 1 / 2**SHIFT px
_line = partial(cv2.line, color=255, lineType=cv2.LINE_AA, shift=SHIFT)
_disc = partial(cv2.circle, color=255, thickness=-1, lineType=cv2.LINE_AA, shift=SHIFT)
_rectangle = partial(cv2.rectangle, color=255, lineType=cv2.LINE_AA, shift=SHIFT)


def as_canvas(image: np.ndarray) -> np.ndarray:
    """Copy an RGB (H, W, 3) or grey (H, W) or (H, W, 1) uint8 image to (H, W, 3).

    Raises:
        UserError: the image has another dtype or shape.
    """
    image = np.asarray(image)
    if image.ndim == 3 and image.shape[2] == 1:
        image = image[..., 0]
    is_image = image.ndim == 2 or (image.ndim == 3 and image.shape[2] == 3)
    if image.dtype != np.uint8 or image.size == 0 or not is_image:
        raise UserError(
            f'an image to draw on has to be uint8, RGB (H, W, 3) or grey (H, W), not {image.dtype} {image.shape}'
        )
    return np.repeat(image[..., None], 3, axis=2) if image.ndim == 2 else image.copy(order='C')


def line_width(image: np.ndarray) -> int:
    """Return the width of lines that suits an image, px: about 1 for each 150 of its mean side."""
    return max(1, round(float(np.sqrt(image.shape[0] * image.shape[1])) / 150))


def font_size(image: np.ndarray) -> int:
    """Return the font size that suits an image, px."""
    return int(np.clip(np.sqrt(image.shape[0] * image.shape[1]) / 28, 12, 72))


def draw_pose(
    image: np.ndarray,
    keypoints: np.ndarray,
    scores: np.ndarray | None,
    metainfo: Mapping[str, Any],
    *,
    threshold: float = 0.2,
    width: int | None = None,
    ids: Sequence[int] | np.ndarray | None = None,
) -> np.ndarray:
    """Draw people as skeletons: left limbs blue, right ones orange, those of the middle green; or in colours by id.

    A joint and its limbs are left out if it is NaN, outside the image, or its score is not above `threshold`. The
    others are larger and more opaque the higher they score.

    Args:
        image: (H, W, 3) uint8 RGB.
        keypoints: (N, K, 2), or (K, 2) for one person, image px.
        scores: (N, K) or (K,): scores, of which those above 1 count as 1, or visibility flags. None draws all joints.
        metainfo: of the data set: `skeleton`, and `keypoint_names` or `flip_indices`.
        threshold: in [0, 1).
        width: of limbs, px; by default it depends on the size of the image and of the person.
        ids: (N,) of the people. Each id has one colour, the same in every frame.

    Returns:
        (H, W, 3) uint8 RGB, a new array.

    Raises:
        UserError: shapes do not fit one another or the metainfo.
    """
    canvas = as_canvas(image)
    sides = joint_sides(metainfo)
    limbs = tuple(metainfo.get('skeleton') or ())
    keypoints, scores = _checked_people(keypoints, scores, len(sides))
    drawn = _drawable(keypoints, scores, canvas.shape, threshold)
    if ids is not None and len(ids) != len(keypoints):
        raise UserError(f'{len(keypoints)} people need as many ids, not {len(ids)}')
    palettes = (
        [SIDE_COLOURS] * len(keypoints) if ids is None else [dict.fromkeys(SIDE_COLOURS, id_colour(i)) for i in ids]
    )
    for points, strength, shown, colours in zip(keypoints, scores, drawn, palettes, strict=True):
        if not shown.any():
            continue
        # A small person gets thinner lines than the image: wide ones would hide it.
        thin = np.hypot(*np.ptp(points[shown], axis=0)) / 40
        person_width = width or int(np.clip(round(float(thin)), 1, line_width(canvas)))
        _draw_person(canvas, points, strength, shown, limbs, sides, colours, person_width)
    return canvas


def draw_boxes(
    image: np.ndarray,
    boxes: np.ndarray,
    *,
    captions: Sequence[str] | None = None,
    width: int | None = None,
) -> np.ndarray:
    """Draw boxes with optional captions. Boxes that are NaN or entirely outside are left out.

    Args:
        image: (H, W, 3) uint8 RGB.
        boxes: (N, 4) xyxy, image px.
        captions: N short texts.
        width: of lines, px; by default it depends on the size of the image.

    Returns:
        (H, W, 3) uint8 RGB, a new array.

    Raises:
        UserError: boxes are not (N, 4), or there are not as many captions.
    """
    canvas = as_canvas(image)
    boxes = np.asarray(boxes, dtype=np.float64)
    boxes = boxes.reshape(-1, 4) if boxes.size == 0 else np.atleast_2d(boxes)
    if boxes.ndim != 2 or boxes.shape[1] != 4:
        raise UserError(f'boxes have to be (N, 4), x1, y1, x2, y2, not {boxes.shape}')
    if captions is not None and len(captions) != len(boxes):
        raise UserError(f'{len(boxes)} boxes need as many captions, not {len(captions)}')
    width = width or max(1, round(line_width(canvas) * 0.5))
    for index, box in enumerate(boxes):
        if not _touches(box, canvas.shape):
            continue
        corners = np.clip(box, -4 * width, np.tile(canvas.shape[1::-1], 2) + 4 * width)
        for colour, extra, opacity in ((DARK, 2, 0.35), (BOX, 0, 0.95)):
            paint = partial(_rectangle, thickness=width + extra)
            _stamp(canvas, np.rint(corners.reshape(2, 2)), width + extra, paint, colour, opacity)
        if captions is not None and captions[index]:
            _draw_tag(canvas, captions[index], corners)
    return canvas


def draw_trails(
    image: np.ndarray,
    trails: Sequence[np.ndarray],
    *,
    ids: Sequence[int] | np.ndarray,
    width: int | None = None,
) -> np.ndarray:
    """Draw where people were: a line for each, in the colour of the id, that fades with age.

    Args:
        image: (H, W, 3) uint8 RGB.
        trails: N of (T, 2), the oldest place first, image px; a line has a gap where a place is NaN.
        ids: N, of the people.
        width: of lines, px; by default it depends on the size of the image.

    Returns:
        (H, W, 3) uint8 RGB, a new array.

    Raises:
        UserError: a trail is not (T, 2), or there are not as many ids.
    """
    canvas = as_canvas(image)
    if len(ids) != len(trails):
        raise UserError(f'{len(trails)} trails need as many ids, not {len(ids)}')
    width = width or line_width(canvas)
    reach = float(np.hypot(*canvas.shape[:2]))  # further out OpenCV's fixed-point numbers could overflow
    for number, places in zip(ids, trails, strict=True):
        points = np.asarray(places, dtype=np.float64)
        if points.ndim != 2 or points.shape[1] != 2:
            raise UserError(f'a trail has to be (T, 2), not {points.shape}')
        points = np.clip(points, -reach, 2 * reach)
        for newer in np.flatnonzero(np.isfinite(points[1:] + points[:-1]).all(axis=1)) + 1:
            opacity = 0.15 + 0.75 * newer / (len(points) - 1)
            paint = partial(_line, thickness=width)
            _stamp(canvas, points[newer - 1 : newer + 1], width, paint, id_colour(int(number)), opacity)
    return canvas


def draw_heatmaps(
    image: np.ndarray,
    heatmaps: np.ndarray,
    *,
    region: Sequence[float] | None = None,
    opacity: float = 0.85,
) -> np.ndarray:
    """Overlay heatmaps on an image, dark to bright for 0 to 1: at each place the highest value of any joint.

    Args:
        image: (H, W, 3) uint8 RGB.
        heatmaps: (K, h, w), or (h, w), of floats.
        region: (x1, y1, x2, y2) in image px that the heatmap covers, such as box_center -+ box_size / 2 of an upright
            sample. Cell (cx, cy) lies at x1 + cx * (x2 - x1) / w, as keypoints are decoded. By default the image.
        opacity: of the brightest value; zero is transparent.

    Returns:
        (H, W, 3) uint8 RGB, a new array.

    Raises:
        UserError: heatmaps are not (K, h, w), or the region is empty.
    """
    canvas = as_canvas(image)
    heat = np.asarray(heatmaps, dtype=np.float32)
    heat = heat[None] if heat.ndim == 2 else heat
    if heat.ndim != 3 or heat.size == 0:
        raise UserError(f'heatmaps have to be (K, h, w), not {heat.shape}')
    height, width = canvas.shape[:2]
    x1, y1, x2, y2 = (0, 0, width, height) if region is None else region
    if not (x2 > x1 and y2 > y1):
        raise UserError(f'the region of heatmaps needs x1 < x2 and y1 < y2, but it is {region}')
    heat = np.clip(np.nan_to_num(heat.max(axis=0)), 0, 1)
    to_image = np.array([[(x2 - x1) / heat.shape[1], 0, x1], [0, (y2 - y1) / heat.shape[0], y1]], dtype=np.float64)
    heat = np.asarray(cv2.warpAffine(heat, to_image, (width, height), flags=cv2.INTER_LINEAR), dtype=np.float32)
    colours = cv2.applyColorMap(np.rint(heat * 255).astype(np.uint8), cv2.COLORMAP_INFERNO)[..., ::-1]  # to RGB
    weight = (np.sqrt(heat) * opacity)[..., None]
    return np.rint(canvas + (colours.astype(np.float32) - canvas) * weight).astype(np.uint8)


def text_size(text: str, size: int) -> tuple[int, int]:
    """Return the width of `text` and the height of its line, px, at a font of `size` px."""
    ascent, descent = _font(size).getmetrics()
    return int(np.ceil(_font(size).getlength(text))), ascent + descent


def fit_text(text: str, size: int, width: int) -> str:
    """Return `text`, cut short with an ellipsis if it is wider than `width` px."""
    if text_size(text, size)[0] <= width:
        return text
    while text and text_size(text + '…', size)[0] > width:
        text = text[:-1]
    return text.rstrip() + '…' if text else ''


def write_text(canvas: np.ndarray, text: str, corner: tuple[int, int], *, size: int) -> None:
    """Write one dark, anti-aliased line onto `canvas`, in place; what falls outside is cut.

    Args:
        canvas: (H, W, 3) uint8 RGB; changed.
        text: one line.
        corner: (x, y) of the line's top left, image px.
        size: of the font, px.
    """
    width, height = text_size(text, size)
    x, y = corner
    left, top = max(x, 0), max(y, 0)
    right, bottom = min(x + width, canvas.shape[1]), min(y + height, canvas.shape[0])
    if right <= left or bottom <= top:
        return
    from PIL import Image, ImageDraw

    ink = Image.new('L', (width, height))
    ImageDraw.Draw(ink).text((0, 0), text, fill=255, font=_font(size))
    mask = np.asarray(ink)[top - y : bottom - y, left - x : right - x]
    _blend(canvas[top:bottom, left:right], mask, DARK, 1.0)


def id_colour(number: int) -> Colour:
    """Return the colour of an id. Hues are a golden section of the circle apart, so that near ids differ much."""
    red, green, blue = colorsys.hsv_to_rgb(0.58 + number * (5**0.5 - 1) / 2 % 1, 0.85, 1.0)
    return round(255 * red), round(255 * green), round(255 * blue)


def limb_side(side_a: str, side_b: str) -> str:
    """Return the side of a limb from those of its two joints; a limb from left to right belongs to the centre."""
    sides = {side_a, side_b} - {CENTRE}
    return sides.pop() if len(sides) == 1 else CENTRE


def _checked_people(keypoints: np.ndarray, scores: np.ndarray | None, joints: int) -> tuple[np.ndarray, np.ndarray]:
    """Return keypoints (N, K, 2) and scores (N, K), clipped to [0, 1], both float64."""
    keypoints = np.asarray(keypoints, dtype=np.float64)
    if keypoints.size == 0:
        return np.zeros((0, joints, 2)), np.zeros((0, joints))
    keypoints = keypoints[None] if keypoints.ndim == 2 else keypoints
    if keypoints.ndim != 3 or keypoints.shape[1:] != (joints, 2):
        raise UserError(f'keypoints have to be (N, {joints}, 2) for this metainfo, not {keypoints.shape}')
    if scores is None:
        return keypoints, np.ones(keypoints.shape[:2])
    scores = np.asarray(scores, dtype=np.float64)
    scores = scores[None] if scores.ndim == 1 else scores
    if scores.shape != keypoints.shape[:2]:
        raise UserError(f'scores have to be {keypoints.shape[:2]} for keypoints {keypoints.shape}, not {scores.shape}')
    return keypoints, np.clip(scores, 0, 1)


def _drawable(keypoints: np.ndarray, scores: np.ndarray, shape: tuple[int, ...], threshold: float) -> np.ndarray:
    """Return which joints are drawn, (N, K) bool. NaN fails every comparison."""
    x, y = keypoints[..., 0], keypoints[..., 1]
    inside = (x >= -0.5) & (y >= -0.5) & (x <= shape[1] - 0.5) & (y <= shape[0] - 0.5)
    return inside & (scores > threshold)


def _draw_person(
    canvas: np.ndarray,
    points: np.ndarray,
    strength: np.ndarray,
    shown: np.ndarray,
    limbs: Sequence[tuple[int, int]],
    sides: Sequence[str],
    colours: Mapping[str, Colour],
    width: int,
) -> None:
    limbs = [(a, b) for a, b in limbs if shown[a] and shown[b]]
    # All rims first: a later one would cut through a limb that it crosses.
    for rim in (2 * max(1, width // 3), 0):
        for a, b in limbs:
            colour = DARK if rim else colours[limb_side(sides[a], sides[b])]
            opacity = _opacity(min(strength[a], strength[b])) * (0.55 if rim else 1)
            _stamp(canvas, points[[a, b]], width + rim, partial(_line, thickness=width + rim), colour, opacity)
    for index in np.flatnonzero(shown):
        inner = width * (0.65 + 0.35 * strength[index]) + 0.5
        for radius, colour in ((inner + max(1.0, width / 4), LIGHT), (inner, colours[sides[index]])):
            paint = partial(_disc, radius=round(radius * (1 << SHIFT)))
            _stamp(canvas, points[index : index + 1], 2 * radius, paint, colour, _opacity(strength[index]))


def _opacity(score: float) -> float:
    return 0.4 + 0.6 * float(score) ** 0.5


def _stamp(
    canvas: np.ndarray, points: np.ndarray, reach: float, paint: Callable[..., Any], colour: Colour, opacity: float
) -> None:
    """Blend a shape into `canvas`, in place.

    Args:
        canvas: (H, W, 3) uint8; changed.
        points: (n, 2) image px that define the shape.
        reach: px that the shape extends past them at most.
        paint: draws the shape into a mask, given the mask and the n points in OpenCV's fixed-point numbers.
        colour: RGB.
        opacity: 0 to 1.
    """
    bound = np.array([canvas.shape[1], canvas.shape[0]])
    low = np.clip(np.floor(points.min(axis=0) - reach - 2), 0, bound).astype(int)
    high = np.clip(np.ceil(points.max(axis=0) + reach + 3), 0, bound).astype(int)
    mask = np.zeros((high[1] - low[1], high[0] - low[0]), np.uint8)
    if mask.size == 0:
        return
    paint(mask, *np.rint((points - low) * (1 << SHIFT)).astype(int).tolist())
    _blend(canvas[low[1] : high[1], low[0] : high[0]], mask, colour, opacity)


def _touches(box: np.ndarray, shape: tuple[int, ...]) -> bool:
    """Return whether any of a box is on the image; False for NaN or an inverted box."""
    x1, y1, x2, y2 = box
    return bool(x1 <= x2 and y1 <= y2 and x2 >= 0 and y2 >= 0 and x1 <= shape[1] - 1 and y1 <= shape[0] - 1)


def _draw_tag(canvas: np.ndarray, text: str, box: np.ndarray) -> None:
    """Write a caption on a plate above the box, or inside its top edge if there is no room above."""
    size = max(10, round(font_size(canvas) * 0.8))
    width, height = text_size(text, size)
    pad = max(2, size // 5)
    x = int(np.clip(box[0], 0, max(0, canvas.shape[1] - width - 2 * pad)))
    above = int(box[1]) - height - pad
    y = above if above >= 0 else int(max(box[1], 0))
    canvas[y : y + height + pad, x : x + width + 2 * pad] = BOX
    write_text(canvas, text, (x + pad, y + pad // 2), size=size)


def _blend(region: np.ndarray, mask: np.ndarray, colour: Colour, opacity: float) -> None:
    """Blend `colour` into `region` (h, w, 3) uint8, in place, by `mask` (h, w) uint8 times `opacity`."""
    weight = mask[..., None].astype(np.float32) * (opacity / 255)
    mixed = region + (np.asarray(colour, np.float32) - region) * weight
    region[...] = np.rint(mixed).astype(np.uint8)


@lru_cache(maxsize=32)
def _font(size: int) -> Any:
    """Return Matplotlib's DejaVu Sans, or else Pillow's own font, which has no accents."""
    from PIL import ImageFont

    size = max(int(size), 6)
    package = find_spec('matplotlib')  # finding it takes no time, importing it does
    if package is not None and package.origin:
        path = Path(package.origin).parent / 'mpl-data/fonts/ttf/DejaVuSans.ttf'
        if path.is_file():
            return ImageFont.truetype(str(path), size)
    return ImageFont.load_default(size)
