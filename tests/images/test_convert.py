"""Images of any form become RGB or BGR arrays; what is not an image is refused."""

import cv2
import numpy as np
import pytest
from PIL import Image

from hrpose.errors import UserError
from hrpose.images.convert import as_bgr, as_rgb


def written(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    return tmp_path / name


def jpeg(width=64, height=48):
    noise = np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return cv2.imencode('.jpg', noise)[1].tobytes()


BAD = {
    'text': (lambda p: written(p, 'a.jpg', b'not an image'), r'a\.jpg is in no format that OpenCV can decode'),
    'zero bytes': (lambda p: written(p, 'a.jpg', b''), r'a\.jpg is empty \(0 bytes\)'),
    'cut short': (lambda p: written(p, 'a.jpg', jpeg()[:900]), r'a\.jpg is cut short \(900 bytes\)'),
    'missing': (lambda p: p / 'none.jpg', r'none\.jpg: there is no such file'),
    'folder': (lambda p: p, 'cannot read the image .*: Is a directory'),
    'float from 0 to 1': (lambda p: np.zeros((9, 9, 3)), r'uint8, 0 to 255, not float64; if it runs from 0 to 1, give'),
    'float32': (lambda p: np.zeros((9, 9, 3), np.float32), 'not float32; if it runs from 0 to 1'),
    'whole numbers': (lambda p: np.zeros((9, 9, 3), int), 'not int64; scale it to 8 bits'),
    '16 bit': (lambda p: np.zeros((9, 9), np.uint16), 'not uint16; scale it to 8 bits'),
    'channels first': (lambda p: np.zeros((3, 9, 9), np.uint8), r'not \(3, 9, 9\); channels come last'),
    'two channels': (lambda p: np.zeros((9, 9, 2), np.uint8), r'is BGR \(H, W, 3\), BGRA or grey .* not \(9, 9, 2\)'),
    'no rows': (lambda p: np.zeros((0, 9, 3), np.uint8), r'not \(0, 9, 3\)'),
    'one row of numbers': (lambda p: np.zeros(9, np.uint8), r'not \(9,\)'),
    'a number': (lambda p: 5, 'an image is a path, a NumPy array .* or a PIL image, not int'),
    'nothing': (lambda p: None, 'or a PIL image, not NoneType'),
    'bytes': (lambda p: jpeg(), 'not bytes'),
    'PIL of floats': (lambda p: Image.new('F', (9, 9)), "a PIL image of mode 'F' does not have 8 bits a channel"),
    'PIL of 16 bits': (lambda p: Image.new('I;16', (9, 9)), "a PIL image of mode 'I;16'"),
    'PIL cut short': (
        lambda p: Image.open(written(p, 'b.jpg', jpeg()[:900])),
        r'the PIL image .*b\.jpg cannot be read: .*truncated',
    ),
    'PIL without pixels': (lambda p: Image.new('RGB', (0, 9)), 'the PIL image is 0 px wide and 9 px high'),
    'too wide': (
        lambda p: np.zeros((2, 32_767, 3), np.uint8),
        'the array is 32767 px wide and 2 px high, but OpenCV warps no side above 32766 px',
    ),
    'too high, in a file': (
        lambda p: written(p, 'c.png', cv2.imencode('.png', np.zeros((40_000, 1, 3), np.uint8))[1].tobytes()),
        r'the image .*c\.png is 1 px wide and 40000 px high',
    ),
}


@pytest.mark.parametrize('what', BAD)
def test_what_is_not_an_image_is_refused(what, tmp_path):
    make, said = BAD[what]
    with pytest.raises(UserError, match=said):
        as_rgb(make(tmp_path))


COLOUR = np.array([[[10, 20, 200]]], np.uint8)  # BGR
GREY = np.array([[77]], np.uint8)

GOOD = {
    'BGR': (lambda p: COLOUR, COLOUR),
    'BGRA': (lambda p: np.dstack([COLOUR, GREY]), COLOUR),
    'grey': (lambda p: GREY, np.dstack([GREY] * 3)),
    'grey with an axis': (lambda p: GREY[..., None], np.dstack([GREY] * 3)),
    'view': (lambda p: np.repeat(COLOUR, 4, 1)[:, ::2], np.repeat(COLOUR, 2, 1)),
    'file': (lambda p: written(p, 'a.png', cv2.imencode('.png', COLOUR)[1].tobytes()), COLOUR),
    'grey file': (lambda p: written(p, 'a.png', cv2.imencode('.png', GREY)[1].tobytes()), np.dstack([GREY] * 3)),
    'file with alpha': (
        lambda p: written(p, 'a.png', cv2.imencode('.png', np.dstack([COLOUR, GREY]))[1].tobytes()),
        COLOUR,
    ),
    'PIL RGB': (lambda p: Image.fromarray(COLOUR[..., ::-1]), COLOUR),
    'PIL RGBA': (lambda p: Image.fromarray(np.dstack([COLOUR[..., ::-1], GREY])), COLOUR),
    'PIL grey': (lambda p: Image.fromarray(GREY), np.dstack([GREY] * 3)),
    'PIL palette': (lambda p: Image.fromarray(COLOUR[..., ::-1]).convert('P', palette=Image.Palette.ADAPTIVE), COLOUR),
    'PIL black and white': (lambda p: Image.new('1', (1, 1), 1), np.full((1, 1, 3), 255)),
}


@pytest.mark.parametrize('what', GOOD)
def test_every_form_of_an_image_becomes_rgb_and_bgr(what, tmp_path):
    make, bgr = GOOD[what]
    for convert, expected in ((as_bgr, bgr), (as_rgb, bgr[..., ::-1])):
        found = convert(make(tmp_path))
        assert found.dtype == np.uint8 and found.flags.c_contiguous
        np.testing.assert_array_equal(found, expected)


def test_converting_leaves_the_array_as_it_was():
    image = COLOUR.copy()
    as_rgb(image)[:] = 0
    np.testing.assert_array_equal(image, COLOUR)
