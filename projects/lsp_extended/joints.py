"""Read the release of Leeds Sports Pose Extended (Johnson and Everingham, CVPR 2011).

`joints.mat` has one array `joints` (14, 3, N) for the images `im00001.jpg` to `imN.jpg`, each with one person: x and y
in image px, and a flag that is above zero where the joint is labelled. Crowd workers made the labels. Px may count from
0 or from 1, which the release does not say; they are used unchanged.
"""

from pathlib import Path
from typing import Any

import numpy as np

from hrpose.datasets.annotations import read_matlab
from hrpose.errors import UserError

NUM_JOINTS = 14
# The release has no boxes. A box is the extent of the joints plus this share of its longer side on each side.
MARGIN = 0.1

Record = dict[str, Any]


def read_people(path: str | Path) -> list[Record]:
    """Return one record for each image of `joints.mat`, in its order.

    A record has `id` (from 1, the number in the image's name), `file_name`, `keypoints` (14, 2) in image px,
    `visible` (14,) in {0, 2} as COCO's flags, and `box` (4,) xyxy in image px; None without a labelled joint.

    Raises:
        UserError: a file of another form.
    """
    people = np.moveaxis(_read_array(path), -1, 0)
    return [_record(number, joints) for number, joints in enumerate(people, start=1)]


def _read_array(path: str | Path) -> np.ndarray:
    content = read_matlab(path)
    try:
        joints = np.asarray(content['joints'], dtype=np.float64)
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(f"{path} has no array 'joints' of numbers: {error}") from error
    if joints.ndim != 3 or joints.shape[:2] != (NUM_JOINTS, 3):
        # The first release of 2,000 images has (3, 14, N), and its flag means the opposite.
        raise UserError(f"{path}: 'joints' has shape {joints.shape}; the extended set has (14, 3, N)")
    return joints


def _record(number: int, joints: np.ndarray) -> Record:
    seen = joints[:, 2] > 0
    points = np.where(seen[:, None], joints[:, :2], np.nan_to_num(joints[:, :2], posinf=0, neginf=0))
    return {
        'id': number,
        'file_name': f'im{number:05d}.jpg',
        'keypoints': points,
        'visible': np.where(seen, 2.0, 0.0),
        'box': box_of(points[seen]) if seen.any() else None,
    }


def box_of(points: np.ndarray) -> np.ndarray:
    """Return the unclipped box (4,) xyxy in image px around points (M, 2), with `MARGIN` on each side."""
    low, high = points.min(axis=0), points.max(axis=0)
    margin = MARGIN * (high - low).max()
    return np.concatenate([low - margin, high + margin])
