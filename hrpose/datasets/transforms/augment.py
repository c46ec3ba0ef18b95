"""Augmentation as geometry: each class edits a region's centre, size, rotation or mirroring; no pixel moves.

Key points (K, 2) stay in the px of the stored image until the warp. Formulas and odds that are called published
are those of the official release's `JointsDataset`; the `Truncated…` classes draw as mmpose 1.x does
(`RandomBBoxTransform`). Each says by `reach` how far it may go, for those who store no more of a picture than that.
"""

from statistics import NormalDist

import numpy as np

from hrpose.datasets.transforms.numbers import number, odds
from hrpose.datasets.transforms.reach import Reach
from hrpose.datasets.transforms.region import RegionStep, Results
from hrpose.registry import TRANSFORMS

_NORMAL = NormalDist()
PUBLISHED_UPPER_ODDS = _NORMAL.cdf(0.5)


@TRANSFORMS.register_module()
class RandomFlip(RegionStep):
    """Mirrors the picture with odds `prob`; left and right joints swap at the warp.

    Args:
        prob: odds; published 0.5.
    """

    def __init__(self, prob: float = 0.5) -> None:
        self.prob = odds(self, 'prob', prob)

    def __call__(self, results: Results) -> Results:
        return {**results, 'flip': bool(results['rng'].random() < self.prob)}


@TRANSFORMS.register_module()
class RandomScale(RegionStep):
    """Multiplies the region by `clip(1 + spread N(0, 1), 1 - spread, 1 + spread)`.

    Args:
        spread: published 0.35 on COCO, 0.25 on MPII.
    """

    def __init__(self, spread: float = 0.35) -> None:
        self.spread = number(self, 'spread', spread, low=0)

    def __call__(self, results: Results) -> Results:
        factor = 1 + np.clip(self.spread * results['rng'].standard_normal(), -self.spread, self.spread)
        return {**results, 'size': results['size'] * factor}

    def reach(self, reach: Reach, results: Results) -> Reach:
        """Return how far regions reach after this step."""
        return reach.scaled(1 - self.spread, 1 + self.spread)


@TRANSFORMS.register_module()
class RandomRotation(RegionStep):
    """Turns the region by `clip(degrees N(0, 1), -2 degrees, 2 degrees)` with odds `prob`.

    Args:
        degrees: the deviation; published 45 on COCO, 30 on MPII.
        prob: odds; published 0.6.
    """

    def __init__(self, degrees: float = 45, prob: float = 0.6) -> None:
        self.degrees = number(self, 'degrees', degrees)
        self.prob = odds(self, 'prob', prob)

    def __call__(self, results: Results) -> Results:
        rng = results['rng']
        angle = np.clip(self.degrees * rng.standard_normal(), -2 * self.degrees, 2 * self.degrees)
        return {**results, 'rotation': float(angle) if rng.random() < self.prob else 0.0}

    def reach(self, reach: Reach, results: Results) -> Reach:
        """Return how far regions reach after this step."""
        return reach.turned() if self.degrees and self.prob else reach


@TRANSFORMS.register_module()
class RandomShift(RegionStep):
    """Moves the region's centre by up to `factor` of its size on each axis, with odds `prob`.

    Of no published recipe: the official release does not shift, and mmpose 1.x does as `TruncatedShift`.

    Args:
        factor: deviation of the normal as a share of the region's size; cut at twice the deviation.
        prob: odds.
    """

    def __init__(self, factor: float = 0.16, prob: float = 0.3) -> None:
        self.factor = number(self, 'factor', factor)
        self.prob = odds(self, 'prob', prob)

    def __call__(self, results: Results) -> Results:
        rng = results['rng']
        step = self.factor * np.clip(rng.standard_normal(2), -2, 2)
        if rng.random() >= self.prob:
            return results
        return {**results, 'center': results['center'] + step * results['size']}

    def reach(self, reach: Reach, results: Results) -> Reach:
        """Return how far regions reach after this step."""
        return reach.moved(2 * self.factor) if self.prob else reach


def truncated_normal(rng: np.random.Generator, count: int) -> np.ndarray:
    """Return `count` draws (count,) of a standard normal that is known to lie in [-1, 1].

    By inverting the distribution: nothing piles up at the ends, as clipping makes it. Its deviation is 0.540.
    """
    chances = rng.uniform(_NORMAL.cdf(-1), _NORMAL.cdf(1), count)
    return np.array([_NORMAL.inv_cdf(chance) for chance in chances])


@TRANSFORMS.register_module()
class TruncatedScale(RegionStep):
    """Multiplies the region by a factor from a truncated normal on [`low`, `high`], most often the middle.

    Args:
        low: least factor; mmpose 0.5.
        high: largest factor; mmpose 1.5. The normal's deviation is half of `high - low`.
    """

    def __init__(self, low: float = 0.5, high: float = 1.5) -> None:
        low, high = number(self, 'low', low, low=0), number(self, 'high', high, low=0)
        self.middle, self.span = (high + low) / 2, (high - low) / 2

    def __call__(self, results: Results) -> Results:
        factor = self.middle + self.span * truncated_normal(results['rng'], 1)
        return {**results, 'size': results['size'] * factor}

    def reach(self, reach: Reach, results: Results) -> Reach:
        """Return how far regions reach after this step."""
        return reach.scaled(self.middle - self.span, self.middle + self.span)


