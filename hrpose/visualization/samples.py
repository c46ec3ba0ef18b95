"""Images of samples: prediction beside ground truth, one tile a person, or what the network gets as input.

A sample is a `PoseDataSample`, or its `to_dict()`: one person, with `gt_instances`, `pred_instances` or both.
Letters: B samples, K joints; H, W the size of the network's input, px; h, w that of heatmaps, cells.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import torch
from mmengine.dist import master_only
from mmengine.visualization import Visualizer

from hrpose.codecs.base import mirror_signs
from hrpose.errors import UserError
from hrpose.images.files import read_image, save_image
from hrpose.registry import VISUALIZERS
from hrpose.structures import PoseDataSample, apply_affine
from hrpose.visualization.draw import as_canvas, draw_boxes, draw_heatmaps, draw_pose
from hrpose.visualization.sheets import contact_sheet, crop_around, resize, side_by_side

Image = str | Path | np.ndarray
Samples = Any  # one sample or a sequence of them

PADDING = 1.2  # of a tile's view, as a factor on the box
FINER = 3  # Tiles are small. They are drawn this many times larger and shrunk, so that lines can be thinner than a px.
INPUT_COLUMNS = 4
INPUT_ROW, INPUT_FINE = 320, 512  # height of an input on its sheet, and the least height that it is drawn at, px


def draw_samples(
    image: np.ndarray,
    samples: Samples,
    metainfo: Mapping[str, Any],
    *,
    threshold: float = 0.2,
    draw_gt: bool = True,
    draw_pred: bool = True,
) -> np.ndarray:
    """Draw the people in one image, ground truth beside prediction if there are both.

    Args:
        image: (H, W, 3) uint8 RGB.
        samples: the image's samples, one a person; or a single one.
        metainfo: of the data set.
        threshold: leave out predicted keypoints whose score is not above it.
        draw_gt: draw the ground truth, unless no keypoint is visible.
        draw_pred: draw the prediction.

    Returns:
        A new (h, w, 3) uint8 RGB: of the image's size if there is only one of the two, else the two under captions.
    """
    people = _as_list(samples)
    truth = _instances(people, 'gt_instances') if draw_gt else []
    truth = [person for person in truth if np.any(_array(person, 'keypoints_visible') > 0)]
    predicted = _instances(people, 'pred_instances') if draw_pred else []
    drawn = []
    if truth:
        drawn.append(_draw_people(image, truth, metainfo, 'keypoints_visible', 0.0))
    if predicted or not truth:
        drawn.append(_draw_people(image, predicted, metainfo, 'keypoint_scores', threshold))
    if len(drawn) == 1:
        return drawn[0]
    return side_by_side(*drawn, captions=('ground truth', f'prediction, scores above {threshold:g}'))


def score_caption(sample: Any) -> str:
    """Return 'score 0.87', the mean of the sample's keypoint scores."""
    return f'score {_array(sample.get("pred_instances"), "keypoint_scores").mean():.2f}'


def prediction_sheet(
    images_and_samples: Iterable[tuple[Image, Samples]],
    metainfo: Mapping[str, Any],
    columns: int,
    *,
    cell: tuple[int, int] = (240, 300),
    threshold: float = 0.2,
    caption: Callable[[Any], str] = score_caption,
) -> np.ndarray:
    """Make a contact sheet of predictions: one tile a person, cropped around the box, with the skeleton.

    Args:
        images_and_samples: pairs of an image (a path, or (H, W, 3) uint8 RGB) and its sample or samples.
        metainfo: of the data set.
        columns: tiles in a row.
        cell: (w, h) of a tile, px.
        threshold: leave out predicted keypoints whose score is not above it.
        caption: makes a tile's text from its sample; by default the mean score of its keypoints.

    Returns:
        (h, w, 3) uint8 RGB, see `contact_sheet`.

    Raises:
        UserError: no sample has a prediction, or an image cannot be read.
    """
    tiles, captions = [], []
    for source, samples in images_and_samples:
        image = as_canvas(source) if isinstance(source, np.ndarray) else read_image(source)
        for sample in _as_list(samples):
            if (person := sample.get('pred_instances')) is not None:
                tiles.append(_person_tile(image, person, metainfo, cell, threshold))
                captions.append(caption(sample))
    if not tiles:
        raise UserError('a sheet of predictions needs samples with pred_instances; none of these has them')
    return contact_sheet(tiles, columns, cell=cell, captions=captions)


