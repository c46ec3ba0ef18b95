"""`hrpose infer`: the people in pictures, videos or a camera, as data and as drawings."""

import argparse
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hrpose.errors import UserError, nearest

if TYPE_CHECKING:
    from hrpose.apis.stream import PoseStream

KINDS = ('json', 'csv', 'images', 'video')
DETECTOR_THRESHOLD = 0.3


def parse_arguments(words: Sequence[str] | None, prog: str | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog=prog,
        description='Find the key points of the people in pictures, a video or a camera. Where the people are says a '
        'detector (--det), a file (--boxes), or that each picture is one person (--whole-image).',
    )
    parser.add_argument(
        'source', metavar='SOURCE', help="a picture, video, folder, pattern ('in/**'), or camera number"
    )
    pose = parser.add_argument_group('the pose network')
    pose.add_argument('--pose', required=True, metavar='CONFIG', help='config file, or the name of one: hrpose models')
    pose.add_argument(
        '--weights', metavar='FILE', help='file, name or address; default: the published ones of the name --pose'
    )
    people = parser.add_argument_group('the people, one of')
    people.add_argument('--det', metavar='CONFIG', help='a detector of mmdet: its config')
    people.add_argument('--boxes', metavar='FILE', help='COCO results of a detector, or COCO annotations')
    people.add_argument('--whole-image', action='store_true', help='each picture is one person')
    parser.add_argument('--det-weights', metavar='FILE', help="the detector's weights")
    parser.add_argument(
        '--box-threshold', type=float, help=f'least score of a box: {DETECTOR_THRESHOLD} with --det, 0 with --boxes'
    )
    parser.add_argument('--out', type=Path, required=True, metavar='DIR', help='folder for what is saved')
    parser.add_argument('--save', default='json', metavar='KINDS', help=f'some of {",".join(KINDS)} (default json)')
    parser.add_argument('--overwrite', action='store_true', help='write over what an earlier run left in --out')
    parser.add_argument('--threshold', type=float, default=0.2, help='draw joints that score more (default 0.2)')
    parser.add_argument('--device', help='cpu, cuda, cuda:1, …; the GPU unless given, where there is one')
    parser.add_argument('--batch-size', type=int, default=32, help='people a forward pass (default 32)')
    arguments = parser.parse_args(words)
    arguments.save = kinds_of(arguments.save)
    check_ways(arguments)
    return arguments


def kinds_of(text: str) -> list[str]:
    """Return what --save names, each once."""
    kinds = list(dict.fromkeys(word.strip() for word in text.split(',')))
    if unknown := [kind for kind in kinds if kind not in KINDS]:
        raise UserError(f"--save has no kind '{unknown[0]}'; {nearest(unknown[0], KINDS)}")
    return kinds


def check_ways(arguments: argparse.Namespace) -> None:
    """Refuse options that leave open where the people are, or that would count for nothing."""
    ways = [bool(arguments.det), bool(arguments.boxes), arguments.whole_image]
    if sum(ways) != 1:
        which = 'nothing says where the people are' if not any(ways) else 'where the people are is said twice'
        raise UserError(f'{which}: give one of --det CONFIG --det-weights FILE, --boxes FILE, --whole-image')
    if bool(arguments.det) != bool(arguments.det_weights):
        raise UserError('--det and --det-weights belong together: a detector without weights finds nothing')
    if arguments.whole_image and arguments.box_threshold is not None:
        raise UserError('--box-threshold is for boxes with scores: with --whole-image there are none')


def main(words: Sequence[str] | None = None, *, prog: str | None = None) -> None:
    """Go through the source as the command line says, and print what came of it."""
    arguments = parse_arguments(words, prog)
    from hrpose.apis.sources import open_source
    from hrpose.cli.savers import SAVERS, check_targets

    # What is cheap to find wrong is looked at before any weights are read.
    source = open_source(source_of(arguments.source))
    if 'video' in arguments.save and not source.videos:
        raise UserError(f'--save video is for a video or a camera; for the pictures of {arguments.source}: images')
    boxes = boxes_of(arguments)
    check_targets(arguments.save, arguments.out, overwrite=arguments.overwrite)
    pose = build_inferencer(arguments)
    bar = progress_bar(source.total)
    keep = any(SAVERS[kind].needs_images for kind in arguments.save)
    stream = pose.stream(source, boxes=boxes, keep_images=keep, report=lambda line: bar.write(line, file=sys.stderr))
    with Stop() as stop, ExitStack() as stack:
        # Called in the reverse order: files are complete, and the bar is gone, before the account is printed.
        stack.callback(lambda: print(account(stream, arguments, boxes)))
        stack.enter_context(bar)
        savers = [stack.enter_context(SAVERS[kind](arguments.out, arguments.threshold)) for kind in arguments.save]
        for result in stream:
            with stop.held():
                for saver in savers:
                    saver.add(result)
            bar.update(stream.done + stream.skipped - bar.n)
    if not stream.done:
        raise UserError(f'nothing came of {arguments.source}: all that there was had to be skipped')
    if arguments.boxes and not stream.people:
        raise UserError(f'no picture of {arguments.source} has boxes in {arguments.boxes}: do they belong together?')


