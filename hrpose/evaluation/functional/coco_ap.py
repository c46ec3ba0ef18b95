"""COCO's key point evaluation on a choice of backends: AP and AR over OKS thresholds 0.50 to 0.95.

Source of the protocol: https://cocodataset.org/#keypoints-eval; at most 20 people an image count.
All backends give the same figures; they differ in speed.
"""

import contextlib
import importlib.util
import io
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from hrpose.datasets.storage.columns import paused_collector
from hrpose.errors import UserError
from hrpose.evaluation.functional.coco_format import plain_ground_truth, plain_results

FIGURES = ('AP', 'AP50', 'AP75', 'APM', 'APL', 'AR', 'AR50', 'AR75', 'ARM', 'ARL')

# Fastest first: 'auto' takes the first that is installed.
_MODULES = {
    'faster-coco-eval': 'faster_coco_eval',
    'xtcocotools': 'xtcocotools',
    'pycocotools': 'pycocotools',
}
BACKENDS = ('auto', *_MODULES)


def available_backends() -> tuple[str, ...]:
    """Return the names of the evaluation backends that are installed, fastest first."""
    return tuple(name for name, module in _MODULES.items() if importlib.util.find_spec(module))


def resolve_backend(name: str = 'auto') -> str:
    """Return the backend that `name` stands for: for 'auto' the fastest that is installed.

    Raises:
        UserError: an unknown name, or a backend that is not installed.
    """
    if name not in BACKENDS:
        raise UserError(f"unknown evaluation backend '{name}'; choices: {', '.join(BACKENDS)}")
    installed = available_backends()
    if name == 'auto' and installed:
        return installed[0]
    if name in installed:
        return name
    wanted = 'pycocotools' if name == 'auto' else name
    raise UserError(f"evaluation backend '{name}' is not installed; install it with: pip install {wanted}")


def evaluate_coco(
    gt_annotations: Mapping[str, Any],
    results: Iterable[Mapping[str, Any]],
    sigmas: Sequence[float],
    backend: str = 'auto',
) -> dict[str, float]:
    """Return COCO's ten key point figures; nothing that is passed in is changed.

    Args:
        gt_annotations: the content of a COCO key point file (`images`, `annotations`,
            `categories`), with K joints an annotation. Ids may be numbers or text; what may be
            missing is told in `coco_format`.
        results: COCO key point results: `image_id`, `keypoints` (3K numbers in image px), `score`,
            and `category_id` (1 if missing).
        sigmas: (K,) the joints' OKS sigmas.
        backend: 'faster-coco-eval', 'xtcocotools', 'pycocotools', or 'auto' for the first of these that is
            installed.

    Returns:
        AP AP50 AP75 APM APL AR AR50 AR75 ARM ARL, each in [0, 1]; -1, as COCO has it, where the
        truth has nobody of that size. All are 0 when there are no results.

    Raises:
        UserError: backend unknown or not installed, wrong number of joints, results for other
        images.
    """
    backend = resolve_backend(backend)
    constants = np.asarray(sigmas, dtype=np.float64)
    with paused_collector(), contextlib.redirect_stdout(io.StringIO()):
        dataset, numbers = plain_ground_truth(gt_annotations, len(constants))
        detections = plain_results(results, len(constants), numbers)
        if not detections:
            return dict.fromkeys(FIGURES, 0.0)
        stats = _run(backend, dataset, detections, constants)
    return {name: float(value) for name, value in zip(FIGURES, stats, strict=True)}


def _run(backend: str, dataset: dict[str, Any], detections: list[dict[str, Any]], sigmas: np.ndarray) -> np.ndarray:
    """Return the ten figures (10,) of one backend; it writes into `dataset` and `detections`."""
    evaluation = accumulated(backend, dataset, detections, sigmas)
    evaluation.summarize()
    return np.asarray(evaluation.stats, dtype=np.float64)


def accumulated(
    backend: str,
    dataset: dict[str, Any],
    detections: list[dict[str, Any]],
    sigmas: np.ndarray,
    *,
    iou_type: str = 'keypoints',
) -> Any:
    """Return a backend's evaluation object after `accumulate`; it writes into `dataset` and `detections`.

    Args:
        backend: its name, one that is installed.
        dataset: the truth in plain form.
        detections: results in plain form, at least one.
        sigmas: (K,) the joints' OKS sigmas.
        iou_type: 'keypoints', or 'keypoints_crowd', where a person counts by the file's `num_keypoints` instead of
            the flags; pycocotools always goes by that number.
    """
    if backend == 'faster-coco-eval':
        from faster_coco_eval import COCO

        from hrpose.evaluation.functional.faster_oks import BatchedEvaluation

        truth, predicted = _load(COCO, dataset, detections)
        evaluation = BatchedEvaluation(truth, predicted, iou_type, kpt_oks_sigmas=sigmas)
    elif backend == 'xtcocotools':
        from xtcocotools.coco import COCO
        from xtcocotools.cocoeval import COCOeval

        truth, predicted = _load(COCO, dataset, detections)
        evaluation = COCOeval(truth, predicted, iou_type, sigmas=sigmas)
    else:
        from pycocotools.coco import COCO
        from pycocotools.cocoeval import COCOeval

        truth, predicted = _load(COCO, dataset, detections)
        evaluation = COCOeval(truth, predicted, 'keypoints')
        evaluation.params.kpt_oks_sigmas = sigmas
    evaluation.evaluate()
    evaluation.accumulate()
    return evaluation


def _load(api: type, dataset: dict[str, Any], detections: list[dict[str, Any]]) -> tuple[Any, Any]:
    """Return a backend's objects for truth and results, from memory: no file is touched.

    A backend's own `loadRes` looks at one result after the other, which takes as long as its evaluation.
    """
    truth, predicted = api(), api()
    truth.dataset = dataset
    predicted.dataset = {**dataset, 'annotations': with_extents(detections)}
    for each in (truth, predicted):
        each.createIndex()
    return truth, predicted


def with_extents(detections: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return plain results as `loadRes` of the backends has them: numbered from 1, `bbox` and `area` of the joints.

    Unlike an annotated person's, this area is the box's; it decides which people count as medium and large.
    """
    joints = np.stack([detection['keypoints'] for detection in detections]).reshape(len(detections), -1, 3)[..., :2]
    low, high = joints.min(axis=1), joints.max(axis=1)
    boxes, areas = np.hstack([low, high - low]).tolist(), (high - low).prod(axis=1).tolist()
    return [
        {**detection, 'id': number, 'bbox': box, 'area': area}
        for number, (detection, box, area) in enumerate(zip(detections, boxes, areas, strict=True), start=1)
    ]
