"""COCO's key point AP as a metric of mmengine's.

The steps after the last prediction: drop repeats, rescore, suppress doubles in each image, write
COCO results, evaluate. Letters: N people, K joints. Coordinates are image px.
"""

import json
import logging
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from mmengine import fileio
from mmengine.evaluator import BaseMetric
from mmengine.logging import print_log

from hrpose.datasets.metainfo import sigma_source
from hrpose.errors import UserError
from hrpose.evaluation.functional.by_joint import JointAgreement, joint_agreement
from hrpose.evaluation.functional.coco_ap import FIGURES, evaluate_coco, resolve_backend
from hrpose.evaluation.functional.coco_format import coco_result, joint_count, person_category
from hrpose.evaluation.functional.nms import oks_nms, soft_oks_nms
from hrpose.evaluation.functional.rescoring import RESCORING_MODES, rescore
from hrpose.evaluation.functional.truth_file import read_truth
from hrpose.evaluation.metrics.samples import (
    check_joint_count,
    metric_metainfo,
    only_person,
    without_repeats,
)
from hrpose.evaluation.metrics.tables import format_table
from hrpose.registry import METRICS

_NMS: dict[str, Callable[..., np.ndarray]] = {'oks': oks_nms, 'soft_oks': soft_oks_nms}
_Person = Mapping[str, Any]


