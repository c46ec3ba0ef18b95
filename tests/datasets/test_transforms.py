"""Augmentation as geometry, and the one warp."""

import math
import re

import cv2
import numpy as np
import pytest

from hrpose.datasets import CocoDataset, SampleKey
from hrpose.datasets.metainfo import resolve
from hrpose.datasets.transforms import (
    LoadImage,
    PadBox,
    RandomFlip,
    RandomHalfBody,
    RandomRotation,
    RandomScale,
    RandomShift,
    TruncatedRotation,
    TruncatedScale,
    TruncatedShift,
    WarpAffine,
)
from hrpose.datasets.transforms.warp import region_matrix
from hrpose.errors import UserError
from hrpose.registry import TRANSFORMS
from hrpose.structures import apply_affine
from tests.golden import golden
from tests.golden.make import ORIGINALS

DRAWS = 4000
COCO = resolve('coco')
UPPER = COCO['upper_body_ids']


def region(**changes: object) -> dict:
    """Return a record between PadBox and the warp."""
    base = {'center': np.array([100.0, 80.0]), 'size': np.array([60.0, 80.0]), 'rotation': 0.0, 'flip': False}
    return {**base, 'ori_shape': (160, 200), **changes}


def draw(transform, field: str, **changes: object) -> np.ndarray:
    """Return what `transform` makes of `field` over many seeds, (DRAWS, …)."""
    record = region(**changes)
    return np.array([transform({**record, 'rng': np.random.default_rng(seed)})[field] for seed in range(DRAWS)])


def share(condition: np.ndarray) -> float:
    return float(np.mean(condition))


def within(observed: float, probability: float) -> bool:
    """Say whether a share over DRAWS draws lies within four standard deviations of its probability."""
    return abs(observed - probability) < 4 * np.sqrt(probability * (1 - probability) / DRAWS)


# ---- the warp


def test_the_crop_of_a_real_person_is_the_official_one(real_data):
    official = np.load(ORIGINALS / 'crop_785.npz')
    source = real_data / 'coco'
    record = LoadImage()({'img_path': str(source / f'{int(official["image_id"]):012d}.jpg')})
    record |= {'center': official['box_center'], 'size': official['box_size'], 'rotation': 0.0, 'flip': False}
    warped = WarpAffine((192, 256), COCO['flip_indices'])(record)
    np.testing.assert_allclose(warped['matrix'], official['matrix'], rtol=2e-5, atol=2e-5)
    difference = np.abs(warped['img'].astype(int) - official['crop_rgb'])
    assert share(difference <= 1) >= 0.999


def test_a_drawn_crop_is_that_of_the_official_matrix(drawn_data):
    official, image = golden('affine_192x256.npz'), cv2.imread(str(drawn_data / 'coco/000000000785.jpg'))
    regions = zip(*(official[name] for name in ('box_center', 'box_size', 'rotation_deg', 'matrix')), strict=True)
    for center, size, angle, matrix in regions:
        record = {'img': image, 'center': center, 'size': size, 'rotation': angle, 'flip': False}
        warped = WarpAffine((192, 256), COCO['flip_indices'])({**record, 'ori_shape': image.shape[:2]})
        difference = np.abs(warped['img'].astype(int) - cv2.warpAffine(image, matrix, (192, 256)))
        assert share(difference <= 1) >= 0.999


def dot_at(point: np.ndarray) -> np.ndarray:
    """Return a black image (160, 200, 3) with a bright, smooth dot at `point` (x, y)."""
    rows, columns = np.mgrid[:160, :200]
    bright = 255 * np.exp(-((columns - point[0]) ** 2 + (rows - point[1]) ** 2) / (2 * 3.0**2))
    return np.repeat(bright[..., None], 3, axis=-1).astype(np.uint8)


def middle_of_light(picture: np.ndarray) -> np.ndarray:
    """Return the centre of brightness (x, y) of an image (h, w, 3), px."""
    light = picture[..., 0].astype(float)
    rows, columns = np.mgrid[: light.shape[0], : light.shape[1]]
    return np.array([(light * columns).sum(), (light * rows).sum()]) / light.sum()


