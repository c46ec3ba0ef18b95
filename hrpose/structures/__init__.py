"""Samples of one person, boxes, and the map between image and input."""

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
from hrpose.structures.pose_data_sample import PoseDataSample

__all__ = [
    'MAX_COORDINATE', 'PUBLISHED_PADDING', 'PoseDataSample', 'apply_affine', 'clip_box_to_last_pixel', 'compose_affine',
    'image_to_input_matrix', 'input_to_image', 'invert_affine', 'mirror_matrix', 'pad_box', 'resize_matrix',
]  # fmt: skip
