"""COCO-WholeBody's evaluation: COCO's, over the whole body and over the joints of each part alone.

Source: Jin et al., "Whole-Body Human Pose Estimation in the Wild" (ECCV 2020), as xtcocotools evaluates it. A part has
the area and the score of its person. A person without a labelled joint of the part is ignored there. APM and APL take
the size of an unmatched result from the extent of its 17 body joints, in every part.

Letters: N predictions, K = 133 joints.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from hrpose.datasets.annotations import with_all_parts
from hrpose.evaluation.functional.coco_ap import COCO_METRICS, evaluate_coco
from hrpose.evaluation.functional.people import GroundTruth, Predictions

# The joints of each part, in the order of the data set.
PARTS = {
    'body': slice(0, 17),
    'foot': slice(17, 23),
    'face': slice(23, 91),
    'lefthand': slice(91, 112),
    'righthand': slice(112, 133),
}
WHOLEBODY_METRICS = (*COCO_METRICS, *(f'{part}_{metric}' for part in PARTS for metric in ('AP', 'AR')))


def evaluate_wholebody(
    gt_annotations: Mapping[str, Any] | GroundTruth,
    results: Iterable[Mapping[str, Any]] | Predictions,
    sigmas: Sequence[float],
    backend: str = 'auto',
) -> dict[str, dict[str, float]]:
    """Return COCO's ten metrics of the whole body and of each part; nothing that is passed in is changed.

    Args:
        gt_annotations: the content of a COCO-WholeBody file, or what `GroundTruth.of` read of 133 joints.
        results: COCO keypoint results of 133 joints, or in the parts of the data set's own; or `Predictions`.
        sigmas: (133,) the joints' OKS sigmas.
        backend: as in `evaluate_coco`.

    Returns:
        'wholebody' 'body' 'foot' 'face' 'lefthand' 'righthand', each to what `evaluate_coco` returns.

    Raises:
        UserError: as `evaluate_coco`.
    """
    if not isinstance(gt_annotations, GroundTruth):
        joined = [with_all_parts(annotation) for annotation in gt_annotations.get('annotations') or []]
        gt_annotations = GroundTruth.of({**gt_annotations, 'annotations': joined}, len(sigmas))
    if not isinstance(results, Predictions):
        results = Predictions.of([with_all_parts(result) for result in results], gt_annotations)
    areas = np.ptp(results.keypoints[:, PARTS['body'], :2], axis=1).prod(axis=1)
    metrics = {}
    for name, joints in {'wholebody': slice(None), **PARTS}.items():
        truth = replace(gt_annotations, keypoints=gt_annotations.keypoints[:, joints])
        found = replace(results, keypoints=results.keypoints[:, joints], areas=areas)
        metrics[name] = evaluate_coco(truth, found, list(sigmas)[joints], backend)
    return metrics
