"""Pictures as a program has them, paths, arrays and PIL's, as one form: (H, W, 3) uint8 BGR."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from hrpose.errors import UserError
from hrpose.images.files import LONGEST_SIDE, ImageError
from hrpose.visualization.files import read_picture

if TYPE_CHECKING:
    from PIL import Image as PILImage

    Image = str | Path | np.ndarray | PILImage.Image
else:
    Image = Any

# PIL's kinds of picture that have 8 bits a channel and so turn into RGB without a choice of range.
_PIL_MODES = ('1', 'L', 'LA', 'P', 'PA', 'RGB', 'RGBA', 'RGBX', 'CMYK', 'YCbCr', 'HSV')


def as_bgr(image: Image) -> np.ndarray:
    """Return a picture as (H, W, 3) uint8 BGR, its pixels as stored whatever an EXIF entry says about turning them.

    Args:
        image: a path; a NumPy array, uint8, of BGR (H, W, 3), BGRA (H, W, 4), whose alpha is dropped, or grey (H, W) or
            (H, W, 1); a PIL image of 8 bits a channel, turned into RGB by PIL.

    Raises:
        ImageError: a file that is missing or holds something else than a whole picture.
        UserError: an array or image of another type, shape or kind, or a side longer than OpenCV can warp.
    """
    if isinstance(image, str | Path):
        picture = read_picture(image)
    elif isinstance(image, np.ndarray):
        picture = _of_array(image)
    elif is_pil_image(image):
        picture = _of_pil(image)
    else:
        raise UserError(
            f'a picture is a path, a NumPy array (H, W, 3) uint8 BGR or a PIL image, not {type(image).__name__}'
        )
    if max(picture.shape) > LONGEST_SIDE:
        height, width = picture.shape[:2]
        raise UserError(
            f'{name_of(image)} is {width} px wide and {height} px high, but OpenCV warps no side above '
            f'{LONGEST_SIDE} px: cut it into tiles, or scale it down'
        )
    return picture


def is_one_image(image: Any) -> bool:
    """Say whether something is one picture, good or bad, and no list or batch of them."""
    if isinstance(image, np.ndarray):
        return image.ndim != 4
    return isinstance(image, str | Path) or is_pil_image(image)


def is_pil_image(image: Any) -> bool:
    """Say whether something is an image of PIL's."""
    from PIL import Image as PILImage

    return isinstance(image, PILImage.Image)


def name_of(image: Image) -> str:
    """Return what a message calls a picture: its path, or that it is an array or a PIL image."""
    if isinstance(image, str | Path):
        return f'the image {image}'
    return 'the array' if isinstance(image, np.ndarray) else 'the PIL image'


def _of_array(image: np.ndarray) -> np.ndarray:
    if image.dtype != np.uint8:
        scaled = '; if it runs from 0 to 1, give (255 * image).round().astype(np.uint8)'
        advice = scaled if image.dtype.kind == 'f' else ', and how to scale it down is for you to say'
        raise UserError(f'an array with a picture holds uint8, 0 to 255, not {image.dtype}{advice}')
    channels = 1 if image.ndim == 2 else image.shape[2] if image.ndim == 3 else 0
    if channels not in (1, 3, 4) or not image.size:
        first = image.ndim == 3 and image.shape[0] in (1, 3, 4)
        advice = '; channels come last: give image.transpose(1, 2, 0)' if first and image.size else ''
        raise UserError(f'an array with a picture is BGR (H, W, 3), BGRA or grey (H, W), not {image.shape}{advice}')
    if channels == 1:
        return cv2.cvtColor(image, cv2.COLOR_GRAY2BGR)
    return cv2.cvtColor(image, cv2.COLOR_BGRA2BGR) if channels == 4 else np.ascontiguousarray(image)


def _of_pil(image: Any) -> np.ndarray:
    if image.mode not in _PIL_MODES:
        raise UserError(
            f"a PIL image of mode '{image.mode}' has no 8 bits a channel: turn it into 'RGB' as suits its range"
        )
    try:
        rgb = np.asarray(image.convert('RGB'))
    except (OSError, SyntaxError, ValueError) as error:  # PIL reads files late, and breaks off here where one is broken
        name = getattr(image, 'filename', '') or 'without a name'
        raise ImageError(f'the PIL image {name} cannot be read: {error}') from error
    if not rgb.size:
        raise UserError(f'the PIL image is {image.width} px wide and {image.height} px high: there is nothing in it')
    return cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR)
