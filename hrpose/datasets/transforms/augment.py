"""Augmentation as geometry: each step edits a region's centre, size, rotation or mirroring; no pixel moves.

Keypoints (K, 2) stay in px of the stored image until the warp. Published formulas and probabilities are those of the
official release's `JointsDataset`; the `Truncated…` steps draw as mmpose 1.x does (`RandomBBoxTransform`).
"""

from statistics import NormalDist

import numpy as np

from hrpose.datasets.transforms.base import Reach, RegionStep, Results, number, probability
from hrpose.registry import TRANSFORMS

_NORMAL = NormalDist()
PUBLISHED_UPPER_PROB = _NORMAL.cdf(0.5)


def truncated_normal(rng: np.random.Generator, count: int) -> np.ndarray:
    """Draw (count,) from a standard normal truncated to [-1, 1], whose standard deviation is 0.54.

    The distribution is inverted, so that draws do not pile up at the ends, as they do when clipped.
    """
    quantiles = rng.uniform(_NORMAL.cdf(-1), _NORMAL.cdf(1), count)
    return np.array([_NORMAL.inv_cdf(quantile) for quantile in quantiles])


@TRANSFORMS.register_module()
class RandomFlip(RegionStep):
    """Mirroring of the image with probability `prob`; the warp swaps left and right joints.

    Args:
        prob: published 0.5.
    """

    def __init__(self, prob: float = 0.5) -> None:
        self.prob = probability(self, 'prob', prob)

    def __call__(self, results: Results) -> Results:
        return {**results, 'flip': bool(results['rng'].random() < self.prob)}


@TRANSFORMS.register_module()
class RandomScale(RegionStep):
    """Scaling of the region by `clip(1 + spread N(0, 1), 1 - spread, 1 + spread)`.

    Args:
        spread: published 0.35 on COCO, 0.25 on MPII.
    """

    def __init__(self, spread: float = 0.35) -> None:
        self.spread = number(self, 'spread', spread, low=0)

    def __call__(self, results: Results) -> Results:
        factor = 1 + np.clip(self.spread * results['rng'].standard_normal(), -self.spread, self.spread)
        return {**results, 'size': results['size'] * factor}

    def reach(self, reach: Reach, results: Results) -> Reach:
        return reach.scaled(1 - self.spread, 1 + self.spread)


@TRANSFORMS.register_module()
class TruncatedScale(RegionStep):
    """Scaling of the region by a truncated normal on [`low`, `high`], most often by a factor near the middle.

    Args:
        low: least factor; mmpose 0.5.
        high: largest factor; mmpose 1.5. The normal's standard deviation is half of `high - low`.
    """

    def __init__(self, low: float = 0.5, high: float = 1.5) -> None:
        low, high = number(self, 'low', low, low=0), number(self, 'high', high, low=0)
        self.middle, self.span = (high + low) / 2, (high - low) / 2

    def __call__(self, results: Results) -> Results:
        factor = self.middle + self.span * truncated_normal(results['rng'], 1)
        return {**results, 'size': results['size'] * factor}

    def reach(self, reach: Reach, results: Results) -> Reach:
        return reach.scaled(self.middle - self.span, self.middle + self.span)


@TRANSFORMS.register_module()
class RandomRotation(RegionStep):
    """Rotation of the region by `degrees N(0, 1)`, clipped at twice `degrees`, with probability `prob`.

    Args:
        degrees: standard deviation; published 45 on COCO, 30 on MPII.
        prob: published 0.6.
    """

    def __init__(self, degrees: float = 45, prob: float = 0.6) -> None:
        self.degrees = number(self, 'degrees', degrees)
        self.prob = probability(self, 'prob', prob)

    def draw(self, rng: np.random.Generator) -> float:
        """Draw an angle in units of `degrees`."""
        return np.clip(rng.standard_normal(), -2, 2)

    def __call__(self, results: Results) -> Results:
        angle = self.degrees * self.draw(results['rng'])
        return {**results, 'rotation': float(angle) if results['rng'].random() < self.prob else 0.0}

    def reach(self, reach: Reach, results: Results) -> Reach:
        return reach.turned() if self.degrees and self.prob else reach


@TRANSFORMS.register_module()
class TruncatedRotation(RandomRotation):
    """Rotation of the region by `degrees` times a truncated normal on [-1, 1], with probability `prob`.

    Args:
        degrees: the largest angle; mmpose 80.
        prob: mmpose 0.6.
    """

    def __init__(self, degrees: float = 80, prob: float = 0.6) -> None:
        super().__init__(degrees, prob)

    def draw(self, rng: np.random.Generator) -> float:
        return truncated_normal(rng, 1)[0]


