"""Pictures of what the network sees: crops as the pipeline packs them, their joints, the target heatmaps.

Letters: B samples, K joints; H, W the input's height and width, px; h, w the heatmap's, cells.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import cv2
import numpy as np
import torch

from hrpose.structures import PoseDataSample
from hrpose.visualization.draw import draw_heatmaps, draw_pose
from hrpose.visualization.sheet import contact_sheet

ROW = 320  # height of a tile on the sheet, pixels
FINE = 512  # height that is drawn at, at least; the sheet shrinks it


def input_sheet(
    samples: Sequence[Mapping[str, Any]],
    codec: Any,
    metainfo: Mapping[str, Any],
    *,
    columns: int = 4,
    captions: Sequence[str] | None = None,
) -> np.ndarray:
    """Return a sheet of samples as a data set gives them, each once with its joints and once under its heatmaps.

    A joint is drawn where it counts in the loss: labelled, and its Gaussian on the heatmap. A sample without labels
    is the crop alone.

    Args:
        samples: B of `inputs`, uint8 RGB (3, H, W), and `data_samples`, a `PoseDataSample`; at least one.
        codec: that makes the targets, with `encode`.
        metainfo: of the data set.
        columns: samples in a row.
        captions: B texts; by default `input_caption` of each.

    Returns:
        (height, width, 3) uint8 RGB, see `contact_sheet`.
    """
    tiles = []
    for sample in samples:
        image = np.ascontiguousarray(sample['inputs'].numpy().transpose(1, 2, 0))
        labels = sample['data_samples'].get('gt_instance_labels')
        if labels is None:
            tiles.append(image)
            continue
        keypoints, weights = torch.from_numpy(labels.keypoints), torch.from_numpy(labels.keypoint_weights)
        heatmaps, weights = (value[0].numpy() for value in codec.encode(keypoints, weights))
        tiles.append(draw_input(image, labels.keypoints[0], weights, heatmaps, metainfo))
    if captions is None:
        captions = [input_caption(sample['data_samples']) for sample in samples]
    aspect = max(tile.shape[1] / tile.shape[0] for tile in tiles)
    return contact_sheet(tiles, columns, cell=(round(ROW * aspect), ROW), captions=captions)


def draw_input(
    image: np.ndarray, keypoints: np.ndarray, weights: np.ndarray, heatmaps: np.ndarray, metainfo: Mapping[str, Any]
) -> np.ndarray:
    """Return a crop with its joints and, to the right, under its heatmaps, both enlarged by the same whole number.

    Args:
        image: (H, W, 3) uint8 RGB.
        keypoints: (K, 2) input px.
        weights: (K,) in the loss; joints of weight zero are left out.
        heatmaps: (K, h, w).
        metainfo: of the data set.
    """
    factor = max(1, -(-FINE // image.shape[0]))
    large = cv2.resize(image, None, fx=factor, fy=factor, interpolation=cv2.INTER_CUBIC)
    places = factor * (np.asarray(keypoints, dtype=np.float64) + 0.5) - 0.5  # the middle of an enlarged pixel
    # Cell (0, 0) lies in the middle of the first pixel, not in the image's corner.
    start = (factor - 1) / 2
    region = (start, start, start + large.shape[1], start + large.shape[0])
    posed = draw_pose(large, places, weights, metainfo, threshold=0)
    return np.concatenate([posed, draw_heatmaps(large, heatmaps, region=region)], axis=1)


def input_caption(sample: PoseDataSample) -> str:
    """'id 105, mirrored, 23°': whom a sample shows, and how the augmentation has turned the picture."""
    words = [f'id {sample.id}', *(['mirrored'] if sample.flip else [])]
    return ', '.join([*words, *([f'{sample.rotation:.0f}°'] if sample.rotation else [])])
