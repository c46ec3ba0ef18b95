"""OKS of whole images at once is the library's own, bit by bit."""

import numpy as np
import pytest

from hrpose.evaluation.functional.coco_ap import FIGURES, _load
from hrpose.evaluation.functional.coco_format import plain_ground_truth, plain_results
from tests.evaluation.cases import generated_case

pytest.importorskip('faster_coco_eval')


@pytest.mark.parametrize('joints', [3, 5, 17, 133])
def test_oks_and_figures_are_those_of_the_library_to_the_last_bit(rng, joints):
    from faster_coco_eval import COCO, COCOeval_faster

    from hrpose.evaluation.functional.faster_oks import BatchedEvaluation

    dataset, results = generated_case(rng, joints=joints)
    sigmas = rng.uniform(0.02, 0.1, joints)
    for person in dataset['annotations'][::3]:  # people who only take detections away
        person['keypoints'] = [0] * len(person['keypoints'])
    runs = []
    for kind in (COCOeval_faster, BatchedEvaluation):
        truth, numbers = plain_ground_truth(dataset, joints)
        run = kind(*_load(COCO, truth, plain_results(results, joints, numbers)), 'keypoints', kpt_oks_sigmas=sigmas)
        run.evaluate()
        run.accumulate()
        run.summarize()
        runs.append(run)
    library, own = runs
    assert len(own.stats) == len(FIGURES) and 0 < own.stats[0] < 1
    assert own.stats.tolist() == library.stats.tolist()
    filled = [key for key, values in library.ious.items() if len(values)]
    assert len(filled) > 5
    for key in library.ious:
        np.testing.assert_array_equal(np.asarray(own.ious[key]), np.asarray(library.ious[key]))
