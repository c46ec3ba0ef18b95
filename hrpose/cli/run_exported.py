"""`hrpose-run`: the keypoints of people in images by an exported network, without PyTorch."""

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from hrpose.apis.box_file import BoxFile
from hrpose.apis.boxes import WHOLE_IMAGE
from hrpose.apis.result import PoseResult
from hrpose.apis.sources import Broken, Frame, Source, open_source
from hrpose.cli.run import run
from hrpose.errors import UserError
from hrpose.export.runtime import ExportedDetector, ExportedPose
from hrpose.export.session import BACKENDS
from hrpose.files import whole
from hrpose.images.files import save_image


def parse_arguments(words: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog='hrpose-run',
        description='Find the keypoints of people in images by a network that `hrpose export` wrote. Without --boxes '
        'and --detector each image is one person.',
    )
    parser.add_argument('source', metavar='IMAGE', help="an image, video, folder or pattern ('in/**')")
    parser.add_argument('--model', required=True, metavar='FILE', help='the exported network: .onnx or .xml')
    people = parser.add_mutually_exclusive_group()
    people.add_argument('--detector', metavar='FILE', help='an exported detector, which finds the people: .onnx')
    people.add_argument(
        '--boxes',
        metavar='BOXES',
        help="the people's boxes: a file in COCO layout, or X1,Y1,X2,Y2 in px of every image; several with ';' between",
    )
    parser.add_argument(
        '--out', type=Path, metavar='DIR', help='folder for poses.jsonl and drawings (default: print JSON lines)'
    )
    parser.add_argument('--threshold', type=float, default=0.2, help='draw keypoints with a higher score (default 0.2)')
    parser.add_argument('--backend', choices=tuple(BACKENDS), help='what runs the files (default: what is installed)')
    parser.add_argument('--threads', type=int, help='of the backend (default: its own choice)')
    return parser.parse_args(words)


def main(words: Sequence[str] | None = None) -> None:
    """Print or write a line of JSON for each image, and draw its people."""
    arguments = parse_arguments(words)
    frames, boxes = open_source(arguments.source), boxes_of(arguments)
    options = {'backend': arguments.backend, 'threads': arguments.threads}
    detector = ExportedDetector(arguments.detector, **options) if arguments.detector else None
    pose = ExportedPose(arguments.model, detector, **options)
    if arguments.out is None:
        for frame in readable(frames):
            print(pose_of(frame, pose, boxes).to_json())
        return
    images = people = 0
    with (
        whole(arguments.out / 'poses.jsonl') as path,
        path.open('w', encoding='utf-8', errors='backslashreplace') as file,
    ):
        for frame in readable(frames):
            result = pose_of(frame, pose, boxes)
            print(result.to_json(), file=file)
            save_image(arguments.out / f'{Path(result.name).with_suffix("")}.jpg', drawn(result, frame, arguments))
            images, people = images + 1, people + len(result)
    print(f'{arguments.out}: {images} image{"s" * (images != 1)}, {people} people')


def boxes_of(arguments: argparse.Namespace) -> Any:
    """Return the boxes as `ExportedPose` takes them, or as a `BoxFile`."""
    text = arguments.boxes
    if text is None:
        return None if arguments.detector else WHOLE_IMAGE
    if Path(text).exists():
        return BoxFile(text)
    try:
        rows = [[float(number) for number in row.split(',')] for row in text.split(';')]
        return np.array(rows).reshape(-1, 4)
    except ValueError as error:
        raise UserError(f'--boxes {text}: there is no such file, and it is not X1,Y1,X2,Y2 either') from error


def readable(source: Source) -> Iterator[Frame]:
    """Yield the frames that can be read; say on stderr which are skipped.

    Raises:
        UserError: no frame can be read.
    """
    found, reason = 0, ''
    for frame in source.read():
        if isinstance(frame, Broken):
            reason = frame.reason
            print(f'skipped: {reason}', file=sys.stderr)
        else:
            found += 1
            yield frame
    if reason and not found:
        raise UserError(reason)


def pose_of(frame: Frame, pose: ExportedPose, boxes: Any) -> PoseResult:
    """Return the people in a frame."""
    return pose.of_frame(frame, boxes(frame) if callable(boxes) else boxes)


def drawn(result: PoseResult, frame: Frame, arguments: argparse.Namespace) -> np.ndarray:
    """Return the image (H, W, 3) uint8 RGB with its people."""
    return result.draw_rgb(frame.image, threshold=arguments.threshold)


def command() -> None:
    """Run `hrpose-run` as a program."""
    run(main)
