"""COCO's keypoint evaluation on a choice of backends: AP and AR over OKS thresholds 0.50 to 0.95, and OKS by joint.

Source of the protocol: https://cocodataset.org/#keypoints-eval; at most 20 people an image count. All backends give the
same metrics; they differ in speed.

Letters: N true people, D detections, G true people of one image, P pairs of people, K joints. Coordinates are image px.
"""

import contextlib
import io
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from importlib import import_module
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hrpose.errors import UserError
from hrpose.evaluation.functional.oks import pairs_within
from hrpose.evaluation.functional.people import GroundTruth, People, Predictions, as_dicts
from hrpose.structures.oks import similarity_at

COCO_METRICS = ('AP', 'AP50', 'AP75', 'APM', 'APL', 'AR', 'AR50', 'AR75', 'ARM', 'ARL')
MOST_PEOPLE = 20  # of an image, best scored first

# Fastest first: 'auto' takes the first that is installed.
_BACKENDS = {
    'faster-coco-eval': 'faster_coco_eval',
    'xtcocotools': 'xtcocotools.cocoeval',
    'pycocotools': 'pycocotools.cocoeval',
}
_HOW_TO_INSTALL = {'xtcocotools': 'pip install --no-build-isolation --no-binary xtcocotools xtcocotools'}
_PAIRS_OF_JOINTS = 2**18  # compared at once: arrays of 4 MB


def available_backends() -> tuple[str, ...]:
    """Return the names of the evaluation backends that can be imported, fastest first."""
    return tuple(name for name in _BACKENDS if fault_of(name) is None)


@cache
def fault_of(backend: str) -> str | None:
    """Return why a backend cannot be used; None if it can be imported."""
    try:
        import_module(_BACKENDS[backend])
    except ModuleNotFoundError as error:
        return 'is not installed' if error.name == backend.replace('-', '_') else f'cannot be imported: {error}'
    except (ImportError, ValueError, AttributeError) as error:  # compiled for another NumPy, for instance
        return f'cannot be imported: {error}'
    return None


def resolve_backend(name: str = 'auto') -> str:
    """Return the backend that `name` stands for: for 'auto' the fastest that can be imported.

    Raises:
        UserError: an unknown name, or a backend that is not installed or cannot be imported.
    """
    if name not in ('auto', *_BACKENDS):
        raise UserError(f"unknown evaluation backend '{name}'; choices: auto, {', '.join(_BACKENDS)}")
    choices = tuple(_BACKENDS) if name == 'auto' else (name,)
    usable = next((choice for choice in choices if fault_of(choice) is None), None)
    if usable is not None:
        return usable
    how = _HOW_TO_INSTALL.get(name, "pip install 'hrpose[train]'")
    raise UserError(f"evaluation backend '{choices[0]}' {fault_of(choices[0])}; install it with: {how}")


def evaluate_coco(
    gt_annotations: Mapping[str, Any] | GroundTruth,
    results: Iterable[Mapping[str, Any]] | Predictions,
    sigmas: Sequence[float],
    backend: str = 'auto',
) -> dict[str, float]:
    """Return COCO's ten keypoint metrics; nothing that is passed in is changed.

    Args:
        gt_annotations: the content of a COCO keypoint file (`images`, `annotations`, `categories`) with K joints, or
            what `GroundTruth.of` read from it.
        results: COCO keypoint results, see `Predictions.of`, or what that read from them.
        sigmas: (K,) the joints' OKS sigmas.
        backend: 'faster-coco-eval', 'xtcocotools', 'pycocotools', or 'auto' for the first of these that is installed.

    Returns:
        AP AP50 AP75 APM APL AR AR50 AR75 ARM ARL, each in [0, 1]; -1, as COCO has it, where the ground truth has nobody
        of that size. All are 0 without results.

    Raises:
        UserError: a backend that is unknown or not installed, a wrong number of joints, results for other images.
    """
    backend = resolve_backend(backend)
    truth = GroundTruth.of(gt_annotations, len(sigmas))
    found = Predictions.of(results, truth)
    if not len(found):
        return dict.fromkeys(COCO_METRICS, 0.0)
    evaluation = accumulated(backend, truth, found, sigmas)
    with contextlib.redirect_stdout(io.StringIO()):
        evaluation.summarize()
    return dict(zip(COCO_METRICS, map(float, evaluation.stats), strict=True))


