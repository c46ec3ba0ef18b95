"""Contact sheets and the text on them."""

import numpy as np
import pytest

from hrpose.errors import UserError
from hrpose.visualization import contact_sheet
from hrpose.visualization.text import fit_text, text_size, write_text


def plain(height: int, width: int, value: int) -> np.ndarray:
    return np.full((height, width, 3), value, np.uint8)


def test_each_picture_is_scaled_into_its_own_cell():
    images = [plain(10, 30, 50), plain(400, 100, 100), plain(7, 7, 150)]
    sheet = contact_sheet(images, 2, cell=(60, 40), gap=4)
    assert sheet.shape == (2 * 44 + 4, 2 * 64 + 4, 3)
    np.testing.assert_array_equal(sheet[14:34, 4:64], 50)  # 60 x 20, in the middle of the height
    np.testing.assert_array_equal(sheet[4:44, 93:103], 100)  # 10 x 40, in the middle of the width
    np.testing.assert_array_equal(sheet[48:88, 14:54], 150)
    np.testing.assert_array_equal(sheet[46:, 66:], 255)


def test_fewer_pictures_than_columns_make_a_narrower_sheet():
    assert contact_sheet([plain(5, 5, 0)], 6, cell=(20, 20), gap=0).shape == (20, 20, 3)


def test_captions_stand_under_their_pictures_and_are_cut_to_the_cell():
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
        ([plain(2, 2, 0)], 1, {'captions': ['a', 'b']}, '2 captions for 1 images'),
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
