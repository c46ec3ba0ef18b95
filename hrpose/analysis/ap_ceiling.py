"""What the heatmaps' grid allows at best: the truth, encoded, decoded and scored like a prediction.

The ceiling is below 1 because a decoded key point lies on a grid of half cells: with the quarter offset up to a quarter
cell from the truth on each axis, and more where a joint lies outside the input.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from mmengine.structures import InstanceData

from hrpose.datasets.transforms import PadBox
from hrpose.errors import UserError
from hrpose.structures import PoseDataSample, apply_affine, image_to_input_matrix, input_to_image

CHUNK = 256  # people encoded at once: 256 x 17 heatmaps of 96 x 72 cells are 120 MB


def heatmap_ceiling(dataset: Any, codec: Any, metrics: Sequence[Any]) -> dict[str, float]:
    """Return what `metrics` make of the truth after `codec`'s round trip through the regions of `dataset`.

    Args:
        dataset: a `PoseDataset` whose records have key points and whose pipeline has a `PadBox`.
        codec: with `encode`, `decode` and `input_size`.
        metrics: mmengine metrics as in a test; they are filled and evaluated.

    Returns:
        The metrics' figures by name.
    """
    samples = list(roundtrip_samples(dataset, codec))
    figures: dict[str, float] = {}
    for metric in metrics:
        metric.dataset_meta = dataset.metainfo
        metric.process(None, [sample.to_dict() for sample in samples])
        figures |= metric.evaluate(len(samples))
    return figures


def roundtrip_samples(dataset: Any, codec: Any, indices: Sequence[int] | None = None) -> Iterator[PoseDataSample]:
    """Yield one sample a person whose prediction is its truth, encoded and decoded; of all people or of `indices`.

    Raises:
        UserError: the pipeline has no `PadBox`, so what the network sees is not known.
    """
    pad_box = next((step for step in dataset.pipeline.transforms if isinstance(step, PadBox)), None)
    if pad_box is None:
        raise UserError('the round trip needs a PadBox in the pipeline, which says what region the network sees')
    indices = range(len(dataset)) if indices is None else indices
    for start in range(0, len(indices), CHUNK):
        chunk = indices[start : start + CHUNK]
        yield from _roundtrip([pad_box(dataset.get_data_info(index)) for index in chunk], codec)


def _roundtrip(records: Sequence[dict[str, Any]], codec: Any) -> Iterator[PoseDataSample]:
    size = codec.input_size
    in_input = [
        apply_affine(record['keypoints'], image_to_input_matrix(record['center'], record['size'], 0, size))
        for record in records
    ]
    visible = np.stack([record['visible'] for record in records])
    heatmaps, _ = codec.encode(torch.from_numpy(np.stack(in_input)).float(), torch.from_numpy(visible))
    keypoints, scores = (value.numpy() for value in codec.decode(heatmaps))
    centers, sizes = (np.stack([record[key] for record in records]) for key in ('center', 'size'))
    in_image = input_to_image(keypoints, centers, sizes, size)
    for record, points, score in zip(records, in_image, scores, strict=True):
        box = {'bboxes': record['box'][None], 'bbox_scores': np.array([record['box_score']])}
        yield PoseDataSample(
            metainfo={
                'id': record['id'],
                'img_id': record['img_id'],
                'img_path': record['img_path'],
                'box_center': record['center'],
                'box_size': record['size'],
            },
            gt_instances=InstanceData(
                keypoints=record['keypoints'][None], keypoints_visible=record['visible'][None], **box
            ),
            pred_instances=InstanceData(keypoints=points[None], keypoint_scores=score[None], **box),
        )
