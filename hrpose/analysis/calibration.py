"""Fit what turns a joint's peak and its person's size into probabilities, and measure how far they can be trusted.

The people of a test set with annotated boxes are split by image: one half fits, the other measures. Nothing that is
measured was fitted.

N people, K joints, n people on whom one joint counts, B bins.
"""

import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from mmengine.config import Config
from mmengine.logging import MMLogger
from mmengine.registry import init_default_scope
from mmengine.runner import Runner, autocast
from numpy.typing import NDArray
from tqdm import tqdm

from hrpose.analysis.ap_account import coco_metric_of
from hrpose.datasets.annotations import image_key, read_coco_json
from hrpose.errors import UserError
from hrpose.evaluation.functional.people import GroundTruth
from hrpose.evaluation.metrics.base import format_table
from hrpose.evaluation.metrics.coco import CALIBRATED
from hrpose.models.calibration import CURVES, Calibration, Curve, sigmoid
from hrpose.registry import METRICS
from hrpose.structures import PROBABILITIES
from hrpose.structures.oks import similarity_at

METHODS = ('logistic', 'isotonic')
TABLE = 65  # values of a stored table
BINS = 10
DRAWS = 50  # of a simulation
RESCORINGS = {'keypoint': 'as published', 'box': "the box's score", CALIBRATED: 'calibrated'}
COLUMNS = ('AP', 'AP50', 'AP75', 'AR')

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Joints:
    """Predicted joints beside the ground truth."""

    peaks: Floats  # (N, K)
    sizes: Floats  # (N,) square root of the padded box's area, image px
    within: Mask  # (N, K) a labelled joint within the tolerance
    labelled: Mask  # (N, K)

    def take(self, rows: Mask) -> 'Joints':
        """Return the people of a mask (N,)."""
        return Joints(*(array[rows] for array in vars(self).values()))

    def outcome(self, curve: str) -> tuple[Mask, Mask]:
        """Return what a curve of `CURVES` predicts, (N, K), and where it can be compared, (N, K)."""
        if curve == 'within':
            return self.within, self.labelled
        return self.labelled, np.ones_like(self.labelled)


@dataclass(frozen=True)
class Reliability:
    """How one probability agrees with what happened, before the calibration (the peak, cut to 0..1) and after."""

    before: Floats  # (N, K) in [0, 1]
    after: Floats  # (N, K) in [0, 1]
    happened: Mask  # (N, K)
    counts: Mask  # (N, K) where there is something to compare

    def errors(self, joint: int | None = None) -> tuple[float, float]:
        """Return the expected calibration errors before and after, of one joint or of all together."""
        columns = slice(None) if joint is None else slice(joint, joint + 1)
        counts = self.counts[:, columns]
        happened = self.happened[:, columns][counts]
        before, after = (
            calibration_error(values[:, columns][counts], happened) for values in (self.before, self.after)
        )
        return before, after

    def by_chance(self, joint: int | None = None) -> float:
        """Return the error after the calibration that there would be if its probabilities were exact, by simulation."""
        columns = slice(None) if joint is None else slice(joint, joint + 1)
        after = self.after[:, columns][self.counts[:, columns]]
        rng = np.random.default_rng(1)
        return float(np.mean([calibration_error(after, rng.random(len(after)) < after) for _ in range(DRAWS)]))


@dataclass(frozen=True)
class Report:
    """A calibration and what it is worth on the people that it was not fitted on."""

    calibration: Calibration
    fitted: int  # people
    reliability: dict[str, Reliability]  # by name of the curve
    metrics: dict[str, dict[str, float]]  # by way of rescoring, then by name


