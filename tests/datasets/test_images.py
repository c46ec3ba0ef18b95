"""What kinds of picture there are, and that each comes out as the RGB that its annotator saw."""

import io

import cv2
import numpy as np
import pytest
from PIL import Image

from hrpose.datasets import CocoDataset
from hrpose.datasets.transforms import LoadImage
from hrpose.datasets.transforms.decode import ImageError, decode_image
from hrpose.errors import UserError


def smooth(channels: int = 3, kind: type = np.uint8) -> np.ndarray:
    """Return a picture (60, 80, channels) without sharp edges, which JPEG keeps well."""
    coarse = np.random.default_rng(0).uniform(0, np.iinfo(kind).max, (4, 5, channels)).astype(np.float32)
    picture = cv2.resize(coarse, (80, 60), interpolation=cv2.INTER_LINEAR).reshape(60, 80, channels)
    return picture.round().astype(kind)


def saved(image: Image.Image, kind: str, **options: object) -> bytes:
    """Return an image as Pillow encodes it."""
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def png_of_16_bits(picture: np.ndarray) -> bytes:
    """Return a PNG of (H, W, 1 or 3 or 4) uint16, channels in OpenCV's order."""
    return cv2.imencode('.png', picture)[1].tobytes()


RGB = smooth()
GREY = smooth(1)
RGBA = smooth(4)
PALETTE = Image.fromarray(RGB).quantize(64)
DEEP, DEEP_GREY, DEEP_ALPHA = smooth(3, np.uint16), smooth(1, np.uint16), smooth(4, np.uint16)
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
def test_a_lossless_picture_comes_out_value_by_value(content, wanted):
    image = decode_image(content, 'picture')
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
    assert np.abs(decode_image(content, 'picture') - reference).max() <= bound


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
def test_the_exif_orientation_is_ignored_unless_it_is_asked_for(orientation, tmp_path):
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = tmp_path / 'turned.jpg'
    path.write_bytes(saved(Image.fromarray(RGB), 'JPEG', quality=95, exif=exif))
    plain = decode_image(saved(Image.fromarray(RGB), 'JPEG', quality=95), 'plain')
    as_stored = LoadImage()({'img_path': str(path)})
    np.testing.assert_array_equal(as_stored['img'], plain)
    assert as_stored['ori_shape'] == (60, 80)
    turned = LoadImage(apply_exif=True)({'img_path': str(path)})
    np.testing.assert_array_equal(turned['img'], TURNS[orientation](plain))
    assert turned['ori_shape'] == ((80, 60) if orientation > 4 else (60, 80))


def test_an_unreadable_image_can_be_an_error_in_training_too(tiny_coco):
    data = tiny_coco(broken={1: 'truncated'})
    dataset = CocoDataset(**data.arguments, pipeline=[LoadImage()], on_broken_image='error')
    assert dataset[0]['ori_shape'] == (60, 80)
    with pytest.raises(ImageError, match=r'001\.jpg is cut short'):
        dataset[1]
    assert not dataset.broken_images


def test_another_way_with_unreadable_images_is_refused_with_the_choices(tiny_coco):
    with pytest.raises(UserError, match="'replace' or 'error', not 'skip'"):
        CocoDataset(**tiny_coco().arguments, on_broken_image='skip')
