"""Say what each part of the test protocol is worth: the same weights scored with each part on and off.

python tools/analysis/ap_account.py configs/hrnet_w32_coco_256x192.py CHECKPOINT --bbox-file dets.json
"""

import json
from dataclasses import asdict
from pathlib import Path

from hrpose.cli.run import run


def main() -> None:
    """Print the account."""
    from hrpose.cli.arguments import config_of, config_parser

    parser = config_parser(__doc__)
    parser.add_argument('checkpoint', help='weights to score')
    parser.add_argument('--bbox-file', metavar='FILE', help="a detector's boxes, a COCO result file")
    parser.add_argument('--out', type=Path, metavar='FILE', help='write the account to this JSON file too')
    parser.add_argument('--device', default='auto', help='of the network; auto (default) is the GPU if there is one')
    arguments = parser.parse_args()
    from hrpose.analysis.ap_account import account_table, coco_metric_of, left_out, score_protocol
    from hrpose.apis import init_model

    cfg = config_of(arguments)
    if arguments.bbox_file:
        cfg.test_dataloader.dataset.bbox_file = str(Path(arguments.bbox_file).absolute())
    coco_metric_of(cfg)
    model = init_model(cfg, arguments.checkpoint, arguments.device)
    rows = score_protocol(cfg, model)
    if arguments.out:
        arguments.out.parent.mkdir(parents=True, exist_ok=True)
        arguments.out.write_text(json.dumps([asdict(row) for row in rows], indent=2))
    print(account_table(rows))
    if off := left_out(cfg, model):
        print(f'the config itself leaves out {", ".join(off)}: tools/test.py does not give the AP of the first row')


if __name__ == '__main__':
    run(main)
