"""COCO-WholeBody's AP as a metric of mmengine's."""

from collections.abc import Mapping
from typing import Any

from mmengine.logging import print_log

from hrpose.datasets.annotations import WHOLE_BODY_PARTS, with_all_parts
from hrpose.evaluation.functional.people import GroundTruth, Predictions
from hrpose.evaluation.functional.wholebody_ap import PARTS, WHOLEBODY_METRICS, evaluate_wholebody
from hrpose.evaluation.metrics.base import Cell, format_table
from hrpose.evaluation.metrics.coco import CocoMetric
from hrpose.registry import METRICS


@METRICS.register_module()
class CocoWholeBodyMetric(CocoMetric):
    """AP and AR of COCO-WholeBody, of the whole body and by part, after rescoring and OKS-NMS as on COCO.

    Returns, under the prefix, the ten metrics of `CocoMetric` over all 133 joints, then `body_AP body_AR foot_AP
    foot_AR face_AP face_AR lefthand_AP lefthand_AR righthand_AP righthand_AR`. It logs all metrics of each part.
    Results are written in the data set's form, with the joints of the parts apart.

    Args:
        ann_file: COCO-WholeBody JSON with the ground truth.
        **options: those of `CocoMetric`.

    Raises:
        UserError: as `CocoMetric` and `evaluate_wholebody`.
    """

    default_prefix = 'coco-wholebody'
    metric_names = WHOLEBODY_METRICS

    def read_content(self, path: str) -> dict[str, Any]:
        content = super().read_content(path)
        return {**content, 'annotations': list(map(with_all_parts, content.get('annotations') or []))}

    def result_entries(self, truth: GroundTruth, found: Predictions) -> list[dict[str, Any]]:
        places = [slice(3 * joints.start, 3 * joints.stop) for joints in PARTS.values()]
        return [
            entry | {part: entry['keypoints'][place] for part, place in zip(WHOLE_BODY_PARTS, places, strict=True)}
            for entry in super().result_entries(truth, found)
        ]

    def evaluate_results(self, truth: GroundTruth, found: Predictions, info: Mapping[str, Any]) -> dict[str, float]:
        by_part = evaluate_wholebody(truth, found, info['sigmas'], self.backend)
        rows: list[list[Cell]] = [[part, *metrics.values()] for part, metrics in by_part.items()]
        table = format_table(['part', *by_part['wholebody']], rows)
        print_log(f'COCO-WholeBody metrics ({self.backend}):\n{table}', logger='current')
        whole = by_part.pop('wholebody')
        parts = {f'{part}_{name}': metrics[name] for part, metrics in by_part.items() for name in ('AP', 'AR')}
        return whole | parts