@METRICS.register_module()
class CocoMetric(BaseMetric):
    """COCO key point AP and AR, with the published rescoring and OKS-NMS, for any number of joints.

    Returns, under the prefix, AP AP50 AP75 APM APL AR AR50 AR75 ARM ARL in [0, 1] (-1 where the
    truth has nobody of that size), and logs them as a table, followed by one that says how well
    each joint is found.

    Args:
        ann_file: COCO key point JSON with the truth, or a folder of several; every image in it
            counts, predicted or not. A file without `annotations` (test-dev) leads to a results
            file in place of figures. None takes the truth from the samples' `gt_instances`, in
            which crowd regions are unknown, and areas too unless it has a field `areas` (0.53 of
            the box then).
        metainfo: name or dict of the joints, with the OKS sigmas; None takes the data set's. The log says where the
            sigmas are from: the config, a known data set, or the default of 0.05.
        rescoring: 'keypoint' is the box score times the mean of the joint scores above
            `keypoint_score_threshold`, as published; 'box' the box score; 'keypoint_only' that mean
            alone.
        keypoint_score_threshold: above which a joint's score counts in rescoring.
        nms: 'oks', 'soft_oks' or None. Areas are those of `box_size`, the padded box, as published.
        nms_threshold: OKS above which the lower scored of two people is dropped; for 'soft_oks' the
            width.
        backend: 'auto' for the fastest that is installed, 'faster-coco-eval', 'xtcocotools' or 'pycocotools': the
            figures are the same.
        outfile_prefix: results are written to `{outfile_prefix}.keypoints.json`, in COCO's form.
        collect_device: how results of several processes come together: 'gpu' by the process group, on CPUs too;
            'cpu' by files in a folder `.dist_test` that all hosts have to share.
        prefix: of the figures' names.

    Raises:
        UserError: wrong choice, or `ann_file` is missing; later, numbers of joints or images that
        do not fit.
    """

    linked = {'metainfo': 'metainfo', 'ann_file': '{ann_file}'}
    default_prefix = 'coco'
    figures: tuple[str, ...] = FIGURES

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
        collect_device: str = 'gpu',
        prefix: str | None = 'coco',
    ) -> None:
        super().__init__(collect_device=collect_device, prefix=prefix)
        _check_choice('rescoring', rescoring, RESCORING_MODES)
        _check_choice('nms', nms, (*_NMS, None))
        if ann_file is not None and not fileio.exists(ann_file):
            raise UserError(f"{type(self).__name__}'s ann_file does not exist: {ann_file}")
        self.ann_file = ann_file
        self.metainfo = metainfo
        self.rescoring = rescoring
        self.keypoint_score_threshold = keypoint_score_threshold
        self.nms = nms
        self.nms_threshold = nms_threshold
        self.backend = resolve_backend(backend)
        self.outfile_prefix = outfile_prefix

    def process(self, data_batch: Any, data_samples: Sequence[Mapping[str, Any]]) -> None:
        """Keep what is evaluated of each `PoseDataSample.to_dict()`: one entry a sample."""
        self.results.extend(self._person(sample) for sample in data_samples)

    def compute_metrics(self, results: list) -> dict[str, float]:
        """Return the ten figures of all people; empty if the annotation file has no truth."""
        info = metric_metainfo(self.metainfo, self.dataset_meta, type(self).__name__)
        check_joint_count(results, info)
        people = without_repeats(results)
        truth = self._file_truth if self.ann_file else _truth_from_samples(people)
        _check_truth(truth, info, self.ann_file)
        detections = self._detections(people, info['sigmas'], person_category(truth))
        if self.ann_file and not truth.get('annotations'):
            self._submit(detections)
            return {}
        if self.outfile_prefix:
            path = _write(detections, self.outfile_prefix)
            print_log(f'{len(detections)} people written to {path}', logger='current')
        if not detections:
            print_log(
                f'{type(self).__name__} got no predictions: every figure is 0',
                logger='current',
                level=logging.WARNING,
            )
            return dict.fromkeys(self.figures, 0.0)
        return self.evaluate_results(truth, detections, info)

    def evaluate_results(
        self, truth: Mapping[str, Any], detections: list[dict[str, Any]], info: Mapping[str, Any]
    ) -> dict[str, float]:
        """Return the figures and log them, by joint too; another protocol is another class.

        Args:
            truth: the content of a COCO key point file.
            detections: COCO key point results, at least one; their third column is the joint's score.
            info: the complete metainfo.
        """
        figures = evaluate_coco(truth, detections, info['sigmas'], self.backend)
        log_figures(f'COCO key point figures ({self.backend}; OKS sigmas: {sigma_source(info)})', figures)
        log_joints(joint_agreement(truth, detections, info['sigmas']), info)
        return figures

    def _person(self, sample: Mapping[str, Any]) -> dict[str, Any]:
        predicted = sample['pred_instances']
        person = {
            'img_id': sample['img_id'],
            'id': sample.get('id'),
            'category_id': sample.get('category_id'),
            'keypoints': only_person(predicted, 'keypoints'),
            'keypoint_scores': only_person(predicted, 'keypoint_scores'),
            'box_score': float(only_person(predicted, 'bbox_scores')),
            'area': float(np.prod(np.asarray(sample['box_size'], dtype=np.float64))),
        }
        if self.ann_file is None:
            person['truth'] = _truth_of(sample)
        return person

    @cached_property
    def _file_truth(self) -> Mapping[str, Any]:
        return read_truth(str(self.ann_file))

    def _detections(self, people: Sequence[_Person], sigmas: Sequence[float], category: int) -> list[dict[str, Any]]:
        """Return COCO results of the people left after rescoring and NMS, image by image."""
        people = _finite(people)
        if not people:
            return []
        scores = rescore(
            [person['box_score'] for person in people],
            np.stack([person['keypoint_scores'] for person in people]),
            self.keypoint_score_threshold,
            mode=self.rescoring,
        )
        kept = self._suppress(people, scores, sigmas)
        return [_coco_result(people[index], scores[index], category) for index in kept]

    def _suppress(self, people: Sequence[_Person], scores: np.ndarray, sigmas: Sequence[float]) -> list[int]:
        if self.nms is None:
            return list(range(len(people)))
        keypoints = np.stack([person['keypoints'] for person in people])
        areas = np.array([person['area'] for person in people])
        kept: list[int] = []
        for members in _members_of_images(people):
            best = _NMS[self.nms](keypoints[members], scores[members], areas[members], sigmas, self.nms_threshold)
            kept.extend(members[best].tolist())
        return kept

    def _submit(self, detections: list[dict[str, Any]]) -> None:
        path = _write(detections, self.outfile_prefix or f'{Path(str(self.ann_file)).stem}_results')
        print_log(
            f'{self.ann_file} has no annotations, so nothing was scored; '
            f'{len(detections)} people written to {path} in the form that the COCO server takes',
            logger='current',
        )


