"""The rows of a JPEG that is decoded in part equal those of the whole image."""

import io

import cv2
import numpy as np
import pytest
from PIL import Image

from hrpose.images.files import ImageError, decode_image
from hrpose.images.partial_jpeg import EncodedImage, encoded_image, read_header

# (H, W): larger and smaller than a block of 16, and no multiple of it.
SHAPES = ((97, 75), (64, 64), (50, 33), (17, 130), (5, 9))


def pixels(shape: tuple[int, int], channels: int = 3) -> np.ndarray:
    """Return noise (H, W, channels) over smooth colour: chroma changes from row to row."""
    rng = np.random.default_rng(shape[0])
    coarse = rng.uniform(0, 255, (5, 4, channels)).astype(np.float32)
    image = cv2.resize(coarse, shape[::-1]).reshape(*shape, channels) + rng.normal(0, 30, (*shape, channels))
    return image.clip(0, 255).astype(np.uint8)


def jpeg(shape: tuple[int, int] = SHAPES[0], kind: str = 'RGB', **options: object) -> bytes:
    """Encode noise as JPEG with Pillow."""
    image = Image.fromarray(pixels(shape, len(kind)).squeeze(), kind)
    buffer = io.BytesIO()
    image.save(buffer, 'JPEG', **{'quality': 90, **options})
    return buffer.getvalue()


KINDS = {
    '4:4:4': dict(subsampling='4:4:4'),
    '4:2:2': dict(subsampling='4:2:2'),
    '4:2:0': dict(subsampling='4:2:0'),
    # The entropy coder starts afresh after every row of blocks.
    'restarts': dict(subsampling='4:2:0', restart_marker_rows=1),
    'grey': dict(kind='L'),
    'with a thumbnail and a comment': dict(exif=b'Exif\0\0' + jpeg((20, 20)), comment=b'\xff\xda\xff\xc0' * 9),
}


@pytest.mark.parametrize('options', KINDS.values(), ids=KINDS)
@pytest.mark.parametrize('shape', SHAPES, ids=str)
def test_rows_of_a_shortened_jpeg_are_those_of_the_whole(shape, options, capfd):
    content = jpeg(shape, **options)
    whole = decode_image(content, 'whole')
    image = encoded_image(content, 'late')
    assert image.shape == whole.shape
    np.testing.assert_array_equal(np.asarray(image), whole)
    for end in (-5, 0.5, *range(1, shape[0] + 20)):
        rows, factor = image.decode_rows(end)
        assert factor == 1 and min(end, shape[0]) <= len(rows) <= shape[0]
        np.testing.assert_array_equal(rows, whole[: len(rows)])
    assert capfd.readouterr().err == '', 'libjpeg warned about the missing rows'


def without_height(content: bytes) -> bytes:
    """Set the height in a JPEG's header to 0, which leaves it to a later segment."""
    at = read_header(content).height_offset
    return content[:at] + b'\0\0' + content[at + 2 :]


WHOLE_ONLY = {
    'progressive': jpeg(progressive=True),
    'four colours': jpeg(kind='CMYK'),
    'png': cv2.imencode('.png', pixels((8, 8)))[1].tobytes(),
    'nothing': b'',
    'a start alone': b'\xff\xd8\xff',
    'a header without a scan': jpeg()[:200],
    'no height': without_height(jpeg()),
}


@pytest.mark.parametrize('content', WHOLE_ONLY.values(), ids=WHOLE_ONLY)
def test_other_files_are_decoded_as_a_whole(content):
    assert encoded_image(content, 'name') is None


def test_a_jpeg_without_its_end_is_refused_undecoded():
    with pytest.raises(ImageError, match='cut short'):
        encoded_image(jpeg()[:-40], 'cut.jpg')


def test_broken_bytes_give_an_image_of_its_shape_or_an_error(rng):
    content, outcomes = jpeg(), set()
    start = read_header(content).height_offset + 20
    for _ in range(300):
        broken = bytearray(content)
        for place in rng.integers(start, len(content) - 2, 8):
            broken[place] = rng.integers(256)
        try:
            image = encoded_image(bytes(broken), 'broken')
            rows = decode_image(bytes(broken), 'broken') if image is None else image.decode_rows(40)[0]
            outcomes.add(rows.shape[1:])
        except ImageError:
            outcomes.add('refused')
    assert {(SHAPES[0][1], 3)} <= outcomes <= {(SHAPES[0][1], 3), 'refused'}


def test_an_image_is_reduced_only_on_request_and_if_shrunk_enough():
    plain, reduced = (EncodedImage(content := jpeg(), '', read_header(content), reduce=each) for each in (False, True))
    assert [plain.decode_rows(97, by)[1] for by in (1, 2, 16)] == [1, 1, 1]
    assert [reduced.decode_rows(97, by)[1] for by in (0.5, 1.99, 2, 3.9, 4, 16)] == [1, 1, 2, 2, 4, 8]
