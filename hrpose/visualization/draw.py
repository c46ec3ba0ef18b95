"""Drawing on NumPy images: poses, boxes, heatmaps, two pictures side by side.

Plain functions: each takes a RGB uint8 image and returns a new one; none changes its input.
Letters: N people, K joints; H, W the image's height and width; h, w those of a heatmap.
Coordinates are image pixels, (x, y), with (0, 0) the centre of the top left pixel.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import cv2
import numpy as np

from hrpose.errors import UserError
from hrpose.visualization.palette import (
    BOX,
    DARK,
    LIGHT,
    SIDE_COLOURS,
    Colour,
    joint_sides,
    limb_side,
)
from hrpose.visualization.text import blend, fit_text, text_size, write_text

SHIFT = 4  # OpenCV draws at 1 / 2**SHIFT of a pixel


def as_canvas(image: np.ndarray) -> np.ndarray:
    """A fresh (H, W, 3) uint8 copy of a RGB (H, W, 3) or grey (H, W) or (H, W, 1) uint8 image.

    Raises:
        UserError: another type or shape.
    """
    image = np.asarray(image)
    if image.ndim == 3 and image.shape[2] == 1:
        image = image[..., 0]
    if image.dtype != np.uint8 or image.size == 0:
        raise UserError(f'An image to draw on must be uint8 and not empty, got {image.dtype} of shape {image.shape}.')
    if image.ndim == 2:
        return np.repeat(image[..., None], 3, axis=2)
    if image.ndim != 3 or image.shape[2] != 3:
        raise UserError(f'An image to draw on must be RGB (H, W, 3) or grey (H, W), got shape {image.shape}.')
    return image.copy(order='C')


def line_width(image: np.ndarray) -> int:
    """The width of lines that suits an image, in pixels: about 1 for each 150 of its mean side."""
    return max(1, round(float(np.sqrt(image.shape[0] * image.shape[1])) / 150))


def font_size(image: np.ndarray) -> int:
    """The size of letters that suits an image, in pixels."""
    return int(np.clip(np.sqrt(image.shape[0] * image.shape[1]) / 28, 12, 72))


def draw_pose(
    image: np.ndarray,
    keypoints: np.ndarray,
    scores: np.ndarray | None,
    metainfo: Mapping[str, Any],
    *,
    threshold: float = 0.2,
    width: int | None = None,
) -> np.ndarray:
    """Draw people as skeletons: left limbs blue, right ones orange, those of the middle green.

    A joint is left out, and its limbs with it, where it is NaN, outside the image, or its score
    does not pass `threshold`. The others are larger and more solid the higher they score.

    Args:
        image: (H, W, 3) uint8 RGB.
        keypoints: (N, K, 2), or (K, 2) for one person, image px.
        scores: (N, K) or (K,): scores, or visibility flags, of which any above zero is drawn in
            full. Above 1 counts as 1. None draws all.
        metainfo: of the data set: `skeleton`, and `keypoint_names` or `flip_indices`.
        threshold: scores must be above this; in [0, 1).
        width: of limbs, pixels; by default from the image's size and the person's.

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
    for points, strength, shown in zip(keypoints, scores, drawn, strict=True):
        if not shown.any():
            continue
        limb_width = width or _person_line_width(canvas, points[shown])
        _draw_limbs(canvas, points, strength, shown, limbs, sides, limb_width)
        _draw_joints(canvas, points, strength, shown, sides, limb_width)
    return canvas


