"""PCK, AUC and EPE as metrics of mmengine's, each with a table by joint.

Letters: N people, K joints. Coordinates are image px.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hrpose.errors import UserError
from hrpose.evaluation.functional.lengths import Normalizer, describe_normalizer
from hrpose.evaluation.functional.pck import AUC_THRESHOLDS, mean_distance, mean_share, share_within
from hrpose.evaluation.metrics.distance import Column, DistanceMetric
from hrpose.registry import METRICS


@METRICS.register_module()
class PCKMetric(DistanceMetric):
    """PCK, AUC and EPE, each the mean of the joints' values, and a table by joint.

    Returns, under the prefix, `PCK@t` for each threshold, `AUC` (mean PCK over 21 thresholds from 0 to 0.5) in [0, 1],
    and `EPE` in image px; logs them by joint. The truth is the samples' `gt_instances`.

    Args:
        thresholds: in units of the normalizer.
        normalizer: 'box' is the larger side of the truth's box, 'torso' the mean of the labelled shoulder to opposite
            hip diagonals, 'head' from the top of the head to the neck (not MPII's head box: that is `MpiiMetric`); or
            the names of two joints, or a number of px. A person whose length is unknown (those joints not labelled) is
            left out, and counted in the log.
        metainfo: name or dict of the joints; None takes the data set's.
        collect_device: how results of several processes come together: 'gpu' by the process group, on CPUs too;
            'cpu' by files in a folder `.dist_test` that all hosts have to share.
        prefix: of the figures' names.

    Raises:
        UserError: wrong choice, or joints that the normalizer needs but the metainfo does not name; later, no truth, or
            numbers of joints that differ.
    """

    default_prefix = 'pck'

    def __init__(
        self,
        thresholds: Sequence[float] = (0.2, 0.1),
        *,
        normalizer: Normalizer = 'box',
        metainfo: str | Mapping[str, Any] | None = None,
        collect_device: str = 'gpu',
        prefix: str | None = 'pck',
    ) -> None:
        self.thresholds = _checked_thresholds(thresholds, 'PCKMetric', least=np.nextafter(0, 1))
        super().__init__(normalizer=normalizer, metainfo=metainfo, collect_device=collect_device, prefix=prefix)

    def columns(self, distances: NDArray[np.float64], pixels: NDArray[np.float64]) -> dict[str, Column]:
        """Return PCK at each threshold, AUC and EPE."""
        shares = {f'PCK@{threshold:g}': share_within(distances, threshold) for threshold in self.thresholds}
        return {**shares, 'AUC': mean_share(distances), 'EPE': mean_distance(pixels)}


@METRICS.register_module(name=['AUC', 'AUCMetric'])
class AUCMetric(DistanceMetric):
    """The area under the curve of PCK: its mean over evenly spaced thresholds, and a table by joint.

    Returns `AUC` in [0, 1] under the prefix, the mean of the joints' values. The default range, 0 to 0.5, is that of
    MPII's AUC (Insafutdinov et al., DeeperCut, ECCV 2016: PCKh up to 0.5), in 21 thresholds. For hands, mmpose has
    `normalizer=30` px and `thresholds=[step / 20 for step in range(20)]`.

    Args:
        thresholds: in units of the normalizer.
        normalizer: as in `PCKMetric`.
        metainfo: name or dict of the joints; None takes the data set's.
        collect_device: as in `PCKMetric`.
        prefix: of the figure's name.

    Raises:
        UserError: as `PCKMetric`.
    """

    default_prefix = 'auc'

    def __init__(
        self,
        thresholds: Sequence[float] = AUC_THRESHOLDS,
        *,
        normalizer: Normalizer = 'box',
        metainfo: str | Mapping[str, Any] | None = None,
        collect_device: str = 'gpu',
        prefix: str | None = 'auc',
    ) -> None:
        self.thresholds = _checked_thresholds(thresholds, 'AUCMetric', least=0.0)
        super().__init__(normalizer=normalizer, metainfo=metainfo, collect_device=collect_device, prefix=prefix)

    def columns(self, distances: NDArray[np.float64], pixels: NDArray[np.float64]) -> dict[str, Column]:
        """Return AUC."""
        return {'AUC': mean_share(distances, self.thresholds)}

    def describe(self) -> str:
        """Return the range and unit of the thresholds."""
        low, high = min(self.thresholds), max(self.thresholds)
        unit = describe_normalizer(self.normalizer)
        return f'AUC, mean PCK over {len(self.thresholds)} thresholds from {low:g} to {high:g} times {unit},'


@METRICS.register_module(name=['EPE', 'EPEMetric'])
class EPEMetric(DistanceMetric):
    """The end-point error: the mean distance between predicted and true joints in image px, and a table by joint.

    Returns `EPE` in px under the prefix, the mean of the joints' values; less is better, and a config whose first
    metric this is keeps the checkpoint with the least. mmpose's EPE weighs a joint by how often it is labelled; where
    all are labelled alike, the two are the same.

    Args:
        metainfo: name or dict of the joints; None takes the data set's.
        collect_device: as in `PCKMetric`.
        prefix: of the figure's name.
    """

    default_prefix = 'epe'
    rule = 'less'  # of the best checkpoint

    def __init__(
        self,
        *,
        metainfo: str | Mapping[str, Any] | None = None,
        collect_device: str = 'gpu',
        prefix: str | None = 'epe',
    ) -> None:
        super().__init__(normalizer=1.0, metainfo=metainfo, collect_device=collect_device, prefix=prefix)

    def columns(self, distances: NDArray[np.float64], pixels: NDArray[np.float64]) -> dict[str, Column]:
        """Return EPE."""
        return {'EPE': mean_distance(pixels)}

    def describe(self) -> str:
        """Return the unit."""
        return 'EPE, mean distance in image px,'


def _checked_thresholds(thresholds: Sequence[float], metric: str, *, least: float) -> tuple[float, ...]:
    """Return thresholds as floats; refuse none at all, and those below `least`."""
    values = tuple(float(threshold) for threshold in thresholds)
    if not values or min(values) < least:
        wanted = 'above 0' if least > 0 else 'of at least 0'
        raise UserError(f'{metric} needs thresholds {wanted}, got {list(thresholds)}')
    return values
