"""`hrpose infer`: find the keypoints of people in images, videos or a camera, and save and draw them."""

import argparse
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from hrpose.cli.parser import command_parser
from hrpose.errors import UserError, nearest

EXAMPLES = (
    'hrpose infer photo.jpg --save json,images',
    'hrpose infer clip.mp4 --pose mine.py --weights my.pth --det rtmdet.py --det-weights rtmdet.pth --out out --track',
    'hrpose infer val2017 --pose hrnet_w32_coco_256x192 --boxes person_keypoints_val2017.json --out out',
)

COLOURS = ('side', 'person')
KINDS = ('json', 'csv', 'images', 'video', 'posetrack')
POSE = 'hrnet_w32_coco_256x192'
DETECTOR = 'detection/rtmdet_m_coco_person'
DETECTOR_THRESHOLD = 0.3
INSTEAD = 'or say without a detector where the people are: --boxes FILE, --box X1,Y1,X2,Y2 or --whole-image'


def parser_of(prog: str | None = None) -> argparse.ArgumentParser:
    """Return the parser of the command."""
    parser = command_parser(
        prog,
        'Find the keypoints of the people in images, a video or a camera. The people are found by a '
        'detector (--det), read from a file (--boxes), or each image is one person (--whole-image). Weights given by '
        'name are downloaded once.',
        EXAMPLES,
    )
    parser.add_argument(
        'source',
        metavar='SOURCE',
        help="an image, video, folder, pattern ('in/**'), camera number or address of a video (rtsp, http)",
    )
    pose = parser.add_argument_group('pose network')
    pose.add_argument(
        '--pose', default=POSE, metavar='CONFIG', help=f'config file, or a name from `hrpose models` (default {POSE})'
    )
    pose.add_argument(
        '--weights', metavar='FILE', help='file, name or address (default: the published weights named by --pose)'
    )
    add_people(parser)
    add_results(parser)
    parser.add_argument(
        '--device', default='auto', help='cpu, cuda, cuda:1, …; auto (default) is the GPU if there is one'
    )
    parser.add_argument('--batch-size', type=int, default=32, help='people a forward pass (default 32)')
    return parser


def add_people(parser: argparse.ArgumentParser) -> None:
    """Add the options that say where the people are."""
    people = parser.add_argument_group('people: give at most one of these')
    people.add_argument('--det', metavar='CONFIG', help=f'config of a detector of mmdet (default {DETECTOR})')
    people.add_argument(
        '--boxes',
        metavar='FILE',
        help='COCO results of a detector, or COCO annotations, a file or a folder of one a video',
    )
    people.add_argument(
        '--box',
        action='append',
        metavar='X1,Y1,X2,Y2',
        help='a box in px, the same in every image; give it once for each person',
    )
    people.add_argument('--whole-image', action='store_true', help='each image is one person')
    parser.add_argument(
        '--det-weights', metavar='FILE', help="the detector's weights (default: the published ones named by --det)"
    )
    parser.add_argument(
        '--box-threshold',
        type=float,
        help=f'lowest score of a box (default: {DETECTOR_THRESHOLD} with a detector, 0 with --boxes)',
    )


def add_results(parser: argparse.ArgumentParser) -> None:
    """Add the options of what is written, drawn and tracked."""
    parser.add_argument('--out', type=Path, default=Path('out'), metavar='DIR', help='folder to write to (default out)')
    parser.add_argument('--save', default='json', metavar='KINDS', help=f'some of {",".join(KINDS)} (default json)')
    parser.add_argument('--overwrite', action='store_true', help='replace the results of an earlier run in --out')
    parser.add_argument('--threshold', type=float, default=0.2, help='draw keypoints with a higher score (default 0.2)')
    parser.add_argument('--track', action='store_true', help='give people ids over the frames of a video')
    parser.add_argument('--smooth', action='store_true', help="with --track: smooth each person's joints over time")
    parser.add_argument(
        '--trails', type=int, metavar='N', help='with --track: draw the path of each person over the last N frames'
    )
    parser.add_argument(
        '--colours',
        choices=COLOURS,
        help='of drawn people: by body side, or by person (default: by person with --track, else by side)',
    )


def parse_arguments(words: Sequence[str] | None, prog: str | None) -> argparse.Namespace:
    """Return the arguments, checked."""
    arguments = parser_of(prog).parse_args(words)
    arguments.save = kinds_of(arguments.save)
    check_people(arguments)
    check_tracking(arguments)
    return arguments


