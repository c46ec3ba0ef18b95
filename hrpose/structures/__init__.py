"""Samples of one person, boxes, and the map between image and input."""

from typing import TYPE_CHECKING

from hrpose.lazy import lazy
from hrpose.structures.geometry import (
    MAX_COORDINATE,
    PUBLISHED_PADDING,
    apply_affine,
    clip_box_to_last_pixel,
    compose_affine,
    image_to_input_matrix,
    input_to_image,
    invert_affine,
    mirror_matrix,
    pad_box,
    resize_matrix,
)

if TYPE_CHECKING:
    from hrpose.structures.pose_data_sample import PROBABILITIES, PoseDataSample

__all__ = [
    'MAX_COORDINATE', 'PROBABILITIES', 'PUBLISHED_PADDING', 'PoseDataSample', 'apply_affine', 'clip_box_to_last_pixel',
    'compose_affine', 'image_to_input_matrix', 'input_to_image', 'invert_affine', 'mirror_matrix', 'pad_box',
    'resize_matrix',
]  # fmt: skip

__getattr__ = lazy(
    __name__,
    {
        'PROBABILITIES': 'hrpose.structures.pose_data_sample',
        'PoseDataSample': 'hrpose.structures.pose_data_sample',
    },
)