def input_sheet(samples: Sequence[Mapping[str, Any]], codec: Any, metainfo: Mapping[str, Any]) -> np.ndarray:
    """Make a sheet of samples as a data set packs them, four in a row: each crop with keypoints, and with heatmaps.

    A keypoint is drawn if it counts in the loss: if it is labelled and its Gaussian touches the heatmap. A sample
    without labels is the crop alone.

    Args:
        samples: at least one of `inputs`, uint8 RGB (3, H, W), and `data_samples`, a `PoseDataSample`.
        codec: makes the targets, with `encode`.
        metainfo: of the data set.

    Returns:
        (height, width, 3) uint8 RGB, see `contact_sheet`.

    Raises:
        UserError: a sample has several crops, as those of a multi-scale test.
    """
    tiles = []
    for sample in samples:
        if sample['inputs'].ndim != 3:
            raise UserError('a sheet of inputs shows one crop a person; use WarpAffine in the pipeline')
        image = np.ascontiguousarray(sample['inputs'].numpy().transpose(1, 2, 0))
        labels = sample['data_samples'].get('gt_instance_labels')
        if labels is not None:
            keypoints, weights = torch.from_numpy(labels.keypoints), torch.from_numpy(labels.keypoint_weights)
            heatmaps, weights = (value[0].numpy() for value in codec.encode(keypoints, weights))
            heatmaps = heatmaps[:: len(mirror_signs(codec))]  # of several maps a joint, the first shows where it is
            image = draw_input(image, labels.keypoints[0], weights, heatmaps, metainfo)
        tiles.append(image)
    captions = [input_caption(sample['data_samples']) for sample in samples]
    aspect = max(tile.shape[1] / tile.shape[0] for tile in tiles)
    return contact_sheet(tiles, INPUT_COLUMNS, cell=(round(INPUT_ROW * aspect), INPUT_ROW), captions=captions)


