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

from hrpose.datasets.annotations import read_coco_json
from hrpose.datasets.metainfo import sigma_source
from hrpose.errors import UserError
from hrpose.evaluation.functional.coco_ap import COCO_METRICS, evaluate_coco, joint_agreement, resolve_backend
from hrpose.evaluation.functional.nms import RESCORING_MODES, oks_nms, rescore, rescore_calibrated, soft_oks_nms
from hrpose.evaluation.functional.people import NO_TRACK, GroundTruth, Predictions, coco_results, rows_by_image
from hrpose.evaluation.metrics.base import Person, PoseMetric, format_table, only_person, truth_of, warn
from hrpose.registry import METRICS
from hrpose.structures import PROBABILITIES

CALIBRATED = 'calibrated'
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
            published; 'box' the box score; 'keypoint_only' that mean alone; 'calibrated' the box score times the
            expected share of right joints, by the checkpoint's calibration (`tools/analysis/calibrate.py`).
        keypoint_score_threshold: above which a joint's score counts in rescoring.
        nms: 'oks', 'soft_oks' or None. Areas are those of `box_size`, the padded box, as published.
        nms_threshold: OKS above which the lower scored of two people is dropped; for 'soft_oks' the width.
        use_area: the files' areas; False takes 0.53 of the true box for everybody, as mmpose does on AI Challenger.
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
        use_area: bool = True,
        backend: str = 'auto',
        outfile_prefix: str | None = None,
        **options: Any,
    ) -> None:
        super().__init__(metainfo=metainfo, **options)
        name = type(self).__name__
        modes = (*RESCORING_MODES, CALIBRATED)
        for option, value, choices in (('rescoring', rescoring, modes), ('nms', nms, (*_NMS, None))):
            if value not in choices:
                raise UserError(f"{name} has no {option} '{value}'; choices: {', '.join(map(str, choices))}")
        if ann_file is not None and not fileio.exists(ann_file):
            raise UserError(f'{name}: its ann_file does not exist: {ann_file}; check the path')
        self.ann_file = ann_file
        self.rescoring = rescoring
        self.keypoint_score_threshold = keypoint_score_threshold
        self.nms = nms
        self.nms_threshold = nms_threshold
        self.use_area = use_area
        self.backend = resolve_backend(backend)
        self.outfile_prefix = outfile_prefix

    def kept(self, sample: Mapping[str, Any]) -> dict[str, Any]:
        """Return what AP needs of a sample beside its keypoints, and the ground truth if no file has it.

        Raises:
            UserError: rescoring is by a calibration, and the checkpoint has none.
        """
        predicted = sample['pred_instances']
        probabilities = {name: only_person(predicted, name) for name in PROBABILITIES if name in predicted}
        if self.rescoring == CALIBRATED and len(probabilities) < len(PROBABILITIES):
            raise UserError(
                f"{type(self).__name__}: rescoring='{CALIBRATED}' needs a calibrated checkpoint, and this one has no "
                'calibration; add it by tools/analysis/calibrate.py, or choose another rescoring'
            )
        return {
            **probabilities,
            'category_id': sample.get('category_id'),
            'keypoint_scores': only_person(predicted, 'keypoint_scores'),
            'box_score': only_person(predicted, 'bbox_scores'),
            'area': np.prod(np.asarray(sample['box_size'], dtype=np.float64)),
            **({} if self.ann_file else truth_of(sample, f'{type(self).__name__} without ann_file')),
        }

    def compute_metrics(self, results: list) -> dict[str, float]:
        """Return the metrics of all people; empty if the annotation file has no annotations."""
        info = self.info
        people = self.people(results)
        truth = self._file_truth if self.ann_file else self._samples_truth(people)
        truth = truth if self.use_area else truth.with_areas_of_boxes()
        found = self._predictions(people, truth, info['sigmas'])
        if self.ann_file and not len(truth):
            path = self._write(truth, found, self.outfile_prefix or f'{Path(str(self.ann_file)).stem}_results')
            print_log(
                f'{self.ann_file} has no annotations, so nothing was scored; {len(found)} people written to {path} in '
                'the form that the COCO server takes',
                logger='current',
            )
            return {}
        if self.outfile_prefix:
            print_log(
                f'{len(found)} people written to {self._write(truth, found, self.outfile_prefix)}', logger='current'
            )
        if not len(found):
            warn(f'{type(self).__name__} got no predictions; every metric is 0')
            return dict.fromkeys(self.metric_names, 0.0)
        return self.evaluate_results(truth, found, info)

    def evaluate_results(self, truth: GroundTruth, found: Predictions, info: Mapping[str, Any]) -> dict[str, float]:
        """Return the metrics of at least one annotated and one predicted person, and log them, by joint too.

        Another protocol is a subclass that overrides this.

        Args:
            truth: the annotated people.
            found: the predicted people.
            info: the complete metainfo.
        """
        metrics = evaluate_coco(truth, found, info['sigmas'], self.backend)
        log_tables(
            f'COCO keypoint metrics ({self.backend}; OKS sigmas: {sigma_source(info)})', metrics, truth, found, info
        )
        return metrics

    @cached_property
    def _file_truth(self) -> GroundTruth:
        path = str(self.ann_file)
        return GroundTruth.of(self.read_content(path), len(self.info['keypoint_names']), path)

    def read_content(self, path: str) -> dict[str, Any]:
        """Return the content of an annotation file, with all joints of a person in `keypoints`."""
        return read_coco_json(path)

    def result_entries(self, truth: GroundTruth, found: Predictions) -> list[dict[str, Any]]:
        """Return predictions as the results that are written."""
        image_ids = [truth.image_ids[place] for place in found.image]
        return coco_results(image_ids, found.categories, found.keypoints, found.scores)

    def _write(self, truth: GroundTruth, found: Predictions, prefix: str) -> Path:
        """Write predictions as COCO results; return the path."""
        path = Path(f'{prefix}.keypoints.json').absolute()
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(self.result_entries(truth, found)))
        return path

    def _samples_truth(self, people: Sequence[Person]) -> GroundTruth:
        annotations = [
            {
                'image_id': person['img_id'],
                'category_id': person['category_id'],
                'keypoints': np.column_stack([person['truth'], person['visible']]).ravel(),
                'bbox': np.concatenate([person['box'][:2], person['box'][2:] - person['box'][:2]]),
                'area': person.get('true_area'),
            }
            for person in people
        ]
        return GroundTruth.of({'annotations': annotations}, len(self.info['keypoint_names']))

    def _predictions(self, people: Sequence[Person], truth: GroundTruth, sigmas: Sequence[float]) -> Predictions:
        """Return the people left after rescoring and NMS, image by image."""
        names = ('keypoints', 'keypoint_scores', 'box_score', 'area')
        points, scores, box_scores, areas = (np.array([person[name] for person in people]) for name in names)
        keypoints = np.dstack([points, scores]) if people else np.zeros((0, len(sigmas), 3))
        own = [truth.category if person['category_id'] is None else int(person['category_id']) for person in people]
        found = Predictions(
            image=truth.places(person['img_id'] for person in people),
            categories=np.array(own, dtype=np.int64),
            keypoints=keypoints,
            tracks=np.array([person.get('track_id', NO_TRACK) for person in people], dtype=np.int64),
            scores=self._scores(people, box_scores, keypoints[..., 2]),
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
        for rows in filter(len, rows_by_image(found.image, len(truth.image_ids))):
            best = _NMS[self.nms](found.keypoints[rows], found.scores[rows], areas[rows], sigmas, self.nms_threshold)
            kept.append(rows[best])
        return found.take(np.concatenate(kept))

    def _scores(self, people: Sequence[Person], box_scores: np.ndarray, scores: np.ndarray) -> np.ndarray:
        """Return the scores (N,) of people, of boxes' scores (N,) and joints' scores (N, K)."""
        if self.rescoring != CALIBRATED:
            return rescore(box_scores, scores, self.keypoint_score_threshold, mode=self.rescoring)
        stacked = (np.array([person[name] for person in people]).reshape(scores.shape) for name in PROBABILITIES)
        return rescore_calibrated(box_scores, *stacked)


def log_tables(
    title: str, metrics: Mapping[str, float], truth: GroundTruth, found: Predictions, info: Mapping[str, Any]
) -> None:
    """Log metrics as a table of one row, then how well each joint is found."""
    by_joint = joint_agreement(truth, found, info['sigmas'])
    columns = (info['keypoint_names'], info['sigmas'], by_joint.labelled, by_joint.similarity, by_joint.found)
    joints = format_table(('joint', 'sigma', 'labelled', 'similarity', 'found'), list(zip(*columns, strict=True)))
    print_log(
        f'{title}:\n{format_table(list(metrics), [list(metrics.values())])}\nBy joint, each labelled person against '
        f'the prediction of highest OKS in its image; found: similarity of at least 0.5\n{joints}',
        logger='current',
    )