def kinds_of(text: str) -> list[str]:
    """Return the kinds that --save names, each once."""
    kinds = list(dict.fromkeys(word.strip() for word in text.split(',')))
    if unknown := [kind for kind in kinds if kind not in KINDS]:
        raise UserError(f"--save: there is no kind '{unknown[0]}'; {nearest(unknown[0], KINDS)}")
    return kinds


def check_people(arguments: argparse.Namespace) -> None:
    """Refuse two ways to find people, or options without effect; without any way, choose the default detector."""
    ways = sum([bool(arguments.det), bool(arguments.boxes), bool(arguments.box), arguments.whole_image])
    if ways > 1:
        raise UserError(
            'two options say where the people are; give one of --det CONFIG --det-weights FILE, --boxes FILE, '
            '--box X1,Y1,X2,Y2, --whole-image'
        )
    arguments.finds_by_default = not ways and not arguments.det_weights
    if arguments.finds_by_default:
        arguments.det = DETECTOR
    complete_detector(arguments)
    way = '--whole-image' if arguments.whole_image else '--box' if arguments.box else ''
    if way and arguments.box_threshold is not None:
        raise UserError(f'--box-threshold has no effect with {way}, which has no scores; leave it out')
    arguments.box = [box_of(text) for text in arguments.box or ()]


def complete_detector(arguments: argparse.Namespace) -> None:
    """Take the published weights that --det names if none are given; refuse one of the two options alone."""
    from hrpose.checkpoints.table import PUBLISHED

    if arguments.det in PUBLISHED and not arguments.det_weights:
        arguments.det_weights = arguments.det
    if bool(arguments.det) != bool(arguments.det_weights):
        raise UserError('--det and --det-weights: one of them is missing; give both')


def box_of(text: str) -> list[float]:
    """Return the box (x1, y1, x2, y2) that a word of the command line gives, px."""
    try:
        x1, y1, x2, y2 = (float(number) for number in text.split(','))
    except ValueError as error:
        raise UserError(f'--box {text}: give four numbers in px, for instance --box 280,44,500,385') from error
    return [x1, y1, x2, y2]


def check_tracking(arguments: argparse.Namespace) -> None:
    """Refuse options that need the ids of people where there are none, or drawings where nothing is drawn."""
    if arguments.smooth and not arguments.track:
        raise UserError('--smooth follows people by their ids, which they do not have; give --track too')
    if arguments.trails is not None and not arguments.track:
        raise UserError('--trails follows people by their ids, which they do not have; give --track too')
    if arguments.trails is not None and arguments.trails < 1:
        raise UserError(f'--trails {arguments.trails}: give a number of frames of at least 1')
    if 'posetrack' in arguments.save and not arguments.track:
        raise UserError('--save posetrack writes the ids of people, which they do not have; give --track too')
    for option in ('trails', 'colours'):
        if getattr(arguments, option) is not None and not {'images', 'video'} & set(arguments.save):
            raise UserError(f'--{option} has no effect, as nothing is drawn; give --save images or --save video too')


def main(words: Sequence[str] | None = None, *, prog: str | None = None) -> None:
    """Process the source and print a summary."""
    arguments = parse_arguments(words, prog)
    from hrpose.apis.drawing import StreamDrawing
    from hrpose.apis.savers import SAVERS, check_targets
    from hrpose.apis.sources import open_source

    # Cheap checks come before the weights are read.
    source = open_source(source_of(arguments.source))
    if 'video' in arguments.save and not source.videos:
        raise UserError(f'--save video: {arguments.source} has images only; use --save images')
    boxes = boxes_of(arguments)
    check_targets(arguments.save, arguments.out, overwrite=arguments.overwrite)
    pose = build_inferencer(arguments)
    bar = progress_bar(source.total)
    keep = any(SAVERS[kind].needs_images for kind in arguments.save)
    report = partial(bar.write, file=sys.stderr)
    stream = pose.stream(
        source, boxes=boxes, keep_images=keep, track=arguments.track, smooth=arguments.smooth, report=report
    )
    draw = StreamDrawing(threshold=arguments.threshold, colours=arguments.colours, trails=arguments.trails or 0)
    with Stop() as stop, ExitStack() as stack:
        # In reverse order: first the files are completed, then the bar is closed, then the summary is printed.
        stack.callback(lambda: print(summary(stream, arguments, boxes, best)))
        stack.enter_context(bar)
        savers: list[Any] = []
        best = 0.0
        for result in stream:
            best = max(best, result.scores.max(initial=0.0))
            with stop.held():
                if not savers:  # not before: without a result there is no folder either
                    arguments.out.mkdir(parents=True, exist_ok=True)
                    savers += [stack.enter_context(SAVERS[kind](arguments.out, draw)) for kind in arguments.save]
                for saver in savers:
                    saver.add(result)
            bar.update(stream.done + stream.skipped - bar.n)
    if not stream.done:
        raise UserError(f'{arguments.source}: no frame gave a result; the reasons are above')
    if arguments.boxes and not stream.people:
        raise UserError(f'{arguments.boxes} has no boxes for {arguments.source}; check that they belong together')


