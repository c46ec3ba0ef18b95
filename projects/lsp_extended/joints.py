"""What the release of Leeds Sports Pose Extended (Johnson and Everingham, CVPR 2011) holds, read as it is.

`joints.mat` has one array `joints` (14, 3, N): x and y in image px and a flag, above zero where the joint is labelled,
for each of 14 joints, in images `im00001.jpg` to `imN.jpg`. One person an image. Its labels come from crowd workers.
The release does not say whether px count from 0 or from 1; they are taken as they stand.
"""

from pathlib import Path
from typing import Any

import numpy as np

from hrpose.datasets.annotations.files import read_matlab
from hrpose.errors import UserError

NUM_JOINTS = 14
# The release has no boxes: the joints' extent, with this share of its longer side added on each side.
MARGIN = 0.1

Record = dict[str, Any]


def read_people(path: str | Path) -> list[Record]:
    """Return one record an image of `joints.mat`, in its order.

    A record has `id` (from 1, the number in the image's name), `file_name`, `keypoints` (14, 2) in image px,
    `visible` (14,) in {0, 2} as COCO's flags, and `box` (4,) xyxy in image px; None without a labelled joint.

    Raises:
        UserError: not a file of that form; names the shape that was found.
    """
    people = np.moveaxis(_read_array(path), -1, 0)
    return [_record(number, joints) for number, joints in enumerate(people, start=1)]


def _read_array(path: str | Path) -> np.ndarray:
    content = read_matlab(path)
    try:
        joints = np.asarray(content['joints'], dtype=np.float64)
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(f"{path} is no joints.mat with an array 'joints': {error}") from error
    if joints.ndim != 3 or joints.shape[:2] != (NUM_JOINTS, 3):
        # The 2,000 images of the first release have (3, 14, N), and a flag that means the opposite.
        raise UserError(f"{path}: 'joints' has shape {joints.shape}, but the extended set has (14, 3, N)")
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
    """Return the box (4,) xyxy in image px around points (M, 2), with `MARGIN` on each side; not clipped."""
    low, high = points.min(axis=0), points.max(axis=0)
    margin = MARGIN * (high - low).max()
    return np.concatenate([low - margin, high + margin])
