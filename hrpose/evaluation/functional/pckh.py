"""PCKh, MPII's measure: the share of joints that lie within a part of the head's length of their true places.

Source: Andriluka et al., CVPR 2014, and the official HRNet release's `MPIIDataset.evaluate`. Unlike in `pck`, the mean
weighs a joint by how often it is labelled.

Letters: N people, K joints, T thresholds. Coordinates are image px.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hrpose.datasets.annotations import read_matlab
from hrpose.errors import UserError
from hrpose.evaluation.functional.pck import joint_distances, share_within

# The head's length is 0.6 of the diagonal of its box (MPII's evaluation code, `SC_BIAS`).
HEAD_SHARE = 0.6


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
    if not Path(path).is_file():
        raise UserError(f"MPII's ground truth does not exist: {path}; the official release has it beside valid.json")
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
    return np.stack([share_within(distances, threshold)[0] for threshold in np.ravel(thresholds)])


def mean_over_labels(shares: ArrayLike, visible: ArrayLike, counted: ArrayLike) -> NDArray[np.float64]:
    """Return the mean of joints' shares (..., K), each weighed by how often it is labelled.

    Args:
        shares: (..., K); NaN where a joint is not labelled.
        visible: (N, K), above 0 where labelled.
        counted: (K,) bool, the joints that take part.
    """
    labels = (np.asarray(visible) > 0).sum(axis=0) * np.asarray(counted)
    return np.where(labels > 0, shares, 0.0) @ labels / max(labels.sum(), 1)
