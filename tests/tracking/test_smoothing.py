"""Smoothing: less jitter, little lag, nothing invented."""

import itertools

import numpy as np
import pytest

from hrpose.analysis import smoothing as smoothers
from hrpose.analysis.smoothing import REST as STILL
from hrpose.analysis.smoothing import measure
from hrpose.analysis.smoothing import swaying as moving
from hrpose.errors import UserError
from hrpose.tracking import OneEuroFilter, frame_time, smooth_people, smooth_track

RATE = 30.0


def one_euro(frames, scores=None, rate=RATE, **options):
    """Return the smoothed frames (T, N, K, 2)."""
    smooth = OneEuroFilter(**options)
    ids = np.arange(frames.shape[1])
    scores = np.ones(frames.shape[:3]) if scores is None else scores
    return np.array([smooth(frames[t], scores[t], ids, time=t / rate) for t in range(len(frames))])


@pytest.mark.parametrize('rate', [15, 25, 30, 60])
def test_one_euro_removes_70_percent_of_jitter_with_less_than_a_frame_of_lag(rate):
    for seed in range(3):
        found = measure(smoothers.one_euro, rate=rate, seed=seed)
        assert found.jitter <= 0.3
        assert 0 < found.lag < 1


@pytest.mark.parametrize('rate', [25, 30, 60])
def test_savitzky_golay_removes_70_percent_of_jitter_without_lag(rate):
    for seed in range(3):
        found = measure(smoothers.savitzky_golay, rate=rate, seed=seed)
        assert found.jitter <= 0.3
        assert abs(found.lag) < 0.05


def test_the_filter_knows_the_frame_rate():
    # In seconds: the same motion at twice the rate is smoothed over as long a time.
    slow = one_euro(moving(np.arange(90) / 30), rate=30)
    fast = one_euro(moving(np.arange(180) / 60), rate=60)
    assert np.abs(slow - fast[::2]).max() < 2
    assert np.abs(slow - one_euro(moving(np.arange(90) / 30), rate=60)).max() > 3


def test_one_euro_is_the_published_recursion():
    x, smooth, speed = [3.0, 5.0, 4.0, 9.0], 3.0, 0.0
    expected = [smooth]
    for last, now in itertools.pairwise(x):
        weight = 1 / (1 + 10 / (2 * np.pi * 2.0))
        speed += weight * ((now - last) * 10 - speed)
        smooth += (now - smooth) / (1 + 10 / (2 * np.pi * (1.5 + 0.1 * abs(speed))))
        expected.append(smooth)
    frames = np.array(x)[:, None, None, None] * np.ones(2)
    found = one_euro(frames, rate=10, min_cutoff=1.5, beta=0.1, derivative_cutoff=2.0)
    assert found[:, 0, 0, 0] == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize('absent', [np.nan, 'low score'])
def test_an_absent_joint_stays_as_it_is(absent):
    frames = np.repeat(STILL[None], 5, axis=0) + np.arange(5)[:, None, None, None]
    scores = np.ones(frames.shape[:3])
    other = frames.copy()
    if absent == 'low score':
        other[2, 0, 1], scores[2, 0, 1] = 7777.0, 0.1
    else:
        other[2, 0, 1] = absent
    found = one_euro(other, scores)
    assert np.array_equal(found[2, 0, 1], other[2, 0, 1], equal_nan=True)
    # The others do not notice, and the joint that returns knows nothing of the value in between.
    expected = one_euro(frames)
    assert np.array_equal(found[:, :, 0], expected[:, :, 0])
    assert np.abs(found[3:, 0, 1] - frames[3:, 0, 1]).max() < 5
    assert np.isfinite(found[3:]).all()


def test_a_new_id_starts_anew():
    smooth = OneEuroFilter()
    smooth(STILL, None, [1, 2], time=0.0)
    found = smooth(STILL + 50, None, [1, 3], time=0.1)
    assert np.array_equal(found[1], STILL[1] + 50)
    assert np.all(found[0] < STILL[0] + 50)


def test_people_are_known_by_id_not_by_order():
    smooth, other = OneEuroFilter(), OneEuroFilter()
    for time, step in ((0.0, 0), (0.1, 3), (0.2, 5)):
        a = smooth(STILL + step, None, [1, 2], time=time)
        b = other((STILL + step)[::-1] if step == 3 else STILL + step, None, [2, 1] if step == 3 else [1, 2], time=time)
    assert np.array_equal(a, b)


