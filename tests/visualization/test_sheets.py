"""Images made of several: contact sheets with text, two side by side, and crops."""

import numpy as np
import pytest

from hrpose.errors import UserError
from hrpose.visualization import contact_sheet, crop_around, side_by_side
from hrpose.visualization.draw import fit_text, text_size, write_text


def plain(height: int, width: int, value: int) -> np.ndarray:
    return np.full((height, width, 3), value, np.uint8)


def test_each_image_is_scaled_into_its_own_cell():
    images = [plain(10, 30, 50), plain(400, 100, 100), plain(7, 7, 150)]
    sheet = contact_sheet(images, 2, cell=(60, 40), gap=4)
    assert sheet.shape == (2 * 44 + 4, 2 * 64 + 4, 3)
    np.testing.assert_array_equal(sheet[14:34, 4:64], 50)  # 60 x 20, in the middle of the height
    np.testing.assert_array_equal(sheet[4:44, 93:103], 100)  # 10 x 40, in the middle of the width
    np.testing.assert_array_equal(sheet[48:88, 14:54], 150)
    np.testing.assert_array_equal(sheet[46:, 66:], 255)


def test_fewer_images_than_columns_make_a_narrower_sheet():
    assert contact_sheet([plain(5, 5, 0)], 6, cell=(20, 20), gap=0).shape == (20, 20, 3)


def test_captions_stand_under_their_images_and_are_cut_to_the_cell():
    sheet = contact_sheet([plain(40, 60, 200)] * 2, 2, cell=(60, 40), gap=4, captions=['W' * 99, ''])
    under = (sheet[44:] < 128).any(axis=(0, 2))
    assert under[4:64].any()
    assert not under[:4].any() and not under[64:].any()


@pytest.mark.parametrize(
    ('images', 'columns', 'options', 'said'),
    [
        ([], 2, {}, 'at least one image'),
        ([plain(2, 2, 0)], 0, {}, 'above zero'),
        ([plain(2, 2, 0)], 1, {'cell': (0, 5)}, 'above zero'),
        ([plain(2, 2, 0)], 1, {'captions': ['a', 'b']}, '1 images need as many captions, not 2'),
    ],
)
def test_wrong_sheets_are_refused(images, columns, options, said):
    with pytest.raises(UserError, match=said):
        contact_sheet(images, columns, **options)


@pytest.mark.parametrize('corner', [(-5, -5), (1000, 3), (3, 1000), (28, 8)])
def test_text_past_the_border_is_cut(corner):
    write_text(plain(10, 30, 255), 'caption', corner, size=12)


def test_text_is_cut_to_the_width_given():
    text = fit_text('a caption too long for its place', 14, 80)
    assert text.endswith('…') and text_size(text, 14)[0] <= 80
    assert fit_text('short', 14, 80) == 'short'
    assert fit_text('anything', 14, 0) == ''


def test_side_by_side_holds_both_images_under_a_caption():
    left, right = np.full((40, 60, 3), 10, np.uint8), np.full((50, 30, 3), 20, np.uint8)
    sheet = side_by_side(left, right)
    band = sheet.shape[0] - 50
    assert band > 10 and (sheet[:band] < 100).any()
    np.testing.assert_array_equal(sheet[band : band + 40, :60], left)
    np.testing.assert_array_equal(sheet[band:, -30:], right)


@pytest.mark.parametrize('box', [(40, 30, 90, 80), (-30, -20, 20, 40), (100, 90, 220, 190), (-50, -50, 300, 300)])
def test_a_crops_matrix_takes_image_pixels_to_their_place_in_the_tile(box):
    image = np.zeros((120, 160, 3), np.uint8)
    image[58:63, 13:18] = 255  # centre (15, 60)
    image[98:103, 138:143] = 255  # centre (140, 100)
    tile, matrix = crop_around(image, np.array(box), (200, 160), padding=1.1)
    assert tile.shape == (160, 200, 3)
    for point in ((15, 60), (140, 100)):
        x, y = np.rint(matrix[:, :2] @ point + matrix[:, 2]).astype(int)
        if 2 <= x < 198 and 2 <= y < 158:
            assert tile[y, x].min() > 200


def test_a_crop_holds_all_of_a_box_inside_the_image_and_no_outside():
    tile, matrix = crop_around(plain(120, 160, 90), np.array([0, 0, 30, 60]), (90, 90))
    np.testing.assert_array_equal(tile, 90)
    corners = np.array([[0, 0], [30, 60]]) @ matrix[:, :2].T + matrix[:, 2]
    assert corners.min() >= -0.5 and corners.max() <= 91
