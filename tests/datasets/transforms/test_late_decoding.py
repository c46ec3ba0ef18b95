"""A pipeline that decodes JPEGs in part gives the pixels of one that decodes them as a whole."""

import cv2
import numpy as np
import pytest

from hrpose.datasets import CocoDataset, SampleKey
from hrpose.datasets.transforms import LoadImage, PackPose, PadBox, RandomFlip, RandomRotation, RandomScale, WarpAffine
from hrpose.datasets.transforms.warp import decodes_late, warp_image
from hrpose.errors import UserError
from hrpose.images.files import decode_image
from hrpose.images.partial_jpeg import FACTORS, EncodedImage, read_header

AUGMENTED = (PadBox((48, 64)), RandomScale(), RandomRotation(prob=1), RandomFlip())


class AtOnce(LoadImage):
    """Decodes the whole image: only `LoadImage` itself waits."""


class Own(RandomFlip):
    """A user's step, which may look at pixels."""

    def __call__(self, results):
        return {**super().__call__(results), 'img': results['img'] // 2}


class OwnWarp(WarpAffine):
    """A user's warp, which may look at the whole image."""


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


def test_people_of_coco_are_the_same_decoded_late_or_at_once(sample_data):
    source = sample_data / 'coco'
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


def test_only_pipelines_whose_warp_reads_pixels_first_decode_late():
    warp = WarpAffine((48, 64), range(5))

    assert decodes_late([LoadImage(), PadBox((48, 64)), warp])
    others = ([], [LoadImage()], [AtOnce(), warp], [warp, LoadImage()], [LoadImage(), print, warp])
    others += ([LoadImage(), Own(), warp], [LoadImage(), OwnWarp((48, 64), range(5))])
    assert not any(decodes_late(steps) for steps in others)


@pytest.mark.parametrize('factor', FACTORS)
def test_a_reduced_image_lies_where_the_whole_one_does(factor):
    """Smooth colour, shown `factor` times smaller: what differs is rounding, not place (half a pixel is 1.4 grey)."""
    rows, columns = np.mgrid[:512, :384]
    smooth = np.stack([rows / 3, columns / 2, (rows + columns) / 5], axis=2).astype(np.uint8)
    content = cv2.imencode('.jpg', smooth, [cv2.IMWRITE_JPEG_QUALITY, 100])[1].tobytes()
    matrix = np.array([[1 / factor, 0, -5], [0, 1 / factor, -3]])
    size = (384 // factor - 10, 512 // factor - 10)
    whole = warp_image(decode_image(content, 'whole'), matrix, size)
    image = EncodedImage(content, 'reduced', read_header(content), reduce=True)
    assert image.decode_rows(512, factor)[1] == factor
    assert image.decode_rows(100, factor)[0].shape == (-(-100 // factor), 384 // factor, 3)
    difference = warp_image(image, matrix, size).astype(float) - whole
    assert abs(difference.mean()) < 0.3 and np.abs(difference).max() <= 4


def test_reduced_images_are_refused_in_tests_and_without_effect(tiny_coco):
    data, load = tiny_coco(images=1), LoadImage(reduce=True)
    dataset_of(data, load, PadBox((48, 64)))
    with pytest.raises(UserError, match='only for training; a test reads'):
        dataset_of(data, load, PadBox((48, 64)), test_mode=True)
    with pytest.raises(UserError, match='before WarpAffine'):
        dataset_of(data, load, PadBox((48, 64)), lambda results: results)
