"""Images as programs have them, paths, NumPy arrays and PIL images, as arrays (H, W, 3) uint8."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from hrpose.errors import UserError
from hrpose.images.files import ImageError, read_image, require_warpable

if TYPE_CHECKING:
    from PIL import Image as PILImage

    Image = str | Path | np.ndarray | PILImage.Image
else:
    Image = Any

# PIL's modes with 8 bits a channel, whose conversion to RGB leaves no choice of range.
_PIL_MODES = ('1', 'L', 'LA', 'P', 'PA', 'RGB', 'RGBA', 'RGBX', 'CMYK', 'YCbCr', 'HSV')


def as_rgb(image: Image) -> np.ndarray:
    """Return an image as (H, W, 3) uint8 RGB, with its pixels as stored, whatever its EXIF orientation.

    Args:
        image: a path; a uint8 array as OpenCV has it, BGR (H, W, 3), BGRA (H, W, 4), whose alpha is dropped, or grey
            (H, W) or (H, W, 1); or a PIL image of 8 bits a channel, which PIL converts.

    Raises:
        ImageError: the file is missing or is not a whole image.
        UserError: the image has another type, dtype, shape or mode, or a side too long for OpenCV's warp.
    """
    pixels, is_bgr = _pixels(image)
    return swap_red_blue(pixels) if is_bgr else pixels


def as_bgr(image: Image) -> np.ndarray:
    """Return an image as (H, W, 3) uint8 BGR, for OpenCV and mmdet; takes and raises what `as_rgb` does."""
    pixels, is_bgr = _pixels(image)
    return pixels if is_bgr else swap_red_blue(pixels)


def swap_red_blue(image: np.ndarray) -> np.ndarray:
    """Turn RGB (H, W, 3) uint8 into BGR, or BGR into RGB, as a new array."""
    return cv2.cvtColor(image, cv2.COLOR_RGB2BGR)


def is_one_image(image: Any) -> bool:
    """Return whether something is one image, valid or not, rather than a list or batch of images."""
    if isinstance(image, np.ndarray):
        return image.ndim != 4
    return isinstance(image, str | Path) or _is_pil_image(image)


def _is_pil_image(image: Any) -> bool:
    module = sys.modules.get('PIL.Image')  # without it there are no such images, and it may not be installed
    return module is not None and isinstance(image, module.Image)


def _pixels(image: Image) -> tuple[np.ndarray, bool]:
    """Return an image as (H, W, 3) uint8, and whether that is BGR; else it is RGB."""
    if isinstance(image, str | Path):
        return read_image(image), False
    if isinstance(image, np.ndarray):
        pixels, what, is_bgr = _of_array(image), 'the array', True
    elif _is_pil_image(image):
        pixels, what, is_bgr = _of_pil(image), 'the PIL image', False
    else:
        raise UserError(
            f'an image is a path, a NumPy array (H, W, 3) uint8 BGR or a PIL image, not {type(image).__name__}'
        )
    require_warpable(pixels.shape[0], pixels.shape[1], what)
    return pixels, is_bgr


def _of_array(image: np.ndarray) -> np.ndarray:
    """Return an array as (H, W, 3) uint8 BGR."""
    if image.dtype != np.uint8:
        scaled = '; if it runs from 0 to 1, give (255 * image).round().astype(np.uint8)'
        advice = scaled if image.dtype.kind == 'f' else '; scale it to 8 bits'
        raise UserError(f'an image array holds uint8, 0 to 255, not {image.dtype}{advice}')
    channels = 1 if image.ndim == 2 else image.shape[2] if image.ndim == 3 else 0
    if channels not in (1, 3, 4) or not image.size:
        is_channels_first = image.ndim == 3 and image.shape[0] in (1, 3, 4) and image.size
        advice = '; channels come last: give image.transpose(1, 2, 0)' if is_channels_first else ''
        raise UserError(f'an image array is BGR (H, W, 3), BGRA or grey (H, W), not {image.shape}{advice}')
    if channels == 1:
        return cv2.cvtColor(image, cv2.COLOR_GRAY2BGR)
    return cv2.cvtColor(image, cv2.COLOR_BGRA2BGR) if channels == 4 else np.ascontiguousarray(image)


def _of_pil(image: Any) -> np.ndarray:
    """Return a PIL image as (H, W, 3) uint8 RGB."""
    if image.mode not in _PIL_MODES:
        raise UserError(f"a PIL image of mode '{image.mode}' does not have 8 bits a channel; convert it to 'RGB' first")
    try:
        rgb = np.asarray(image.convert('RGB'))
    except (OSError, SyntaxError, ValueError) as error:  # PIL decodes a file only now
        name = getattr(image, 'filename', '') or 'without a name'
        raise ImageError(f'the PIL image {name} cannot be read: {error}') from error
    if not rgb.size:
        raise UserError(f'the PIL image is {image.width} px wide and {image.height} px high, so it is empty')
    return rgb
