"""Say what each part of the test protocol is worth: the same weights scored with each on and off, in one go.

python tools/analysis/ap_account.py configs/hrnet_w32_coco_256x192.py CHECKPOINT --bbox-file dets.json
"""

import argparse
import json
import logging
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from hrpose.cli.run import run
from hrpose.errors import UserError


def main() -> None:
    """Print the account as the command line says."""
    from hrpose.apis.launch import add_config_arguments

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_config_arguments(parser)
    parser.add_argument('checkpoint', help='weights to score')
    parser.add_argument('--bbox-file', metavar='FILE', help="a detector's boxes, a COCO result file")
    parser.add_argument('--out', type=Path, metavar='FILE', help='write the account as JSON, too')
    parser.add_argument('--device', help='where the network runs; a GPU if there is one')
    arguments = parser.parse_args()
    from mmengine.device import get_device

    from hrpose.analysis.ap_account import account_table
    from hrpose.apis import init_model
    from hrpose.config import load_config, parse_options

    cfg = load_config(arguments.config, parse_options(arguments.cfg_options))
    if arguments.bbox_file:
        cfg.test_dataloader.dataset.bbox_file = str(Path(arguments.bbox_file).absolute())
    part = coco_metric_of(cfg)
    model = init_model(cfg, arguments.checkpoint, arguments.device or get_device())
    rows = score(cfg, model, part)
    if arguments.out:
        arguments.out.parent.mkdir(parents=True, exist_ok=True)
        arguments.out.write_text(json.dumps([asdict(row) for row in rows], indent=2))
    print(account_table(rows))
    if off := left_out(model, part):
        print(f'the config itself leaves out {", ".join(off)}: tools/test.py gives no AP of the first row')


def coco_metric_of(cfg: Any) -> dict[str, Any]:
    """Return the config of the test's first `CocoMetric`.

    Raises:
        UserError: there is none, or no truth to score against.
    """
    from hrpose.datasets.coco import read_coco_json
    from hrpose.evaluation import CocoMetric
    from hrpose.registry import METRICS

    parts = cfg.get('test_evaluator') or []
    part = next((part for part in parts if issubclass(METRICS.get(part['type']) or object, CocoMetric)), None)
    if part is None:
        raise UserError('the account is of AP: it needs a CocoMetric in test_evaluator')
    if part.get('ann_file') and not read_coco_json(part['ann_file']).get('annotations'):
        raise UserError(f'{part["ann_file"]} has no annotations: there is no truth to score against')
    return part


def left_out(model: Any, part: dict[str, Any]) -> list[str]:
    """Return the parts of the protocol that the config has switched off; the account switches them on."""
    parts = {
        'flip test': model.flip_test,
        'its shift': model.flip_shift,
        'rescoring': part.get('rescoring') != 'box',
        'NMS': part.get('nms', 'oks') is not None,
    }
    return [name for name, on in parts.items() if not on]


def score(cfg: Any, model: Any, part: dict[str, Any]) -> list[Any]:
    """Return the rows of the account: one pass of the network for each source of boxes."""
    from mmengine.logging import MMLogger
    from mmengine.registry import init_default_scope
    from mmengine.runner import Runner, autocast

    from hrpose.analysis.ap_account import collect, has_offset, protocol_rows, score_rows
    from hrpose.registry import METRICS

    init_default_scope(cfg.default_scope)
    bbox_file = cfg.test_dataloader.dataset.get('bbox_file')
    rows = protocol_rows(detections=bool(bbox_file), offset=has_offset(model.head.codec))
    scored = [row.setting for row in rows if not row.reason]
    found, meta = {}, {}
    for detected in sorted({setting.detected for setting in scored}, reverse=True):
        loader_cfg = cfg.test_dataloader.to_dict()
        if not detected:
            loader_cfg['dataset'].pop('bbox_file', None)
        loader = Runner.build_dataloader(loader_cfg)
        decodes = dict.fromkeys(setting.decode for setting in scored if setting.detected == detected)
        with autocast(enabled=bool(cfg.get('test_cfg', {}).get('fp16', False))):
            found[detected] = collect(model, counted(loader), METRICS.build(dict(part)), decodes)
        meta = loader.dataset.metainfo
    MMLogger.get_current_instance().setLevel(logging.WARNING)  # the tables of eight evaluations
    return score_rows(rows, found, lambda: METRICS.build(dict(part)), meta)


def counted(batches: Any) -> Iterator[Any]:
    """Yield the batches of a loader, writing on one line of stderr how many are done."""
    for number, batch in enumerate(batches, start=1):
        yield batch
        end = '' if number < len(batches) else '\n'
        print(f'\rbatch {number} of {len(batches)}', end=end, file=sys.stderr, flush=True)


if __name__ == '__main__':
    run(main)