def calibrate(cfg: Config, model: Any, *, method: str = 'logistic', tolerance: float = 0.5, seed: int = 0) -> Report:
    """Fit a calibration on one half of the test images and measure it on the other.

    Args:
        cfg: linked, with a test set and a `CocoMetric` that has an annotation file.
        model: a `TopdownPoseEstimator` with its weights, in eval mode; a calibration that it has is discarded.
        method: 'logistic' for a logistic regression; 'isotonic' for an isotonic one on top of it.
        tolerance: similarity of OKS from which a joint counts as right.
        seed: of the split.

    Raises:
        UserError: a wrong choice, scikit-learn is not installed, no ground truth, or too few images.
    """
    if method not in METHODS:
        raise UserError(f"there is no method '{method}' to calibrate with; choices: {', '.join(METHODS)}")
    if not 0 < tolerance < 1:
        raise UserError(f'the tolerance is a similarity between 0 and 1, not {tolerance:g}')
    require_sklearn()
    init_default_scope(cfg.default_scope)
    part = coco_metric_of(cfg)
    if not part.get('ann_file'):
        raise UserError('test_evaluator.ann_file: a calibration needs an annotation file; name one')
    content = read_coco_json(part['ann_file'])
    metric = METRICS.build(dict(part))
    people, info = predicted_people(cfg, model, metric)
    # The metric knows the form of its file: COCO-WholeBody's has the joints of each part apart.
    truth = GroundTruth.of(metric.read_content(part['ann_file']), len(info['keypoint_names']), str(part['ann_file']))
    joints = compare(people, truth, np.array(info['sigmas'], dtype=np.float64), tolerance)
    images = np.array([image_key(person['img_id']) for person in people])
    fit = first_half(images, seed)
    curves = fit_joints(joints.take(fit), method)
    calibration = Calibration(tuple(info['keypoint_names']), tolerance, **curves, protocol=model.protocol)
    held_out = joints.take(~fit)
    reliability = {name: _reliability(held_out, name, curves[name]) for name in CURVES}
    others = [person for person, used in zip(people, fit, strict=True) if not used]
    for name, found in zip(PROBABILITIES, reliability.values(), strict=True):
        others = [{**person, name: after} for person, after in zip(others, found.after, strict=True)]
    metrics = score(part, others, _without(content, set(images[fit])), info)
    return Report(calibration, int(fit.sum()), reliability, metrics)


def require_sklearn() -> None:
    """Raise `UserError` if scikit-learn is not installed."""
    try:
        import sklearn  # noqa: F401
    except ImportError as error:
        raise UserError(
            "calibrating needs scikit-learn, which is not installed; install it with: pip install 'hrpose[analysis]'"
        ) from error