def draw_input(
    image: np.ndarray, keypoints: np.ndarray, weights: np.ndarray, heatmaps: np.ndarray, metainfo: Mapping[str, Any]
) -> np.ndarray:
    """Draw a crop with its keypoints and, to its right, the crop under its heatmaps, enlarged by one whole number.

    Args:
        image: (H, W, 3) uint8 RGB.
        keypoints: (K, 2) input px.
        weights: (K,) in the loss; keypoints of weight zero are left out.
        heatmaps: (K, h, w).
        metainfo: of the data set.
    """
    factor = max(1, -(-INPUT_FINE // image.shape[0]))
    large = cv2.resize(image, None, fx=factor, fy=factor, interpolation=cv2.INTER_CUBIC)
    places = factor * (np.asarray(keypoints, dtype=np.float64) + 0.5) - 0.5  # the middle of an enlarged pixel
    # Cell (0, 0) lies in the middle of the first pixel, not in the image's corner.
    start = (factor - 1) / 2
    region = (start, start, start + large.shape[1], start + large.shape[0])
    posed = draw_pose(large, places, weights, metainfo, threshold=0)
    return np.concatenate([posed, draw_heatmaps(large, heatmaps, region=region)], axis=1)


def input_caption(sample: PoseDataSample) -> str:
    """Return for instance 'id 105, mirrored, 23°': the person, and how augmentation turned the image."""
    words = [f'id {sample.id}', *(['mirrored'] if sample.flip else [])]
    return ', '.join([*words, *([f'{sample.rotation:.0f}°'] if sample.rotation else [])])


@VISUALIZERS.register_module()
class PoseVisualizer(Visualizer):
    """mmengine's visualizer, with images of samples drawn by `draw_samples`.

    Matplotlib, with which mmengine draws, takes a second to import. Its figure is made when something asks for it.

    Args:
        name: mmengine's.
        image: (H, W, 3) uint8 RGB, drawn on at first; None for none.
        **options: mmengine's.
    """

    _figure = ('fig_save_canvas', 'fig_save', 'ax_save', 'dpi')

    def __init__(self, name: str = 'visualizer', image: np.ndarray | None = None, **options: Any) -> None:
        super().__init__(name, **options)
        for part in self._figure:
            self.__dict__.pop(part)
        if image is not None:
            self.set_image(image)

    def _initialize_fig(self, fig_cfg: Mapping[str, Any]) -> tuple[None, Any, None]:
        return None, SimpleNamespace(get_dpi=lambda: None), None

    def __getattr__(self, name: str) -> Any:
        if name not in self._figure:
            raise AttributeError(f"'{type(self).__name__}' has no attribute '{name}'")
        self.fig_save_canvas, self.fig_save, self.ax_save = super()._initialize_fig(self.fig_save_cfg)
        self.dpi = self.fig_save.get_dpi()
        return vars(self)[name]

    @master_only
    def add_datasample(
        self,
        name: str,
        image: np.ndarray,
        data_sample: Any,
        *,
        metainfo: Mapping[str, Any] | None = None,
        draw_gt: bool = True,
        draw_pred: bool = True,
        threshold: float = 0.2,
        out_file: str | Path | None = None,
        step: int = 0,
    ) -> None:
        """Draw the people in one image, ground truth beside prediction, and add the drawing to the logs.

        Args:
            name: of the drawing in the logs.
            image: (H, W, 3) uint8 RGB.
            data_sample: a `PoseDataSample`, or a list with one a person.
            metainfo: of the data set; by default the visualizer's `dataset_meta`, which mmengine's loops set.
            draw_gt, draw_pred, threshold: as in `draw_samples`.
            out_file: also write the drawing to this file.
            step: of training.

        Raises:
            UserError: no metainfo is known.
        """
        metainfo = metainfo or self.dataset_meta
        if metainfo is None:
            raise UserError('PoseVisualizer.add_datasample: no data set has set dataset_meta; give metainfo=…')
        drawn = draw_samples(
            np.asarray(image), data_sample, metainfo, threshold=threshold, draw_gt=draw_gt, draw_pred=draw_pred
        )
        if out_file is not None:
            save_image(out_file, drawn)
        self.add_image(name, drawn, step)


def _person_tile(
    image: np.ndarray, person: Any, metainfo: Mapping[str, Any], cell: tuple[int, int], threshold: float
) -> np.ndarray:
    keypoints, scores = _array(person, 'keypoints')[0], _array(person, 'keypoint_scores')[0]
    has_box = person.get('bboxes') is not None
    box = _array(person, 'bboxes')[0] if has_box else np.concatenate([keypoints.min(axis=0), keypoints.max(axis=0)])
    fine = (cell[0] * FINER, cell[1] * FINER)
    tile, to_tile = crop_around(image, box, fine, padding=PADDING)
    points = apply_affine(keypoints, to_tile)
    width = max(FINER, round(min(fine) / 80))
    return resize(draw_pose(tile, points, scores, metainfo, threshold=threshold, width=width), cell)


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
    """Return the samples' instances of `field` that have keypoints."""
    found = [sample.get(field) for sample in samples]
    return [person for person in found if person is not None and person.get('keypoints') is not None]


def _array(instances: Any, name: str) -> np.ndarray:
    return np.asarray(instances.get(name), dtype=np.float64)


def _as_list(samples: Samples) -> list:
    return list(samples) if isinstance(samples, (list, tuple)) else [samples]