@pytest.mark.parametrize(
    ('flip', 'rotation', 'factor'),
    [(False, 0.0, 1.0), (True, 0.0, 1.0), (False, 37.0, 0.8), (True, 37.0, 0.8), (True, -110.0, 1.3)],
)
@pytest.mark.parametrize('joint', range(len(COCO['keypoint_names'])))
def test_pixels_and_keypoints_move_together(joint, flip, rotation, factor, rng):
    keypoints = rng.uniform([85, 65], [115, 95], (17, 2))
    record = region(
        img=dot_at(keypoints[joint]),
        keypoints=keypoints,
        visible=np.full(17, 2.0),
        flip=flip,
        rotation=rotation,
        size=np.array([75.0, 100.0]) * factor,
    )
    warped = WarpAffine((192, 256), COCO['flip_indices'])(record)
    moved_to = COCO['flip_indices'][joint] if flip else joint
    np.testing.assert_allclose(middle_of_light(warped['img']), warped['input_keypoints'][moved_to], atol=0.15)


def test_a_mirrored_record_looks_as_a_record_of_the_mirrored_image(rng):
    picture = rng.integers(0, 255, (160, 200, 3), dtype=np.uint8)
    record = region(img=picture, rotation=25.0)
    mirrored = {**record, 'img': np.ascontiguousarray(picture[:, ::-1]), 'center': np.array([99.0, 80.0])}
    warp = WarpAffine((48, 64), COCO['flip_indices'])
    by_flag = warp({**record, 'flip': True})['img'].astype(int)
    np.testing.assert_allclose(by_flag, warp(mirrored)['img'], atol=9)  # OpenCV's weights are in 32nds of a pixel
    assert np.abs(by_flag - warp(mirrored)['img']).mean() < 0.5


def test_visibility_swaps_sides_with_the_keypoints(rng):
    visible = rng.integers(0, 3, 17).astype(float)
    record = region(img=np.zeros((160, 200, 3), np.uint8), keypoints=rng.uniform(0, 100, (17, 2)), visible=visible)
    warped = WarpAffine((48, 64), COCO['flip_indices'])({**record, 'flip': True})
    np.testing.assert_array_equal(warped['input_visible'], visible[list(COCO['flip_indices'])])
    np.testing.assert_array_equal(warped['visible'], visible)


def test_the_middle_of_the_region_goes_to_the_middle_of_the_input():
    for flip in (False, True):
        matrix = region_matrix(region(flip=flip, rotation=30.0), (48, 64))
        np.testing.assert_allclose(apply_affine(np.array([100.0, 80.0]), matrix), [24, 32], atol=1e-9)


def test_transforms_leave_their_input_as_it_was(rng):
    record = region(
        img=rng.integers(0, 255, (160, 200, 3), dtype=np.uint8),
        box=np.array([70.0, 40.0, 130.0, 120.0]),
        keypoints=rng.uniform(80, 110, (17, 2)),
        visible=np.full(17, 2.0),
        rng=np.random.default_rng(0),
    )
    before = {key: np.copy(value) for key, value in record.items() if key != 'rng'}
    steps = [PadBox((48, 64)), RandomHalfBody(UPPER, prob=1), RandomScale(), RandomRotation(prob=1)]
    results = record
    steps += [RandomShift(prob=1), TruncatedShift(prob=1), TruncatedScale(), TruncatedRotation(prob=1)]
    for step in [*steps, RandomFlip(1), WarpAffine((48, 64), COCO['flip_indices'])]:
        results = step(results)
    for key, value in before.items():
        np.testing.assert_array_equal(record[key], value)


# ---- the published laws of chance


@pytest.mark.parametrize('spread', [0.35, 0.25])
def test_scale_is_a_normal_around_one_cut_at_its_spread(spread):
    factor = draw(RandomScale(spread), 'size')[:, 0] / 60
    assert factor.min() == pytest.approx(1 - spread)
    assert factor.max() == pytest.approx(1 + spread)
    inside = np.abs(factor - 1) < spread * (1 - 1e-9)
    assert within(share(inside), 0.6827)
    assert within(share(np.abs(factor - 1) < spread / 2), 0.3829)
    assert within(share(factor > 1), 0.5)


def test_scale_keeps_the_aspect():
    sizes = draw(RandomScale(), 'size')
    np.testing.assert_allclose(sizes[:, 0] / sizes[:, 1], 0.75)


@pytest.mark.parametrize(('degrees', 'prob'), [(45, 0.6), (30, 0.6), (30, 1.0)])
def test_rotation_is_a_normal_cut_at_two_standard_deviations(degrees, prob):
    angle = draw(RandomRotation(degrees, prob), 'rotation')
    assert np.abs(angle).max() == pytest.approx(2 * degrees)
    turned = angle[angle != 0]
    assert prob == 1 or within(len(turned) / DRAWS, prob)
    assert turned.std() == pytest.approx(0.98 * degrees, rel=0.06)
    assert within(share(np.abs(angle) >= 2 * degrees * (1 - 1e-9)), 0.0455 * prob)
    assert within(share(turned > 0), 0.5)