def _check_choice(name: str, value: Any, choices: Sequence[Any]) -> None:
    if value not in choices:
        raise UserError(f"CocoMetric has no {name} '{value}'; choices: {', '.join(map(str, choices))}")


def _check_truth(truth: Mapping[str, Any], info: Mapping[str, Any], ann_file: str | None) -> None:
    if not truth.get('annotations'):
        return
    where, count = ann_file or 'the samples', joint_count(truth)
    if count is None:
        raise UserError(f'no annotation in {where} has key points; is it a file of boxes or masks?')
    if count != len(info['keypoint_names']):
        raise UserError(
            f'the annotations in {where} have {count} joints, but the metainfo '
            f"'{info['dataset_name']}' has {len(info['keypoint_names'])}"
        )


def _finite(people: Sequence[_Person]) -> list[_Person]:
    """Return the people whose numbers all are numbers, and say how many are not."""
    fields = ('keypoints', 'keypoint_scores', 'box_score')
    kept = [person for person in people if all(np.isfinite(person[f]).all() for f in fields)]
    if len(kept) < len(people):
        print_log(
            f'{len(people) - len(kept)} of {len(people)} predictions hold NaN or infinity '
            'and were left out; the weights may have diverged',
            logger='current',
            level=logging.WARNING,
        )
    return kept


def _members_of_images(people: Sequence[_Person]) -> list[np.ndarray]:
    """Return the indices of the people of each image."""
    _, image = np.unique([str(person['img_id']) for person in people], return_inverse=True)
    order = np.argsort(image, kind='stable')
    return np.split(order, np.flatnonzero(np.diff(image[order])) + 1)


def _coco_result(person: _Person, score: float, category: int) -> dict[str, Any]:
    own_category = person['category_id']
    category = category if own_category is None else int(own_category)
    return coco_result(person['img_id'], category, person['keypoints'], person['keypoint_scores'], score)


def _write(detections: list[dict[str, Any]], prefix: str) -> Path:
    path = Path(f'{prefix}.keypoints.json').absolute()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(detections))
    return path


def _truth_of(sample: Mapping[str, Any]) -> dict[str, Any]:
    """Return one sample's truth as a COCO annotation, without its image's id."""
    truth = sample.get('gt_instances') or {}
    if not {'keypoints', 'keypoints_visible', 'bboxes'} <= set(truth):
        raise UserError('CocoMetric has no truth: give it ann_file, or samples with gt_instances')
    x1, y1, x2, y2 = only_person(truth, 'bboxes').tolist()
    joints = np.column_stack([only_person(truth, 'keypoints'), only_person(truth, 'keypoints_visible')])
    annotation: dict[str, Any] = {
        'bbox': [x1, y1, x2 - x1, y2 - y1],
        'keypoints': joints.ravel().tolist(),
    }
    if 'areas' in truth:
        annotation['area'] = float(only_person(truth, 'areas'))
    return annotation


def _truth_from_samples(people: Sequence[_Person]) -> dict[str, Any]:
    images = {str(person['img_id']): person['img_id'] for person in people}
    annotations = [
        {**person['truth'], 'id': number, 'image_id': person['img_id'], 'category_id': 1}
        for number, person in enumerate(people, start=1)
    ]
    return {'images': [{'id': image} for image in images.values()], 'annotations': annotations}


def log_figures(title: str, figures: Mapping[str, float]) -> None:
    """Log figures as a table of one row."""
    print_log(f'{title}:\n{format_table(list(figures), [list(figures.values())])}', logger='current')


def log_joints(agreement: JointAgreement, info: Mapping[str, Any]) -> None:
    """Log how well each joint is found."""
    columns = (
        info['keypoint_names'],
        info['sigmas'],
        agreement.labelled,
        agreement.similarity,
        agreement.found,
    )
    table = format_table(('joint', 'sigma', 'labelled', 'similarity', 'found'), list(zip(*columns, strict=True)))
    print_log(
        'By joint, each labelled person against the prediction of highest OKS in its image; '
        f'found: similarity of at least 0.5\n{table}',
        logger='current',
    )
