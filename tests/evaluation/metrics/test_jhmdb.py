"""JhmdbMetric: PCK by part in units of the box and of the torso, against a computation by hand."""

import numpy as np
import pytest
from mmengine.structures import InstanceData

from hrpose.datasets.metainfo import resolve
from hrpose.errors import UserError
from hrpose.evaluation import JhmdbMetric
from tests.evaluation.cases import evaluate, predicted_sample

NAMES = resolve('jhmdb')['keypoint_names']
LEFT_SHOULDER, RIGHT_HIP = NAMES.index('left_shoulder'), NAMES.index('right_hip')
PARTS = ('head', 'shoulder', 'elbow', 'wrist', 'hip', 'knee', 'ankle')


def people(rng, *, count=6):
    """Return samples of people, some joints unlabelled, and what is in them."""
    samples, drawn = [], []
    for number in range(count):
        truth = rng.uniform(20, 200, (15, 2))
        predicted = truth + rng.normal(0, 25, (15, 2))
        visible = (rng.random(15) > 0.2).astype(float)
        box = np.array([10.0, 20.0, 10 + rng.uniform(50, 150), 20 + rng.uniform(50, 150)])
        if number == 0:  # the torso is a point: the predicted one counts
            truth[RIGHT_HIP] = truth[LEFT_SHOULDER]
        sample = predicted_sample(number, number, predicted, np.ones(15))
        sample.gt_instances = InstanceData(
            keypoints=truth[None], keypoints_visible=visible[None], bboxes=box[None], bbox_scores=np.ones(1)
        )
        samples.append(sample)
        drawn.append((truth, predicted, visible, box))
    return samples, drawn


def by_hand(drawn, threshold, unit):
    """Return PCK in percent by joint's name, and the mean over the joints."""
    shares = {}
    for joint, name in enumerate(NAMES):
        hits = []
        for truth, predicted, visible, box in drawn:
            length = max(box[2] - box[0], box[3] - box[1])
            if unit == 'torso':
                length = np.hypot(*(truth[LEFT_SHOULDER] - truth[RIGHT_HIP]))
                if length < 1:
                    length = np.hypot(*(predicted[LEFT_SHOULDER] - predicted[RIGHT_HIP]))
            if visible[joint]:
                hits.append(np.hypot(*(predicted[joint] - truth[joint])) <= threshold * length)
        shares[name] = 100 * sum(hits) / len(hits)
    return shares, sum(shares.values()) / len(shares)


@pytest.mark.parametrize('threshold', [0.2, 0.1])
def test_pck_of_parts_and_their_mean_are_those_by_hand(threshold, rng):
    samples, drawn = people(rng)
    metrics = evaluate(JhmdbMetric(threshold, metainfo='jhmdb'), samples)
    for kind, unit in (('PCK', 'box'), ('tPCK', 'torso')):
        shares, mean = by_hand(drawn, threshold, unit)
        assert 5 < mean < 95
        assert metrics[f'jhmdb/{kind}'] == pytest.approx(mean, abs=1e-9)
        for part in PARTS:
            own = [value for name, value in shares.items() if name.endswith(part)]
            expected = sum(own) / len(own)
            assert metrics[f'jhmdb/{part.title()} {kind}'] == pytest.approx(expected, abs=1e-9)
    assert len(metrics) == 16 and next(iter(metrics)) == 'jhmdb/PCK'


def test_a_mistake_is_a_sentence(rng):
    with pytest.raises(UserError, match='threshold is 0; give a number above 0'):
        JhmdbMetric(0)
    samples, _ = people(rng, count=1)
    others = {'keypoint_names': [f'joint {number}' for number in range(15)]}
    with pytest.raises(UserError, match="no joint 'head'; use metainfo = 'jhmdb', or PCKMetric"):
        evaluate(JhmdbMetric(metainfo=others), samples)