class Stop:
    """Makes SIGINT and SIGTERM end the work between two frames, never while a file is written.

    A context manager: the first signal raises KeyboardInterrupt, at once or at the end of `held()`. Later ones have no
    effect, so that open files can be completed.
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
        """Delay the interruption to the end of the block."""
        self._writing = True
        yield
        self._writing = False
        if self._asked:
            raise KeyboardInterrupt


def source_of(text: str) -> str | int:
    """Return SOURCE, as the number of a camera if it is a number and no file has that name."""
    return int(text) if text.isdecimal() and len(text) < 20 and not Path(text).exists() else text


def boxes_of(arguments: argparse.Namespace) -> Any:
    """Return the boxes as `PoseInferencer.stream` takes them; None asks the detector."""
    if arguments.boxes:
        from hrpose.apis.box_file import BoxFile

        return BoxFile(arguments.boxes, threshold=arguments.box_threshold or 0.0)
    if arguments.box:
        return lambda frame: arguments.box
    return 'whole_image' if arguments.whole_image else None


def build_inferencer(arguments: argparse.Namespace) -> Any:
    """Return the inferencer, with a detector if one is given."""
    from hrpose.apis import PoseInferencer
    from hrpose.apis.model import checked_device
    from hrpose.checkpoints.table import PUBLISHED
    from hrpose.config import load_config
    from hrpose.config.shipped import config_names
    from hrpose.hardware import keep_freed_memory

    device = str(checked_device(arguments.device))
    if device == 'cpu':
        keep_freed_memory()
    weights = arguments.weights or (arguments.pose if arguments.pose in PUBLISHED else None)
    if arguments.pose in PUBLISHED and arguments.pose not in config_names():
        raise UserError(
            f'--pose {arguments.pose} names weights without a config; give a config of their network, and --weights '
            f'{arguments.pose}'
        )
    if weights is None:
        load_config(arguments.pose)  # says what is wrong with the config first
        raise UserError(f'--pose {arguments.pose} has no published weights; give --weights FILE')
    detector = build_detector(arguments, device)
    return PoseInferencer(arguments.pose, weights, detector, device, arguments.batch_size)


def build_detector(arguments: argparse.Namespace, device: str) -> Any:
    """Return the detector, or None if none is given. Without the default one, the error names other ways."""
    if not arguments.det:
        return None
    from hrpose.apis import PersonDetector

    threshold = DETECTOR_THRESHOLD if arguments.box_threshold is None else arguments.box_threshold
    try:
        return PersonDetector(arguments.det, arguments.det_weights, score_threshold=threshold, device=device)
    except UserError as error:
        if not arguments.finds_by_default:
            raise
        raise UserError(f'{error}; {INSTEAD}') from error


def progress_bar(total: int | None) -> Any:
    """Return a bar with the rate and the time left; it is updated rarely if stderr is no terminal."""
    from tqdm import tqdm

    return tqdm(total=total, unit='frame', mininterval=0.2 if sys.stderr.isatty() else 30.0, dynamic_ncols=True)


def summary(stream: Any, arguments: argparse.Namespace, boxes: Any, best: float) -> str:
    """Return a few lines about what was written and what was left out; `best` is the highest score of a keypoint."""
    from hrpose.apis.box_file import BoxFile
    from hrpose.apis.savers import SAVERS

    targets = ', '.join(SAVERS[kind].target for kind in arguments.save)
    lines = [f'{stream.done} frames, {stream.people} people; {stream.skipped} skipped', f'{arguments.out}: {targets}']
    if isinstance(boxes, BoxFile):
        lines += [f'{arguments.boxes}: {count} boxes left out: {reason}' for reason, count in boxes.left_out.items()]
        if boxes.unused:
            lines.append(f'{arguments.boxes}: boxes of {boxes.unused} images were not used')
    if stream.people and best <= arguments.threshold and {'images', 'video'} & set(arguments.save):
        lines.append(
            f'only boxes were drawn: no keypoint has a score above --threshold {arguments.threshold:g} (the highest is '
            f'{best:.3f}); lower it, or check that the weights are those of a trained network'
        )
    return '\n'.join(lines)
