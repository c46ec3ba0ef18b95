"""A JPEG decoded no further than the warp reads gives the pixels of the whole picture."""

import io

import cv2
import numpy as np
import pytest
from PIL import Image

from hrpose.datasets import CocoDataset, SampleKey
from hrpose.datasets.transforms import LoadImage, PackPose, PadBox, RandomFlip, RandomRotation, RandomScale, WarpAffine
from hrpose.datasets.transforms.decode import ImageError, decode_image
from hrpose.datasets.transforms.late import FACTORS, EncodedImage, encoded_image, read_header
from hrpose.datasets.transforms.warp import decodes_late, warp_image
from hrpose.errors import UserError

# (H, W): larger and smaller than a block of 16, and no multiple of it.
SHAPES = ((97, 75), (64, 64), (50, 33), (17, 130), (5, 9))


def pixels(shape: tuple[int, int], channels: int = 3) -> np.ndarray:
    """Return noise (H, W, channels) over smooth colour: chroma changes from row to row."""
    rng = np.random.default_rng(shape[0])
    coarse = rng.uniform(0, 255, (5, 4, channels)).astype(np.float32)
    picture = cv2.resize(coarse, shape[::-1]).reshape(*shape, channels) + rng.normal(0, 30, (*shape, channels))
    return picture.clip(0, 255).astype(np.uint8)


def jpeg(shape: tuple[int, int] = SHAPES[0], kind: str = 'RGB', **options: object) -> bytes:
    """Return a JPEG as Pillow encodes it."""
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
        rows, factor = image.read(end)
        assert factor == 1 and min(end, shape[0]) <= len(rows) <= shape[0]
        np.testing.assert_array_equal(rows, whole[: len(rows)])
    assert capfd.readouterr().err == '', 'libjpeg warned about what was left out'


NOT_LATE = {
    'progressive': jpeg(progressive=True),
    'four colours': jpeg(kind='CMYK'),
    'png': cv2.imencode('.png', pixels((8, 8)))[1].tobytes(),
    'nothing': b'',
    'a start alone': b'\xff\xd8\xff',
    'a header without a scan': jpeg()[:200],
    'no height': (lambda content: content[: (at := read_header(content).at)] + b'\0\0' + content[at + 2 :])(jpeg()),
}


@pytest.mark.parametrize('content', NOT_LATE.values(), ids=NOT_LATE)
def test_what_is_not_coded_row_by_row_is_decoded_whole(content):
    assert encoded_image(content, 'picture') is None


def test_a_jpeg_without_its_end_is_refused_before_it_is_decoded():
    with pytest.raises(ImageError, match='cut short'):
        encoded_image(jpeg()[:-40], 'cut.jpg')


def test_a_jpeg_with_broken_bytes_gives_a_picture_of_its_shape_or_an_image_error(rng):
    content, outcomes = jpeg(), set()
    start = read_header(content).at + 20
    for _ in range(300):
        broken = bytearray(content)
        for place in rng.integers(start, len(content) - 2, 8):
            broken[place] = rng.integers(256)
        try:
            image = encoded_image(bytes(broken), 'broken')
            rows = decode_image(bytes(broken), 'broken') if image is None else image.read(40)[0]
            outcomes.add(rows.shape[1:])
        except ImageError:
            outcomes.add('refused')
    assert {(SHAPES[0][1], 3)} <= outcomes <= {(SHAPES[0][1], 3), 'refused'}


AUGMENTED = (PadBox((48, 64)), RandomScale(), RandomRotation(prob=1), RandomFlip())


class AtOnce(LoadImage):
    """Decodes the whole picture: only `LoadImage` itself waits."""


