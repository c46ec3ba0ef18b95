"""`hrpose doctor`: check data sets before training, and print what is wrong, where, and what to do.

Exits with status 1 if there are errors, 0 if there are only warnings and notes. docs/doctor.md explains each finding.
"""

import argparse
import json
import logging
import sys
from collections.abc import Sequence
from contextlib import nullcontext, redirect_stdout
from dataclasses import asdict
from pathlib import Path
from typing import Any

from hrpose.cli.parser import command_parser

EXAMPLES = (
    'hrpose doctor hrnet_w32_coco_256x192 --cfg-options data_root=/data/coco',
    'hrpose doctor --ann train.json --images images --out doctor',
)

SPLITS = ('train', 'val', 'test')


def parser_of(prog: str | None = None) -> argparse.ArgumentParser:
    """Return the parser of the command."""
    parser = command_parser(prog, 'Check data sets before training: what is wrong, where, and what to do.', EXAMPLES)
    parser.add_argument('config', nargs='?', help='config of the data sets')
    parser.add_argument(
        '--cfg-options', nargs='+', default=[], metavar='KEY=VALUE', help='override values of the config'
    )
    parser.add_argument(
        '--split', choices=(*SPLITS, 'all'), default='all', help='which data sets of the config (default all)'
    )
    parser.add_argument('--ann', metavar='FILE', help='COCO keypoint JSON, instead of a config')
    parser.add_argument('--images', '--img-root', metavar='DIR', default='', help='folder of its images')
    parser.add_argument(
        '--metainfo', metavar='NAME', help='name of known keypoints (default: those that the file names)'
    )
    parser.add_argument('--bbox-file', metavar='FILE', help='COCO results of a detector for its images')
    parser.add_argument(
        '--input-size',
        nargs=2,
        type=int,
        default=(192, 256),
        metavar=('W', 'H'),
        help='of the network, for the ceiling',
    )
    parser.add_argument('--no-images', action='store_true', help='open only the images on the sheet')
    parser.add_argument('--workers', type=int, default=2, help='threads that read images (default 2)')
    parser.add_argument('--most', type=int, help='most people to encode and decode (default: all)')
    parser.add_argument('--json', action='store_true', help='print the findings as a list for programs')
    parser.add_argument('--out', type=Path, default=Path('work_dirs/doctor'), help='folder of the overlay sheets')
    return parser


def parse_arguments(words: Sequence[str] | None, prog: str | None) -> argparse.Namespace:
    """Return the arguments, checked."""
    parser = parser_of(prog)
    arguments = parser.parse_args(words)
    if bool(arguments.config) == bool(arguments.ann):
        parser.error('give either a config or --ann FILE')
    if arguments.workers < 1 or (arguments.most is not None and arguments.most < 1):
        parser.error('--workers and --most: give at least 1')
    return arguments


def main(words: Sequence[str] | None = None, *, prog: str | None = None) -> None:
    """Check the data sets; exit with status 1 if there is an error."""
    arguments = parse_arguments(words, prog)
    from mmengine.logging import MMLogger
    from mmengine.registry import init_default_scope

    from hrpose.analysis.doctor.examine import count_of
    from hrpose.plugins.openmmlab import prepare_openmmlab

    prepare_openmmlab()
    MMLogger.get_current_instance().setLevel(logging.ERROR)
    init_default_scope('hrpose')
    # With --json the report goes to stderr, and the findings for a program to stdout.
    with redirect_stdout(sys.stderr) if arguments.json else nullcontext():
        found, subjects = read_subjects(arguments)
        for finding in found:
            print(finding)
        for subject in subjects:
            found += report(subject, arguments)
        print(f'\n{count_of(found)}')
    if arguments.json:
        print(json.dumps([asdict(finding) for finding in found], indent=2))
    sys.exit(any(finding.severity == 'error' for finding in found))


def read_subjects(arguments: argparse.Namespace) -> tuple[list[Any], list[Any]]:
    """Return the findings about the metainfo of a config, and the data sets to check."""
    from hrpose.analysis.doctor.subjects import subject_of_file, subjects_of_config
    from hrpose.config import parse_options

    if arguments.config:
        splits = SPLITS if arguments.split == 'all' else (arguments.split,)
        return subjects_of_config(arguments.config, parse_options(arguments.cfg_options), splits)
    subject = subject_of_file(
        arguments.ann,
        arguments.images,
        metainfo=arguments.metainfo,
        bbox_file=arguments.bbox_file,
        input_size=arguments.input_size,
    )
    return [], [subject]


def report(subject: Any, arguments: argparse.Namespace) -> list[Any]:
    """Check a data set, print the findings and write the sheet; return the findings."""
    from hrpose.analysis.doctor.examine import examine
    from hrpose.analysis.doctor.sheet import overlay_sheet
    from hrpose.images.files import save_image

    print(f'\n{subject.title}: {subject.ann_file}')
    open_images = not arguments.no_images
    result = examine(subject, open_images=open_images, workers=arguments.workers, most=arguments.most)
    people = result.people
    if people is not None:
        counts = f'{len(people.image_ids)} images, {len(people)} annotations, {people.used.sum()} of them used'
        print(f'  {counts}, {len(people.names)} keypoints')
    for finding in result.findings:
        print(finding)
    print(f'  {result.grid or "no round trip through heatmaps: no people to encode, or the data set cannot be built"}')
    if people is not None and subject.folder:
        sheet = overlay_sheet(people, result.findings, subject.folder, subject.load)
        if sheet is not None:
            path = save_image(arguments.out / f'{subject.title}.png', sheet)
            print(f'  {path}: left keypoints are blue, right ones orange, the others green')
    return result.findings