def accumulated(
    backend: str, truth: GroundTruth, found: Predictions, sigmas: Sequence[float], *, crowd: bool = False
) -> Any:
    """Return a backend's evaluation object after `accumulate`.

    Args:
        backend: name of one that is installed.
        truth: ground truth with K joints.
        found: at least one prediction.
        sigmas: (K,) the joints' OKS sigmas.
        crowd: count a person by the file's `num_keypoints`, as CrowdPose does, in place of the labelled joints.
    """
    if np.isnan(found.scores).any():
        raise UserError(f'{np.isnan(found.scores).sum()} of {len(found)} results have no score; give each a number')
    constants = np.asarray(sigmas, dtype=np.float64)
    iou_type = 'keypoints_crowd' if crowd else 'keypoints'
    faster = backend == 'faster-coco-eval'
    if faster:
        from faster_coco_eval import COCO
        from faster_coco_eval import COCOeval_faster as COCOeval
    elif backend == 'xtcocotools':
        from xtcocotools.coco import COCO
        from xtcocotools.cocoeval import COCOeval
    else:
        from pycocotools.coco import COCO
        from pycocotools.cocoeval import COCOeval

        iou_type = 'keypoints'  # it always goes by the number
    # Without a box or a labelled joint there is nothing to match with.
    truth = truth.take(truth.has_box | (truth.num_labelled > 0))
    categories = {truth.category, *truth.categories.tolist()}
    apis = COCO(), COCO()
    with contextlib.redirect_stdout(io.StringIO()):
        for api, people in zip(apis, backend_people(truth, found, crowd=crowd, joints=not faster), strict=True):
            # From memory: no file is touched, and `loadRes`, which looks at one result after the other, is not needed.
            api.dataset = {
                'images': [{'id': image} for image in range(len(truth.image_ids))],
                'categories': [{'id': category, 'name': str(category)} for category in categories],
                'annotations': people,
            }
            api.createIndex()
        evaluation = COCOeval(*apis, iou_type)
        evaluation.sigmas = evaluation.params.kpt_oks_sigmas = constants
        if faster:
            # In place of its loop over the images, people and detections in Python, which takes half of its time.
            values = grouped_oks(truth, found, constants)
            evaluation.computeOks = lambda image, category: values.get((image, category), [])
        evaluation.evaluate()
        evaluation.accumulate()
    return evaluation


class JointAgreement(NamedTuple):
    """How well each of K joints is found; NaN for a joint without any label."""

    labelled: NDArray[np.int64]  # (K,) number of people on whom the joint is labelled
    similarity: NDArray[np.float64]  # (K,) mean of exp(-e), with e as in OKS
    found: NDArray[np.float64]  # (K,) share of the labelled ones whose similarity is at least the threshold


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
        gt_annotations, results, sigmas: as in `evaluate_coco`.
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
    at_best = similarity_at(offsets, people.areas[matched], constants)
    similarity[matched] = np.where(people.labelled[matched], at_best, 0.0)
    labelled = people.labelled.sum(axis=0)
    count = np.where(labelled > 0, labelled, np.nan)
    return JointAgreement(labelled, similarity.sum(axis=0) / count, (similarity >= threshold).sum(axis=0) / count)


