"""Distances between predicted and true joints: PCK, PCKh, AUC and EPE, and the lengths that they are measured in.

PCK@t, the share of correct keypoints, counts a joint as right when it lies within t times a length of the person: a
side of the box, the torso (Yang and Ramanan, PAMI 2013), or the head (PCKh, Andriluka et al., CVPR 2014). AUC is the
mean PCK over evenly spaced thresholds. EPE, the end-point error, is the mean distance in px. All start from
`joint_distances`.

Each measure is a pair: the value of each joint (K,), which is NaN for a joint without any label, and the mean of these
values, unweighted. Only in PCKh of MPII, which follows the official HRNet release's `MPIIDataset.evaluate`, does the
mean weigh a joint by how often it is labelled.

Letters: N people, K joints, T thresholds. Keypoints are (x, y) in image px.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hrpose.datasets.annotations import read_matlab
from hrpose.datasets.metainfo import words_of
from hrpose.errors import UserError, nearest

AUC_THRESHOLDS = tuple(step / 20 * 0.5 for step in range(21))
# A head in PCKh is 0.6 of the diagonal of its box long (MPII's evaluation code, `SC_BIAS`).
HEAD_SHARE = 0.6
# 'box', 'torso' or 'head'; the names of two joints; or a number of px, the same for everybody.
Normalizer = str | float | Sequence[str]

# The pairs of joints whose distance is the length. A torso is the mean over the labelled pairs, from a shoulder to the
# opposite hip (Yang and Ramanan, PAMI 2013). A head is the first pair that the metainfo names.
_LENGTHS: dict[str, tuple[tuple[str, str], ...]] = {
    'torso': (('left_shoulder', 'right_hip'), ('right_shoulder', 'left_hip')),
    'head': (
        ('head_top', 'upper_neck'),
        ('head_top', 'neck'),
        ('head_top', 'head_bottom'),
        ('head', 'neck'),
        ('head_top', 'thorax'),
    ),
}
NORMALIZERS = ('box', *_LENGTHS)

_Values = NDArray[np.float64]
# One value a joint (K,), and their mean.
Measure = tuple[_Values, float]


def joint_distances(predicted: ArrayLike, truth: ArrayLike, visible: ArrayLike, normalizer: ArrayLike = 1.0) -> _Values:
    """Return the distance of each joint from its true place, in units of the person's `normalizer`.

    Args:
        predicted: (N, K, 2) image px.
        truth: (N, K, 2) image px.
        visible: (N, K), above 0 where the joint is labelled.
        normalizer: px; a number, (N,), or (N, 1 or 2) for one length an axis. People whose length is not above 0 are
            left out.

    Returns:
        (N, K) distances; NaN where the joint is not labelled or the person is left out.

    Raises:
        ValueError: shapes that do not fit.
    """
    predicted, truth = (np.asarray(array, dtype=np.float64) for array in (predicted, truth))
    labelled = np.asarray(visible) > 0
    if predicted.shape != truth.shape or predicted.shape[:2] != labelled.shape:
        raise ValueError(
            f'PCK: predicted, truth and visible have shapes {predicted.shape}, {truth.shape}, {labelled.shape}; '
            'they must be (N, K, 2), (N, K, 2) and (N, K)'
        )
    lengths = np.asarray(normalizer, dtype=np.float64)
    lengths = np.broadcast_to(lengths.reshape(len(lengths), -1) if lengths.ndim else lengths, (len(truth), 2))
    lengths = np.where((lengths > 0).all(axis=1, keepdims=True), lengths, np.nan)
    # A prediction of NaN is infinitely wrong; left as it is, the joint would pass for unlabelled.
    predicted = np.where(np.isnan(predicted), np.inf, predicted)
    distances = np.linalg.norm((predicted - truth) / lengths[:, None, :], axis=2)
    return np.where(labelled, distances, np.nan)


def pck(distances: _Values, threshold: float) -> Measure:
    """Return the share in [0, 1] of distances (N, K), NaN left out, that are at most `threshold`."""
    return _measure(_column_mean(distances <= threshold, ~np.isnan(distances)))


def auc(distances: _Values, thresholds: ArrayLike = AUC_THRESHOLDS) -> Measure:
    """Return the mean PCK in [0, 1] of distances (N, K) over `thresholds`, by default 21 of them from 0 to 0.5.

    The range is that of MPII's AUC (Insafutdinov et al., ECCV 2016: the area under PCKh up to 0.5).
    """
    return _measure(np.mean([pck(distances, threshold)[0] for threshold in np.ravel(thresholds)], axis=0))


def epe(distances: _Values) -> Measure:
    """Return the mean of distances (N, K), NaN left out, in their unit; the end-point error is that in image px."""
    return _measure(_column_mean(distances, ~np.isnan(distances)))


def joint_mean(values: ArrayLike) -> float:
    """Return the mean of the joints' values (K,) without NaN (unlabelled); NaN if all are."""
    values = np.asarray(values, dtype=np.float64)
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else float('nan')