def test_a_joint_that_returns_late_starts_anew_and_is_forgotten():
    smooth = OneEuroFilter(max_gap=0.5)
    smooth(STILL, None, [1, 2], time=0.0)
    smooth([], None, [], time=0.6)
    assert len(smooth._ids) == 0
    assert np.array_equal(smooth(STILL + 50, None, [1, 2], time=0.7), STILL + 50)


def test_frames_without_people_are_no_error():
    smooth = OneEuroFilter()
    assert smooth([], None, [], time=0.0).size == 0
    assert smooth(STILL, None, [1, 2], time=0.1).shape == STILL.shape


@pytest.mark.parametrize(
    ('call', 'message'),
    [
        (lambda f: f(STILL, None, [1, 2], time=0.0), 'One-Euro filter: time 0 follows 0.0'),
        (lambda f: f(STILL, None, [1, 1], time=1.0), r'ids \[1, 1\] of 2 people'),
        (lambda f: f(STILL, None, [1], time=1.0), r'ids \[1\] of 2 people'),
        (lambda f: f(STILL[:, :1], None, [1, 2], time=1.0), r'must be \(people, 2, 2\)'),
        (lambda f: f(STILL, np.ones((2, 3)), [1, 2], time=1.0), r'scores have shape \(2, 3\)'),
        (lambda f: OneEuroFilter(min_cutoff=0), 'min_cutoff is 0; it must be a positive number'),
        (lambda f: OneEuroFilter(beta=-1), 'beta is -1'),
        (lambda f: frame_time(3, 0.0), 'frame 3: the frame rate 0.0 is not a positive number'),
        (lambda f: frame_time(3, np.nan), 'frame 3: the frame rate nan is not a positive number'),
        (lambda f: frame_time(3, None), 'frame 3: the frame rate None is not a positive number'),
        (lambda f: f(STILL, None, [1, 2], time=np.nan), 'One-Euro filter: time nan follows 0.0'),
        (lambda f: smooth_track(STILL, rate=0), 'the frame rate 0 is not a positive number'),
        (lambda f: smooth_track(STILL, rate=30, window=-1), 'window -1 s, order 2'),
    ],
)
def test_mistakes_are_explained(call, message):
    smooth = OneEuroFilter()
    smooth(STILL, None, [1, 2], time=0.0)
    with pytest.raises(UserError, match=message):
        call(smooth)


def test_savitzky_golay_keeps_a_parabola():
    t = np.arange(30.0)[:, None, None]
    track = np.concatenate([t**2, 3 * t - 1], axis=2)
    assert smooth_track(track, rate=RATE) == pytest.approx(track, abs=1e-9)


def test_savitzky_golay_smooths_stretches_apart():
    track = np.random.default_rng(2).normal(size=(40, 2, 2))
    scores = np.ones((40, 2))
    track[15, 0], scores[20:22, 1] = np.nan, 0.0
    found = smooth_track(track, scores, rate=RATE)
    assert np.isnan(found[15, 0]).all()
    assert np.array_equal(found[20:22, 1], track[20:22, 1])
    assert np.array_equal(found[:15, :1], smooth_track(track[:15, :1], rate=RATE))
    assert np.array_equal(found[22:, 1:], smooth_track(track[22:, 1:], rate=RATE))


def test_a_stretch_too_short_for_the_polynomial_is_unchanged():
    track = np.random.default_rng(3).normal(size=(3, 2, 2))
    assert np.array_equal(smooth_track(track, rate=RATE), track)


def test_people_of_a_video_are_smoothed_apart():
    frames = np.random.default_rng(4).normal(size=(30, *STILL.shape))
    rows = [(frame, person) for frame in range(30) for person in (1, 0) if (frame, person) != (9, 0)]
    numbers, people = np.array(rows).T
    points = frames[numbers, people]
    found = smooth_people(points, None, people + 5, numbers + 100, rate=RATE)
    absent = frames[:, 0].copy()
    absent[9] = np.nan
    assert np.array_equal(found[people == 1], smooth_track(frames[:, 1], rate=RATE))
    assert np.array_equal(found[people == 0], np.delete(smooth_track(absent, rate=RATE), 9, axis=0))
    assert smooth_people([], None, [], [], rate=RATE).shape[0] == 0


@pytest.mark.parametrize(
    ('ids', 'frames', 'message'),
    [([1, 1], [3, 3], 'an id occurs twice in a frame'), ([1], [3, 4], r'2 people have ids \(1,\) and frames \(2,\)')],
)
def test_ids_that_do_not_fit_the_people_are_refused(ids, frames, message):
    with pytest.raises(UserError, match=message):
        smooth_people(STILL, None, ids, frames, rate=RATE)