@torch.no_grad()
def predicted_people(cfg: Config, model: Any, metric: Any) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Return what `metric` keeps of each person of the test set in its annotated box, and the metainfo."""
    loader_cfg = cfg.test_dataloader.to_dict()
    loader_cfg['dataset'].pop('bbox_file', None)
    loader = Runner.build_dataloader(loader_cfg)
    metric.dataset_meta = loader.dataset.metainfo
    metric.rescoring = 'keypoint'  # which needs no calibration
    model.calibration = None
    with autocast(enabled=bool(cfg.get('test_cfg', {}).get('fp16', False))):
        for batch in tqdm(loader, unit='batch'):
            metric.process(None, [sample.to_dict() for sample in model.test_step(batch)])
    return metric.people(metric.results), metric.info


def compare(people: Sequence[dict[str, Any]], truth: GroundTruth, sigmas: Floats, tolerance: float) -> Joints:
    """Return the predicted joints of people beside their ground truth, which has their ids.

    Raises:
        UserError: a prediction has no annotation, or is not finite.
    """
    places = {str(each): place for place, each in enumerate(truth.ids)}
    if unknown := {str(person['id']) for person in people} - set(places):
        raise UserError(f"{len(unknown)} predicted people, such as {min(unknown)}, are not in the metric's ann_file")
    rows = np.array([places[str(person['id'])] for person in people], dtype=np.int64)
    keypoints = np.array([person['keypoints'] for person in people]).reshape(len(rows), len(sigmas), 2)
    peaks = np.array([person['keypoint_scores'] for person in people]).reshape(len(rows), len(sigmas))
    if not (np.isfinite(keypoints).all() and np.isfinite(peaks).all()):
        raise UserError('predictions hold NaN or infinity; the weights may have diverged')
    true = truth.take(rows)
    similarity = similarity_at(keypoints - true.keypoints[..., :2], true.areas, sigmas)
    sizes = np.sqrt([person['area'] for person in people])
    return Joints(peaks, sizes, true.labelled & (similarity >= tolerance), true.labelled)


def first_half(images: NDArray[Any], seed: int) -> Mask:
    """Return which of N people are in a random half of their images (N,).

    Raises:
        UserError: there are fewer than two images.
    """
    known = np.unique(images)
    if len(known) < 2:
        raise UserError(f'a calibration needs people in at least 2 images, and there are {len(known)}; give more data')
    half = np.random.default_rng(seed).permutation(known)[: len(known) // 2]
    return np.isin(images, half)


def fit_joints(joints: Joints, method: str) -> dict[str, Curve]:
    """Return the curves by name, fitted joint by joint."""
    curves = {}
    features = np.dstack([joints.peaks, np.broadcast_to(np.log(joints.sizes)[:, None], joints.peaks.shape)])
    for name in CURVES:
        happened, counts = joints.outcome(name)
        pairs = [
            _fit(features[counts[:, k], k], happened[counts[:, k], k], method) for k in range(joints.peaks.shape[1])
        ]
        curves[name] = Curve(*(np.stack(parts) for parts in zip(*pairs, strict=True)))
    return curves


def _fit(features: Floats, happened: Mask, method: str) -> tuple[Floats, Floats]:
    """Return coefficients (3,) and table for one joint, of features (n, 2) and what happened (n,)."""
    from sklearn.isotonic import IsotonicRegression
    from sklearn.linear_model import LogisticRegression

    steps = np.linspace(0, 1, TABLE, dtype=np.float64)
    if happened.all() or not happened.any():  # all alike, or no joints at all: nothing to fit
        right = (happened.sum() + 1) / (len(happened) + 2)
        return np.array([np.log(right / (1 - right)), 0.0, 0.0]), steps
    mean, spread = features.mean(axis=0), features.std(axis=0)
    spread = np.where(spread > 1e-3, spread, np.inf)  # what does not vary tells nothing
    regression = LogisticRegression().fit((features - mean) / spread, happened)
    slopes = regression.coef_[0] / spread
    start = regression.intercept_[0] - slopes @ mean
    table = steps
    if method == 'isotonic':
        isotonic = IsotonicRegression(y_min=0, y_max=1, out_of_bounds='clip')
        table = isotonic.fit(sigmoid(start + features @ slopes), happened).predict(steps)
    return np.array([start, *slopes]), table


def _reliability(joints: Joints, name: str, curve: Curve) -> Reliability:
    happened, counts = joints.outcome(name)
    return Reliability(joints.peaks.clip(0, 1), curve(joints.peaks, joints.sizes), happened, counts)


def bins_of(probabilities: Floats, happened: Mask) -> tuple[NDArray[np.int64], Floats, Floats]:
    """Return by bin of equal width, each (B,): how many, their mean probability, and the share that happened.

    Args:
        probabilities: (n,) in [0, 1].
        happened: (n,).
    """
    place = np.minimum((probabilities * BINS).astype(np.int64), BINS - 1)
    count = np.bincount(place, minlength=BINS)
    sums = (np.bincount(place, weights=values, minlength=BINS) for values in (probabilities, happened))
    mean, share = (total / np.maximum(count, 1) for total in sums)
    return count, mean, share


def calibration_error(probabilities: Floats, happened: Mask) -> float:
    """Return the expected calibration error of probabilities (n,): how far a bin's mean is from what happened there."""
    count, mean, share = bins_of(probabilities, happened)
    return float((count * np.abs(mean - share)).sum() / max(count.sum(), 1))


