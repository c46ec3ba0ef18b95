"""What each part of the test protocol is worth: the same weights scored with each part on and off.

The network runs once for each source of boxes. Each batch of heatmaps is decoded in all ways and then dropped; the rows
of the account rescore and suppress the keypoints that remain.

B people of a batch, K joints, h and w the heatmap's height and width in cells.
"""

import logging
from collections.abc import Iterable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, replace
from typing import Any

import torch
from mmengine.config import Config
from mmengine.logging import MMLogger
from mmengine.registry import init_default_scope
from mmengine.runner import Runner, autocast
from tqdm import tqdm

from hrpose.codecs.base import aligns_corners, mirror_signs
from hrpose.datasets.annotations import read_coco_json
from hrpose.errors import UserError
from hrpose.evaluation.metrics.base import format_table
from hrpose.evaluation.metrics.coco import CALIBRATED, CocoMetric
from hrpose.models.estimators.flip import average_flip
from hrpose.models.estimators.scales import check_one_crop_each
from hrpose.models.estimators.topdown import attach_predictions
from hrpose.registry import CODECS, METRICS

ANNOTATED, DETECTED = 'annotated boxes', "a detector's boxes"
NO_DETECTOR = 'not scored: needs --bbox-file, a COCO result file of a detector'
NO_OFFSET = 'not scored: this codec has no quarter offset'
NO_SHIFT = 'not scored: this codec aligns corners, so its flip test has no shift'
NO_OTHER_CODEC = 'not scored: no other codec decodes the same heatmaps with the options of this one'
NO_CALIBRATION = 'not scored: the checkpoint has no calibration; tools/analysis/calibrate.py adds one'
# Two codecs on one grid: each can decode what a network has learned for the other.
OTHER_CODEC = {'MSRAHeatmap': 'DarkHeatmap', 'DarkHeatmap': 'MSRAHeatmap'}
SHARED_OPTIONS = {'type', 'input_size', 'heatmap_size', 'sigma'}
COLUMNS = ('AP', 'AP50', 'AP75', 'AR')

Decode = tuple[bool, bool, bool, bool]
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
    other_codec: bool = False
    calibrated: bool = False

    @property
    def decode(self) -> Decode:
        """The parts that change keypoints: flip, shift (which needs flip), offset, and the other codec."""
        return self.flip, self.flip and self.shift, self.offset, self.other_codec


@dataclass(frozen=True)
class Row:
    """A row of the account."""

    title: str  # the part that is switched off
    setting: Setting  # the parts that are on
    options: str = ''  # --cfg-options with which `tools/test.py` gives the same metrics
    metrics: Mapping[str, float] | None = None  # by name; None if not scored
    reason: str = ''  # why it is not scored


def protocol_rows(
    *, detections: bool, offset: bool = True, shift: bool = True, codec: str = 'DarkHeatmap', calibrated: bool = True
) -> list[Row]:
    """Return the rows to score: the whole protocol, then without or with another part each, then without any.

    Args:
        detections: whether there are a detector's boxes, which the protocol then uses.
        offset: whether the codec has a quarter offset to leave out.
        shift: whether the codec's flip test has a shift to leave out.
        codec: the type of another codec that can decode the same heatmaps; empty if there is none.
        calibrated: whether the checkpoint has a calibration.
    """
    whole = Setting(detected=detections, shift=shift)
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
        Row(
            'flip test without shift',
            replace(whole, shift=False),
            'model.flip_shift=False',
            reason='' if shift else NO_SHIFT,
        ),
        Row('no quarter offset', replace(whole, offset=False), 'codec.offset=0', reason='' if offset else NO_OFFSET),
        Row(
            f'decoding of {codec or "another codec"}',
            replace(whole, other_codec=True),
            f'codec.type={codec}' if codec else '',
            reason='' if codec else NO_OTHER_CODEC,
        ),
        Row(
            'calibrated rescoring',
            replace(whole, calibrated=True),
            f'test_evaluator.rescoring={CALIBRATED}',
            reason='' if calibrated else NO_CALIBRATION,
        ),
        Row("no rescoring: the box's score", replace(whole, rescoring=False), 'test_evaluator.rescoring=box'),
        Row('no NMS', replace(whole, nms=False), 'test_evaluator.nms=None'),
        Row('none of these five', Setting(detections, False, False, not offset, False, False), ' '.join(off)),
    ]


def score_protocol(cfg: Config, model: Any) -> list[Row]:
    """Return the rows of the account with their metrics.

    Args:
        cfg: linked, with a test set and a `CocoMetric`; `bbox_file` of the test set has a detector's boxes.
        model: a `TopdownPoseEstimator` with its weights, in eval mode.

    Raises:
        UserError: see `coco_metric_of`.
    """
    init_default_scope(cfg.default_scope)
    metric = coco_metric_of(cfg)
    codec = model.head.codec
    rows = protocol_rows(
        detections=bool(cfg.test_dataloader.dataset.get('bbox_file')),
        offset=has_offset(codec),
        shift=not aligns_corners(codec),
        codec=other_codec(cfg, codec),
        calibrated=model.calibration is not None,
    )
    scored = [row.setting for row in rows if not row.reason]
    found: dict[bool, dict[Decode, Predictions]] = {}
    dataset_meta: dict[str, Any] = {}
    for detected in sorted({setting.detected for setting in scored}, reverse=True):
        loader_cfg = cfg.test_dataloader.to_dict()
        if not detected:
            loader_cfg['dataset'].pop('bbox_file', None)
        loader = Runner.build_dataloader(loader_cfg)
        decodes = dict.fromkeys(setting.decode for setting in scored if setting.detected == detected)
        with autocast(enabled=bool(cfg.get('test_cfg', {}).get('fp16', False))):
            found[detected] = collect(model, tqdm(loader, unit='batch'), METRICS.build(dict(metric)), decodes)
        dataset_meta = loader.dataset.metainfo
    MMLogger.get_current_instance().setLevel(logging.WARNING)  # hides the tables of eight evaluations
    return [row if row.reason else _scored(row, found, METRICS.build(dict(metric)), dataset_meta) for row in rows]


