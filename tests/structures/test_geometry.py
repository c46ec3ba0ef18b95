"""The affine map between image and input px, and the region of a box."""

import numpy as np
import pytest

from hrpose.structures import (
    apply_affine,
    clip_box_to_last_pixel,
    compose_affine,
    image_to_input_matrix,
    input_to_image,
    invert_affine,
    mirror_matrix,
    pad_box,
)
from tests.golden import golden


def test_matrices_equal_the_official_ones():
    official = golden('affine_192x256.npz')
    rows = zip(official['box_center'], official['box_size'], official['rotation_deg'], strict=True)
    matrices = [image_to_input_matrix(center, size, angle, (192, 256)) for center, size, angle in rows]
    # The official matrix is solved from three float32 points, so its error grows with the coordinates.
    np.testing.assert_allclose(matrices, official['matrix'], rtol=2e-4, atol=2e-4)


def test_inverse_undoes_the_map(rng):
    matrix = image_to_input_matrix((100, 80), (60, 80), 33, (192, 256))
    points = rng.uniform(0, 200, (50, 2))
    np.testing.assert_allclose(apply_affine(apply_affine(points, matrix), invert_affine(matrix)), points, atol=1e-9)


def test_input_to_image_is_the_inverse_of_an_unrotated_region(rng):
    centers, sizes = rng.uniform(50, 100, (3, 2)), np.array([[60, 80], [30, 40], [90, 120.0]])
    points = rng.uniform(0, 192, (3, 5, 2))
    expected = [
        apply_affine(p, invert_affine(image_to_input_matrix(c, s, 0, (192, 256))))
        for p, c, s in zip(points, centers, sizes, strict=True)
    ]
    np.testing.assert_allclose(input_to_image(points, centers, sizes, (192, 256)), expected, atol=1e-9)


def test_aligned_corners_are_the_centres_of_the_corner_pixels():
    matrix = image_to_input_matrix((100, 80), (60, 80), 0, (192, 256), align_corners=True)
    corners = np.array([[70, 40], [130, 40], [70, 120], [130, 120]])
    np.testing.assert_allclose(apply_affine(corners, matrix), [[0, 0], [191, 0], [0, 255], [191, 255]], atol=1e-9)


def test_the_matrix_with_aligned_corners_equals_mmposes():
    # `get_udp_warp_matrix` of mmpose 1.x, whose angle turns the other way round, written out for one region.
    angle, (scale_x, scale_y) = np.deg2rad(-33), np.array([191, 255]) / [60, 80]
    cosine, sine = np.cos(angle), np.sin(angle)
    expected = [
        [cosine * scale_x, -sine * scale_x, scale_x * (-100 * cosine + 80 * sine + 30)],
        [sine * scale_y, cosine * scale_y, scale_y * (-100 * sine - 80 * cosine + 40)],
    ]
    matrix = image_to_input_matrix((100, 80), (60, 80), 33, (192, 256), align_corners=True)
    np.testing.assert_allclose(matrix, expected, atol=1e-9)


def test_mirroring_twice_changes_nothing():
    twice = compose_affine(mirror_matrix(320), mirror_matrix(320))
    np.testing.assert_array_equal(twice, [[1, 0, 0], [0, 1, 0]])


@pytest.mark.parametrize(('box', 'size'), [((10, 10, 20, 50), (37.5, 50)), ((0, 0, 100, 20), (125, 500 / 3))])
def test_padding_fixes_the_aspect_and_grows_by_a_quarter(box, size):
    center, padded = pad_box(np.array(box), aspect=0.75)
    np.testing.assert_allclose(padded, size)
    np.testing.assert_allclose(center, [(box[0] + box[2]) / 2, (box[1] + box[3]) / 2])


def test_annotated_boxes_end_at_the_last_pixel():
    np.testing.assert_array_equal(clip_box_to_last_pixel(np.array([-5, 2, 30, 10]), (20, 20)), [0, 2, 19, 11])
    np.testing.assert_array_equal(clip_box_to_last_pixel(np.array([5, 2, 10, 10]), (20, 20)), [5, 2, 14, 11])