def score(
    part: dict[str, Any], people: Sequence[dict[str, Any]], content: dict[str, Any], info: dict[str, Any]
) -> dict[str, dict[str, float]]:
    """Return the metrics of people with each way of rescoring, against the annotations `content`."""
    found = {}
    MMLogger.get_current_instance().setLevel(logging.WARNING)  # hides the tables of three evaluations
    with TemporaryDirectory() as folder:
        file = Path(folder) / 'held_out.json'
        file.write_text(json.dumps(content))
        for rescoring in RESCORINGS:
            metric = METRICS.build({**part, 'ann_file': str(file), 'rescoring': rescoring, 'outfile_prefix': None})
            metric.dataset_meta = info
            metric.results = list(people)
            metrics = metric.evaluate(len(people))
            found[rescoring] = {name.rpartition('/')[2]: value for name, value in metrics.items()}
    return found


def _without(content: dict[str, Any], images: set[Any]) -> dict[str, Any]:
    """Return the content of a COCO file without some images."""
    kept = {'images': 'id', 'annotations': 'image_id'}
    return content | {
        name: [each for each in content[name] if image_key(each[key]) not in images] for name, key in kept.items()
    }


def report_tables(report: Report) -> str:
    """Return the report as text: calibration errors by joint, then the metrics by way of rescoring."""
    within, visible = (report.reliability[name] for name in CURVES)
    names = (*report.calibration.joints, 'all')
    rows: list[list[Any]] = []
    for place, name in enumerate(names):
        joint = place if place < len(names) - 1 else None
        columns = slice(None) if joint is None else joint
        right, labelled = within.happened[:, columns], within.counts[:, columns]
        share = right.sum() / labelled.sum() if labelled.any() else None
        errors = *within.errors(joint), within.by_chance(joint), labelled.mean(), *visible.errors(joint)
        rows.append([name, int(labelled.sum()), share, *errors])
    rows.insert(-1, ['mean of joints', None, *np.array([row[2:] for row in rows[:-1]], dtype=np.float64).mean(axis=0)])
    header = ('joint', 'labelled', 'within', 'ECE before', 'after', 'by chance', 'visible', 'ECE before', 'after')
    scores = [[title, *map(report.metrics[mode].get, COLUMNS)] for mode, title in RESCORINGS.items()]
    return (
        f'{report.fitted} people fitted, {len(within.before)} in other images measured; within: OKS similarity of at '
        f'least {report.calibration.tolerance:g}\n{format_table(header, rows)}\n\n'
        f'{format_table(("rescoring", *COLUMNS), scores)}'
    )


def draw_diagram(report: Report, path: Path) -> None:
    """Write the reliability diagram as an image: both probabilities, and the errors by joint."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(12, 4), layout='constrained')
    FigureCanvasAgg(figure)
    axes = figure.subplots(1, 3)
    styles = {'before': ('#D55E00', 'peak, cut to 0..1'), 'after': ('#0072B2', 'calibrated')}
    titles = (f'within OKS similarity {report.calibration.tolerance:g}', 'visible at all')
    for axis, title, found in zip(axes, titles, report.reliability.values(), strict=False):
        axis.plot([0, 1], [0, 1], color='0.6', linestyle='--', linewidth=1)
        for (name, (colour, label)), error in zip(styles.items(), found.errors(), strict=True):
            count, mean, share = bins_of(getattr(found, name)[found.counts], found.happened[found.counts])
            full = count > 0
            axis.plot(mean[full], share[full], color=colour, linewidth=1, label=f'{label}: ECE {error:.3f}')
            axis.scatter(mean[full], share[full], s=6 + 250 * count[full] / count.sum(), color=colour, alpha=0.8)
        axis.set(title=title, xlabel='stated probability', ylabel='share that it happened to')
        axis.legend(loc='upper center', bbox_to_anchor=(0.5, -0.14), ncols=2, fontsize='small')
    joints = report.calibration.joints
    places = np.arange(len(joints))
    errors = np.array([report.reliability['within'].errors(joint) for joint in range(len(joints))])
    for offset, column, (colour, _) in zip((-0.2, 0.2), errors.T, styles.values(), strict=True):
        axes[2].barh(places + offset, column, height=0.4, color=colour)
    axes[2].set(title='ECE by joint, within', yticks=places, yticklabels=joints, xlabel='expected calibration error')
    axes[2].invert_yaxis()
    axes[2].tick_params(axis='y', labelsize='small')
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=100)
