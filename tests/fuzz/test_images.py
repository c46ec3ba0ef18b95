"""Hostile images: damaged, lying about their size or the lengths of their parts, of rare kinds, larger than memory."""

import io
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import strategies as st
from PIL import Image

from hrpose.datasets.transforms import LoadImage, PadBox, WarpAffine
from hrpose.images.convert import as_rgb
from tests.fuzz.sandbox import Case
from tests.fuzz.strategies import spoiled_bytes

IMAGE = np.random.default_rng(0).integers(0, 255, (40, 50, 3), dtype=np.uint8)
SIZES = (0, 1, 7, 40, 32_767, 32_768, 65_535, 2**31 - 1, 2**32 - 1)


def by_opencv(suffix: str, *options: int, image: np.ndarray = IMAGE) -> bytes:
    return cv2.imencode(suffix, image, list(options))[1].tobytes()


def by_pillow(form: str, mode: str = 'RGB', **options: object) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(IMAGE).convert(mode).save(buffer, form, **options)
    return buffer.getvalue()


def moving(form: str) -> bytes:
    """Return a file of three images, one after the other."""
    return by_pillow(
        form, save_all=True, append_images=[Image.new('RGB', (50, 40), colour) for colour in ('red', 'blue')]
    )


EXIF = Image.Exif()
EXIF[0x0112] = 6  # turned by 90 degrees
KINDS: dict[str, bytes] = {
    'jpeg': by_opencv('.jpg'),
    'jpeg_progressive': by_opencv('.jpg', cv2.IMWRITE_JPEG_PROGRESSIVE, 1),
    'jpeg_restarts': by_opencv('.jpg', cv2.IMWRITE_JPEG_RST_INTERVAL, 2),
    'jpeg_cmyk': by_pillow('JPEG', 'CMYK'),
    'jpeg_grey': by_pillow('JPEG', 'L'),
    'jpeg_exif': by_pillow('JPEG', exif=EXIF.tobytes()),
    'png': by_opencv('.png'),
    'png_16_bits': by_opencv('.png', image=IMAGE.astype(np.uint16) * 257),
    'png_palette': by_pillow('PNG', 'P', transparency=3),
    'png_alpha': by_pillow('PNG', 'RGBA'),
    'png_moving': moving('PNG'),
    'gif_moving': moving('GIF'),
    'webp': by_opencv('.webp'),
    'webp_moving': moving('WEBP'),
    'bmp': by_opencv('.bmp'),
    'tiff': by_opencv('.tiff'),
    'tiff_float': by_opencv('.tiff', image=IMAGE.astype(np.float32)),
    'jpeg_2000': by_opencv('.jp2'),
    'pnm': by_opencv('.ppm'),
    'sun_raster': by_opencv('.ras'),
    'hdr': by_opencv('.hdr', image=IMAGE.astype(np.float32)),
}


def as_training(work_dir: Path) -> Case:
    """Return the case that reads an image file as training and inference do, and warps a person out of it."""
    path = work_dir / 'case.jpg'
    steps: list[Callable] = [
        LoadImage(reduce=True),
        PadBox((64, 64)),
        WarpAffine((64, 64), [0, 1]),
    ]

    def case(content: bytes) -> None:
        path.write_bytes(content)
        for late, size in ((False, 30.0), (True, 30.0), (True, 3.0)):
            results = {'img_path': str(path), 'box': np.array([5.0, 5.0, size, size]), 'decode_late': late}
            for step in steps:
                results = step(results)
            assert results['img'].shape == (64, 64, 3) and results['img'].dtype == np.uint8
        assert as_rgb(path).shape[2] == 3

    return case


@pytest.mark.parametrize('kind', KINDS)
def test_damaged_images(kind, attack):
    outcomes = attack(f'images_{kind}', KINDS[kind], spoiled_bytes(KINDS[kind]), as_training, cases=60)
    # A changed byte of a PNG seldom passes its checksums.
    assert outcomes['refused'] > 0 and (outcomes['taken'] > 0 or kind.startswith('png'))


# Segments -------------------------------------------------------------------------------------------------------------


def segments_of(jpeg: bytes) -> list[int]:
    """Return the places of a JPEG's segments up to the first scan: a marker, a length, a content each."""
    places, at = [], 2
    while jpeg[at] == 0xFF:
        places.append(at)
        if jpeg[at + 1] == 0xDA:
            break
        at += 2 + struct.unpack_from('>H', jpeg, at + 2)[0]
    return places


