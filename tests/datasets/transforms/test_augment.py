"""Random steps follow their published distributions and draw from (seed, epoch, index) alone."""

import math
import re

import numpy as np
import pytest

from hrpose.datasets import CocoDataset, SampleKey
from hrpose.datasets.metainfo import resolve
from hrpose.datasets.transforms import (
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
from hrpose.errors import UserError
from hrpose.registry import TRANSFORMS

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


def within(observed: float, prob: float) -> bool:
    """Return whether a share of DRAWS draws lies within four standard deviations of its probability."""
    return abs(observed - prob) < 4 * np.sqrt(prob * (1 - prob) / DRAWS)


def test_steps_leave_their_input_as_it_was(rng):
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


@pytest.mark.parametrize('spread', [0.35, 0.25])
def test_scale_is_a_normal_around_one_clipped_at_its_spread(spread):
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
def test_rotation_is_a_normal_clipped_at_two_standard_deviations(degrees, prob):
    angle = draw(RandomRotation(degrees, prob), 'rotation')
    assert np.abs(angle).max() == pytest.approx(2 * degrees)
    turned = angle[angle != 0]
    assert prob == 1 or within(len(turned) / DRAWS, prob)
    assert turned.std() == pytest.approx(0.98 * degrees, rel=0.06)
    assert within(share(np.abs(angle) >= 2 * degrees * (1 - 1e-9)), 0.0455 * prob)
    assert within(share(turned > 0), 0.5)


@pytest.mark.parametrize('prob', [0.5, 0.1])
def test_flip_has_its_probability(prob):
    assert within(share(draw(RandomFlip(prob), 'flip')), prob)


def test_shift_is_a_share_of_the_region_clipped_at_twice_the_factor():
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
def test_mmposes_rotation_is_a_truncated_normal(degrees, prob):
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


@pytest.mark.parametrize(('options', 'prob'), [({}, 0.6915), ({'upper_prob': 0.2}, 0.2)])
def test_half_body_prefers_the_upper_half_with_its_probability(options, prob, rng):
    record = body(rng, list(range(17)))
    centers = draw(RandomHalfBody(UPPER, prob=0.3, **options), 'center', **record)
    upper, lower = record['keypoints'][:11].mean(axis=0), record['keypoints'][11:].mean(axis=0)
    shows_upper, shows_lower = (np.isclose(centers, center).all(axis=1) for center in (upper, lower))
    assert within(share(shows_upper | shows_lower), 0.3)
    assert within(share(shows_upper), 0.3 * prob)
    assert (centers[~shows_upper & ~shows_lower] == [100, 80]).all()


def test_half_body_region_is_the_padded_box_of_the_joints(rng):
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


def test_half_body_leaves_out_joints_of_neither_half(rng):
    record = body(rng, list(range(17)))
    step = RandomHalfBody(range(5, 11), prob=1, lower_body_ids=(13, 14, 15, 16))
    centers = np.unique(draw(step, 'center', **record).round(6), axis=0)
    expected = [record['keypoints'][joints].mean(axis=0) for joints in (slice(5, 11), slice(13, 17))]
    np.testing.assert_allclose(centers, np.unique(np.round(expected, 6), axis=0))


def test_half_body_leaves_a_person_whose_joints_coincide(rng):
    record = {'keypoints': np.full((17, 2), 90.0), 'visible': np.full(17, 2.0)}
    np.testing.assert_array_equal(np.unique(draw(RandomHalfBody(UPPER, prob=1), 'size', **record), axis=0), [[60, 80]])


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


def test_a_sample_does_not_depend_on_numpys_global_seed(tiny_coco):
    data = tiny_coco()
    np.random.seed(0)
    first = drawn(augmented(data), SampleKey(3, 5, 1))
    np.random.seed(1)
    dataset = augmented(data)
    dataset[SampleKey(3, 6, 2)]
    assert drawn(dataset, SampleKey(3, 5, 1)) == first


def test_a_sample_leaves_numpys_global_state_alone(tiny_coco):
    dataset = augmented(tiny_coco())
    np.random.seed(0)
    before = np.random.get_state()[1].copy()
    dataset[SampleKey(3, 5, 1)]
    np.testing.assert_array_equal(np.random.get_state()[1], before)


@pytest.mark.parametrize('other', [SampleKey(4, 5, 1), SampleKey(3, 6, 1), SampleKey(3, 5, 2)])
def test_another_seed_epoch_or_index_gives_another_sample(other, tiny_coco):
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
def test_a_wrong_argument_is_refused_when_the_step_is_built(part, said):
    with pytest.raises(UserError, match=re.escape(said)):
        TRANSFORMS.build(part)
