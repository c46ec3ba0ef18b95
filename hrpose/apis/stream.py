"""The results of a source's frames, one after the other, and a count of what was skipped."""

import logging
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import TypeVar

from mmengine.logging import print_log

from hrpose.apis.boxes import Boxes, GivenBoxes, checked_boxes
from hrpose.apis.result import PoseResult
from hrpose.apis.sources import Broken, Frame, Source
from hrpose.errors import UserError, printable

Item = TypeVar('Item')
Located = tuple[Frame, Boxes]


class PoseStream:
    """An iterable of one `PoseResult` for each frame of a source, in order.

    Frames are read as they are needed. Those that cannot be read are reported, counted and skipped.

    Args:
        source: what to read.
        locate: yields each frame with its boxes, or `Broken` where it has none that are valid.
        estimate: yields the result of each frame with its boxes.
        report: called with a sentence for each skip; by default it goes to the log as a warning.

    Attributes:
        source: what is read; its `total` is the number of frames, None if unknown.
        done: frames with a result so far.
        people: in these frames.
        skipped: frames skipped so far.
    """

    def __init__(
        self,
        source: Source,
        locate: Callable[[Iterator[Frame]], Iterator[Located | Broken]],
        estimate: Callable[[Iterator[Located]], Iterator[PoseResult]],
        report: Callable[[str], object] | None = None,
    ) -> None:
        self.source = source
        self.done = self.people = self.skipped = 0
        self._locate, self._estimate = locate, estimate
        self._report = report or partial(print_log, logger='current', level=logging.WARNING)

    def __iter__(self) -> Iterator[PoseResult]:
        frames = self._without_broken(self.source.read())
        for result in self._estimate(self._without_broken(self._locate(frames))):
            self.done += 1
            self.people += len(result)
            yield result

    def _without_broken(self, items: Iterable[Item | Broken]) -> Iterator[Item]:
        for item in items:
            if not isinstance(item, Broken):
                yield item
                continue
            self.skipped += item.count
            self._report(printable(f'skipped: {item.reason}' if item.count else item.reason))


def given_boxes(
    frames: Iterable[Frame], boxes: GivenBoxes | Callable[[Frame], GivenBoxes]
) -> Iterator[Located | Broken]:
    """Yield each frame with the boxes that a caller gives, or `Broken` if they are wrong.

    Args:
        frames: of a source.
        boxes: of every frame, or a function from a frame to its boxes, which may raise a `UserError`.
    """
    for frame in frames:
        try:
            own = boxes(frame) if callable(boxes) else boxes
            yield frame, checked_boxes(own, frame.size, frame.title)
        except UserError as error:
            yield Broken(str(error))
