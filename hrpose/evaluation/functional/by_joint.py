"""How well each joint is found, measured as OKS measures it but joint by joint.

Letters: G labelled people, P predicted people of an image, K joints. Coordinates are image px.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hrpose.evaluation.functional.coco_format import plain_ground_truth, plain_results
from hrpose.evaluation.functional.oks import joint_similarity

_Array = NDArray[np.float64]


@dataclass(frozen=True)
class JointAgreement:
    """One value a joint; NaN where the joint is labelled on nobody.

    labelled (K,) how many people have it labelled; similarity (K,) mean of exp(-e), with e as in
    OKS; found (K,) the share of labelled ones whose similarity is at least the threshold.
    """

    labelled: NDArray[np.int64]
    similarity: _Array
    found: _Array


def joint_agreement(
    gt_annotations: Mapping[str, Any],
    results: Iterable[Mapping[str, Any]],
    sigmas: Sequence[float],
    *,
    threshold: float = 0.5,
) -> JointAgreement:
    """Compare each labelled person with the prediction of highest OKS in its image, joint by joint.

    The choice of prediction does not look at scores, so this says where joints land and nothing of
    ranking. Joints of a person in whose image nobody is predicted count as not found. Crowds are
    left out.

    Args:
        gt_annotations: the content of a COCO key point file with K joints.
        results: COCO key point results.
        sigmas: (K,) the joints' OKS sigmas.
        threshold: similarity in [0, 1] from which a joint counts as found.

    Raises:
        UserError: wrong number of joints, results for other images.
    """
    constants = np.asarray(sigmas, dtype=np.float64)
    dataset, numbers = plain_ground_truth(gt_annotations, len(constants))
    people = [a for a in dataset['annotations'] if a['num_keypoints'] and not a['iscrowd']]
    truth = _by_image(people)
    predicted = _by_image(plain_results(results, len(constants), numbers))
    labelled = np.zeros(len(constants), dtype=np.int64)
    total, found = np.zeros(len(constants)), np.zeros(len(constants))
    for image, entries in truth.items():
        visible = _joints(entries)[:, :, 2] > 0
        labelled += visible.sum(axis=0)
        if image in predicted:
            similarity = np.where(visible, _best_similarity(entries, predicted[image], constants), 0.0)
            total += similarity.sum(axis=0)
            found += (similarity >= threshold).sum(axis=0)
    number = np.where(labelled > 0, labelled, np.nan)
    return JointAgreement(labelled=labelled, similarity=total / number, found=found / number)


def _best_similarity(entries: list[dict], predictions: list[dict], sigmas: _Array) -> _Array:
    """Return (G, K) the joints' similarity of each person with the prediction of highest OKS."""
    truth = _joints(entries)
    areas = np.array([entry['area'] for entry in entries])
    similarity = joint_similarity(_joints(predictions), truth, areas=areas, sigmas=sigmas)
    # The number of labelled joints divides a whole column, so the sum finds the same best as the
    # mean.
    summed = np.where(truth[:, :, 2] > 0, similarity, 0.0).sum(axis=2)
    return similarity[summed.argmax(axis=0), np.arange(len(entries))]


def _by_image(entries: Iterable[dict[str, Any]]) -> dict[int, list[dict[str, Any]]]:
    groups: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for entry in entries:
        groups[entry['image_id']].append(entry)
    return dict(groups)


def _joints(entries: list[dict[str, Any]]) -> _Array:
    return np.array([entry['keypoints'] for entry in entries], dtype=np.float64).reshape(len(entries), -1, 3)