@pytest.mark.parametrize('prob', [0.5, 0.1])
def test_flip_has_its_odds(prob):
    assert within(share(draw(RandomFlip(prob), 'flip')), prob)


def test_shift_moves_by_a_share_cut_at_two_standard_deviations():
    moved = (draw(RandomShift(0.16, 0.3), 'center') - [100, 80]) / [60, 80]
    any_moved = moved.any(axis=1)
    assert within(share(any_moved), 0.3)
    assert np.abs(moved).max() <= 0.32 + 1e-9
    assert moved[any_moved].std() == pytest.approx(0.98 * 0.16, rel=0.08)


def assert_truncated_normal(values: np.ndarray) -> None:
    """Assert that values are draws of a standard normal known to lie in [-1, 1] (one clipped there fails)."""
    assert np.abs(values).max() <= 1
    for bound in (0.25, 0.5, 0.75):
        assert within(share(np.abs(values) < bound), math.erf(bound / math.sqrt(2)) / math.erf(1 / math.sqrt(2)))
    assert within(share(values > 0), 0.5)


def test_mmposes_scale_is_a_truncated_normal_around_one():
    factor = draw(TruncatedScale(0.5, 1.5), 'size') / [60, 80]
    np.testing.assert_allclose(factor[:, 0], factor[:, 1])
    assert_truncated_normal((factor[:, 0] - 1) / 0.5)


def test_a_truncated_scale_need_not_be_centred_at_one():
    factor = draw(TruncatedScale(0.75, 1.0), 'size')[:, 0] / 60
    assert_truncated_normal((factor - 0.875) / 0.125)


@pytest.mark.parametrize(('degrees', 'prob'), [(80, 0.6), (40, 1.0)])
def test_mmposes_rotation_is_a_truncated_normal_with_its_odds(degrees, prob):
    angle = draw(TruncatedRotation(degrees, prob), 'rotation')
    turned = angle[angle != 0]
    assert prob == 1 or within(len(turned) / DRAWS, prob)
    assert_truncated_normal(draw(TruncatedRotation(degrees, 1.0), 'rotation') / degrees)


def test_mmposes_shift_is_a_truncated_normal_on_each_axis():
    moved = (draw(TruncatedShift(0.16, 1.0), 'center') - [100, 80]) / [60, 80] / 0.16
    for axis in moved.T:
        assert_truncated_normal(axis)
    assert abs(np.corrcoef(moved.T)[0, 1]) < 4 / np.sqrt(DRAWS)
    some = draw(TruncatedShift(0.16, 0.3), 'center') - [100, 80]
    assert within(share(some.any(axis=1)), 0.3)


def body(rng: np.random.Generator, visible: list[int]) -> dict:
    """Return what a record says about joints of which only `visible` are seen."""
    seen = np.zeros(17)
    seen[visible] = 2
    return {'keypoints': rng.uniform(50, 150, (17, 2)), 'visible': seen}


@pytest.mark.parametrize(('options', 'probability'), [({}, 0.6915), ({'upper_odds': 0.2}, 0.2)])
def test_half_body_shows_the_upper_half_with_the_given_probability(options, probability, rng):
    record = body(rng, list(range(17)))
    centers = draw(RandomHalfBody(UPPER, prob=0.3, **options), 'center', **record)
    upper, lower = record['keypoints'][:11].mean(axis=0), record['keypoints'][11:].mean(axis=0)
    shows_upper, shows_lower = (np.isclose(centers, center).all(axis=1) for center in (upper, lower))
    assert within(share(shows_upper | shows_lower), 0.3)
    assert within(share(shows_upper), 0.3 * probability)
    assert (centers[~shows_upper & ~shows_lower] == [100, 80]).all()


def test_half_body_region_is_the_joints_box_and_half_as_large_again(rng):
    record = body(rng, list(range(17)))
    sizes = np.unique(draw(RandomHalfBody(UPPER, prob=1), 'size', **record), axis=0)
    expected = []
    for joints in (record['keypoints'][:11], record['keypoints'][11:]):
        width, height = np.ptp(joints, axis=0)
        expected.append([1.5 * max(width, 0.75 * height), 1.5 * max(height, width / 0.75)])
    np.testing.assert_allclose(sizes, np.unique(expected, axis=0))


