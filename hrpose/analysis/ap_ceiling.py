"""The best metrics that the heatmaps allow: the ground truth, encoded, decoded and scored like a prediction.

The ceiling is below 1 because a decoded keypoint lies on a grid: with the quarter offset up to a quarter cell from the
truth on each axis, and farther off where a joint lies outside the input.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from mmengine.config import Config
from mmengine.structures import InstanceData

from hrpose.codecs.base import aligns_corners
from hrpose.datasets.transforms import PadBox
from hrpose.errors import UserError
from hrpose.registry import CODECS, DATASETS, METRICS
from hrpose.structures import PoseDataSample, apply_affine, image_to_input_matrix, input_to_image

CHUNK = 256  # people encoded at once: 256 x 17 heatmaps of 96 x 72 cells are 120 MB


def ceiling_of_config(cfg: Config) -> dict[str, float]:
    """Return the ceiling of the test metrics of a linked config."""
    dataset = DATASETS.build(cfg.test_dataloader.dataset)
    return heatmap_ceiling(dataset, CODECS.build(cfg.codec), [METRICS.build(part) for part in cfg.test_evaluator])


def heatmap_ceiling(dataset: Any, codec: Any, metrics: Sequence[Any]) -> dict[str, float]:
    """Score the ground truth of `dataset` after the round trip through `codec`.

    Args:
        dataset: a `PoseDataset` whose records have keypoints and whose pipeline has a `PadBox`.
        codec: with `encode`, `decode` and `input_size`.
        metrics: mmengine metrics as in a test; they are filled and evaluated.

    Returns:
        Metrics by name.
    """
    samples = list(roundtrip_samples(dataset, codec))
    found: dict[str, float] = {}
    for metric in metrics:
        metric.dataset_meta = dataset.metainfo
        metric.process(None, [sample.to_dict() for sample in samples])
        found |= metric.evaluate(len(samples))
    return found


def roundtrip_samples(dataset: Any, codec: Any, indices: Sequence[int] | None = None) -> Iterator[PoseDataSample]:
    """Yield a sample for each person, or each of `indices`, that predicts the encoded and decoded ground truth.

    Raises:
        UserError: the pipeline has no `PadBox`, which says what region the network sees.
    """
    pad_box = next((step for step in dataset.pipeline.transforms if isinstance(step, PadBox)), None)
    if pad_box is None:
        raise UserError('pipeline: the round trip needs a PadBox, which says what region the network sees')
    indices = range(len(dataset)) if indices is None else indices
    for start in range(0, len(indices), CHUNK):
        chunk = indices[start : start + CHUNK]
        yield from _roundtrip([pad_box(dataset.get_data_info(index)) for index in chunk], codec)


def _roundtrip(records: Sequence[dict[str, Any]], codec: Any) -> Iterator[PoseDataSample]:
    size, align = codec.input_size, aligns_corners(codec)
    regions = [
        image_to_input_matrix(record['center'], record['size'], 0, size, align_corners=align) for record in records
    ]
    in_input = [apply_affine(record['keypoints'], matrix) for record, matrix in zip(records, regions, strict=True)]
    visible = np.stack([record['visible'] for record in records])
    heatmaps, _ = codec.encode(torch.from_numpy(np.stack(in_input)).float(), torch.from_numpy(visible))
    keypoints, scores = (value.numpy() for value in codec.decode(heatmaps))
    centers, sizes = (np.stack([record[key] for record in records]) for key in ('center', 'size'))
    in_image = input_to_image(keypoints, centers, sizes, size)
    for record, points, score in zip(records, in_image, scores, strict=True):
        box = {'bboxes': record['box'][None], 'bbox_scores': np.array([record['box_score']])}
        truth = {'keypoints': record['keypoints'][None], 'keypoints_visible': record['visible'][None]}
        fields = {name: record[name] for name in ('id', 'img_id', 'img_path')}
        yield PoseDataSample(
            metainfo={**fields, 'box_center': record['center'], 'box_size': record['size']},
            gt_instances=InstanceData(**truth, **box),
            pred_instances=InstanceData(keypoints=points[None], keypoint_scores=score[None], **box),
        )
