"""Pixels are changed after the warp by the stated formulas, from (seed, epoch, index) alone, and joints stay."""

import re

import numpy as np
import pytest

from hrpose.datasets.transforms import ColorJitter, Cutout
from hrpose.datasets.transforms.pixels import IMAGENET_MEAN, LUMA, color_matrix
from hrpose.errors import UserError
from hrpose.registry import TRANSFORMS

MEAN = np.array([90.0, 120.0, 60.0])
DRAWS = 1000


def record(seed: int = 0, size: tuple[int, int] = (96, 128)) -> dict:
    image = np.random.default_rng(7).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    return {'img': image, 'rng': np.random.default_rng(seed), 'input_keypoints': np.array([[3.0, 4.0]])}


def mapped(colors: np.ndarray, **changes: float) -> np.ndarray:
    """Return colours (N, 3) after `color_matrix` with `changes`."""
    matrix = color_matrix(**{'brightness': 1, 'contrast': 1, 'saturation': 1, 'hue': 0, 'mean': MEAN, **changes})
    return colors @ matrix[:, :3].T + matrix[:, 3]


@pytest.fixture
def colors(rng) -> np.ndarray:
    return rng.uniform(0, 255, (50, 3))


def test_brightness_scales_the_color(colors):
    np.testing.assert_allclose(mapped(colors, brightness=1.3), 1.3 * colors)


def test_contrast_scales_the_distance_from_the_mean_grey(colors):
    grey = LUMA @ MEAN
    np.testing.assert_allclose(mapped(colors, contrast=0.7), grey + 0.7 * (colors - grey))


def test_saturation_scales_the_distance_from_the_own_grey(colors):
    grey = (colors @ LUMA)[:, None]
    np.testing.assert_allclose(mapped(colors, saturation=1.2), grey + 1.2 * (colors - grey))


def test_a_third_of_a_turn_of_hue_moves_the_channels_on(colors):
    np.testing.assert_allclose(mapped(colors, hue=1 / 3), colors[:, [2, 0, 1]])


def test_greys_have_no_hue_and_no_saturation():
    greys = np.linspace(0, 255, 5)[:, None].repeat(3, axis=1)
    np.testing.assert_allclose(mapped(greys, hue=0.2, saturation=0.4), greys)


def test_the_changes_are_made_one_after_the_other(colors):
    by_steps = mapped(colors, brightness=1.2)
    by_steps = mapped(by_steps, contrast=0.8, mean=1.2 * MEAN)
    by_steps = mapped(mapped(by_steps, saturation=1.3), hue=0.1)
    at_once = mapped(colors, brightness=1.2, contrast=0.8, saturation=1.3, hue=0.1)
    np.testing.assert_allclose(at_once, by_steps)


def test_color_jitter_of_zero_changes_nothing():
    given = record()
    step = ColorJitter(brightness=0, contrast=0, saturation=0, hue=0, prob=1)
    np.testing.assert_array_equal(step(given)['img'], given['img'])


def test_color_jitter_applies_the_stated_map_to_a_level():
    given = record(seed=3)
    found = ColorJitter(prob=1)(given)['img']
    spread, draws = np.array([0.3, 0.3, 0.3, 0.05]), np.random.default_rng(3).uniform(-1, 1, 4)
    factors = np.array([1, 1, 1, 0]) + spread * draws
    flat = given['img'].reshape(-1, 3)
    matrix = color_matrix(*factors, flat.mean(axis=0))
    exact = np.clip(flat @ matrix[:, :3].T + matrix[:, 3], 0, 255).reshape(given['img'].shape)
    assert found.dtype == np.uint8
    assert np.abs(found - exact).max() < 0.75  # OpenCV computes with 10 bits behind the point


def test_cutout_fills_rectangles_of_the_stated_sides():
    shares = []
    for seed in range(DRAWS):
        given = record(seed)
        given['img'] = np.full_like(given['img'], 255)
        changed = (Cutout(prob=1)(given)['img'] == IMAGENET_MEAN).all(axis=-1)
        rows, columns = np.flatnonzero(changed.any(axis=1)), np.flatnonzero(changed.any(axis=0))
        assert changed.sum() == len(rows) * len(columns)
        shares.append((len(columns) / 96, len(rows) / 128, rows[0] == 0 or rows[-1] == 127))
    width, height, at_border = np.array(shares).T
    inside = height[at_border == 0]
    assert 0.2 - 1 / 128 <= inside.min() < 0.21 and 0.39 < inside.max() <= 0.4 + 1 / 128
    assert width.max() <= 0.4 + 1 / 96
    # A rectangle around a uniform centre reaches beyond the border in 0.3 of the cases on each axis.
    assert abs(at_border.mean() - 0.3) < 4 * np.sqrt(0.3 * 0.7 / DRAWS)


@pytest.mark.parametrize('kind', [ColorJitter, Cutout])
def test_pixel_steps_repeat_with_the_seed_and_spare_what_they_are_given(kind):
    given = record(seed=5)
    before = given['img'].copy()
    first, second = (kind(prob=1)({**given, 'rng': np.random.default_rng(5)}) for _ in range(2))
    np.testing.assert_array_equal(first['img'], second['img'])
    np.testing.assert_array_equal(given['img'], before)
    assert (first['img'] != before).any()
    np.testing.assert_array_equal(first['input_keypoints'], given['input_keypoints'])


@pytest.mark.parametrize('kind', [ColorJitter, Cutout])
def test_pixel_steps_apply_with_their_probability(kind):
    step = kind(prob=0.3)
    given = record(size=(8, 8))
    changed = [step({**given, 'rng': np.random.default_rng(seed)})['img'] is not given['img'] for seed in range(DRAWS)]
    assert abs(np.mean(changed) - 0.3) < 4 * np.sqrt(0.3 * 0.7 / DRAWS)


@pytest.mark.parametrize(
    ('config', 'message'),
    [
        (dict(type='ColorJitter', hue=0.6), 'ColorJitter: hue has to be a number from 0 to 0.5, not 0.6'),
        (dict(type='ColorJitter', contrast='much'), "contrast has to be a number from 0 to 1, not 'much'"),
        (dict(type='Cutout', low=0.5), 'Cutout: low is 0.5, above high, which is 0.4'),
        (dict(type='Cutout', count=0), 'count has to be a whole number of at least 1, not 0'),
        (dict(type='Cutout', color=(0, 0, 300)), 'color has to be three levels from 0 to 255'),
    ],
)
def test_wrong_arguments_of_pixel_steps_are_named(config, message):
    with pytest.raises(UserError, match=re.escape(message)):
        TRANSFORMS.build(config)
