"""`hrpose detect`: write the boxes that a detector finds as a COCO result file."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from hrpose.cli.parser import command_parser
from hrpose.errors import UserError

EXAMPLES = ('hrpose detect rtmdet.py rtmdet.pth --ann val.json --img-root images --out boxes.json',)

WEEK = 7 * 24 * 3600.0  # seconds


def parser_of(prog: str | None = None) -> argparse.ArgumentParser:
    """Return the parser of the command."""
    from hrpose.cli.arguments import add_launcher_arguments

    parser = command_parser(
        prog,
        "Find people in images with one of mmdet's detectors and write their boxes as a COCO result file, "
        'which data sets take as bbox_file. After an interruption the same command continues.',
        EXAMPLES,
    )
    parser.add_argument('config', metavar='DET_CONFIG', help='its config: a file, a name, or mmdet::FOLDER/FILE.py')
    parser.add_argument('checkpoint', metavar='DET_CHECKPOINT', help='its weights: a file, name or address')
    parser.add_argument('--ann', metavar='FILE', help='COCO file that lists the images and gives their ids')
    parser.add_argument(
        '--img-root',
        '--images',
        metavar='DIR',
        required=True,
        help='folder of the images; without --ann, all in it are used',
    )
    parser.add_argument('--out', type=Path, required=True, metavar='FILE.json', help='the file to write')
    parser.add_argument('--overwrite', action='store_true', help='replace the file if it exists')
    parser.add_argument('--classes', nargs='+', default=['person'], metavar='NAME', help='classes to keep')
    parser.add_argument('--score-threshold', type=float, default=0.05, metavar='P', help='lowest score (default 0.05)')
    parser.add_argument(
        '--nms-threshold', type=float, metavar='IOU', help="suppress across all classes, after the detector's own NMS"
    )
    parser.add_argument('--batch-size', type=int, default=8, metavar='N', help='images a forward pass (default 8)')
    parser.add_argument('--workers', type=int, default=2, metavar='N', help='processes that read images (default 2)')
    parser.add_argument(
        '--device', default='auto', help="cpu, cuda, cuda:1, …; auto (default) is this process's GPU if there is one"
    )
    add_launcher_arguments(parser)
    return parser


def main(words: Sequence[str] | None = None, *, prog: str | None = None) -> None:
    """Detect people; process 0 prints how many."""
    arguments = parser_of(prog).parse_args(words)
    if arguments.out.exists() and not arguments.overwrite:
        raise UserError(f'{arguments.out} exists; give another --out, or --overwrite')
    if arguments.workers < 0:
        raise UserError(f'--workers is {arguments.workers}; give at least 0')
    from hrpose.apis.detections import detect_people, images_of_annotations, images_of_folder
    from hrpose.apis.detector import PersonDetector
    from hrpose.engine.distributed.processes import join

    if arguments.ann:
        images, category = images_of_annotations(arguments.ann, arguments.img_root)
    else:
        images, category = images_of_folder(arguments.img_root), 1
    if arguments.launcher != 'none':
        # The processes only wait for each other: gloo will do, and for as long as their images take.
        join(arguments.launcher, backend='gloo', timeout=WEEK)
    detector = PersonDetector(
        arguments.config,
        arguments.checkpoint,
        classes=arguments.classes,
        score_threshold=arguments.score_threshold,
        nms_threshold=arguments.nms_threshold,
        batch_size=arguments.batch_size,
        device=arguments.device,
    )
    summary = detect_people(detector, images, arguments.out, category=category, workers=arguments.workers)
    if summary is not None:
        left_out = f'; left out: {len(summary.broken)} images that cannot be read' if summary.broken else ''
        print(f'{summary.people} boxes in {summary.images} images written to {arguments.out}{left_out}')