def check_normalizer(normalizer: Normalizer, metric: str) -> None:
    """Raise `UserError`, naming the choices, if a metric's normalizer is not one of them."""
    if isinstance(normalizer, str):
        right = normalizer in NORMALIZERS
    elif isinstance(normalizer, Sequence):
        right = len(normalizer) == 2 and all(isinstance(name, str) for name in normalizer) and len({*normalizer}) == 2
    else:
        right = isinstance(normalizer, int | float) and normalizer > 0
    if not right:
        raise UserError(
            f'{metric} has no normalizer {normalizer!r}; choices: {", ".join(NORMALIZERS)}, a pair of joint names, or '
            'a number of px above 0'
        )


def describe_normalizer(normalizer: Normalizer) -> str:
    """Return a normalizer in words: 'the box', 'the distance from neck to pelvis', '30 px'."""
    if isinstance(normalizer, str):
        return f'the {normalizer}'
    if isinstance(normalizer, Sequence):
        return f'the distance from {normalizer[0]} to {normalizer[1]}'
    return f'{normalizer:g} px'


def length_ends(normalizer: Normalizer, names: Sequence[str]) -> NDArray[np.int64]:
    """Return the pairs of joints (P, 2), as indices, whose mean distance is the length; none for a box or px.

    Args:
        normalizer: see `Normalizer`.
        names: K names, in any spelling of the sides.

    Raises:
        UserError: joints that the normalizer needs are not among the names; tells which.
    """
    if normalizer == 'box' or isinstance(normalizer, int | float):
        return np.zeros((0, 2), dtype=np.int64)
    place = {_canonical(name): index for index, name in enumerate(names)}
    pairs = _LENGTHS[normalizer] if isinstance(normalizer, str) else ((normalizer[0], normalizer[1]),)
    ends = np.array([[place.get(_canonical(name), -1) for name in pair] for pair in pairs], dtype=np.int64)
    found = ends[(ends >= 0).all(axis=1)]
    if not len(found):
        needs = ' or '.join(' and '.join(pair) for pair in pairs)
        missing = sorted({name for pair in pairs for name in pair if _canonical(name) not in place})
        advice = nearest(missing[0], names) if len(pairs) == 1 else "use 'box', or name two joints of yours"
        raise UserError(
            f'the normalizer {normalizer!r} needs joints called {needs}; there is no {", no ".join(missing)}; {advice}'
        )
    return found if normalizer == 'torso' else found[:1]


def person_lengths(
    truth: _Values,
    visible: _Values,
    boxes: _Values,
    normalizer: Normalizer,
    names: Sequence[str],
) -> _Values:
    """Return each person's length (N,) in px; NaN, for unknown, where none of its pairs of joints is labelled.

    Args:
        truth: (N, K, 2) image px.
        visible: (N, K), above 0 where the joint is labelled.
        boxes: (N, 4) xyxy image px.
        normalizer: see `Normalizer`; the length of a box is its larger side.
        names: (K) of the joints.

    Raises:
        UserError: as `length_ends`.
    """
    if normalizer == 'box':
        return (boxes[:, 2:] - boxes[:, :2]).max(axis=1)
    if isinstance(normalizer, int | float):
        return np.full(len(truth), float(normalizer))
    ends = length_ends(normalizer, names)
    lengths = np.linalg.norm(truth[:, ends[:, 0]] - truth[:, ends[:, 1]], axis=2)
    known = np.all(visible[:, ends] > 0, axis=2)
    return _column_mean(lengths.T, known.T)


