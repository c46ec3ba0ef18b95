"""Uploaded images come upright, whatever their format."""

import io

import numpy as np
import pytest
from PIL import Image, ImageOps

from hrpose.page.media import decode_upload, is_video


@pytest.mark.parametrize('orientation', range(1, 9))
@pytest.mark.parametrize('kind', ['JPEG', 'PNG', 'WEBP'])
def test_images_are_turned_as_their_exif_says(kind, orientation):
    stored = Image.new('RGB', (48, 32))
    stored.paste((255, 0, 0), (0, 0, 16, 16))
    stored.paste((0, 0, 255), (32, 0, 48, 16))
    exif = Image.Exif()
    exif[0x0112] = orientation
    file = io.BytesIO()
    stored.save(file, kind, exif=exif, quality=95)
    upright = np.asarray(ImageOps.exif_transpose(Image.open(io.BytesIO(file.getvalue()))).convert('RGB'))
    decoded = decode_upload(file.getvalue(), 'x', megapixels=1)
    assert decoded.shape == upright.shape
    centres = np.s_[4::8, 4::8]  # away from edges, at which decoders differ
    assert np.abs(decoded[centres].astype(int) - upright[centres]).max() <= 24
    assert decoded.flags.c_contiguous


@pytest.mark.parametrize(
    ('start', 'expected'),
    [
        (b'\x00\x00\x00\x20ftypisom', True),
        (b'\x1aE\xdf\xa3' + bytes(8), True),
        (b'RIFF\x00\x00\x00\x00AVI ', True),
        (b'RIFF\x00\x00\x00\x00WEBP', False),
        (b'#EXTM3U\n#EXT', False),
        (b'', False),
    ],
)
def test_videos_are_known_by_their_first_bytes(start, expected):
    assert is_video(start) == expected
