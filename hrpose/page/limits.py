"""The limits of the page's server."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Limits:
    """What one request may ask for, and how many requests may wait."""

    image_mb: int = field(default=32, metadata={'help': 'size of an image file'})
    image_megapixels: int = field(default=50, metadata={'help': 'size of an image'})
    image_seconds: int = field(default=60, metadata={'help': 'time for an image, with the wait for others'})
    video_mb: int = field(default=256, metadata={'help': 'size of a video file'})
    video_megapixels: int = field(default=9, metadata={'help': "size of a video's frame"})
    video_frames: int = field(default=3000, metadata={'help': 'frames of a video; later ones are left out'})
    video_seconds: int = field(default=600, metadata={'help': 'time for a video; frames not done by then are left out'})
    boxes: int = field(default=100, metadata={'help': 'boxes drawn in an image'})
    requests: int = field(default=8, metadata={'help': 'images and videos at once; others are asked to try again'})