def draw_boxes(
    image: np.ndarray,
    boxes: np.ndarray,
    *,
    captions: Sequence[str] | None = None,
    colour: Colour = BOX,
    width: int | None = None,
) -> np.ndarray:
    """Draw boxes, each with a caption if given. Boxes that are NaN or wholly outside are left out.

    Args:
        image: (H, W, 3) uint8 RGB.
        boxes: (N, 4) xyxy, image px.
        captions: N short texts.
        colour: RGB.
        width: of lines, pixels; by default from the image's size.

    Returns:
        (H, W, 3) uint8 RGB, a new array.

    Raises:
        UserError: boxes are not (N, 4), or the number of captions is another.
    """
    canvas = as_canvas(image)
    boxes = np.asarray(boxes, dtype=np.float64)
    boxes = boxes.reshape(-1, 4) if boxes.size == 0 else np.atleast_2d(boxes)
    if boxes.ndim != 2 or boxes.shape[1] != 4:
        raise UserError(f'Boxes must be (N, 4) as x1, y1, x2, y2, got shape {boxes.shape}.')
    if captions is not None and len(captions) != len(boxes):
        raise UserError(f'{len(captions)} captions for {len(boxes)} boxes.')
    width = width or max(1, round(line_width(canvas) * 0.5))
    for index, box in enumerate(boxes):
        if not _touches(box, canvas.shape):
            continue
        corners = np.clip(box, -4 * width, np.tile(canvas.shape[1::-1], 2) + 4 * width)
        _draw_box(canvas, corners, colour, width)
        if captions is not None and captions[index]:
            _draw_tag(canvas, captions[index], corners, colour)
    return canvas


def draw_heatmaps(
    image: np.ndarray,
    heatmaps: np.ndarray,
    *,
    region: Sequence[float] | None = None,
    peak: float = 1.0,
    opacity: float = 0.85,
) -> np.ndarray:
    """Lay heatmaps over an image, dark to bright: at each place the strongest joint's value.

    Args:
        image: (H, W, 3) uint8 RGB.
        heatmaps: (K, h, w), or (h, w), of floats.
        region: (x1, y1, x2, y2) in image px that the heatmap covers, such as box_center -+ box_size
            / 2 of an upright sample; cell (cx, cy) lies at x1 + cx * (x2 - x1) / w, as key points
            are decoded. By default the image.
        peak: the value shown as brightest.
        opacity: of the brightest; zero heat is clear.

    Returns:
        (H, W, 3) uint8 RGB, a new array.

    Raises:
        UserError: heatmaps are not (K, h, w), or the region is empty.
    """
    canvas = as_canvas(image)
    heat = np.asarray(heatmaps, dtype=np.float32)
    heat = heat[None] if heat.ndim == 2 else heat
    if heat.ndim != 3 or heat.size == 0:
        raise UserError(f'Heatmaps must be (K, h, w), got shape {heat.shape}.')
    height, width = canvas.shape[:2]
    x1, y1, x2, y2 = (0, 0, width, height) if region is None else region
    if not (x2 > x1 and y2 > y1):
        raise UserError(f"The heatmaps' region must have x1 < x2 and y1 < y2, got {region}.")
    heat = np.clip(np.nan_to_num(heat.max(axis=0)) / peak, 0, 1)
    to_image = np.array([[(x2 - x1) / heat.shape[1], 0, x1], [0, (y2 - y1) / heat.shape[0], y1]], dtype=np.float64)
    heat = np.asarray(cv2.warpAffine(heat, to_image, (width, height), flags=cv2.INTER_LINEAR), dtype=np.float32)
    colours = cv2.applyColorMap(np.rint(heat * 255).astype(np.uint8), cv2.COLORMAP_INFERNO)[..., ::-1]  # RGB
    weight = (np.sqrt(heat) * opacity)[..., None]
    return np.rint(canvas + (colours.astype(np.float32) - canvas) * weight).astype(np.uint8)