@TRANSFORMS.register_module()
class TruncatedRotation(RegionStep):
    """Turns the region by a truncated normal on [-`degrees`, `degrees`], its deviation `degrees`, with odds `prob`.

    Args:
        degrees: the largest angle; mmpose 80.
        prob: odds; mmpose 0.6.
    """

    def __init__(self, degrees: float = 80, prob: float = 0.6) -> None:
        self.degrees = number(self, 'degrees', degrees)
        self.prob = odds(self, 'prob', prob)

    def __call__(self, results: Results) -> Results:
        rng = results['rng']
        angle = self.degrees * truncated_normal(rng, 1)[0]
        return {**results, 'rotation': float(angle) if rng.random() < self.prob else 0.0}

    def reach(self, reach: Reach, results: Results) -> Reach:
        """Return how far regions reach after this step."""
        return reach.turned() if self.degrees and self.prob else reach


@TRANSFORMS.register_module()
class TruncatedShift(RegionStep):
    """Moves the region's centre, on each axis by `factor` of its size times a normal on [-1, 1], with odds `prob`.

    Args:
        factor: the largest step, as a share of the region's size; mmpose 0.16.
        prob: odds of moving, on both axes at once; mmpose 0.3.
    """

    def __init__(self, factor: float = 0.16, prob: float = 0.3) -> None:
        self.factor = number(self, 'factor', factor)
        self.prob = odds(self, 'prob', prob)

    def __call__(self, results: Results) -> Results:
        rng = results['rng']
        step = self.factor * truncated_normal(rng, 2)
        if rng.random() >= self.prob:
            return results
        return {**results, 'center': results['center'] + step * results['size']}

    def reach(self, reach: Reach, results: Results) -> Reach:
        """Return how far regions reach after this step."""
        return reach.moved(self.factor) if self.prob else reach


@TRANSFORMS.register_module()
class RandomHalfBody(RegionStep):
    """Shows only the upper or the lower body of a person with many visible joints, with odds `prob`.

    As published: more than `min_joints` visible joints; the upper body with odds `upper_odds` where it has more than
    two visible joints, else the lower if that has; the region is the joints' own box, fitted to the input's aspect and
    enlarged by `padding`. The centre is the joints' mean.

    Args:
        upper_body_ids: indices of the upper body's joints; from the metainfo where the config gives none.
        prob: odds of showing a half at all; published 0.3.
        upper_odds: published 0.6915, the odds of N(0, 1) < 0.5, which is what the official code asks; mmpose 0.7.
        min_joints: published 8.
        padding: published 1.5.
    """

    linked = {'upper_body_ids': 'metainfo.upper_body_ids'}

    def __init__(
        self,
        upper_body_ids: tuple[int, ...] = (),
        *,
        prob: float = 0.3,
        upper_odds: float = PUBLISHED_UPPER_ODDS,
        min_joints: int = 8,
        padding: float = 1.5,
    ) -> None:
        self.upper_body_ids = tuple(upper_body_ids)
        self.prob = odds(self, 'prob', prob)
        self.upper_odds = odds(self, 'upper_odds', upper_odds)
        self.min_joints = number(self, 'min_joints', min_joints)
        self.padding = number(self, 'padding', padding, low=0)

    def __call__(self, results: Results) -> Results:
        rng = results['rng']
        wanted, prefers_upper = rng.random() < self.prob, rng.random() < self.upper_odds
        visible = results['visible'] > 0
        if not wanted or visible.sum() <= self.min_joints:
            return results
        region = self._region(results, self._choose(visible, prefers_upper))
        return results if region is None else {**results, 'center': region[0], 'size': region[1]}

    def reach(self, reach: Reach, results: Results) -> Reach:
        """Return how far regions reach after this step: the person's own, and either half that may be shown."""
        visible = results['visible'] > 0
        if self.prob and visible.sum() > self.min_joints:
            for prefers_upper in (True, False):
                region = self._region(results, self._choose(visible, prefers_upper))
                reach = reach if region is None else reach.joined(Reach.of(*region))
        return reach

    def _region(self, results: Results, shown: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
        """Return centre and size (2,), image px, around the joints `shown` (K,); None if they are one point."""
        joints = results['keypoints'][shown]
        extent = np.ptp(joints, axis=0) if len(joints) >= 2 else np.zeros(2)
        if not extent.any():
            return None
        aspect = results['size'][0] / results['size'][1]
        size = np.array([max(extent[0], extent[1] * aspect), max(extent[1], extent[0] / aspect)])
        return joints.mean(axis=0), size * self.padding

    def _choose(self, visible: np.ndarray, prefers_upper: bool) -> np.ndarray:
        """Return the mask (K,) of the half to show; `visible` is (K,) bool."""
        is_upper = np.zeros(len(visible), dtype=bool)
        is_upper[list(self.upper_body_ids)] = True
        upper, lower = visible & is_upper, visible & ~is_upper
        if prefers_upper and upper.sum() > 2:
            return upper
        return lower if lower.sum() > 2 else upper
