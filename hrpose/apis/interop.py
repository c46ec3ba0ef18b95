"""The people of a `PoseResult` as objects of supervision, pandas and fiftyone. Each is imported when it is asked for.

N people, K joints; `result` is a `PoseResult`.
"""

from importlib import import_module
from typing import Any

import numpy as np

from hrpose.errors import UserError


def to_supervision(result: Any, threshold: float) -> Any:
    """Return people as `supervision.KeyPoints`; see `PoseResult.to_supervision`."""
    data = {'class_name': np.full(len(result), 'person'), 'xyxy': result.boxes}
    optional = {
        'tracker_id': result.track_ids,
        'probabilities': result.probabilities,
        'visible_probabilities': result.visible_probabilities,
    }
    key_points = _library('supervision').KeyPoints
    try:
        return key_points(
            xy=result.keypoints.astype(np.float32),
            keypoint_confidence=result.scores,
            detection_confidence=result.box_scores.astype(np.float32),
            visible=result.scores > threshold,
            class_id=np.zeros(len(result), int),
            data=data | {name: values for name, values in optional.items() if values is not None},
        )
    except TypeError as error:  # older ones have no scores of people
        raise UserError(
            f'to_supervision() needs supervision 0.29 or later ({error}); pip install -U supervision'
        ) from error


def to_pandas(result: Any) -> Any:
    """Return people as a `pandas.DataFrame`; see `PoseResult.to_pandas`."""
    pandas = _library('pandas')
    people, joints = result.scores.shape
    size = people * joints
    each_person = {
        'person': np.arange(people),
        'track_id': result.track_ids,
        **{f'box_{name}': result.boxes[:, column] for column, name in enumerate(('x1', 'y1', 'x2', 'y2'))},
        'box_score': result.box_scores,
    }
    each_joint = {
        'x': result.keypoints[..., 0],
        'y': result.keypoints[..., 1],
        'score': result.scores,
        'probability': result.probabilities,
        'visible_probability': result.visible_probabilities,
    }
    columns = {
        'image': pandas.Series([result.name] * size, dtype=object),
        'source': pandas.Series([result.source] * size, dtype=object),
        'frame': pandas.Series([result.frame_index] * size, dtype='Int64'),  # has integers and missing values
        **{name: np.repeat(values, joints) for name, values in each_person.items() if values is not None},
        'joint': pandas.Series(list(result.names) * people, dtype=object),
        **{name: values.ravel() for name, values in each_joint.items() if values is not None},
    }
    return pandas.DataFrame(columns)


def to_fiftyone(result: Any) -> Any:
    """Return people as `fiftyone.Keypoints`; see `PoseResult.to_fiftyone`."""
    fiftyone = _library('fiftyone')
    finite = np.isfinite(result.keypoints).all(axis=-1, keepdims=True)
    points = np.where(finite, result.keypoints / result.image_size, np.nan)
    ids = [None] * len(result) if result.track_ids is None else result.track_ids.tolist()
    people = zip(points.tolist(), result.scores.tolist(), result.box_scores.tolist(), ids, strict=True)
    return fiftyone.Keypoints(
        keypoints=[
            fiftyone.Keypoint(label='person', points=joints, confidence=scores, index=one, box_score=score)
            for joints, scores, score, one in people
        ]
    )


def _library(name: str) -> Any:
    """Import a library; raise `UserError` if it is not there."""
    try:
        return import_module(name)
    except ImportError as error:
        raise UserError(f'to_{name}() needs {name}, which cannot be imported ({error}); pip install {name}') from error