@pytest.mark.parametrize(
    ('visible', 'shown'),
    [
        (list(range(8)), []),  # not more than eight
        (list(range(11)), [list(range(11))]),  # nobody's legs
        ([0, 1, *range(11, 17), 2], [[0, 1, 2], list(range(11, 17))]),
        ([0, 1, 2, 3, 4, 5, 6, 15, 16], [[0, 1, 2, 3, 4, 5, 6]]),  # two joints are no half
    ],
)
def test_half_body_shows_only_halves_of_more_than_two_joints(visible, shown, rng):
    record = body(rng, visible)
    centers = np.unique(draw(RandomHalfBody(UPPER, prob=1), 'center', **record).round(6), axis=0)
    expected = [record['keypoints'][joints].mean(axis=0) for joints in shown] or [[100.0, 80.0]]
    np.testing.assert_allclose(centers, np.unique(np.round(expected, 6), axis=0))


def test_half_body_leaves_a_person_whose_joints_coincide(rng):
    record = {'keypoints': np.full((17, 2), 90.0), 'visible': np.full(17, 2.0)}
    np.testing.assert_array_equal(np.unique(draw(RandomHalfBody(UPPER, prob=1), 'size', **record), axis=0), [[60, 80]])


# ---- chance comes from (seed, epoch, index) alone


def augmented(data) -> CocoDataset:
    flip = resolve(data.metainfo)['flip_indices']
    steps = ['LoadImage', 'PadBox', 'RandomHalfBody', 'RandomScale', 'RandomRotation', 'RandomShift', 'RandomFlip']
    needs = {'PadBox': {'input_size': (64, 64)}, 'RandomHalfBody': {'min_joints': 3, 'prob': 0.5}}
    pipeline = [TRANSFORMS.build({'type': step, **needs.get(step, {})}) for step in steps]
    pipeline += [WarpAffine((64, 64), flip), TRANSFORMS.build({'type': 'PackPose'})]
    return CocoDataset(**data.arguments, pipeline=pipeline)


def drawn(dataset: CocoDataset, key: SampleKey) -> tuple:
    """Return the pixels and the geometry of one visit, comparable by `==`."""
    packed = dataset[key]
    sample = packed['data_samples']
    geometry = (sample.rotation, sample.flip, *sample.box_center, *sample.box_size)
    return packed['inputs'].numpy().tobytes(), geometry


def test_the_same_key_gives_the_same_sample_whatever_numpys_seed(tiny_coco):
    data = tiny_coco()
    np.random.seed(0)
    first = drawn(augmented(data), SampleKey(3, 5, 1))
    np.random.seed(1)
    dataset = augmented(data)
    dataset[SampleKey(3, 6, 2)]
    assert drawn(dataset, SampleKey(3, 5, 1)) == first


def test_a_sample_takes_nothing_from_numpys_global_chance(tiny_coco):
    dataset = augmented(tiny_coco())
    np.random.seed(0)
    before = np.random.get_state()[1].copy()
    dataset[SampleKey(3, 5, 1)]
    np.testing.assert_array_equal(np.random.get_state()[1], before)


@pytest.mark.parametrize('other', [SampleKey(4, 5, 1), SampleKey(3, 6, 1), SampleKey(3, 5, 2)])
def test_another_seed_epoch_or_index_gives_other_chances(other, tiny_coco):
    dataset = augmented(tiny_coco())
    assert drawn(dataset, other) != drawn(dataset, SampleKey(3, 5, 1))


def test_twenty_epochs_give_twenty_geometries(tiny_coco):
    dataset = augmented(tiny_coco(images=1))
    assert len({drawn(dataset, SampleKey(0, epoch, 0))[1] for epoch in range(20)}) == 20


@pytest.mark.parametrize(
    ('part', 'said'),
    [
        (dict(type='RandomFlip', prob=2), 'RandomFlip: prob has to be a number from 0 to 1, not 2'),
        (dict(type='RandomScale', spread='a'), "RandomScale: spread has to be a number of at least 0, not 'a'"),
        (dict(type='RandomRotation', degrees=float('nan')), 'RandomRotation: degrees has to be a number, not nan'),
        (dict(type='PadBox', input_size=(9, 9), padding=None), 'PadBox: padding has to be a number of at least 0'),
        (dict(type='RandomHalfBody', min_joints=[]), 'RandomHalfBody: min_joints has to be a number'),
    ],
)
def test_a_number_that_is_none_is_refused_where_the_step_is_made(part, said):
    with pytest.raises(UserError, match=re.escape(said)):
        TRANSFORMS.build(part)
