"""Image files of every kind come out as the RGB that their annotators saw; broken ones are refused."""

import io

import cv2
import numpy as np
import pytest
from PIL import Image

from hrpose.errors import UserError
from hrpose.images.files import ImageError, decode_image, read_image, save_image


def smooth_image(channels: int = 3, kind: type = np.uint8) -> np.ndarray:
    """Return an image (60, 80, channels) without sharp edges, which JPEG preserves well."""
    coarse = np.random.default_rng(0).uniform(0, np.iinfo(kind).max, (4, 5, channels)).astype(np.float32)
    image = cv2.resize(coarse, (80, 60), interpolation=cv2.INTER_LINEAR).reshape(60, 80, channels)
    return image.round().astype(kind)


def saved(image: Image.Image, kind: str, **options: object) -> bytes:
    """Encode an image with Pillow."""
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def png_of_16_bits(image: np.ndarray) -> bytes:
    """Encode (H, W, 1, 3 or 4) uint16, channels in OpenCV's order, as PNG."""
    return cv2.imencode('.png', image)[1].tobytes()


RGB = smooth_image()
GREY = smooth_image(1)
RGBA = smooth_image(4)
PALETTE = Image.fromarray(RGB).quantize(64)
DEEP, DEEP_GREY, DEEP_ALPHA = smooth_image(3, np.uint16), smooth_image(1, np.uint16), smooth_image(4, np.uint16)
BITMAP = Image.fromarray(GREY[..., 0]).convert('1')

EXACT = {
    'rgb png': (saved(Image.fromarray(RGB), 'PNG'), RGB),
    'grey png': (saved(Image.fromarray(GREY[..., 0]), 'PNG'), np.repeat(GREY, 3, axis=2)),
    'black and white png': (saved(BITMAP, 'PNG'), np.array(BITMAP.convert('RGB'))),
    'png whose alpha is dropped': (saved(Image.fromarray(RGBA), 'PNG'), RGBA[..., :3]),
    'grey png whose alpha is dropped': (
        saved(Image.fromarray(RGBA[..., :2], 'LA'), 'PNG'),
        np.repeat(RGBA[..., :1], 3, axis=2),
    ),
    'palette png': (saved(PALETTE, 'PNG'), np.array(PALETTE.convert('RGB'))),
    'palette png with a transparent colour': (
        saved(PALETTE, 'PNG', transparency=3),
        np.array(PALETTE.convert('RGB')),
    ),
    '16-bit png': (png_of_16_bits(DEEP), (DEEP >> 8)[..., ::-1]),
    '16-bit grey png': (png_of_16_bits(DEEP_GREY), np.repeat(DEEP_GREY >> 8, 3, axis=2)),
    '16-bit png whose alpha is dropped': (png_of_16_bits(DEEP_ALPHA), (DEEP_ALPHA >> 8)[..., 2::-1]),
    'webp': (saved(Image.fromarray(RGB), 'WEBP', lossless=True), RGB),
}


@pytest.mark.parametrize(('content', 'wanted'), EXACT.values(), ids=EXACT)
def test_a_lossless_image_comes_out_value_by_value(content, wanted):
    image = decode_image(content, 'name')
    assert (image.dtype, image.shape) == (np.uint8, (60, 80, 3))
    np.testing.assert_array_equal(image, wanted)


# The largest difference from Pillow's decoder, of 255: for CMYK, OpenCV rounds in two steps.
NEAR = {
    'jpeg': (saved(Image.fromarray(RGB), 'JPEG', quality=95), 0),
    'progressive jpeg': (saved(Image.fromarray(RGB), 'JPEG', quality=95, progressive=True), 0),
    'grey jpeg': (saved(Image.fromarray(GREY[..., 0]), 'JPEG', quality=95), 0),
    'cmyk jpeg': (saved(Image.fromarray(RGBA, 'CMYK'), 'JPEG', quality=95), 2),
}


@pytest.mark.parametrize(('content', 'bound'), NEAR.values(), ids=NEAR)
def test_a_jpeg_comes_out_as_pillow_decodes_it(content, bound):
    reference = np.array(Image.open(io.BytesIO(content)).convert('RGB')).astype(int)
    assert np.abs(decode_image(content, 'name') - reference).max() <= bound


TURNS = {
    1: lambda image: image,
    2: lambda image: image[:, ::-1],
    3: lambda image: image[::-1, ::-1],
    4: lambda image: image[::-1],
    5: lambda image: image.transpose(1, 0, 2),
    6: lambda image: np.rot90(image, -1),
    7: lambda image: image[::-1, ::-1].transpose(1, 0, 2),
    8: lambda image: np.rot90(image),
}


@pytest.mark.parametrize('orientation', TURNS)
def test_exif_orientation_is_applied_only_on_request(orientation, tmp_path):
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = tmp_path / 'turned.jpg'
    path.write_bytes(saved(Image.fromarray(RGB), 'JPEG', quality=95, exif=exif))
    plain = decode_image(saved(Image.fromarray(RGB), 'JPEG', quality=95), 'plain')
    np.testing.assert_array_equal(read_image(path), plain)
    np.testing.assert_array_equal(read_image(path, apply_exif=True), TURNS[orientation](plain))


JPEG, PNG = (cv2.imencode(suffix, smooth_image())[1].tobytes() for suffix in ('.jpg', '.png'))


def with_thumbnail(jpeg: bytes) -> bytes:
    """Put a JPEG into the header of itself, as cameras do with a small one."""
    return jpeg[:2] + b'\xff\xe1' + (len(jpeg) + 2).to_bytes(2, 'big') + jpeg + jpeg[2:]


@pytest.mark.parametrize(
    ('name', 'content', 'reason'),
    [
        ('cut.jpg', JPEG[:-500], 'cut short'),
        ('cut_by_two.jpg', JPEG[:-2], 'cut short'),
        ('cut_with_thumbnail.jpg', with_thumbnail(JPEG)[:-500], 'cut short'),
        ('cut.png', PNG[:-500], 'cut short'),
        ('head.jpg', JPEG[:20], 'no format that OpenCV can decode'),
        ('empty.jpg', b'', 'empty (0 bytes)'),
        ('text.jpg', b'<html>404</html>', 'no format that OpenCV can decode'),
        ('missing.jpg', None, 'there is no such file'),
        ('.', None, 'directory'),
    ],
)
def test_a_broken_image_is_refused_with_name_and_reason(name, content, reason, tmp_path):
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ImageError) as error:
        read_image(path)
    assert str(path) in str(error.value)
    assert reason in str(error.value)


@pytest.mark.parametrize('suffix', ['.jpg', '.png', '.bmp', '.webp'])
def test_a_whole_image_is_not_taken_for_a_cut_one(suffix):
    assert decode_image(cv2.imencode(suffix, smooth_image())[1].tobytes(), 'whole').shape == (60, 80, 3)


def test_a_jpeg_with_a_thumbnail_is_not_taken_for_a_cut_one():
    assert decode_image(with_thumbnail(JPEG), 'with thumbnail').shape == (60, 80, 3)


def test_a_saved_image_reads_back_the_same(tmp_path, rng):
    image = rng.integers(0, 256, (9, 7, 3), dtype=np.uint8)
    path = save_image(tmp_path / 'nëw' / 'a.png', image)
    np.testing.assert_array_equal(read_image(path), image)
    np.testing.assert_array_equal(np.asarray(Image.open(path)), image)


def test_an_unknown_format_is_refused(tmp_path):
    with pytest.raises(UserError, match=r"'\.foo' is not an image format"):
        save_image(tmp_path / 'a.foo', np.zeros((2, 2, 3), np.uint8))