class Stop:
    """Lets Ctrl-C, or a request to terminate, end the work between two frames, and never while a file is written.

    As a context manager: the first signal raises KeyboardInterrupt, at once or at the end of `held()`; later ones count
    for nothing, until the process has ended by itself, so that what is open can be completed.
    """

    _signals = (signal.SIGINT, signal.SIGTERM)

    def __init__(self) -> None:
        self._asked = self._writing = False

    def __enter__(self) -> 'Stop':
        self._before = {number: signal.signal(number, self._answer) for number in self._signals}
        return self

    def __exit__(self, *reason: object) -> None:
        for number, handler in self._before.items() if not self._asked else ():
            signal.signal(number, handler)

    def _answer(self, *_: object) -> None:
        first, self._asked = not self._asked, True
        if first and not self._writing:
            raise KeyboardInterrupt

    @contextmanager
    def held(self) -> Iterator[None]:
        """Put the interruption off until the end of the block."""
        self._writing = True
        yield
        self._writing = False
        if self._asked:
            raise KeyboardInterrupt


def source_of(text: str) -> str | int:
    """Return SOURCE as it is, or as the number of a camera if it is one and no file has that name."""
    return int(text) if text.isdecimal() and not Path(text).exists() else text


def boxes_of(arguments: argparse.Namespace) -> Any:
    """Return where the people are, as `PoseInferencer.stream` takes it; None leaves it to the detector."""
    if arguments.boxes:
        from hrpose.cli.box_file import BoxFile

        return BoxFile(arguments.boxes, threshold=arguments.box_threshold or 0.0)
    return 'whole_image' if arguments.whole_image else None


def build_inferencer(arguments: argparse.Namespace) -> Any:
    """Return the inferencer, with its detector if there is to be one."""
    import torch

    from hrpose.apis import PersonDetector, PoseInferencer
    from hrpose.checkpoints.table import PUBLISHED
    from hrpose.hardware import keep_freed_memory

    device = arguments.device or ('cuda' if torch.cuda.is_available() else 'cpu')
    if device == 'cpu':
        keep_freed_memory()
    weights = arguments.weights or (arguments.pose if arguments.pose in PUBLISHED else None)
    if weights is None:
        raise UserError(f'--pose {arguments.pose} is not the name of published weights: give --weights FILE')
    detector = None
    if arguments.det:
        threshold = DETECTOR_THRESHOLD if arguments.box_threshold is None else arguments.box_threshold
        detector = PersonDetector(arguments.det, arguments.det_weights, score_threshold=threshold, device=device)
    return PoseInferencer(arguments.pose, weights, detector, device, arguments.batch_size)


def progress_bar(total: int | None) -> Any:
    """Return a bar with the rate and the time left; where nobody watches, a line now and then."""
    from tqdm import tqdm

    return tqdm(total=total, unit='frame', mininterval=0.2 if sys.stderr.isatty() else 30.0, dynamic_ncols=True)


def account(stream: 'PoseStream', arguments: argparse.Namespace, boxes: Any) -> str:
    """Return what was done and what was left out, in a few lines."""
    from hrpose.cli.box_file import BoxFile
    from hrpose.cli.savers import SAVERS

    targets = ', '.join(SAVERS[kind].target for kind in arguments.save)
    lines = [f'{stream.done} frames, {stream.people} people; {stream.skipped} skipped', f'{arguments.out}: {targets}']
    if isinstance(boxes, BoxFile):
        lines += [f'{arguments.boxes}: {count} left out, {reason}' for reason, count in boxes.left_out.items()]
        if boxes.unused:
            lines.append(f'{arguments.boxes}: boxes of {boxes.unused} pictures were not asked for')
    return '\n'.join(lines)
