"""Top-k accuracy against ranks by hand."""

import numpy as np
import pytest

from hrpose.errors import UserError
from hrpose.evaluation import AccuracyMetric


def evaluate(samples, classes: int = 4, **options: object) -> dict[str, float]:
    metric = AccuracyMetric(**options)
    metric.dataset_meta = {'classes': [f'class {index}' for index in range(classes)]}
    metric.process(None, [dict(pred_scores=np.array(scores), gt_label=label) for scores, label in samples])
    return metric.evaluate(len(samples))


def test_an_image_counts_from_the_rank_of_its_class_on():
    scores = [0.1, 0.4, 0.2, 0.3]
    found = evaluate([(scores, label) for label in (1, 3, 2, 0, 1)], topk=(1, 2, 3))
    assert found == {'accuracy/top1': 40.0, 'accuracy/top2': 60.0, 'accuracy/top3': 80.0}


@pytest.mark.parametrize('scores', [[0.25] * 4, [np.nan] * 4, [0.1, 0.1, np.nan, 0.1]])
def test_ties_and_nan_are_no_success(scores):
    assert evaluate([(scores, 0)], topk=(1,)) == {'accuracy/top1': 0.0}


def test_another_number_of_classes_is_an_error():
    with pytest.raises(UserError, match='the model has 4 classes, but the data have 3'):
        evaluate([([0.1, 0.4, 0.2, 0.3], 1)], classes=3)