def grouped_oks(truth: GroundTruth, found: Predictions, sigmas: NDArray[np.float64]) -> dict[tuple[int, int], NDArray]:
    """Return, by (image, category), the OKS (D, G) of the best 20 detections, best first, with the G true people.

    The values are those of COCO's code to the last bit. That code also gives an OKS to a person without a labelled
    joint, who only takes detections away: joints inside a box enlarged by its own size on each side count as hit,
    others by their distance to it.
    """
    kinds, kind = np.unique(np.concatenate([truth.categories, found.categories]), return_inverse=True)
    true_groups = truth.image * len(kinds) + kind[: len(truth)]
    groups = found.image * len(kinds) + kind[len(truth) :]
    best = np.lexsort((-found.scores, groups))
    groups = groups[best]
    counted = np.arange(len(best)) - np.searchsorted(groups, groups) < MOST_PEOPLE
    best, groups = best[counted], groups[counted]
    order = np.argsort(true_groups, kind='stable')
    true_groups = true_groups[order]
    rows, columns = pairs_within(groups, true_groups)
    values = pair_oks(found.keypoints, truth, best[rows], order[columns], sigmas)
    shared, starts = np.unique(groups[rows], return_index=True)
    blocks = np.split(values, starts[1:])
    widths = np.diff(np.searchsorted(true_groups, [shared, shared + 1]), axis=0)[0]
    return {
        (int(group // len(kinds)), int(kinds[group % len(kinds)])): block.reshape(-1, width)
        for group, width, block in zip(shared, widths, blocks, strict=False)
    }


def pair_oks(
    found: NDArray, truth: GroundTruth, a: NDArray, b: NDArray, sigmas: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the OKS (P,) of the predicted keypoints `found[a]` with the true people `b`; a and b are (P,)."""
    unlabelled = truth.num_labelled == 0
    counts = np.where(unlabelled, len(sigmas), truth.num_labelled)
    labelled_first = np.argsort(~truth.labelled, axis=1, kind='stable')
    values = np.empty(len(a))
    step = max(1, _PAIRS_OF_JOINTS // len(sigmas))
    for start in range(0, len(a), step):
        i, j = a[start : start + step], b[start : start + step]
        points = found[i, :, :2]
        offsets = points - truth.keypoints[j, :, :2]
        if (outside := unlabelled[j]).any():
            # How far the joints lie outside of the box enlarged by its size on each side, by axis.
            corners, sizes = np.split(truth.boxes[j[outside], None], 2, axis=2)
            low, high = corners - sizes, corners + sizes * 2
            offsets[outside] = np.maximum(low - points[outside], 0) + np.maximum(points[outside] - high, 0)
        similarity = similarity_at(offsets, truth.areas[j], sigmas)
        similarity = np.take_along_axis(similarity, labelled_first[j], axis=1)
        part = values[start : start + step]
        # In the order in which COCO's code adds: the labelled joints alone, without zeros between them.
        for count in np.unique(counts[j]):
            rows = counts[j] == count
            part[rows] = similarity[rows, :count].sum(axis=1) / count
    return values


def backend_people(
    truth: GroundTruth, found: Predictions, *, crowd: bool = False, joints: bool = True
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return annotations and results as a backend takes them.

    The area of a result is that of the extent of its joints, as COCO has it, unless it has one.

    Args:
        truth: of people with a box or a labelled joint.
        found: predictions.
        crowd: state the file's `num_keypoints` in place of the number of labelled joints.
        joints: keypoints and boxes too, for a backend that computes OKS itself.
    """
    areas = np.ptp(found.keypoints[..., :2], axis=1).prod(axis=1) if found.areas is None else found.areas
    counts = truth.num_keypoints if crowd else truth.num_labelled
    people = _columns(truth, area=truth.areas, num_keypoints=counts, iscrowd=truth.crowd.astype(int))
    predicted = _columns(found, area=areas, score=found.scores)
    if joints:
        scored = found.keypoints.copy()
        scored[..., 2] = 1  # xtcocotools leaves out people whose joints all score 0
        width = 3 * found.keypoints.shape[1]
        people |= {'keypoints': list(truth.keypoints.reshape(-1, width)), 'bbox': list(truth.boxes)}
        predicted['keypoints'] = list(scored.reshape(-1, width))
    return as_dicts(people), as_dicts(predicted)


def _columns(people: People, **more: NDArray) -> dict[str, Sequence[Any]]:
    # Numbered from 1: to some backends an id of 0 means that there is no match.
    arrays = {'image_id': people.image, 'category_id': people.categories, **more}
    return {'id': range(1, len(people) + 1), **{name: array.tolist() for name, array in arrays.items()}}