class Own(RandomFlip):
    """A user's step, which may look at pixels."""

    def __call__(self, results):
        return {**super().__call__(results), 'img': results['img'] // 2}


class OwnWarp(WarpAffine):
    """A user's warp, which may look at the whole picture."""


def dataset_of(data, *steps, **options):
    return CocoDataset(**data.arguments, pipeline=[*steps, WarpAffine((48, 64), range(5)), PackPose()], **options)


def test_augmented_people_are_the_same_decoded_late_or_at_once(tiny_coco):
    data = tiny_coco(images=6)
    late, whole = (dataset_of(data, load, *AUGMENTED) for load in (LoadImage(), AtOnce()))
    assert [decodes_late(each.pipeline.transforms) for each in (late, whole)] == [True, False]
    keys = [SampleKey(1, epoch, index) for epoch in range(12) for index in range(len(late))]
    for key in keys:
        np.testing.assert_array_equal(late[key]['inputs'], whole[key]['inputs'])
        assert late[key]['data_samples'].ori_shape == whole[key]['data_samples'].ori_shape


def test_real_people_are_the_same_decoded_late_or_at_once(shared_data):
    source = shared_data / 'coco'
    options = dict(ann_file=str(source / 'test_coco.json'), data_prefix={'img': str(source)})
    steps = [PadBox((192, 256)), *AUGMENTED[1:], WarpAffine((192, 256), range(17)), PackPose()]
    late, whole = (CocoDataset(**options, pipeline=[load, *steps]) for load in (LoadImage(), AtOnce()))
    for key in (SampleKey(0, epoch, index) for epoch in range(8) for index in range(len(late))):
        np.testing.assert_array_equal(late[key]['inputs'], whole[key]['inputs'])


def test_a_step_on_pixels_gets_them(tiny_coco):
    seen = []

    def brighten(results):
        seen.append(type(results['img']))
        return {**results, 'img': results['img'] // 2 + 100}

    dataset = dataset_of(tiny_coco(images=1), LoadImage(), PadBox((48, 64)))
    dataset[0]
    dataset.pipeline.transforms.insert(2, brighten)
    assert dataset[0]['inputs'].max() >= 100
    assert seen == [np.ndarray]


def test_only_pipelines_whose_warp_comes_first_to_the_pixels_decode_late():
    warp = WarpAffine((48, 64), range(5))

    assert decodes_late([LoadImage(), PadBox((48, 64)), warp])
    others = ([], [LoadImage()], [AtOnce(), warp], [warp, LoadImage()], [LoadImage(), print, warp])
    others += ([LoadImage(), Own(), warp], [LoadImage(), OwnWarp((48, 64), range(5))])
    assert not any(decodes_late(steps) for steps in others)


@pytest.mark.parametrize('factor', FACTORS)
def test_a_reduced_picture_lies_where_the_whole_one_does(factor):
    """Smooth colour, shown `factor` times smaller: what differs is rounding, not place (half a pixel is 1.4 grey)."""
    rows, columns = np.mgrid[:512, :384]
    smooth = np.stack([rows / 3, columns / 2, (rows + columns) / 5], axis=2).astype(np.uint8)
    content = cv2.imencode('.jpg', smooth, [cv2.IMWRITE_JPEG_QUALITY, 100])[1].tobytes()
    matrix = np.array([[1 / factor, 0, -5], [0, 1 / factor, -3]])
    size = (384 // factor - 10, 512 // factor - 10)
    whole = warp_image(decode_image(content, 'whole'), matrix, size)
    image = EncodedImage(content, 'reduced', read_header(content), reduce=True)
    assert image.read(512, factor)[1] == factor
    assert image.read(100, factor)[0].shape == (-(-100 // factor), 384 // factor, 3)
    difference = warp_image(image, matrix, size).astype(float) - whole
    assert abs(difference.mean()) < 0.3 and np.abs(difference).max() <= 4


def test_a_picture_is_reduced_only_where_it_is_asked_for_and_shrunk_enough():
    plain, reduced = (EncodedImage(content := jpeg(), '', read_header(content), reduce=each) for each in (False, True))
    assert [plain.read(97, by)[1] for by in (1, 2, 16)] == [1, 1, 1]
    assert [reduced.read(97, by)[1] for by in (0.5, 1.99, 2, 3.9, 4, 16)] == [1, 1, 2, 2, 4, 8]


def test_reduced_pictures_are_refused_where_they_would_change_a_test_or_do_nothing(tiny_coco):
    data, load = tiny_coco(images=1), LoadImage(reduce=True)
    dataset_of(data, load, PadBox((48, 64)))
    with pytest.raises(UserError, match='for training: a test reads'):
        dataset_of(data, load, PadBox((48, 64)), test_mode=True)
    with pytest.raises(UserError, match='until WarpAffine'):
        dataset_of(data, load, PadBox((48, 64)), lambda results: results)
