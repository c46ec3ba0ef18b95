"""Jitter and lag of smoothed sequences, and their drawing."""

import numpy as np
import pytest

from hrpose.analysis.smoothing import draw_smoothing, jitter, lag, measure, moving_average, smoothing_table, swaying
from hrpose.errors import UserError
from hrpose.images.files import read_image


def test_a_known_delay_is_the_lag():
    seconds = np.arange(90) / 30
    assert lag(swaying(seconds - 2 / 30), seconds, 30.0) == pytest.approx(2, abs=0.01)
    assert lag(swaying(seconds - 2 / 30), seconds, 60.0) == pytest.approx(4, abs=0.01)


def test_jitter_is_the_root_mean_square_of_the_change():
    assert jitter(np.array([0.0, 3.0, -1.0]).reshape(3, 1, 1, 1)) == pytest.approx(np.sqrt(12.5))


def test_a_mean_of_n_frames_lags_half_of_them_behind():
    found = measure(lambda frames, rate: moving_average(frames, rate, count=5))
    assert found.lag == pytest.approx(2, abs=0.05)
    assert found.jitter == pytest.approx(1 / 5, abs=0.02)  # of a change: (x - x five frames before) / 5
    assert measure(lambda frames, rate: frames) == pytest.approx((1, 0), abs=0.02)


def test_the_table_has_each_smoother_at_each_rate():
    rows = smoothing_table((30.0,)).splitlines()
    assert [row for row in rows if 'One-Euro' in row and '30' in row]
    assert len(smoothing_table((15.0, 30.0)).splitlines()) - len(rows) == 3


def test_the_drawing_is_an_image_below_200_kib(tmp_path):
    path = draw_smoothing(tmp_path / 'new' / 'smoothing.png')
    assert min(read_image(path).shape[:2]) > 300
    assert path.stat().st_size < 200 * 1024
    with pytest.raises(UserError, match='cannot write'):
        draw_smoothing(tmp_path / 'smoothing.doc')
