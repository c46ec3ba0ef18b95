"""Pictures of samples: all people of one image, or one tile a person.

A sample is a `PoseDataSample`, or its `to_dict()`: one person, with `gt_instances`,
`pred_instances` or both.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from hrpose.errors import UserError
from hrpose.images.files import read_image
from hrpose.visualization.draw import as_canvas, draw_boxes, draw_pose, side_by_side
from hrpose.visualization.sheet import contact_sheet, resize

Image = str | Path | np.ndarray
Samples = Any  # one sample or a sequence of them
OUTSIDE = (64, 64, 64)
FINER = 3  # tiles are small: drawn this many times larger, then shrunk, lines may be of any width


def draw_samples(
    image: np.ndarray,
    samples: Samples,
    metainfo: Mapping[str, Any],
    *,
    threshold: float = 0.2,
    draw_gt: bool = True,
    draw_pred: bool = True,
) -> np.ndarray:
    """Draw the people of one image, the truth beside the prediction where there are both.

    Args:
        image: (H, W, 3) uint8 RGB.
        samples: the image's samples, one a person; or a single one.
        metainfo: of the data set.
        threshold: predicted joints that score no more are left out.
        draw_gt: draw the truth, if the samples hold it. A truth without a visible joint counts as
            none.
        draw_pred: draw the prediction, if the samples hold it.

    Returns:
        A new (h, w, 3) uint8 RGB: of the image's size if there is only one of the two to draw, else
        the two under captions.
    """
    people = _as_list(samples)
    truth = _instances(people, 'gt_instances') if draw_gt else []
    truth = [person for person in truth if np.any(_array(person, 'keypoints_visible') > 0)]
    predicted = _instances(people, 'pred_instances') if draw_pred else []
    if truth and predicted:
        return side_by_side(
            _draw_people(image, truth, metainfo, 'keypoints_visible', 0.0),
            _draw_people(image, predicted, metainfo, 'keypoint_scores', threshold),
            captions=('truth', f'prediction, scores above {threshold:g}'),
        )
    if truth:
        return _draw_people(image, truth, metainfo, 'keypoints_visible', 0.0)
    return _draw_people(image, predicted, metainfo, 'keypoint_scores', threshold)


def prediction_sheet(
    images_and_samples: Iterable[tuple[Image, Samples]],
    metainfo: Mapping[str, Any],
    columns: int,
    *,
    cell: tuple[int, int] = (240, 300),
    padding: float = 1.2,
    threshold: float = 0.2,
    caption: Callable[[Any], str] | None = None,
) -> np.ndarray:
    """A contact sheet of predictions: one tile a person, cut out around the box, with the skeleton.

    Args:
        images_and_samples: pairs of an image (a path, or (H, W, 3) uint8 RGB) and its sample or
            samples.
        metainfo: of the data set.
        columns: tiles in a row.
        cell: (w, h) of a tile, pixels.
        padding: how much larger than the box a tile's view is.
        threshold: predicted joints that score no more are left out.
        caption: makes a tile's text from its sample; by default the mean score of its key points.

    Returns:
        (h, w, 3) uint8 RGB, see `contact_sheet`.

    Raises:
        UserError: no sample holds a prediction, or an image cannot be read.
    """
    caption = caption or score_caption
    tiles, captions = [], []
    for source, samples in images_and_samples:
        image = as_canvas(source) if isinstance(source, np.ndarray) else read_image(source)
        for sample in _as_list(samples):
            person = sample.get('pred_instances')
            if person is None:
                continue
            tiles.append(_person_tile(image, person, metainfo, cell, padding, threshold))
            captions.append(caption(sample))
    if not tiles:
        raise UserError('No sample given for the sheet of predictions holds pred_instances.')
    return contact_sheet(tiles, columns, cell=cell, captions=captions)


def score_caption(sample: Any) -> str:
    """'score 0.87': the mean of the sample's key point scores."""
    scores = _array(sample.get('pred_instances'), 'keypoint_scores')
    return f'score {scores.mean():.2f}'