def side_by_side(
    truth: np.ndarray,
    prediction: np.ndarray,
    *,
    captions: tuple[str, str] = ('truth', 'prediction'),
) -> np.ndarray:
    """Two pictures of any sizes beside one another, each under its caption, on white.

    Args:
        truth: (H, W, 3) uint8 RGB, on the left.
        prediction: (H', W', 3) uint8 RGB, on the right.
        captions: of the two.

    Returns:
        (max(H, H') + a line, W + W' + a gap, 3) uint8 RGB.
    """
    images = [as_canvas(truth), as_canvas(prediction)]
    size = font_size(images[0])
    band = text_size('', size)[1] + size // 2
    gap = max(2, size // 3)
    total_width = sum(image.shape[1] for image in images) + gap
    sheet = np.full((max(i.shape[0] for i in images) + band, total_width, 3), 255, np.uint8)
    left = 0
    for image, caption in zip(images, captions, strict=True):
        height, width = image.shape[:2]
        text = fit_text(caption, size, width - size // 2)
        write_text(sheet, text, (left + size // 4, size // 4), size=size)
        sheet[band : band + height, left : left + width] = image
        left += width + gap
    return sheet


def _checked_people(keypoints: np.ndarray, scores: np.ndarray | None, joints: int) -> tuple[np.ndarray, np.ndarray]:
    """keypoints as (N, K, 2) and scores as (N, K), clipped to [0, 1], both float64."""
    keypoints = np.asarray(keypoints, dtype=np.float64)
    if keypoints.size == 0:
        return np.zeros((0, joints, 2)), np.zeros((0, joints))
    keypoints = keypoints[None] if keypoints.ndim == 2 else keypoints
    if keypoints.ndim != 3 or keypoints.shape[1:] != (joints, 2):
        raise UserError(
            f'Key points must be (N, {joints}, 2), as the metainfo names {joints} joints; got shape {keypoints.shape}.'
        )
    if scores is None:
        return keypoints, np.ones(keypoints.shape[:2])
    scores = np.asarray(scores, dtype=np.float64)
    scores = scores[None] if scores.ndim == 1 else scores
    if scores.shape != keypoints.shape[:2]:
        raise UserError(
            f'Scores must be (N, K) = {keypoints.shape[:2]} for key points of shape '
            f'{keypoints.shape}, got {scores.shape}.'
        )
    return keypoints, np.clip(scores, 0, 1)


def _drawable(keypoints: np.ndarray, scores: np.ndarray, shape: tuple[int, ...], threshold: float) -> np.ndarray:
    """(N, K) bool: which joints can and should be drawn. NaN fails every comparison."""
    x, y = keypoints[..., 0], keypoints[..., 1]
    inside = (x >= -0.5) & (y >= -0.5) & (x <= shape[1] - 0.5) & (y <= shape[0] - 0.5)
    return inside & (scores > threshold)


def _person_line_width(canvas: np.ndarray, points: np.ndarray) -> int:
    """The image's line width, less for small people, whom it would hide."""
    extent = float(np.hypot(*np.ptp(points, axis=0)))
    return int(np.clip(round(extent / 40), 1, line_width(canvas)))


def _draw_limbs(
    canvas: np.ndarray,
    points: np.ndarray,
    strength: np.ndarray,
    shown: np.ndarray,
    limbs: Sequence[tuple[int, int]],
    sides: Sequence[str],
    width: int,
) -> None:
    limbs = [(a, b) for a, b in limbs if shown[a] and shown[b]]
    rim = max(1, width // 3)
    # All rims first: one drawn later would cut through a limb that it crosses.
    for colour, extra in ((DARK, 2 * rim), (None, 0)):
        for a, b in limbs:
            ends = points[[a, b]]
            limb_colour = colour or SIDE_COLOURS[limb_side(sides[a], sides[b])]
            opacity = _opacity(min(strength[a], strength[b])) * (0.55 if colour else 1)
            paint = _line_painter(ends, width + extra)
            _stamp(canvas, ends, width + extra, paint, limb_colour, opacity)


def _draw_joints(
    canvas: np.ndarray,
    points: np.ndarray,
    strength: np.ndarray,
    shown: np.ndarray,
    sides: Sequence[str],
    width: int,
) -> None:
    for index in np.flatnonzero(shown):
        point = points[index : index + 1]
        radius = width * (0.65 + 0.35 * strength[index]) + 0.5
        rings = (
            (radius + max(1.0, width / 4), LIGHT),
            (radius, SIDE_COLOURS[sides[index]]),
        )
        for ring_radius, colour in rings:
            paint = _disc_painter(point, ring_radius)
            _stamp(canvas, point, 2 * ring_radius, paint, colour, _opacity(strength[index]))


def _opacity(score: float) -> float:
    return 0.4 + 0.6 * float(score) ** 0.5


def _fixed(points: np.ndarray, origin: np.ndarray) -> list[tuple[int, int]]:
    """Points relative to `origin`, in OpenCV's fixed-point numbers."""
    scaled = np.rint((points - origin) * (1 << SHIFT)).astype(int)
    return [(int(x), int(y)) for x, y in scaled]


def _line_painter(ends: np.ndarray, width: int) -> Callable:
    def paint(mask: np.ndarray, origin: np.ndarray) -> None:
        start, end = _fixed(ends, origin)
        cv2.line(mask, start, end, 255, width, cv2.LINE_AA, SHIFT)

    return paint


def _disc_painter(point: np.ndarray, radius: float) -> Callable:
    def paint(mask: np.ndarray, origin: np.ndarray) -> None:
        (centre,) = _fixed(point, origin)
        cv2.circle(mask, centre, round(radius * (1 << SHIFT)), 255, -1, cv2.LINE_AA, SHIFT)

    return paint


def _frame_painter(corners: np.ndarray, width: int) -> Callable:
    def paint(mask: np.ndarray, origin: np.ndarray) -> None:
        top_left, bottom_right = _fixed(np.rint(corners), origin)
        cv2.rectangle(mask, top_left, bottom_right, 255, width, cv2.LINE_AA, SHIFT)

    return paint


def _stamp(
    canvas: np.ndarray,
    points: np.ndarray,
    reach: float,
    paint: Callable[[np.ndarray, np.ndarray], None],
    colour: Colour,
    opacity: float,
) -> None:
    """Blend in a shape around `points` that reaches at most `reach` pixels past them."""
    bound = np.array([canvas.shape[1], canvas.shape[0]])
    low = np.clip(np.floor(points.min(axis=0) - reach - 2), 0, bound).astype(int)
    high = np.clip(np.ceil(points.max(axis=0) + reach + 3), 0, bound).astype(int)
    mask = np.zeros((high[1] - low[1], high[0] - low[0]), np.uint8)
    if mask.size == 0:
        return
    paint(mask, low)
    blend(canvas[low[1] : high[1], low[0] : high[0]], mask, colour, opacity)


def _touches(box: np.ndarray, shape: tuple[int, ...]) -> bool:
    """Whether any of the box is on the image; never for NaN or an inverted one."""
    x1, y1, x2, y2 = box
    return bool(x1 <= x2 and y1 <= y2 and x2 >= 0 and y2 >= 0 and x1 <= shape[1] - 1 and y1 <= shape[0] - 1)


def _draw_box(canvas: np.ndarray, box: np.ndarray, colour: Colour, width: int) -> None:
    corners = box.reshape(2, 2)
    for line_colour, extra, opacity in ((DARK, 2, 0.35), (colour, 0, 0.95)):
        paint = _frame_painter(corners, width + extra)
        _stamp(canvas, corners, width + extra, paint, line_colour, opacity)


def _draw_tag(canvas: np.ndarray, text: str, box: np.ndarray, colour: Colour) -> None:
    """A caption on a plate above the box, or inside its top edge where there is no room above."""
    size = max(10, round(font_size(canvas) * 0.8))
    width, height = text_size(text, size)
    pad = max(2, size // 5)
    x = int(np.clip(box[0], 0, max(0, canvas.shape[1] - width - 2 * pad)))
    above = int(box[1]) - height - pad
    y = above if above >= 0 else int(max(box[1], 0))
    plate = canvas[y : y + height + pad, x : x + width + 2 * pad]
    plate[...] = colour
    write_text(canvas, text, (x + pad, y + pad // 2), size=size)
