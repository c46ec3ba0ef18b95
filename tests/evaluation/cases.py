"""What the tests of evaluation share: generated people and predictions of mixed quality, samples, and evaluation."""

import contextlib
import copy
import io
import warnings

import numpy as np
from mmengine.evaluator import Evaluator
from mmengine.structures import InstanceData
from scipy.io import savemat

from hrpose.structures import PoseDataSample

SIGMAS_17 = np.array([26, 25, 25, 35, 35, 79, 79, 72, 72, 62, 62, 107, 107, 87, 87, 89, 89]) / 1000


# The joints of MPII's gt_valid.mat, which are those of its JSON.
MPII_MAT_JOINTS = (
    'rank', 'rkne', 'rhip', 'lhip', 'lkne', 'lank', 'pelv', 'thor', 'neck', 'head', 'rwri', 'relb', 'rsho', 'lsho',
    'lelb', 'lwri',
)  # fmt: skip


def write_mpii_truth(path, people, *, head):
    """Write people of the official JSON as a `gt_valid.mat`, each with a head's box of `head` (w, h) px."""
    corners = np.stack([np.zeros(2), head])
    savemat(
        path,
        {
            'dataset_joints': np.array([MPII_MAT_JOINTS], dtype=object),
            'jnt_missing': 1 - np.array([person['joints_vis'] for person in people]).T,
            'pos_gt_src': np.array([person['joints'] for person in people]).transpose(1, 2, 0),
            'headboxes_src': np.repeat(corners[:, :, None], len(people), axis=2),
        },
    )


def generated_case(rng, *, images=60, joints=17, people=4, results_each=3):
    """Return a COCO data set with crowds, unlabelled people and both sizes, and noisy results.

    An image has up to `people` annotations, each of them up to `results_each` results.
    """
    annotations, results = [], []
    for image in range(images):
        for _ in range(rng.integers(0, people + 1)):
            annotation = _annotation(rng, len(annotations) + 1, image, joints)
            annotations.append(annotation)
            results += [_result(rng, annotation) for _ in range(rng.integers(0, results_each + 1))]
    dataset = {
        'images': [{'id': image} for image in range(images)],
        'annotations': annotations,
        'categories': [{'id': 1, 'name': 'person'}],
    }
    return dataset, results


def _annotation(rng, number, image, joints):
    size = rng.uniform(20, 260)
    xy = rng.uniform(0, 400, 2) + rng.uniform(0, size, (joints, 2))
    flags = rng.choice([0, 1, 2], (joints, 1), p=[0.2, 0.2, 0.6]) * (rng.random() > 0.1)
    low, high = xy.min(axis=0), xy.max(axis=0)
    return {
        'id': number,
        'image_id': image,
        'category_id': 1,
        'keypoints': np.hstack([xy, flags]).ravel().tolist(),
        'num_keypoints': int((flags > 0).sum()),
        'bbox': [*low.tolist(), *(high - low).tolist()],
        'area': float(np.prod(high - low) * 0.6),
        'iscrowd': int(rng.random() < 0.05),
    }


def _result(rng, annotation):
    joints = np.reshape(annotation['keypoints'], (-1, 3)).copy()
    joints[:, :2] += rng.normal(0, rng.choice([0.5, 3, 10, 40]), joints[:, :2].shape)
    joints[:, 2] = rng.random(len(joints))
    return {
        'image_id': annotation['image_id'],
        'category_id': 1,
        'keypoints': joints.ravel().tolist(),
        'score': float(np.round(rng.random(), 2)),
    }


POSETRACK_EARS = [3, 4]  # PoseTrack18 never labels them


def predicted_sample(image, number, keypoints, scores, *, box_score=1.0, box_size=(100.0, 100.0)):
    """Return one person's prediction, keypoints (K, 2) in image px and scores (K,), as the network's output."""
    sample = PoseDataSample(metainfo=dict(img_id=image, id=number, box_size=np.array(box_size)))
    sample.pred_instances = InstanceData(
        keypoints=np.asarray(keypoints)[None],
        keypoint_scores=np.asarray(scores)[None],
        bboxes=np.zeros((1, 4)),
        bbox_scores=np.array([box_score]),
    )
    return sample


def samples_of(results):
    """Return one sample a COCO keypoint result, whose box score is the result's score."""
    return [
        predicted_sample(result['image_id'], number, joints[:, :2], joints[:, 2], box_score=result['score'])
        for number, result in enumerate(results)
        for joints in [np.reshape(result['keypoints'], (-1, 3))]
    ]


def by_xtcocotools(dataset, results, sigmas, *, iou_type='keypoints', use_area=True):
    """Return the ten metrics that xtcocotools computes by itself, with mmpose's options."""
    from xtcocotools.coco import COCO
    from xtcocotools.cocoeval import COCOeval

    truth = COCO()
    truth.dataset = copy.deepcopy(dataset)
    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter('ignore')  # that parts have no score of their own
        truth.createIndex()
        found = truth.loadRes(copy.deepcopy(results))
        evaluation = COCOeval(truth, found, iou_type, np.asarray(sigmas), use_area=use_area)
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return list(map(float, evaluation.stats))


def evaluate(metric, samples):
    """Return what a metric makes of samples, by its prefixed names."""
    evaluator = Evaluator(metric)
    evaluator.process(samples)
    return evaluator.evaluate(len(samples))
