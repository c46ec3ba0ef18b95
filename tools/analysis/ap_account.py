"""Say what each part of the test protocol is worth: the same weights scored with each on and off, in one go.

python tools/analysis/ap_account.py configs/hrnet_w32_coco_256x192.py CHECKPOINT --bbox-file dets.json
"""

import argparse
import logging
from collections.abc import Iterator, Sequence
from typing import Any

from hrpose import errors


def main() -> None:
    """Print the account as the command line says."""
    from hrpose.apis.launch import add_config_arguments

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_config_arguments(parser)
    parser.add_argument('checkpoint', help='weights to score')
    parser.add_argument('--bbox-file', metavar='FILE', help="a detector's boxes, a COCO result file")
    parser.add_argument('--device', help='where the network runs; a GPU if there is one')
    arguments = parser.parse_args()
    from mmengine.device import get_device

    from hrpose.apis import init_model
    from hrpose.config import load_config, parse_options
    from hrpose.evaluation.ap_account import account_table

    cfg = load_config(arguments.config, parse_options(arguments.cfg_options))
    if arguments.bbox_file:
        cfg.test_dataloader.dataset.bbox_file = arguments.bbox_file
    part = coco_metric_of(cfg)
    model = init_model(cfg, arguments.checkpoint, arguments.device or get_device())
    print(account_table(score(cfg, model, part)))
    print('each row is the whole protocol but for what it names; it asks how this one part moves AP')


def coco_metric_of(cfg: Any) -> dict[str, Any]:
    """Return the config of the test's first `CocoMetric`.

    Raises:
        UserError: there is none.
    """
    from hrpose.evaluation import CocoMetric
    from hrpose.registry import METRICS

    for part in cfg.get('test_evaluator') or []:
        if issubclass(METRICS.get(part['type']) or object, CocoMetric):
            return part
    raise errors.UserError('the account is of AP: it needs a CocoMetric in test_evaluator')


def score(cfg: Any, model: Any, part: dict[str, Any]) -> list[Any]:
    """Return the rows of the account: one pass of the network for each source of boxes."""
    from mmengine.logging import MMLogger
    from mmengine.registry import init_default_scope
    from mmengine.runner import Runner, autocast

    from hrpose.codecs import MSRAHeatmap
    from hrpose.evaluation.ap_account import collect, protocol_rows, score_rows
    from hrpose.registry import METRICS

    init_default_scope(cfg.default_scope)
    bbox_file = cfg.test_dataloader.dataset.get('bbox_file')
    rows = protocol_rows(detections=bool(bbox_file), offset=isinstance(model.head.codec, MSRAHeatmap))
    scored = [row.setting for row in rows if not row.reason]
    found, meta = {}, {}
    for detected in sorted({setting.detected for setting in scored}, reverse=True):
        if not detected:
            cfg.test_dataloader.dataset.pop('bbox_file', None)
        loader = Runner.build_dataloader(cfg.test_dataloader.to_dict())
        decodes = dict.fromkeys(setting.decode for setting in scored if setting.detected == detected)
        with autocast(enabled=bool(cfg.get('test_cfg', {}).get('fp16', False))):
            found[detected] = collect(model, counted(loader), METRICS.build(dict(part)), decodes)
        meta = loader.dataset.metainfo
    MMLogger.get_current_instance().setLevel(logging.WARNING)  # the tables of eight evaluations
    return score_rows(rows, found, lambda: METRICS.build(dict(part)), meta)


def counted(batches: Sequence[Any]) -> Iterator[Any]:
    """Yield the batches, writing on one line how many are done."""
    for number, batch in enumerate(batches, start=1):
        yield batch
        print(f'\rbatch {number} of {len(batches)}', end='' if number < len(batches) else '\n', flush=True)


if __name__ == '__main__':
    errors.run(main)
