"""From a person's box to the network's input: the region, one warp of pixels and keypoints, and the packed sample."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import cv2
import numpy as np
import torch
from mmengine.structures import InstanceData

from hrpose.datasets.transforms.base import RegionStep, Results, leaves_pixels_alone, number
from hrpose.datasets.transforms.load import LoadImage
from hrpose.errors import UserError
from hrpose.images.partial_jpeg import EncodedImage
from hrpose.registry import TRANSFORMS
from hrpose.structures import (
    PUBLISHED_PADDING,
    PoseDataSample,
    apply_affine,
    compose_affine,
    image_to_input_matrix,
    invert_affine,
    mirror_matrix,
    pad_box,
    resize_matrix,
)

# Of a multi-scale test. Sun et al. (CVPR 2019) test MPII on six scales without listing them; these are from memory of
# public code for the same protocol (Yang et al., ICCV 2017), not checked.
SIX_SCALES = (0.8, 0.9, 1.0, 1.1, 1.2, 1.3)

# Packed where the record has them: the scales of a test at several, the species of an animal.
OPTIONAL_META_KEYS = ('scales', 'category_id')
META_KEYS = ('id', 'img_id', 'img_path', 'ori_shape', 'input_size', 'rotation', 'flip')


@TRANSFORMS.register_module()
class PadBox(RegionStep):
    """The step from `box` (xyxy, image px) to the region: `center`, `size` (image px), `rotation` 0, `flip` False.

    Args:
        input_size: (w, h) of the network's input, whose aspect the region gets.
        padding: published 1.25.
    """

    linked = {'input_size': 'codec.input_size'}

    def __init__(self, input_size: tuple[int, int], padding: float = PUBLISHED_PADDING) -> None:
        self.aspect = input_size[0] / input_size[1]
        self.padding = number(self, 'padding', padding, low=0)

    def __call__(self, results: Results) -> Results:
        center, size = pad_box(results['box'], aspect=self.aspect, padding=self.padding)
        return {**results, 'center': center, 'size': size, 'rotation': 0.0, 'flip': False}


@TRANSFORMS.register_module()
class WarpAffine:
    """The step that warps the region to the network's input.

    `img` becomes (h, w, 3), interpolated bilinearly and black outside the image, as published. It adds
    `input_keypoints` (K, 2) in input px, with left and right joints swapped in a mirrored record, `input_visible` (K,)
    and `matrix` (2, 3), stored image px to input px.

    Args:
        input_size: (w, h) of the network's input, px.
        flip_indices: (K,) index of each joint's mirror image.
        align_corners: map the region's corners to the centres of the input's corner pixels; follows from the codec.
    """

    linked = {
        'input_size': 'codec.input_size',
        'flip_indices': 'metainfo.flip_indices',
        'align_corners': 'type(codec).align_corners',
    }

    def __init__(
        self, input_size: tuple[int, int], flip_indices: Sequence[int], *, align_corners: bool = False
    ) -> None:
        self.input_size = (int(input_size[0]), int(input_size[1]))
        self.flip_indices = list(flip_indices)
        self.align_corners = align_corners

    def __call__(self, results: Results) -> Results:
        matrix = region_matrix(results, self.input_size, align_corners=self.align_corners)
        warped = {
            'matrix': matrix,
            'input_size': self.input_size,
            'img': warp_image(results['img'], pixel_matrix(results, matrix, self.input_size), self.input_size),
        }
        if 'keypoints' in results:
            order = self.flip_indices if results['flip'] else slice(None)
            warped['input_keypoints'] = apply_affine(results['keypoints'], matrix)[order]
            warped['input_visible'] = results['visible'][order]
        return {**results, **warped}


@TRANSFORMS.register_module()
class MultiScaleWarp(WarpAffine):
    """The warp of a multi-scale test: `img` becomes (S, h, w, 3), and `scales` (S,) goes to the sample.

    Each crop is warped from the image around the region's centre, so that a larger one shows more, and a smaller one
    shows the person larger. Everything else is as at scale 1, where the estimator averages the heatmaps. As an option:
    `--cfg-options test_pipeline.2.type=MultiScaleWarp`.

    Args:
        input_size, flip_indices, align_corners: of `WarpAffine`.
        scales: sizes of the crops' regions, relative to the person's own.

    Raises:
        UserError: `scales` is empty, or has a number that is not positive.
    """

    def __init__(
        self,
        input_size: tuple[int, int],
        flip_indices: Sequence[int],
        scales: Sequence[float] = SIX_SCALES,
        *,
        align_corners: bool = False,
    ) -> None:
        super().__init__(input_size, flip_indices, align_corners=align_corners)
        if not scales or min(number(self, 'scales', scale) for scale in scales) <= 0:
            raise UserError(f'MultiScaleWarp: scales has to be one or several positive numbers, not {scales!r}')
        self.scales = tuple(scales)

    def __call__(self, results: Results) -> Results:
        regions = [{**results, 'size': results['size'] * scale} for scale in self.scales]
        crops = [WarpAffine.__call__(self, region)['img'] for region in regions]
        return {**super().__call__(results), 'img': np.stack(crops), 'scales': self.scales}


@TRANSFORMS.register_module()
class PackPose:
    """The last step: it packs `inputs`, uint8 RGB (3, h, w) or (S, 3, h, w), and `data_samples`, a `PoseDataSample`."""

    def __call__(self, results: Results) -> Results:
        # Channels stay last in memory, as the network takes them, so neither this nor stacking a batch moves pixels.
        image = torch.from_numpy(np.ascontiguousarray(results['img'])).movedim(-1, -3)
        return {'inputs': image, 'data_samples': make_sample(results)}


def make_sample(results: Results) -> PoseDataSample:
    """Return the sample of a warped record."""
    sample = PoseDataSample()
    meta = {key: results[key] for key in (*META_KEYS, *(key for key in OPTIONAL_META_KEYS if key in results))}
    for key, value in {**meta, 'box_center': results['center'], 'box_size': results['size']}.items():
        sample.set_field(value, key, field_type='metainfo')  # unlike `metainfo=`, without a deep copy
    truth = InstanceData(
        bboxes=np.asarray(results['box'], dtype=np.float32)[None],
        bbox_scores=np.asarray([results['box_score']], dtype=np.float32),
    )
    if 'keypoints' in results:
        truth.keypoints = results['keypoints'][None]
        truth.keypoints_visible = results['visible'][None]
        sample.gt_instance_labels = InstanceData(
            keypoints=results['input_keypoints'][None].astype(np.float32),
            keypoints_visible=results['input_visible'][None].astype(np.float32),
            keypoint_weights=(results['input_visible'][None] > 0).astype(np.float32),
        )
    sample.gt_instances = truth
    return sample


def warp_image(image: np.ndarray | EncodedImage, matrix: np.ndarray, input_size: tuple[int, int]) -> np.ndarray:
    """Warp an image to (h, w, 3) uint8 by a matrix (2, 3) from its px to input px; bilinear, black outside."""
    if isinstance(image, EncodedImage):
        # Bilinear interpolation also reads the next row, and OpenCV rounds its weights.
        end = corners(matrix, input_size)[:, 1].max() + 2
        image, factor = image.decode_rows(end, shrinks_by=1 / np.hypot(*matrix[:, 0]))
        if factor > 1:
            matrix = compose_affine(matrix, resize_matrix(np.array([factor, factor])))
    return cv2.warpAffine(image, matrix, input_size, flags=cv2.INTER_LINEAR)


def corners(matrix: np.ndarray, input_size: tuple[int, int]) -> np.ndarray:
    """Return the centres (4, 2) of the input's corner pixels, in the px that `matrix` (2, 3) maps to input px."""
    last = np.array(input_size) - 1.0
    return apply_affine(np.array([[0, 0], [last[0], 0], [0, last[1]], last]), cv2.invertAffineTransform(matrix))