@st.composite
def lying_jpegs(draw: st.DrawFn) -> bytes:
    """Draw a JPEG with segments of wrong lengths, added, moved or doubled, or another size of the image."""
    jpeg = draw(st.sampled_from([KINDS[kind] for kind in KINDS if kind.startswith('jpeg') and kind != 'jpeg_2000']))
    data = bytearray(jpeg)
    at = draw(st.sampled_from(segments_of(jpeg)))
    how = draw(st.sampled_from(('length', 'length', 'size', 'double', 'add', 'only')))
    length = struct.unpack_from('>H', jpeg, at + 2)[0]
    if how == 'length':
        struct.pack_into('>H', data, at + 2, draw(st.integers(0, 65_535) | st.integers(0, 64)))
    elif how == 'double':
        data[at:at] = data[at : at + 2 + length]
    elif how == 'add':
        marker = draw(
            st.sampled_from((0xE0, 0xE1, 0xE2, 0xED, 0xEE, 0xFE, 0xC4, 0xDB, 0xDD, 0xC0, 0xC2, 0xD8, 0xD9, 0xDA))
        )
        content = draw(st.binary(max_size=40))
        data[at:at] = struct.pack('>BBH', 0xFF, marker, draw(st.sampled_from((len(content) + 2, 0, 65_535)))) + content
    elif how == 'only':
        del data[at + 2 + length :]
        data += b'\xff\xd9'
    else:
        frame = next(place for place in segments_of(jpeg) if jpeg[place + 1] in (0xC0, 0xC1, 0xC2))
        struct.pack_into('>HH', data, frame + 5, *(min(draw(st.sampled_from(SIZES)), 65_535) for _ in range(2)))
    return bytes(data)


def chunk(name: bytes, content: bytes, length: int | None = None) -> bytes:
    checksum = struct.pack('>I', zlib.crc32(name + content))
    return struct.pack('>I', len(content) if length is None else length) + name + content + checksum


def png(width: int, height: int, pixels: bytes, depth: int = 8, colours: int = 2, more: bytes = b'') -> bytes:
    head = chunk(b'IHDR', struct.pack('>IIBBBBB', width, height, depth, colours, 0, 0, 0))
    return b'\x89PNG\r\n\x1a\n' + head + more + chunk(b'IDAT', pixels) + chunk(b'IEND', b'')


@st.composite
def lying_pngs(draw: st.DrawFn) -> bytes:
    """Draw a PNG whose checksums are right and whose size, depth or parts are not those of its pixels."""
    pixels = zlib.compress(bytes(draw(st.integers(0, 20_000))))
    names = (b'tEXt', b'zTXt', b'iCCP', b'PLTE', b'tRNS', b'acTL', b'fcTL', b'fdAT', b'eXIf', b'gAMA', b'sBIT', b'IHDR')
    more = chunk(draw(st.sampled_from(names)), draw(st.binary(max_size=60)), draw(st.sampled_from((None, 0, 2**31))))
    return png(
        draw(st.sampled_from(SIZES)),
        draw(st.sampled_from(SIZES)),
        pixels,
        draw(st.sampled_from((1, 2, 4, 8, 16, 3, 0))),
        draw(st.sampled_from((0, 2, 3, 4, 6, 1, 7))),
        draw(st.sampled_from((b'', more))),
    )


def bomb(side: int) -> bytes:
    """Return a PNG of `side` x `side` px in black and white, a bit each: 24 bits each when decoded."""
    packer = zlib.compressobj(1)
    row = bytes(1 + side // 8)
    return png(side, side, b''.join([packer.compress(row) for _ in range(side)]) + packer.flush(), depth=1, colours=0)


def huge(kind: str, at: int, form: str, *sides: int) -> bytes:
    data = bytearray(KINDS[kind])
    struct.pack_into(form, data, at, *sides)
    return bytes(data)


@pytest.mark.parametrize(('kind', 'inputs'), [('jpeg', lying_jpegs()), ('png', lying_pngs())])
def test_images_that_lie(kind, inputs, attack):
    outcomes = attack(f'images_lying_{kind}', KINDS[kind], inputs, as_training, cases=60)
    assert outcomes['refused'] > 0


HUGE = {
    'png_of_a_billion_px': lambda: bomb(32_000),  # 3 GB in half a MB
    'png_that_is_empty_but_for_its_size': lambda: png(2**30, 1, b''),
    'jpeg': lambda: huge('jpeg', KINDS['jpeg'].index(b'\xff\xc0') + 5, '>HH', 65_535, 65_535),
    'jpeg_progressive': lambda: huge(
        'jpeg_progressive', KINDS['jpeg_progressive'].index(b'\xff\xc2') + 5, '>HH', 65_535, 65_535
    ),
    'gif': lambda: huge('gif_moving', 6, '<HH', 65_535, 65_535),
    'bmp': lambda: huge('bmp', 18, '<ii', 2**31 - 1, 2**31 - 1),
    'bmp_upside_down': lambda: huge('bmp', 18, '<ii', 30_000, -(2**31)),
    'pnm': lambda: b'P6\n40000 40000\n255\n',
    'hdr': lambda: b'#?RADIANCE\nFORMAT=32-bit_rle_rgbe\n\n-Y 60000 +X 30000\n',
    'wide': lambda: by_opencv('.png', image=np.zeros((2, 40_000, 3), np.uint8)),
    'high': lambda: by_opencv('.jpg', image=np.zeros((40_000, 2, 3), np.uint8)),
}


@pytest.mark.parametrize('kind', HUGE)
def test_images_larger_than_memory_or_than_opencv_warps_are_refused(kind, attack):
    outcomes = attack('images_huge', KINDS['png'], st.just(HUGE[kind]()), as_training, cases=1)
    assert outcomes == {'refused': outcomes.total()}
