"""`hrpose track`: follow the people of PoseTrack's videos with the published tracker, and score the result."""

import argparse
import json
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from hrpose.cli.infer import complete_detector
from hrpose.cli.parser import command_parser
from hrpose.errors import UserError

EXAMPLES = (
    'hrpose track hrnet_w48_posetrack18_384x288 epoch_20.pth --ann annotations/val --boxes dets.json --out tracks',
)

BOX_THRESHOLD, JOINT_THRESHOLD = 0.5, 0.4


def parser_of(prog: str | None = None) -> argparse.ArgumentParser:
    """Return the parser of the command."""
    from hrpose.cli.arguments import add_config_arguments

    parser = command_parser(
        prog,
        "Follow people through PoseTrack's videos with the tracker published with SimpleBaseline: a pose "
        "network, optical flow and greedy ids. Write a folder of one JSON a video, as PoseTrack's server takes it, and "
        'print AP and MOTA as poseval gives them, HOTA and IDF1, if the annotations have labelled people.',
        EXAMPLES,
    )
    add_config_arguments(parser)
    parser.add_argument('checkpoint', metavar='CHECKPOINT', help='file, name or address of the weights')
    parser.add_argument('--ann', type=Path, required=True, metavar='DIR', help='folder of one JSON a video')
    parser.add_argument(
        '--img-root',
        type=Path,
        metavar='DIR',
        help="where the JSONs' file_name begins (default: two folders above --ann)",
    )
    parser.add_argument('--out', type=Path, required=True, metavar='DIR', help='folder to write')
    parser.add_argument('--overwrite', action='store_true', help='replace --out if it holds JSON files only')
    parser.add_argument('--json', type=Path, metavar='FILE', help='write the metrics to this JSON file too')
    people = parser.add_argument_group('people: give one of these').add_mutually_exclusive_group(required=True)
    people.add_argument('--det', metavar='CONFIG', help='config of a detector of mmdet')
    people.add_argument('--boxes', type=Path, metavar='FILE', help="COCO results of a detector, by the images' ids")
    people.add_argument('--true-boxes', action='store_true', help='the boxes of the annotations, with a score of 1')
    parser.add_argument(
        '--det-weights', metavar='FILE', help="the detector's weights (default: the published ones named by --det)"
    )
    for name, what, default in (('box', 'boxes', BOX_THRESHOLD), ('joint', 'joints', JOINT_THRESHOLD)):
        parser.add_argument(
            f'--{name}-threshold',
            type=float,
            default=default,
            metavar='P',
            help=f'{what} below are dropped ({default})',
        )
    parser.add_argument(
        '--device', default='auto', help='cpu, cuda, cuda:1, …; auto (default) is the GPU if there is one'
    )
    return parser


def parse_arguments(words: Sequence[str] | None, prog: str | None) -> argparse.Namespace:
    """Return the arguments, checked."""
    arguments = parser_of(prog).parse_args(words)
    complete_detector(arguments)
    return arguments


def main(words: Sequence[str] | None = None, *, prog: str | None = None) -> None:
    """Track, write the folder, print the metrics."""
    arguments = parse_arguments(words, prog)
    from tqdm import tqdm

    from hrpose.apis.posetrack import locate_by_file, locate_truth, read_videos, track_videos
    from hrpose.evaluation.functional.posetrack_folder import has_labels, score_folders, write_folder
    from hrpose.files import whole_folder

    # Cheap checks come before the weights are read.
    require_replaceable(arguments.out, overwrite=arguments.overwrite)
    videos = read_videos(arguments.ann, arguments.img_root)
    labelled = has_labels(arguments.ann)
    if not labelled and (arguments.json or arguments.true_boxes):
        option = '--json' if arguments.json else '--true-boxes'
        raise UserError(f'{option}: no frame of {arguments.ann} has a labelled person; leave it out')
    locate: Any = locate_truth if arguments.true_boxes else None
    if arguments.boxes:
        locate = locate_by_file(arguments.boxes)
    pose = build_inferencer(arguments)
    frames = sum(len(video.frames) for video in videos)
    with tqdm(total=frames, unit='frame', mininterval=0.2 if sys.stderr.isatty() else 30.0) as bar:
        results = track_videos(
            pose,
            videos,
            locate,
            box_threshold=arguments.box_threshold,
            joint_threshold=arguments.joint_threshold,
            report=bar.write,
            advance=bar.update,
        )
    with whole_folder(arguments.out) as part:
        write_folder(part, arguments.ann, results)
    print(f'{len(results)} people in {frames} frames of {len(videos)} videos written to {arguments.out}')
    if labelled:
        print_metrics(score_folders(arguments.ann, arguments.out), arguments.json)
    else:
        print(f'not scored: no frame of {arguments.ann} has a labelled person')


def require_replaceable(folder: Path, *, overwrite: bool) -> None:
    """Raise `UserError` unless a folder is absent or empty or, with `overwrite`, holds JSON files only."""
    if folder.exists() and not folder.is_dir():
        raise UserError(f'{folder} is a file; name a folder')
    held = list(folder.iterdir()) if folder.is_dir() else []
    if held and not overwrite:
        raise UserError(f'{folder} exists and is not empty; name another folder, or give --overwrite')
    if other := [path for path in held if path.is_dir() or path.suffix != '.json']:
        raise UserError(f'{folder} holds {other[0].name}, which an overwritten folder may not; name another folder')


def build_inferencer(arguments: argparse.Namespace) -> Any:
    """Return the inferencer, with a detector if one is given."""
    from hrpose.apis import PersonDetector, PoseInferencer
    from hrpose.apis.model import checked_device
    from hrpose.cli.arguments import config_of
    from hrpose.hardware import keep_freed_memory

    device = str(checked_device(arguments.device))
    if device == 'cpu':
        keep_freed_memory()
    detector = None
    if arguments.det:
        threshold = arguments.box_threshold
        detector = PersonDetector(arguments.det, arguments.det_weights, score_threshold=threshold, device=device)
    return PoseInferencer(config_of(arguments), arguments.checkpoint, detector, device)


def print_metrics(metrics: Mapping[str, Mapping[str, float | None]], file: Path | None) -> None:
    """Print a table of metrics by joint, and write them to a JSON file if one is named."""
    from hrpose.evaluation.metrics.base import format_table
    from hrpose.files import whole

    if file:
        with whole(file) as part:
            part.write_text(json.dumps(metrics, indent=2) + os.linesep)
    joints = next(iter(metrics.values()))
    print(
        format_table(('joint', *metrics), [[name, *(each.get(name) for each in metrics.values())] for name in joints])
    )
