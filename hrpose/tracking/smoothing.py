"""Smoothing of joints over time: the One-Euro filter frame by frame, Savitzky-Golay for a whole video.

Both work on the joints that are there. A joint that is NaN or scores below the threshold comes back as it was given,
and takes no part in the smoothing of others.

Letters: T frames, N people, P people of all frames, K joints. Keypoints are (x, y) in image px, times are in seconds.
"""

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hrpose.errors import UserError
from hrpose.tracking.people import Array, checked_people, frame_time, joints_present, require_later


class OneEuroFilter:
    """The One-Euro filter of Casiez, Roussel and Vogel (CHI 2012), for every coordinate of every joint of every person.

    With x a given coordinate, x' and v' the smoothed coordinate and speed, and dt the time since the joint was last
    there:

        a(f) = 1 / (1 + 1 / (2 pi f dt))                      the weight of a new value at a cutoff of f Hz
        v'  <- v' + a(derivative_cutoff) ((x - last x) / dt - v')
        x'  <- x' + a(min_cutoff + beta |v'|) (x - x')

    A still joint gets a low cutoff, thus little jitter. A fast one gets a high cutoff f, thus little lag, about
    1 / (2 pi f) seconds: with the defaults less than a frame at 30 Hz from 55 px/s on.

    Args:
        min_cutoff: Hz, of a joint at rest; lower values remove more jitter.
        beta: Hz for each px/s; higher values leave less lag. Divide it by the factor by which images are enlarged.
        derivative_cutoff: Hz, of the speed.
        threshold: joints with a lower score are not there.
        max_gap: seconds after which a joint that returns starts anew, and the state of an absent person is dropped.

    Raises:
        UserError: a cutoff or `max_gap` that is not a positive number, or a `beta` below 0.
    """

    def __init__(
        self,
        *,
        min_cutoff: float = 0.5,
        beta: float = 0.08,
        derivative_cutoff: float = 1.0,
        threshold: float = 0.2,
        max_gap: float = 0.5,
    ) -> None:
        positive = {'min_cutoff': min_cutoff, 'derivative_cutoff': derivative_cutoff, 'max_gap': max_gap}
        for name, value in positive.items():
            if not 0 < value < math.inf:
                raise UserError(f'One-Euro filter: {name} is {value}; it must be a positive number')
        if not 0 <= beta < math.inf:
            raise UserError(f'One-Euro filter: beta is {beta}; it must be a number of at least 0')
        self.min_cutoff, self.beta, self.derivative_cutoff = min_cutoff, beta, derivative_cutoff
        self.threshold, self.max_gap = threshold, max_gap
        self.reset()

    def reset(self) -> None:
        """Forget everybody, as between two videos or after a cut."""
        self._time: float | None = None
        self._ids: NDArray[np.int64] = np.zeros(0, dtype=np.int64)
        self._state: Array | None = None  # (people, K, 7): last given, smoothed and speed, x and y each; time last seen

    def __call__(self, keypoints: ArrayLike, scores: ArrayLike | None, ids: ArrayLike, *, time: float) -> Array:
        """Return the smoothed keypoints (N, K, 2) of a frame, image px.

        Args:
            keypoints: (N, K, 2) image px.
            scores: (N, K); None counts every joint that is not NaN.
            ids: (N,) of the people, each once. A person with a new id starts anew.
            time: of the frame, see `frame_time`; later than that of the last call.

        Raises:
            UserError: shapes do not fit, an id occurs twice, or the time is not later.
        """
        people = np.asarray(ids, dtype=np.int64)
        known_joints = None if self._state is None else self._state.shape[1]
        points, scores = checked_people(keypoints, scores, known_joints)
        if people.shape != (len(points),) or len(np.unique(people)) < len(people):
            raise UserError(f'One-Euro filter: ids {people.tolist()} of {len(points)} people; give each person its own')
        require_later('One-Euro filter: time', time, self._time)
        self._time = time
        if self._state is None:
            if not len(points):
                return points
            self._state = np.full((0, points.shape[1], 7), np.nan)
        before = self._state_of(people)
        there = joints_present(points, scores, self.threshold)
        step = time - before[..., 6]
        after = self._filtered(np.where(there[..., None], points, np.nan), before, step)
        started = ~(step <= self.max_gap)  # NaN, of a joint that was never there, too
        after[started] = np.concatenate([points, points, np.zeros_like(points), step[..., None]], axis=-1)[started]
        after[..., 6] = time
        after = np.where(there[..., None], after, before)
        self._remember(people, after, time)
        return np.where(there[..., None], after[..., 2:4], points)

    def _state_of(self, people: NDArray[np.int64]) -> Array:
        """Return the state (N, K, 7) of people; NaN for those who are new."""
        assert self._state is not None
        state = np.full((len(people), *self._state.shape[1:]), np.nan)
        new, old = np.nonzero(people[:, None] == self._ids)
        state[new] = self._state[old]
        return state

    def _filtered(self, points: Array, before: Array, step: Array) -> Array:
        given, smooth, speed = before[..., :2], before[..., 2:4], before[..., 4:6]
        step = step[..., None]
        speed = speed + _weight(self.derivative_cutoff, step) * ((points - given) / step - speed)
        smooth = smooth + _weight(self.min_cutoff + self.beta * np.abs(speed), step) * (points - smooth)
        return np.concatenate([points, smooth, speed, step], axis=-1)

    def _remember(self, people: NDArray[np.int64], state: Array, time: float) -> None:
        assert self._state is not None
        recent = (time - self._state[..., 6] <= self.max_gap).any(axis=1) & ~np.isin(self._ids, people)
        self._ids = np.concatenate([self._ids[recent], people])
        self._state = np.concatenate([self._state[recent], state])


