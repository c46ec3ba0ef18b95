"""Probabilities of joints, by a calibration that is stored with a checkpoint.

Two curves turn the height of a joint's peak and the size of its person into two probabilities:

    p = sigmoid(w0 + w1 peak + w2 log(size))      probability = table(p)

`size` is the square root of the area of the padded box, in image px. `table` interpolates linearly between values at
even steps of p from 0 to 1. Both are of each joint. `tools/analysis/calibrate.py` fits them.

N people, K joints, T values of a table.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hrpose.errors import UserError

CURVES = ('within', 'visible')
# Bounds of what a file may hold, far from anything that a fit gives.
LARGEST, LONGEST = 1e6, 4096

_Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Curve:
    """The way from peaks and sizes to one probability."""

    coefficients: _Floats  # (K, 3): w0, w1, w2
    table: _Floats  # (K, T), not falling, in [0, 1]

    def logits(self, peaks: ArrayLike, sizes: ArrayLike) -> _Floats:
        """Return w0 + w1 peak + w2 log(size), (N, K), for peaks (N, K) and sizes (N,) in image px."""
        start, per_peak, per_size = self.coefficients.T
        with np.errstate(invalid='ignore'):
            return start + per_peak * np.asarray(peaks, np.float64) + per_size * np.log(np.asarray(sizes))[:, None]

    def __call__(self, peaks: ArrayLike, sizes: ArrayLike) -> _Floats:
        """Return the probabilities (N, K) for peaks (N, K) and sizes (N,) in image px; NaN for a peak that is NaN."""
        place = sigmoid(self.logits(peaks, sizes)) * (self.table.shape[1] - 1)
        low = np.nan_to_num(place).astype(np.int64).clip(0, self.table.shape[1] - 2)
        joints = np.arange(len(self.table))
        left, right = self.table[joints, low], self.table[joints, low + 1]
        return left + (place - low) * (right - left)


def sigmoid(logits: _Floats) -> _Floats:
    """Return 1 / (1 + exp(-logits)), of any shape, without overflow."""
    return 0.5 * (1 + np.tanh(0.5 * logits))


@dataclass(frozen=True, eq=False)
class Calibration:
    """What a checkpoint stores to turn peaks into probabilities."""

    joints: tuple[str, ...]  # K names
    tolerance: float  # the similarity of OKS from which a joint counts as right
    within: Curve  # that a labelled joint lies within the tolerance of the ground truth
    visible: Curve  # that the joint is labelled at all (COCO's visibility 1 or 2)
    # codec, input_size and flip_test of the network that was calibrated
    protocol: Mapping[str, Any]

    def stored(self) -> dict[str, Any]:
        """Return the calibration as plain Python, as `of` reads it."""
        curves = {name: vars(getattr(self, name)) for name in CURVES}
        return {
            'joints': list(self.joints),
            'tolerance': self.tolerance,
            **{name: {key: array.tolist() for key, array in curve.items()} for name, curve in curves.items()},
            'protocol': dict(self.protocol),
        }

    @classmethod
    def of(cls, stored: Any, joints: Sequence[str], where: str) -> 'Calibration':
        """Read what a checkpoint stores, which may be anything.

        Args:
            stored: as `stored()` returned it.
            joints: the names of the model's K joints.
            where: the checkpoint's name, for messages.

        Raises:
            UserError: it is something else, or of other joints.
        """
        try:
            names, tolerance = tuple(map(str, stored['joints'])), float(stored['tolerance'])
            curves = {name: _curve(stored[name], len(names)) for name in CURVES}
            protocol = dict(stored['protocol'])
            if not 0 < tolerance < 1:
                raise ValueError(f'tolerance is {tolerance:g}, not between 0 and 1')
        except (KeyError, TypeError, ValueError, OverflowError, AttributeError) as error:
            raise UserError(
                f'{where}: its calibration cannot be read ({type(error).__name__}: {error!s:.200}); '
                'run tools/analysis/calibrate.py on the checkpoint again'
            ) from error
        if names != tuple(joints):
            raise UserError(
                f'{where}: its calibration is of {len(names)} joints that are not the {len(joints)} of the model; '
                'run tools/analysis/calibrate.py on the checkpoint with this config'
            )
        return cls(names, tolerance, **curves, protocol=protocol)


def _curve(stored: Mapping[str, Any], joints: int) -> Curve:
    coefficients = np.array(stored['coefficients'], dtype=np.float64)
    table = np.array(stored['table'], dtype=np.float64)
    if coefficients.shape != (joints, 3) or not (np.abs(coefficients) <= LARGEST).all():
        raise ValueError(f'coefficients of shape {coefficients.shape} are not ({joints}, 3) bounded numbers')
    if table.ndim != 2 or len(table) != joints or not 2 <= table.shape[1] <= LONGEST:
        raise ValueError(f'a table of shape {table.shape} does not have 2 to {LONGEST} values for {joints} joints')
    if not ((table >= 0) & (table <= 1)).all() or (np.diff(table) < 0).any():
        raise ValueError('a table falls, or has values outside of 0 to 1')
    return Curve(coefficients, table)