@TRANSFORMS.register_module()
class RandomShift(RegionStep):
    """Shift of the region's centre by a normal clipped at two standard deviations, with probability `prob`.

    No published recipe has it: the official release does not shift, and mmpose 1.x has `TruncatedShift`.

    Args:
        factor: standard deviation on each axis, as a share of the region's size.
        prob: of a shift, which is on both axes at once.
    """

    limit = 2.0  # of what `draw` returns

    def __init__(self, factor: float = 0.16, prob: float = 0.3) -> None:
        self.factor = number(self, 'factor', factor)
        self.prob = probability(self, 'prob', prob)

    def draw(self, rng: np.random.Generator) -> np.ndarray:
        """Draw a shift (x, y) in units of `factor`."""
        return np.clip(rng.standard_normal(2), -self.limit, self.limit)

    def __call__(self, results: Results) -> Results:
        shift = self.factor * self.draw(results['rng'])
        if results['rng'].random() >= self.prob:
            return results
        return {**results, 'center': results['center'] + shift * results['size']}

    def reach(self, reach: Reach, results: Results) -> Reach:
        return reach.moved(self.limit * self.factor) if self.prob else reach


@TRANSFORMS.register_module()
class TruncatedShift(RandomShift):
    """Shift of the region's centre by a truncated normal, with probability `prob`.

    Args:
        factor: the largest shift on each axis, as a share of the region's size; mmpose 0.16.
        prob: of a shift, which is on both axes at once; mmpose 0.3.
    """

    limit = 1.0

    def draw(self, rng: np.random.Generator) -> np.ndarray:
        return truncated_normal(rng, 2)


@TRANSFORMS.register_module()
class RandomHalfBody(RegionStep):
    """Restriction of the region to the upper or the lower body of a person with many visible joints.

    As published: it applies with probability `prob` to people with more than `min_joints` visible joints. With
    probability `upper_prob` the upper body is preferred. A half needs more than two visible joints; if the preferred
    one has fewer, the other is taken. The region is centred at the joints' mean. Its size is that of the joints' box,
    fitted to the input's aspect and multiplied by `padding`.

    Args:
        upper_body_ids: indices of the upper body's joints; by default those of the metainfo.
        lower_body_ids: indices of the lower body's joints; by default all others.
        prob: published 0.3.
        upper_prob: published 0.6915, that of N(0, 1) < 0.5, which the official code draws; mmpose 0.7.
        min_joints: published 8.
        padding: published 1.5.
    """

    linked = {'upper_body_ids': 'metainfo.upper_body_ids'}

    def __init__(
        self,
        upper_body_ids: tuple[int, ...] = (),
        *,
        lower_body_ids: tuple[int, ...] | None = None,
        prob: float = 0.3,
        upper_prob: float = PUBLISHED_UPPER_PROB,
        min_joints: int = 8,
        padding: float = 1.5,
    ) -> None:
        self.upper_body_ids = tuple(upper_body_ids)
        self.lower_body_ids = None if lower_body_ids is None else tuple(lower_body_ids)
        self.prob = probability(self, 'prob', prob)
        self.upper_prob = probability(self, 'upper_prob', upper_prob)
        self.min_joints = number(self, 'min_joints', min_joints)
        self.padding = number(self, 'padding', padding, low=0)

    def __call__(self, results: Results) -> Results:
        rng = results['rng']
        is_wanted, prefers_upper = rng.random() < self.prob, rng.random() < self.upper_prob
        visible = results['visible'] > 0
        if not is_wanted or visible.sum() <= self.min_joints:
            return results
        region = self._region(results, self._half(visible, prefers_upper))
        return results if region is None else {**results, 'center': region[0], 'size': region[1]}

    def reach(self, reach: Reach, results: Results) -> Reach:
        """Return the reach of the person's own region and of those of either half."""
        visible = results['visible'] > 0
        if self.prob and visible.sum() > self.min_joints:
            for prefers_upper in (True, False):
                region = self._region(results, self._half(visible, prefers_upper))
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

    def _half(self, visible: np.ndarray, prefers_upper: bool) -> np.ndarray:
        """Return the mask (K,) of the half to show; `visible` is (K,) bool."""
        is_upper = _mask(self.upper_body_ids, len(visible))
        is_lower = ~is_upper if self.lower_body_ids is None else _mask(self.lower_body_ids, len(visible))
        upper, lower = visible & is_upper, visible & is_lower
        if prefers_upper and upper.sum() > 2:
            return upper
        return lower if lower.sum() > 2 else upper


def _mask(joints: tuple[int, ...], count: int) -> np.ndarray:
    """Return a mask (count,) of joints."""
    mask = np.zeros(count, dtype=bool)
    mask[list(joints)] = True
    return mask