def coco_metric_of(cfg: Config) -> dict[str, Any]:
    """Return the config of the test's first `CocoMetric`.

    Raises:
        UserError: there is none, or its annotation file has no annotations.
    """
    parts = cfg.get('test_evaluator') or []
    part = next((part for part in parts if issubclass(METRICS.get(part['type']) or object, CocoMetric)), None)
    if part is None:
        raise UserError('test_evaluator: the account needs a CocoMetric, which computes AP')
    if part.get('ann_file') and not read_coco_json(part['ann_file']).get('annotations'):
        raise UserError(f'{part["ann_file"]}: has no annotations to score against')
    return part


def left_out(cfg: Config, model: Any) -> list[str]:
    """Return the parts of the protocol that the config switches off; the account switches them on."""
    metric = coco_metric_of(cfg)
    parts = {
        'flip test': model.flip_test,
        'its shift': model.flip_shift or aligns_corners(model.head.codec),
        'rescoring': metric.get('rescoring') != 'box',
        'NMS': metric.get('nms', 'oks') is not None,
    }
    return [name for name, on in parts.items() if not on]


@torch.no_grad()
def collect(
    model: Any, batches: Iterable[Mapping[str, Any]], metric: CocoMetric, decodes: Iterable[Decode]
) -> dict[Decode, Predictions]:
    """Run the model over `batches` once; return what `metric` keeps of each person, for each way of decoding.

    Args:
        model: a `TopdownPoseEstimator` in eval mode; its own `flip_test` and `flip_shift` are not used.
        batches: of `inputs` and `data_samples`, as the test's data loader gives them.
        metric: whose `process` turns samples into results; it is left empty.
        decodes: see `Setting.decode`.
    """
    found: dict[Decode, Predictions] = {decode: [] for decode in decodes}
    decode_with = {(True, False): model.head.predict, (False, False): without_offset(model.head.codec).decode}
    own = model.head.codec
    if other := OTHER_CODEC.get(type(own).__name__):
        same = {name: getattr(own, name) for name in SHARED_OPTIONS - {'type'}}
        decode_with[True, True] = CODECS.build({'type': f'hrpose.{other}', **same}).decode
    pairs, signs = model.metainfo['flip_indices'], mirror_signs(model.head.codec)
    for batch in batches:
        batch = model.data_preprocessor(batch, False)
        samples = batch['data_samples']
        check_one_crop_each(batch['inputs'], len(samples), 'ap_account')
        plain, mirrored = model.heatmap_pair(batch['inputs'])
        for (flip, shift, offset, other_one), results in found.items():
            heatmaps = average_flip(plain, mirrored, pairs, shift=shift, signs=signs) if flip else plain
            keypoints, scores = decode_with[offset, other_one](heatmaps)
            peaks = torch.cat([keypoints, scores.unsqueeze(-1)], dim=-1).cpu().numpy()
            people = attach_predictions(samples, peaks, model.head.codec.input_size, model.calibration)
            metric.process(None, [person.to_dict() for person in people])
            results.extend(metric.results)
            metric.results.clear()
    return found


def other_codec(cfg: Config, codec: Any) -> str:
    """Return the type of another codec that can decode this one's heatmaps; empty if there is none.

    The config must not give its codec options that the other one does not take, or `codec.type` alone would not do.
    """
    return '' if set(cfg.codec) - SHARED_OPTIONS else OTHER_CODEC.get(type(codec).__name__, '')


def without_offset(codec: Any) -> Any:
    """Return a copy of a codec that decodes a joint to the cell of its peak; a codec without offset as it is."""
    if not has_offset(codec):
        return codec
    other = copy(codec)
    other.offset = 0.0
    return other


def has_offset(codec: Any) -> bool:
    """Say whether a codec moves a joint from its peak by an `offset` that can be left out."""
    return getattr(codec, 'offset', 0) > 0


def _scored(row: Row, found: Mapping[bool, Any], metric: CocoMetric, dataset_meta: Mapping[str, Any]) -> Row:
    metric.dataset_meta = dict(dataset_meta)
    metric.outfile_prefix = None  # the rows would overwrite each other's results
    metric.nms = None if not row.setting.nms else metric.nms or 'oks'
    if row.setting.calibrated:
        metric.rescoring = CALIBRATED
    elif not row.setting.rescoring:
        metric.rescoring = 'box'
    elif metric.rescoring == 'box':
        metric.rescoring = 'keypoint'  # as published
    metric.results = list(found[row.setting.detected][row.setting.decode])
    metrics = metric.evaluate(len(metric.results))
    return replace(row, metrics={name.rpartition('/')[2]: value for name, value in metrics.items()})


def account_table(rows: Sequence[Row]) -> str:
    """Return the account as text: AP, AP50, AP75, AR, the difference of AP to the first row, and the options."""
    whole = rows[0].metrics or {}
    lines = []
    for row in rows:
        metrics = row.metrics or {}
        difference = metrics['AP'] - whole['AP'] if metrics else None
        lines.append([row.title, *map(metrics.get, COLUMNS), difference, row.options])
    table = format_table(('protocol', *COLUMNS, 'AP to whole', 'tools/test.py --cfg-options'), lines)
    return '\n'.join([table, *(f'{row.title}: {row.reason}' for row in rows if row.reason)])