class MpiiTruth(NamedTuple):
    """MPII's ground truth, as its MATLAB file holds it."""

    joint_names: tuple[str, ...]  # K short names, for instance 'rank'
    keypoints: NDArray[np.float64]  # (N, K, 2) image px, counted from 1
    visible: NDArray[np.float64]  # (N, K), 1 where labelled
    head_boxes: NDArray[np.float64]  # (N, 2, 2) corners (x, y) of the head's box


def read_mpii_truth(path: str | Path) -> MpiiTruth:
    """Return the content of MPII's `gt_valid.mat`.

    Raises:
        UserError: no such file, or one without the four arrays of that file.
    """
    try:
        content = read_matlab(path)
        return MpiiTruth(
            joint_names=tuple(str(name.item()) for name in content['dataset_joints'].ravel()),
            keypoints=content['pos_gt_src'].transpose(2, 0, 1).astype(np.float64),
            visible=1.0 - content['jnt_missing'].T,
            head_boxes=content['headboxes_src'].transpose(2, 0, 1).astype(np.float64),
        )
    except UserError:
        raise
    except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
        raise UserError(f"{path} is not MPII's gt_valid.mat: {error}; use the official release's") from error


def head_lengths(head_boxes: ArrayLike) -> NDArray[np.float64]:
    """Return (N,) the heads' lengths in px from the corners (N, 2, 2) of their boxes."""
    corners = np.asarray(head_boxes, dtype=np.float64)
    return HEAD_SHARE * np.linalg.norm(corners[:, 1] - corners[:, 0], axis=1)


def pckh(
    predicted: ArrayLike, truth: ArrayLike, visible: ArrayLike, lengths: ArrayLike, thresholds: ArrayLike
) -> NDArray[np.float64]:
    """Return (T, K) the share of each joint's labelled people within each threshold of head lengths.

    Args:
        predicted: (N, K, 2) image px, in the frame of `truth`.
        truth: (N, K, 2) image px.
        visible: (N, K), above 0 where labelled.
        lengths: (N,) px, see `head_lengths`.
        thresholds: (T,) in head lengths; a joint at exactly the threshold is right.
    """
    distances = joint_distances(predicted, truth, visible, lengths)
    return np.stack([pck(distances, threshold)[0] for threshold in np.ravel(thresholds)])


def mean_over_labels(shares: ArrayLike, visible: ArrayLike, counted: ArrayLike) -> NDArray[np.float64]:
    """Return the mean of joints' shares (..., K), each weighed by how often it is labelled.

    Args:
        shares: (..., K); NaN where a joint is not labelled.
        visible: (N, K), above 0 where labelled.
        counted: (K,) bool, the joints that take part.
    """
    labels = (np.asarray(visible) > 0).sum(axis=0) * np.asarray(counted)
    return np.where(labels > 0, shares, 0.0) @ labels / max(labels.sum(), 1)


def _canonical(name: str) -> tuple[str, ...]:
    """Return a joint's words in one order and spelling: 'LHip', 'hip_left' and 'left_hip' give the same."""
    return tuple(sorted({'l': 'left', 'r': 'right'}.get(word, word) for word in words_of(name)))


def _measure(values: _Values) -> Measure:
    return values, joint_mean(values)


def _column_mean(values: NDArray, counted: NDArray[np.bool_]) -> _Values:
    """Return (K,) the mean of the (N, K) `values` where `counted`; NaN for a column without any."""
    number = counted.sum(axis=0)
    total = np.where(counted, values, 0.0).sum(axis=0)
    return np.divide(total, number, out=np.full(len(number), np.nan), where=number > 0)