def crop_around(
    image: np.ndarray, box: np.ndarray, size: tuple[int, int], *, padding: float = 1.0
) -> tuple[np.ndarray, np.ndarray]:
    """Cut out a box, widened to the aspect of `size`, at that size.

    The view is moved rather than padded where it would leave the image; what remains outside is
    grey.

    Args:
        image: (H, W, 3) uint8 RGB.
        box: (4,) xyxy, image px.
        size: (w, h) of the tile, pixels.
        padding: factor on the box.

    Returns:
        The tile (h, w, 3), and the (2, 3) matrix from image px to tile px.
    """
    box = np.asarray(box, dtype=np.float64)
    extent = np.maximum(box[2:] - box[:2], 1) * padding
    scale = min(size[0] / extent[0], size[1] / extent[1])
    view = np.maximum(np.rint(np.asarray(size) / scale), 1).astype(int)
    low = np.rint((box[:2] + box[2:]) / 2 - view / 2).astype(int)
    low = _moved_inside(low, view, np.array([image.shape[1], image.shape[0]]))
    tile = resize(_window(image, low, view), size)
    factor = np.asarray(size) / view
    shift = (0.5 - low) * factor - 0.5  # pixel centres, not corners, are at whole numbers
    return tile, np.array([[factor[0], 0, shift[0]], [0, factor[1], shift[1]]])


def _person_tile(
    image: np.ndarray,
    person: Any,
    metainfo: Mapping[str, Any],
    cell: tuple[int, int],
    padding: float,
    threshold: float,
) -> np.ndarray:
    keypoints, scores = _array(person, 'keypoints')[0], _array(person, 'keypoint_scores')[0]
    box = _box_of(person, keypoints)
    fine = (cell[0] * FINER, cell[1] * FINER)
    tile, to_tile = crop_around(image, box, fine, padding=padding)
    points = keypoints @ to_tile[:, :2].T + to_tile[:, 2]
    width = max(FINER, round(min(fine) / 80))
    return resize(draw_pose(tile, points, scores, metainfo, threshold=threshold, width=width), cell)


def _box_of(person: Any, keypoints: np.ndarray) -> np.ndarray:
    """(4,) xyxy: the person's box, or the one around its key points where there is none."""
    if person.get('bboxes') is not None:
        return _array(person, 'bboxes')[0]
    return np.concatenate([keypoints.min(axis=0), keypoints.max(axis=0)])


def _moved_inside(low: np.ndarray, view: np.ndarray, bound: np.ndarray) -> np.ndarray:
    """The view's corner, moved into the image; centred where the view is the larger one."""
    return np.where(view <= bound, np.clip(low, 0, np.maximum(bound - view, 0)), (bound - view) // 2)


def _window(image: np.ndarray, low: np.ndarray, view: np.ndarray) -> np.ndarray:
    """(view_h, view_w, 3) pixels of the image from `low` (x, y) on; grey outside it."""
    bound = np.array([image.shape[1], image.shape[0]])
    before = np.maximum(-low, 0)
    after = np.maximum(low + view - bound, 0)
    start, stop = np.maximum(low, 0), np.minimum(low + view, bound)
    inside = image[start[1] : stop[1], start[0] : stop[0]]
    top, bottom, left, right = (int(n) for n in (before[1], after[1], before[0], after[0]))
    return cv2.copyMakeBorder(inside, top, bottom, left, right, cv2.BORDER_CONSTANT, value=OUTSIDE)


def _draw_people(
    image: np.ndarray, people: list, metainfo: Mapping[str, Any], weights: str, threshold: float
) -> np.ndarray:
    if not people:
        return as_canvas(image)
    boxes = [_array(person, 'bboxes') for person in people if person.get('bboxes') is not None]
    canvas = draw_boxes(image, np.concatenate(boxes)) if boxes else image
    keypoints = np.concatenate([_array(person, 'keypoints') for person in people])
    strength = np.concatenate([_array(person, weights) for person in people])
    return draw_pose(canvas, keypoints, strength, metainfo, threshold=threshold)


def _instances(samples: Sequence[Any], field: str) -> list:
    """The samples' instances of `field` that hold key points."""
    found = [sample.get(field) for sample in samples]
    return [person for person in found if person is not None and person.get('keypoints') is not None]


def _array(instances: Any, name: str) -> np.ndarray:
    return np.asarray(instances.get(name), dtype=np.float64)


def _as_list(samples: Samples) -> list:
    return list(samples) if isinstance(samples, (list, tuple)) else [samples]
