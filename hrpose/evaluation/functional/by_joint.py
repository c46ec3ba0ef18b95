"""How well each joint is found, measured as OKS measures it but joint by joint."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hrpose.evaluation.functional.coco_ap import pair_oks
from hrpose.evaluation.functional.oks import pairs_within, similarity_at
from hrpose.evaluation.functional.people import GroundTruth, Predictions


@dataclass(frozen=True)
class JointAgreement:
    """One value for each of K joints; NaN where a joint is labelled on nobody.

    Attributes:
        labelled: (K,) number of people on whom the joint is labelled.
        similarity: (K,) mean of exp(-e), with e as in OKS.
        found: (K,) share of the labelled ones whose similarity is at least the threshold.
    """

    labelled: NDArray[np.int64]
    similarity: NDArray[np.float64]
    found: NDArray[np.float64]


def joint_agreement(
    gt_annotations: Mapping[str, Any] | GroundTruth,
    results: Iterable[Mapping[str, Any]] | Predictions,
    sigmas: Sequence[float],
    *,
    threshold: float = 0.5,
) -> JointAgreement:
    """Compare each labelled person with the prediction of highest OKS in the image, joint by joint.

    Scores of people play no part, so this says where joints land and nothing of ranking. Joints of a person in whose
    image nobody is predicted count as not found. Crowds are left out.

    Args:
        gt_annotations: ground truth with K joints, as in `evaluate_coco`.
        results: predictions, as in `evaluate_coco`.
        sigmas: (K,) the joints' OKS sigmas.
        threshold: similarity in [0, 1] from which a joint counts as found.

    Raises:
        UserError: wrong number of joints, results for other images.
    """
    truth = GroundTruth.of(gt_annotations, len(sigmas))
    found = Predictions.of(results, truth)
    constants = np.asarray(sigmas, dtype=np.float64)
    people = truth.take((truth.num_labelled > 0) & ~truth.crowd)
    order = np.argsort(found.image, kind='stable')
    person, place = pairs_within(people.image, found.image[order])
    prediction = order[place]
    # Of each person's pairs, which follow one another, the first of highest OKS.
    values = pair_oks(found.keypoints, people, prediction, person, constants)
    ranked = np.lexsort((-values, person))
    matched, first = np.unique(person, return_index=True)
    offsets = found.keypoints[prediction[ranked[first]], :, :2] - people.keypoints[matched, :, :2]
    similarity = np.zeros(people.labelled.shape)
    similarity[matched] = similarity_at(offsets, people.areas[matched], constants) * people.labelled[matched]
    labelled = people.labelled.sum(axis=0)
    count = np.where(labelled > 0, labelled, np.nan)
    return JointAgreement(labelled, similarity.sum(axis=0) / count, (similarity >= threshold).sum(axis=0) / count)
