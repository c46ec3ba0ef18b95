"""Reading and writing images and videos. Arrays are (H, W, 3) uint8 RGB, from file to network and back to file."""

from hrpose.images.convert import as_bgr, as_rgb, swap_red_blue
from hrpose.images.files import ImageError, decode_image, read_image, save_image
from hrpose.images.video import VideoWriter, open_capture, read_frames

__all__ = [
    'ImageError',
    'VideoWriter',
    'as_bgr',
    'as_rgb',
    'decode_image',
    'open_capture',
    'read_frames',
    'read_image',
    'save_image',
    'swap_red_blue',
]
