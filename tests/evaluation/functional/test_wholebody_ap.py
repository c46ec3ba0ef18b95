"""COCO-WholeBody's metrics of the whole body and of its parts: those of xtcocotools."""

import copy

import numpy as np
import pytest

from hrpose.datasets.annotations import WHOLE_BODY_PARTS
from hrpose.datasets.metainfo import resolve
from hrpose.evaluation import available_backends, evaluate_wholebody
from hrpose.evaluation.functional.coco_ap import COCO_METRICS
from hrpose.evaluation.functional.wholebody_ap import PARTS
from tests.evaluation.cases import by_xtcocotools, generated_case

SIGMAS = resolve('coco_wholebody')['sigmas']


def in_parts(entry):
    """Return an annotation or a result of 133 joints with those of each part in a list of its own."""
    joints = np.reshape(entry['keypoints'], (-1, 3))
    return entry | {
        name: joints[place].ravel().tolist() for name, place in zip(WHOLE_BODY_PARTS, PARTS.values(), strict=True)
    }


def whole_body_case(rng):
    """Return a case in COCO-WholeBody's form: precise and bad results, people of whom parts are not labelled."""
    dataset, results = generated_case(rng, images=25, joints=133)
    annotations = list(map(in_parts, dataset['annotations']))
    for annotation in annotations:
        for part in WHOLE_BODY_PARTS[1:]:
            if rng.random() < 0.3:
                annotation[part] = [0.0] * len(annotation[part])
    # Faces and hands have small sigmas: without some precise results nothing would be found.
    for result in results:
        joints = np.reshape(result['keypoints'], (-1, 3))
        near = min(
            (a for a in dataset['annotations'] if a['image_id'] == result['image_id']),
            key=lambda a: np.abs(np.reshape(a['keypoints'], (-1, 3))[:, :2] - joints[:, :2]).sum(),
        )
        truth = np.reshape(near['keypoints'], (-1, 3))
        joints[:, :2] = truth[:, :2] + (joints[:, :2] - truth[:, :2]) * rng.choice([0.05, 0.3, 1.0])
        joints[:, 2] += 0.01
        result['keypoints'] = joints.ravel().tolist()
    return {**dataset, 'annotations': annotations}, list(map(in_parts, results))


@pytest.mark.parametrize('backend', available_backends())
def test_the_metrics_of_each_part_are_those_of_xtcocotools(backend, rng):
    pytest.importorskip('xtcocotools')
    dataset, results = whole_body_case(rng)
    before = copy.deepcopy((dataset, results))
    metrics = evaluate_wholebody(dataset, results, SIGMAS, backend)
    assert (dataset, results) == before
    assert list(metrics) == ['wholebody', *PARTS]
    for part, found in metrics.items():
        sigmas = SIGMAS[PARTS.get(part, slice(None))]
        expected = by_xtcocotools(dataset, results, sigmas, iou_type=f'keypoints_{part}')
        assert list(found) == list(COCO_METRICS)
        assert list(found.values()) == pytest.approx(expected, abs=1e-6), part
        assert 0.02 < found['AP'] < 0.95, part
    assert len({metrics[part]['AP'] for part in metrics}) == 6