def _weight(cutoff: float | Array, step: Array) -> Array:
    return 1 / (1 + 1 / (2 * math.pi * cutoff * step))


def smooth_track(
    keypoints: ArrayLike,
    scores: ArrayLike | None = None,
    *,
    rate: float,
    window: float = 0.3,
    order: int = 2,
    threshold: float = 0.2,
) -> Array:
    """Smooth the joints of one person over a whole video by Savitzky and Golay's filter (Analytical Chemistry, 1964).

    It fits a polynomial to the frames around each frame, so there is no lag. A stretch in which a joint is there
    without a gap is smoothed on its own. One shorter than the window gets the longest window that fits, and comes back
    unchanged if that has no more frames than the polynomial has coefficients.

    Args:
        keypoints: (T, K, 2) image px of consecutive frames; NaN where the person or the joint is absent.
        scores: (T, K); None counts every joint that is not NaN.
        rate: frames a second of the video.
        window: seconds.
        order: of the polynomial.
        threshold: joints with a lower score are not there.

    Returns:
        (T, K, 2) image px, a new array.

    Raises:
        UserError: shapes do not fit, the rate or the window is not a positive number, or the order is below 0.
    """
    from scipy.signal import savgol_filter  # takes a second, and most programs smooth nothing

    points, scores = checked_people(keypoints, scores)
    if not 0 < window < math.inf or order < 0:
        raise UserError(f'window {window} s, order {order}: the window must be positive and the order at least 0')
    wanted = 2 * round(window / frame_time(1, rate) / 2) + 1
    there = joints_present(points, scores, threshold)
    smooth = points.copy()
    edges = np.diff(there.astype(np.int8), axis=0, prepend=0, append=0)  # (T + 1, K): 1 at a start, -1 past an end
    starts, ends = np.argwhere(edges.T > 0), np.argwhere(edges.T < 0)  # (stretches, 2): joint, frame
    stretches = np.column_stack([starts[:, 1], ends[:, 1]])
    for start, end in np.unique(stretches, axis=0).tolist():
        size = min(wanted, end - start - (end - start + 1) % 2)
        if size > order + 1:
            joints = starts[(stretches == (start, end)).all(axis=1), 0]
            smooth[start:end, joints] = savgol_filter(points[start:end, joints], size, order, axis=0)
    return smooth


def smooth_people(
    keypoints: ArrayLike, scores: ArrayLike | None, ids: ArrayLike, frames: ArrayLike, *, rate: float, **options: Any
) -> Array:
    """Smooth the joints of all people of a video by `smooth_track`, each on their own.

    Args:
        keypoints: (P, K, 2) image px, a row for each person in each frame.
        scores: (P, K); None counts every joint that is not NaN.
        ids: (P,) of the people, each at most once in a frame.
        frames: (P,) the frames' numbers in the video.
        rate: frames a second of the video.
        options: of `smooth_track`.

    Returns:
        (P, K, 2) image px, a new array.

    Raises:
        UserError: an id occurs twice in a frame, and all that `smooth_track` raises.
    """
    points, scores = checked_people(keypoints, scores)
    people, numbers = np.asarray(ids, dtype=np.int64), np.asarray(frames, dtype=np.int64)
    if people.shape != (len(points),) or numbers.shape != (len(points),):
        raise UserError(f'{len(points)} people have ids {people.shape} and frames {numbers.shape}; give one of each')
    if len(points) > len(np.unique(np.stack([people, numbers]), axis=1).T):
        raise UserError('an id occurs twice in a frame; give each person of a frame an id of their own')
    smooth = points.copy()
    for person in np.unique(people):
        rows = np.flatnonzero(people == person)
        places = numbers[rows] - numbers[rows].min()
        track = np.full((places.max() + 1, *points.shape[1:]), np.nan)
        track[places] = points[rows]
        seen = np.zeros(track.shape[:2])
        seen[places] = scores[rows]
        smooth[rows] = smooth_track(track, seen, rate=rate, **options)[places]
    return smooth
