"""Images by class are found, cropped as torchvision does, and seen differently in each epoch."""

import numpy as np
import pytest
import torch
from PIL import Image

from hrpose.datasets import ImageFolder, SampleKey
from hrpose.datasets.transforms import PackImage, RandomResizedCrop, ResizeCenterCrop
from hrpose.errors import UserError


@pytest.fixture
def folder(tmp_path, rng):
    """Two classes with images of 60x40 px: three of cats, one of dogs in a folder deeper."""
    for path in ('cat/b.png', 'cat/a.png', 'cat/c.PNG', 'dog/more/d.png'):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 255, (40, 60, 3), dtype=np.uint8)).save(tmp_path / path)
    (tmp_path / 'cat' / 'notes.txt').write_text('no image')
    return tmp_path


def test_classes_and_images_are_found_in_order(folder):
    data = ImageFolder(str(folder))
    assert data.metainfo['classes'] == ['cat', 'dog']
    found = [(data.get_data_info(index)['img_path'], data.get_data_info(index)['gt_label']) for index in range(4)]
    names = ['cat/a.png', 'cat/b.png', 'cat/c.PNG', 'dog/more/d.png']
    assert found == [(str(folder / name), int(name.startswith('dog'))) for name in names]


@pytest.mark.parametrize(('root', 'reason'), [('nowhere', 'does not exist'), ('cat', 'has no folders')])
def test_a_folder_without_classes_is_an_error(root, reason, folder):
    with pytest.raises(UserError, match=reason):
        ImageFolder(str(folder / root))


def test_a_class_folder_without_images_is_an_error(tmp_path):
    (tmp_path / 'cat').mkdir()
    with pytest.raises(UserError, match='have no images'):
        ImageFolder(str(tmp_path))


def test_a_sample_depends_on_seed_epoch_and_index_alone(folder):
    steps = [dict(type='LoadImage'), dict(type='RandomResizedCrop', size=32), dict(type='PackImage')]
    data = ImageFolder(str(folder), pipeline=steps)
    first, again, later = (data[SampleKey(0, epoch, 3)] for epoch in (0, 0, 1))
    assert first['inputs'].shape == (3, 32, 32) and first['inputs'].dtype == torch.uint8
    assert first['data_samples'].gt_label == 1
    assert torch.equal(first['inputs'], again['inputs'])
    assert not torch.equal(first['inputs'], later['inputs'])


def test_the_test_crop_is_the_middle_of_the_resized_image(rng):
    image = rng.integers(0, 255, (300, 400, 3), dtype=np.uint8)
    crop = ResizeCenterCrop(shorter=256, size=224)({'img': image})['img']
    resized = Image.fromarray(image).resize((341, 256), Image.Resampling.BILINEAR)
    np.testing.assert_array_equal(crop, np.asarray(resized)[16:240, 58:282])


def test_random_crops_keep_to_the_ranges_of_area_and_ratio():
    step = RandomResizedCrop(224)
    boxes = np.array([step.draw(np.random.default_rng(seed), 500, 375) for seed in range(2000)])
    share, ratio = boxes[:, 2] * boxes[:, 3] / (500 * 375), boxes[:, 2] / boxes[:, 3]
    assert 0.079 < share.min() < 0.1 and 0.98 < share.max() <= 1
    assert 0.74 < ratio.min() < 0.77 and 1.3 < ratio.max() < 1.35
    assert (boxes[:, :2] >= 0).all() and (boxes[:, :2] + boxes[:, 2:] <= [500, 375]).all()


@pytest.mark.parametrize(('size', 'box'), [((900, 90), (390, 0, 120, 90)), ((90, 900), (0, 390, 90, 120))])
def test_an_image_too_long_for_a_whole_crop_gives_its_middle(size, box):
    assert RandomResizedCrop(224, scale=(1, 1)).draw(np.random.default_rng(0), *size) == box


def test_mirroring_is_left_to_its_probability(rng):
    image = rng.integers(0, 255, (32, 32, 3), dtype=np.uint8)
    whole = dict(scale=(1, 1), ratio=(1, 1))
    for prob, expected in ((0, image), (1, image[:, ::-1])):
        step = RandomResizedCrop(32, flip_prob=prob, **whole)
        np.testing.assert_array_equal(step({'img': image, 'rng': rng})['img'], expected)
    steps = [RandomResizedCrop(32, **whole)({'img': image, 'rng': rng})['img'] for _ in range(200)]
    assert 70 < sum(np.array_equal(each, image) for each in steps) < 130


def test_packing_keeps_pixels_in_rgb_and_the_label(rng):
    image = rng.integers(0, 255, (4, 6, 3), dtype=np.uint8)
    packed = PackImage()({'img': image, 'img_path': 'a.png', 'gt_label': 2})
    np.testing.assert_array_equal(packed['inputs'].permute(1, 2, 0), image)
    assert (packed['data_samples'].gt_label, packed['data_samples'].img_path) == (2, 'a.png')