def decodes_late(steps: Sequence[Any]) -> bool:
    """Return whether the warp of a pipeline is the first of its `steps` that looks at pixels."""
    return _decode_late(tuple(type(step) for step in steps))


@lru_cache
def _decode_late(kinds: tuple[type, ...]) -> bool:
    if kinds[:1] != (LoadImage,):
        return False
    return next((kind for kind in kinds[1:] if not leaves_pixels_alone(kind)), None) is WarpAffine


def pixel_matrix(results: Results, matrix: np.ndarray, input_size: tuple[int, int]) -> np.ndarray:
    """Return the (2, 3) matrix from px of `img` to input px, where `img` may be a crop of the stored image.

    Args:
        results: a record. If `img` is a crop, `crop` (x1, y1, x2, y2) is its place in the stored image, far ends
            excluded, and `crop_matrix` (2, 3) maps px of the stored image to px of the crop.
        matrix: (2, 3), stored image px to input px.
        input_size: (w, h) of the input, px.

    Raises:
        UserError: the crop lacks a part of the stored image that the region shows.
    """
    if 'crop' not in results:
        return matrix
    height, width = results['ori_shape']
    shown = corners(matrix, input_size)
    low, high = (np.clip(end, 0, [width, height]) for end in (shown.min(axis=0), shown.max(axis=0)))
    crop = np.array(results['crop'])
    if (low < crop[:2] - 1e-6).any() or (high > crop[2:] + 1e-6).any():
        raise UserError(
            f'person {results["id"]}: the crop was packed for milder augmentation than this config has; it holds '
            f'{crop.tolist()} of {results["img_path"]}, but {[*low.tolist(), *high.tolist()]} is needed; pack again '
            'with this config'
        )
    return compose_affine(matrix, invert_affine(results['crop_matrix']))


def region_matrix(results: Results, input_size: tuple[int, int], *, align_corners: bool = False) -> np.ndarray:
    """Return the (2, 3) matrix from stored image px to input px for a record's region, including mirroring.

    `center` is a place in the stored image even if the record is mirrored, so the region's mirror image is cut out. The
    rotation is that of the mirrored image, as published.
    """
    center, width = np.array(results['center'], dtype=np.float64), results['ori_shape'][1]
    if results['flip']:
        center[0] = width - 1 - center[0]
    matrix = image_to_input_matrix(
        center, results['size'], results['rotation'], input_size, align_corners=align_corners
    )
    return compose_affine(matrix, mirror_matrix(width)) if results['flip'] else matrix
