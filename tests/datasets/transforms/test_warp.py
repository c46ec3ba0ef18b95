"""The warp moves pixels and keypoints together, and gives the crops of the official release."""

import cv2
import numpy as np
import pytest

from hrpose.datasets.metainfo import resolve
from hrpose.datasets.transforms import LoadImage, WarpAffine
from hrpose.datasets.transforms.warp import region_matrix
from hrpose.structures import apply_affine
from tests.golden import golden
from tests.golden.make import ORIGINALS

COCO = resolve('coco')


def region(**changes: object) -> dict:
    """Return a record between PadBox and the warp."""
    base = {'center': np.array([100.0, 80.0]), 'size': np.array([60.0, 80.0]), 'rotation': 0.0, 'flip': False}
    return {**base, 'ori_shape': (160, 200), **changes}


def test_the_crop_of_a_real_person_is_the_official_one(real_data):
    official = np.load(ORIGINALS / 'crop_785.npz')
    source = real_data / 'coco'
    record = LoadImage()({'img_path': str(source / f'{int(official["image_id"]):012d}.jpg')})
    record |= {'center': official['box_center'], 'size': official['box_size'], 'rotation': 0.0, 'flip': False}
    warped = WarpAffine((192, 256), COCO['flip_indices'])(record)
    np.testing.assert_allclose(warped['matrix'], official['matrix'], rtol=2e-5, atol=2e-5)
    difference = np.abs(warped['img'].astype(int) - official['crop_rgb'])
    assert (difference <= 1).mean() >= 0.999


def test_a_drawn_crop_is_that_of_the_official_matrix(drawn_data):
    official, image = golden('affine_192x256.npz'), cv2.imread(str(drawn_data / 'coco/000000000785.jpg'))
    regions = zip(*(official[name] for name in ('box_center', 'box_size', 'rotation_deg', 'matrix')), strict=True)
    for center, size, angle, matrix in regions:
        record = {'img': image, 'center': center, 'size': size, 'rotation': angle, 'flip': False}
        warped = WarpAffine((192, 256), COCO['flip_indices'])({**record, 'ori_shape': image.shape[:2]})
        difference = np.abs(warped['img'].astype(int) - cv2.warpAffine(image, matrix, (192, 256)))
        assert (difference <= 1).mean() >= 0.999


def dot_at(point: np.ndarray) -> np.ndarray:
    """Return a black image (160, 200, 3) with a bright, smooth dot at `point` (x, y)."""
    rows, columns = np.mgrid[:160, :200]
    bright = 255 * np.exp(-((columns - point[0]) ** 2 + (rows - point[1]) ** 2) / (2 * 3.0**2))
    return np.repeat(bright[..., None], 3, axis=-1).astype(np.uint8)


def middle_of_light(image: np.ndarray) -> np.ndarray:
    """Return the centre of brightness (x, y) of an image (h, w, 3), px."""
    light = image[..., 0].astype(float)
    rows, columns = np.mgrid[: light.shape[0], : light.shape[1]]
    return np.array([(light * columns).sum(), (light * rows).sum()]) / light.sum()


@pytest.mark.parametrize(
    ('flip', 'rotation', 'factor'),
    [(False, 0.0, 1.0), (True, 0.0, 1.0), (False, 37.0, 0.8), (True, 37.0, 0.8), (True, -110.0, 1.3)],
)
@pytest.mark.parametrize('align', [False, True])
@pytest.mark.parametrize('joint', range(len(COCO['keypoint_names'])))
def test_pixels_and_keypoints_move_together(joint, align, flip, rotation, factor, rng):
    keypoints = rng.uniform([85, 65], [115, 95], (17, 2))
    record = region(
        img=dot_at(keypoints[joint]),
        keypoints=keypoints,
        visible=np.full(17, 2.0),
        flip=flip,
        rotation=rotation,
        size=np.array([75.0, 100.0]) * factor,
    )
    warped = WarpAffine((192, 256), COCO['flip_indices'], align_corners=align)(record)
    moved_to = COCO['flip_indices'][joint] if flip else joint
    np.testing.assert_allclose(middle_of_light(warped['img']), warped['input_keypoints'][moved_to], atol=0.15)


def test_mirroring_a_record_equals_mirroring_its_image(rng):
    image = rng.integers(0, 255, (160, 200, 3), dtype=np.uint8)
    record = region(img=image, rotation=25.0)
    mirrored = {**record, 'img': np.ascontiguousarray(image[:, ::-1]), 'center': np.array([99.0, 80.0])}
    warp = WarpAffine((48, 64), COCO['flip_indices'])
    by_flag = warp({**record, 'flip': True})['img'].astype(int)
    np.testing.assert_allclose(by_flag, warp(mirrored)['img'], atol=9)  # OpenCV's weights are in 32nds of a pixel
    assert np.abs(by_flag - warp(mirrored)['img']).mean() < 0.5


def test_visibility_swaps_sides_with_the_keypoints(rng):
    visible = rng.integers(0, 3, 17).astype(float)
    record = region(img=np.zeros((160, 200, 3), np.uint8), keypoints=rng.uniform(0, 100, (17, 2)), visible=visible)
    warped = WarpAffine((48, 64), COCO['flip_indices'])({**record, 'flip': True})
    np.testing.assert_array_equal(warped['input_visible'], visible[list(COCO['flip_indices'])])
    np.testing.assert_array_equal(warped['visible'], visible)


def test_the_middle_of_the_region_goes_to_the_middle_of_the_input():
    for flip in (False, True):
        matrix = region_matrix(region(flip=flip, rotation=30.0), (48, 64))
        np.testing.assert_allclose(apply_affine(np.array([100.0, 80.0]), matrix), [24, 32], atol=1e-9)


def test_with_aligned_corners_mirroring_the_input_equals_mirroring_the_image():
    # So the flip test needs no shift: px x of an input is px 191 - x of the mirrored one.
    keypoints = np.array([[90.0, 70.0], [110.0, 95.0]])
    plain, mirrored = (
        apply_affine(keypoints, region_matrix(region(flip=flip), (192, 256), align_corners=True))
        for flip in (False, True)
    )
    np.testing.assert_allclose(mirrored, np.column_stack([191 - plain[:, 0], plain[:, 1]]), atol=1e-9)
