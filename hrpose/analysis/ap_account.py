"""What each part of the test protocol is worth: the same weights scored with each part on and off.

Heatmaps are computed once for each source of boxes, and each batch is decoded in every way at once, so that no heatmap
outlives its batch. What remains of it are key points, which the rows of the account rescore and suppress as they say.

Letters: B people of a batch, K joints, h and w the heatmap's height and width in cells.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, replace
from typing import Any

import torch

from hrpose.evaluation.metrics.coco import CocoMetric
from hrpose.evaluation.metrics.tables import format_table
from hrpose.models.estimators.flip import average_flip
from hrpose.models.estimators.topdown import attach_predictions

ANNOTATED, DETECTED = 'annotated boxes', "a detector's boxes"
NO_DETECTOR = 'not scored: needs --bbox-file, a COCO result file of a detector'
NO_OFFSET = 'not scored: this codec has no quarter offset'
COLUMNS = ('AP', 'AP50', 'AP75', 'AR')

Decode = tuple[bool, bool, bool]
Predictions = list[dict[str, Any]]


@dataclass(frozen=True)
class Setting:
    """Which parts of the protocol are on."""

    detected: bool = False
    flip: bool = True
    shift: bool = True
    offset: bool = True
    rescoring: bool = True
    nms: bool = True

    @property
    def decode(self) -> Decode:
        """What distinguishes its key points from others': flip, shift (which needs flip) and offset."""
        return self.flip, self.flip and self.shift, self.offset


@dataclass(frozen=True)
class Row:
    """One line of the account: its figures by name, or why there are none.

    options: what `tools/test.py` takes as --cfg-options to give the same figures.
    """

    title: str
    setting: Setting
    options: str = ''
    figures: Mapping[str, float] | None = None
    reason: str = ''


def protocol_rows(*, detections: bool, offset: bool = True) -> list[Row]:
    """Return the rows to score: the whole protocol first, then it without one part each, then without any.

    Args:
        detections: whether a detector's boxes are there; the protocol has them then.
        offset: whether the codec has a quarter offset to leave out.
    """
    whole = Setting(detected=detections)
    other = Row(f'{ANNOTATED} instead', replace(whole, detected=False), 'test_dataloader.dataset.bbox_file=None')
    if not detections:
        other = Row(f'{DETECTED} instead', replace(whole, detected=True), reason=NO_DETECTOR)
    off = ['model.flip_test=False', 'test_evaluator.rescoring=box', 'test_evaluator.nms=None']
    if offset:
        off.append('codec.offset=0')
    return [
        Row(f'whole protocol, {DETECTED if detections else ANNOTATED}', whole),
        other,
        Row('no flip test', replace(whole, flip=False), 'model.flip_test=False'),
        Row('flip test without shift', replace(whole, shift=False), 'model.flip_shift=False'),
        Row('no quarter offset', replace(whole, offset=False), 'codec.offset=0', reason='' if offset else NO_OFFSET),
        Row("no rescoring: the box's score", replace(whole, rescoring=False), 'test_evaluator.rescoring=box'),
        Row('no NMS', replace(whole, nms=False), 'test_evaluator.nms=None'),
        Row('none of these five', Setting(detections, False, False, not offset, False, False), ' '.join(off)),
    ]


@torch.no_grad()
def collect(
    model: Any, batches: Iterable[Mapping[str, Any]], metric: CocoMetric, decodes: Iterable[Decode]
) -> dict[Decode, Predictions]:
    """Run the model over `batches` once; return what `metric` keeps of each person, for each way of decoding.

    Args:
        model: a `TopdownPoseEstimator` in eval mode; its own `flip_test` and `flip_shift` are not looked at.
        batches: of `inputs` and `data_samples`, as the test's data loader gives them.
        metric: whose `process` turns samples into results; it is left empty.
        decodes: see `Setting.decode`.
    """
    found: dict[Decode, Predictions] = {decode: [] for decode in decodes}
    decode_with = {True: model.head.predict, False: without_offset(model.head.codec).decode}
    for batch in batches:
        batch = model.data_preprocessor(batch, False)
        samples = batch['data_samples']
        plain, mirrored = model.heatmap_pair(batch['inputs'])
        for (flip, shift, offset), results in found.items():
            heatmaps = average_flip(plain, mirrored, model.metainfo['flip_indices'], shift=shift) if flip else plain
            keypoints, scores = decode_with[offset](heatmaps)
            peaks = torch.cat([keypoints, scores.unsqueeze(-1)], dim=-1).cpu().numpy()
            people = attach_predictions(samples, peaks, model.head.codec.input_size)
            metric.process(None, [person.to_dict() for person in people])
            results.extend(metric.results)
            metric.results.clear()
    return found


def without_offset(codec: Any) -> Any:
    """Return a copy of a codec that decodes a joint to its peak's own cell; of another kind, the codec itself."""
    if not has_offset(codec):
        return codec
    other = copy(codec)
    other.offset = 0.0
    return other


def has_offset(codec: Any) -> bool:
    """Say whether a codec moves a joint from its peak by an `offset` that can be left out."""
    return getattr(codec, 'offset', 0) > 0


def score_rows(
    rows: Sequence[Row],
    found: Mapping[bool, Mapping[Decode, Predictions]],
    build_metric: Callable[[], CocoMetric],
    dataset_meta: Mapping[str, Any],
) -> list[Row]:
    """Return the rows with their figures.

    Args:
        rows: of `protocol_rows`; those with a reason stay as they are.
        found: by whether the boxes are detected: what `collect` returned.
        build_metric: makes a new metric as the config has it.
        dataset_meta: the metainfo of the data set.
    """
    return [row if row.reason else _scored(row, found, build_metric(), dataset_meta) for row in rows]


def _scored(row: Row, found: Mapping[bool, Any], metric: CocoMetric, dataset_meta: Mapping[str, Any]) -> Row:
    metric.dataset_meta = dict(dataset_meta)
    metric.outfile_prefix = None  # the rows would overwrite one another's results
    metric.rescoring = 'box' if not row.setting.rescoring else _on(metric.rescoring)
    metric.nms = None if not row.setting.nms else metric.nms or 'oks'
    metric.results = list(found[row.setting.detected][row.setting.decode])
    figures = metric.evaluate(len(metric.results))
    return replace(row, figures={name.rpartition('/')[2]: value for name, value in figures.items()})


def _on(rescoring: str) -> str:
    """Return a config's own way of rescoring, or the published one where it has none."""
    return 'keypoint' if rescoring == 'box' else rescoring


def account_table(rows: Sequence[Row]) -> str:
    """Return the account as text: AP, AP50, AP75, AR, the difference of AP to the first row, and the options."""
    whole = rows[0].figures or {}
    lines = []
    for row in rows:
        figures = row.figures or {}
        values = [figures.get(name) for name in COLUMNS]
        difference = None if row.figures is None else figures['AP'] - whole['AP']
        lines.append([row.title, *values, difference, row.options])
    table = format_table(('protocol', *COLUMNS, 'AP to whole', 'tools/test.py --cfg-options'), lines)
    return '\n'.join([table, *(f'{row.title}: {row.reason}' for row in rows if row.reason)])
