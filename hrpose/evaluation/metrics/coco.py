"""COCO's keypoint AP as a metric of mmengine's.

After the last prediction: drop repeats, rescore, suppress duplicates in each image, write results, evaluate.
Letters: N people, K joints. Coordinates are image px.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from mmengine import fileio
from mmengine.logging import print_log

from hrpose.datasets.annotations.files import read_coco_json
from hrpose.datasets.metainfo import sigma_source
from hrpose.errors import UserError
from hrpose.evaluation.functional.by_joint import joint_agreement
from hrpose.evaluation.functional.coco_ap import COCO_METRICS, evaluate_coco, resolve_backend
from hrpose.evaluation.functional.nms import oks_nms, soft_oks_nms
from hrpose.evaluation.functional.people import GroundTruth, Predictions, coco_results, rows_by_image
from hrpose.evaluation.functional.rescoring import RESCORING_MODES, rescore
from hrpose.evaluation.metrics.base import Person, PoseMetric, only_person, truth_of, warn
from hrpose.evaluation.metrics.tables import format_table
from hrpose.registry import METRICS

_NMS: dict[str, Callable[..., np.ndarray]] = {'oks': oks_nms, 'soft_oks': soft_oks_nms}


@METRICS.register_module()
class CocoMetric(PoseMetric):
    """COCO keypoint AP and AR, with the published rescoring and OKS-NMS, for any number of joints.

    Returns, under the prefix, AP AP50 AP75 APM APL AR AR50 AR75 ARM ARL in [0, 1] (-1 where the ground truth has nobody
    of that size). It logs them as a table, followed by one that says how well each joint is found.

    Args:
        ann_file: COCO keypoint JSON with the ground truth, or a folder of several; every image in it counts, predicted
            or not. A file without `annotations` (test-dev) leads to a results file in place of metrics. None takes the
            ground truth from the samples' `gt_instances`, in which crowd regions are unknown, and areas too unless they
            have a field `areas` (0.53 of the box then).
        metainfo: name or dict of the joints, with the OKS sigmas; None takes the data set's. The log says where the
            sigmas are from: the config, a known data set, or the default of 0.05.
        rescoring: 'keypoint' is the box score times the mean of the joint scores above `keypoint_score_threshold`, as
            published; 'box' the box score; 'keypoint_only' that mean alone.
        keypoint_score_threshold: above which a joint's score counts in rescoring.
        nms: 'oks', 'soft_oks' or None. Areas are those of `box_size`, the padded box, as published.
        nms_threshold: OKS above which the lower scored of two people is dropped; for 'soft_oks' the width.
        backend: 'auto' for the fastest that is installed, 'faster-coco-eval', 'xtcocotools' or 'pycocotools'; the
            metrics are the same.
        outfile_prefix: results are written to `{outfile_prefix}.keypoints.json`, in COCO's form.
        **options: `collect_device` and `prefix`, see `PoseMetric`.

    Raises:
        UserError: wrong choice, or `ann_file` is missing; later, numbers of joints or images that do not fit.
    """

    linked = {'metainfo': 'metainfo', 'ann_file': '{ann_file}'}
    default_prefix = 'coco'
    metric_names: tuple[str, ...] = COCO_METRICS

    def __init__(
        self,
        ann_file: str | None = None,
        metainfo: str | Mapping[str, Any] | None = None,
        *,
        rescoring: str = 'keypoint',
        keypoint_score_threshold: float = 0.2,
        nms: str | None = 'oks',
        nms_threshold: float = 0.9,
        backend: str = 'auto',
        outfile_prefix: str | None = None,
        **options: Any,
    ) -> None:
        super().__init__(metainfo=metainfo, **options)
        name = type(self).__name__
        for option, value, choices in (('rescoring', rescoring, RESCORING_MODES), ('nms', nms, (*_NMS, None))):
            if value not in choices:
                raise UserError(f"{name} has no {option} '{value}'; choices: {', '.join(map(str, choices))}")
        if ann_file is not None and not fileio.exists(ann_file):
            raise UserError(f'{name}: its ann_file does not exist: {ann_file}; check the path')
        self.ann_file = ann_file
        self.rescoring = rescoring
        self.keypoint_score_threshold = keypoint_score_threshold
        self.nms = nms
        self.nms_threshold = nms_threshold
        self.backend = resolve_backend(backend)
        self.outfile_prefix = outfile_prefix

    def person(self, sample: Mapping[str, Any]) -> dict[str, Any]:
        """Return what is evaluated of a sample; `keypoints` is (K, 3), the joints and their scores."""
        predicted = sample['pred_instances']
        joints = only_person(predicted, 'keypoints'), only_person(predicted, 'keypoint_scores')
        person = {
            'img_id': sample['img_id'],
            'id': sample.get('id'),
            'category_id': sample.get('category_id'),
            'keypoints': np.column_stack(joints),
            'box_score': float(only_person(predicted, 'bbox_scores')),
            'area': float(np.prod(np.asarray(sample['box_size'], dtype=np.float64))),
        }
        if self.ann_file is None:
            person['truth'] = _annotation(truth_of(sample, f'{type(self).__name__} without ann_file'))
        return person

    def compute_metrics(self, results: list) -> dict[str, float]:
        """Return the metrics of all people; empty if the annotation file has no annotations."""
        info = self.info
        people = self.people(results)
        truth = self._file_truth if self.ann_file else self._samples_truth(people)
        found = self._predictions(people, truth, info['sigmas'])
        if self.ann_file and not len(truth):
            path = _write(truth, found, self.outfile_prefix or f'{Path(str(self.ann_file)).stem}_results')
            print_log(
                f'{self.ann_file} has no annotations, so nothing was scored; {len(found)} people written to {path} in '
                'the form that the COCO server takes',
                logger='current',
            )
            return {}
        if self.outfile_prefix:
            print_log(f'{len(found)} people written to {_write(truth, found, self.outfile_prefix)}', logger='current')
        if not len(found):
            warn(f'{type(self).__name__} got no predictions; every metric is 0')
            return dict.fromkeys(self.metric_names, 0.0)
        return self.evaluate_results(truth, found, info)

    def evaluate_results(self, truth: GroundTruth, found: Predictions, info: Mapping[str, Any]) -> dict[str, float]:
        """Return the metrics and log them, by joint too; another protocol is another class.

        Args:
            truth: at least one annotated person.
            found: at least one prediction.
            info: the complete metainfo.
        """
        metrics = evaluate_coco(truth, found, info['sigmas'], self.backend)
        log_metrics(f'COCO keypoint metrics ({self.backend}; OKS sigmas: {sigma_source(info)})', metrics)
        log_joints(truth, found, info)
        return metrics

    @cached_property
    def _file_truth(self) -> GroundTruth:
        path = str(self.ann_file)
        return GroundTruth.of(read_coco_json(path), len(self.info['keypoint_names']), path)

    def _samples_truth(self, people: Sequence[Person]) -> GroundTruth:
        annotations = [{**person['truth'], 'id': n, 'image_id': person['img_id']} for n, person in enumerate(people)]
        return GroundTruth.of({'annotations': annotations}, len(self.info['keypoint_names']))

    def _predictions(self, people: Sequence[Person], truth: GroundTruth, sigmas: Sequence[float]) -> Predictions:
        """Return the people left after rescoring and NMS, image by image."""
        keypoints = np.array([person['keypoints'] for person in people]).reshape(-1, len(sigmas), 3)
        box_scores, areas = (np.array([person[name] for person in people]) for name in ('box_score', 'area'))
        own = [truth.category if person['category_id'] is None else int(person['category_id']) for person in people]
        found = Predictions(
            image=truth.places(person['img_id'] for person in people),
            categories=np.array(own, dtype=np.int64),
            keypoints=keypoints,
            scores=rescore(box_scores, keypoints[..., 2], self.keypoint_score_threshold, mode=self.rescoring),
        )
        finite = np.isfinite(keypoints).all(axis=(1, 2)) & np.isfinite(box_scores)
        if not finite.all():
            warn(
                f'{(~finite).sum()} of {len(finite)} predictions hold NaN or infinity and were left out; '
                'the weights may have diverged'
            )
            found, areas = found.take(finite), areas[finite]
        if self.nms is None:
            return found
        kept = [np.zeros(0, dtype=np.int64)]
        for rows in rows_by_image(found.image, len(truth.image_ids)):
            best = _NMS[self.nms](found.keypoints[rows], found.scores[rows], areas[rows], sigmas, self.nms_threshold)
            kept.append(rows[best])
        return found.take(np.concatenate(kept))


def log_metrics(title: str, metrics: Mapping[str, float]) -> None:
    """Log metrics as a table of one row."""
    print_log(f'{title}:\n{format_table(list(metrics), [list(metrics.values())])}', logger='current')


def log_joints(truth: GroundTruth, found: Predictions, info: Mapping[str, Any]) -> None:
    """Log how well each joint is found."""
    by_joint = joint_agreement(truth, found, info['sigmas'])
    columns = (info['keypoint_names'], info['sigmas'], by_joint.labelled, by_joint.similarity, by_joint.found)
    table = format_table(('joint', 'sigma', 'labelled', 'similarity', 'found'), list(zip(*columns, strict=True)))
    print_log(
        'By joint, each labelled person against the prediction of highest OKS in its image; '
        f'found: similarity of at least 0.5\n{table}',
        logger='current',
    )


def _write(truth: GroundTruth, found: Predictions, prefix: str) -> Path:
    """Write predictions as COCO results; return the path."""
    path = Path(f'{prefix}.keypoints.json').absolute()
    path.parent.mkdir(parents=True, exist_ok=True)
    image_ids = [truth.image_ids[place] for place in found.image]
    path.write_text(json.dumps(coco_results(image_ids, found.categories, found.keypoints, found.scores)))
    return path


def _annotation(truth: Mapping[str, Any]) -> dict[str, Any]:
    """Return the ground truth of one sample as a COCO annotation, without the image's id."""
    x1, y1, x2, y2 = only_person(truth, 'bboxes').tolist()
    joints = only_person(truth, 'keypoints'), only_person(truth, 'keypoints_visible')
    area = {'area': float(only_person(truth, 'areas'))} if 'areas' in truth else {}
    return {'bbox': [x1, y1, x2 - x1, y2 - y1], 'keypoints': np.column_stack(joints).ravel(), **area}
