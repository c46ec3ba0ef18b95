"""Distances between predicted and true joints: PCK, AUC and EPE.

PCK@t, the percentage (here: share) of correct key points, counts a joint as right when it lies
within t times a length of the person: a box side, the torso (Yang and Ramanan, PAMI 2013), or the
head (PCKh, Andriluka et al., CVPR 2014). AUC is the mean PCK over evenly spaced thresholds. EPE is
the mean distance in pixels.

Letters: N people, K joints. Key points are (x, y) in image px. All of them give one value a joint,
NaN for a joint that nobody has labelled; `joint_mean` is the mean of the joints' values, so that a
joint counts the same however often it is labelled.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

AUC_THRESHOLDS = tuple(step / 20 * 0.5 for step in range(21))

_Values = NDArray[np.float64]


def joint_distances(predicted: ArrayLike, truth: ArrayLike, visible: ArrayLike, normalizer: ArrayLike = 1.0) -> _Values:
    """Return the distance of each joint from its truth, in units of the person's `normalizer`.

    Args:
        predicted: (N, K, 2) image px.
        truth: (N, K, 2) image px.
        visible: (N, K), above 0 where the joint is labelled.
        normalizer: px; a number, (N,), or (N, 1 or 2) for one length an axis. People whose length
            is not above 0 are left out.

    Returns:
        (N, K) distances; NaN where the joint is not labelled or the person is left out.

    Raises:
        ValueError: shapes that do not fit.
    """
    predicted, truth = (np.asarray(array, dtype=np.float64) for array in (predicted, truth))
    labelled = np.asarray(visible) > 0
    if predicted.shape != truth.shape or predicted.shape[:2] != labelled.shape:
        raise ValueError(
            'predicted and truth must be (N, K, 2) and visible (N, K), '
            f'got {predicted.shape}, {truth.shape}, {labelled.shape}'
        )
    lengths = np.asarray(normalizer, dtype=np.float64)
    lengths = np.broadcast_to(lengths.reshape(len(lengths), -1) if lengths.ndim else lengths, (len(truth), 2))
    lengths = np.where((lengths > 0).all(axis=1, keepdims=True), lengths, np.nan)
    # A prediction that is not a number is infinitely wrong; as NaN it would pass for unlabelled.
    predicted = np.where(np.isnan(predicted), np.inf, predicted)
    distances = np.linalg.norm((predicted - truth) / lengths[:, None, :], axis=2)
    return np.where(labelled, distances, np.nan)


def pck(
    predicted: ArrayLike,
    truth: ArrayLike,
    visible: ArrayLike,
    normalizer: ArrayLike,
    threshold: float,
) -> tuple[_Values, float]:
    """Return the share of labelled joints within `threshold` normalizers of their truth.

    Args: as `joint_distances`; a joint at exactly the threshold is right.

    Returns:
        (K,) share of each joint in [0, 1], and the mean of the joints' values.
    """
    return share_within(joint_distances(predicted, truth, visible, normalizer), threshold)


def auc(
    predicted: ArrayLike,
    truth: ArrayLike,
    visible: ArrayLike,
    normalizer: ArrayLike,
    thresholds: ArrayLike = AUC_THRESHOLDS,
) -> tuple[_Values, float]:
    """Return the mean PCK over `thresholds`, by default 21 of them from 0 to 0.5.

    The range is that of MPII's AUC (Insafutdinov et al., ECCV 2016: the area under PCKh up to 0.5).

    Returns:
        (K,) of each joint in [0, 1], and the mean of the joints' values.
    """
    return mean_share(joint_distances(predicted, truth, visible, normalizer), thresholds)


def epe(predicted: ArrayLike, truth: ArrayLike, visible: ArrayLike) -> tuple[_Values, float]:
    """Return the mean distance from the truth (end-point error) in image px.

    Returns:
        (K,) of each joint in px, and the mean of the joints' values.
    """
    return mean_distance(joint_distances(predicted, truth, visible))


def mean_distance(distances: _Values) -> tuple[_Values, float]:
    """Return (K,) the mean of the (N, K) `distances` that are no NaN, and its mean over the joints."""
    return _with_mean(_column_mean(distances, ~np.isnan(distances)))


def share_within(distances: _Values, threshold: float) -> tuple[_Values, float]:
    """Return (K,) the share of (N, K) `distances` that are at most `threshold`, and its mean."""
    return _with_mean(_column_mean(distances <= threshold, ~np.isnan(distances)))


def mean_share(distances: _Values, thresholds: ArrayLike = AUC_THRESHOLDS) -> tuple[_Values, float]:
    """Return (K,) the mean of `share_within` over `thresholds`, and its mean."""
    shares = [share_within(distances, threshold)[0] for threshold in np.ravel(thresholds)]
    return _with_mean(np.mean(shares, axis=0))


def joint_mean(values: ArrayLike) -> float:
    """Return the mean of the joints' values (K,) without NaN (unlabelled); NaN if all are."""
    values = np.asarray(values, dtype=np.float64)
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else float('nan')


def _with_mean(values: _Values) -> tuple[_Values, float]:
    return values, joint_mean(values)


def _column_mean(values: NDArray, counted: NDArray[np.bool_]) -> _Values:
    """Return (K,) the mean of the (N, K) `values` where `counted`; NaN for a column without any."""
    number = counted.sum(axis=0)
    total = np.where(counted, values, 0.0).sum(axis=0)
    return np.divide(total, number, out=np.full(len(number), np.nan), where=number > 0)
