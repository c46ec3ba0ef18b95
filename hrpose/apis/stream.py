"""The results of a source's frames, one after the other, and the account of what was skipped."""

import logging
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Protocol

from mmengine.logging import print_log

from hrpose.apis.detector import Boxes
from hrpose.apis.given_boxes import checked_boxes
from hrpose.apis.result import PoseResult
from hrpose.apis.sources import Broken, Frame, Source
from hrpose.errors import UserError


class Inferencer(Protocol):
    """What a stream needs of a `PoseInferencer`."""

    def detect(self, frames: Iterable[Frame], *, at_once: bool = False) -> Iterator[tuple[Frame, Boxes]]:
        """Yield each frame with the boxes of its people."""

    def results(
        self, found: Iterable[tuple[Frame, Boxes]], *, at_once: bool = False, keep_images: bool = False
    ) -> Iterator[PoseResult]:
        """Yield the result of each frame with its boxes."""


class PoseStream:
    """Iterate over it for one `PoseResult` a frame, in the source's order.

    Frames are read as they are needed. Those that cannot be read are reported, counted and skipped.

    Attributes:
        source: what is read; its `total` is the number of frames, None where nobody knows it.
        done: frames that gave a result so far.
        people: in these frames.
        skipped: frames that were skipped so far.
    """

    def __init__(
        self,
        inferencer: Inferencer,
        source: Source,
        *,
        boxes: Any = None,
        keep_images: bool = False,
        report: Callable[[str], object] | None = None,
    ) -> None:
        self.source = source
        self.done = self.people = self.skipped = 0
        self._inferencer, self._boxes, self._keep_images = inferencer, boxes, keep_images
        self._report = report or _log

    def __iter__(self) -> Iterator[PoseResult]:
        frames = self._whole_frames()
        found = self._given(frames) if self._boxes is not None else self._detected(frames)
        live = self.source.live
        for result in self._inferencer.results(found, at_once=live, keep_images=self._keep_images):
            self.done += 1
            self.people += len(result)
            yield result

    def _whole_frames(self) -> Iterator[Frame]:
        for item in self.source.read():
            if isinstance(item, Frame):
                yield item
            else:
                self._skip(item)

    def _detected(self, frames: Iterator[Frame]) -> Iterator[tuple[Frame, Boxes]]:
        return self._inferencer.detect(frames, at_once=self.source.live)

    def _given(self, frames: Iterator[Frame]) -> Iterator[tuple[Frame, Boxes]]:
        """Yield each frame with its boxes; one whose boxes are wrong is as broken as one that cannot be read."""
        for frame in frames:
            try:
                boxes = self._boxes(frame) if callable(self._boxes) else self._boxes
                yield frame, checked_boxes(boxes, frame.size, frame.title)
            except UserError as error:
                self._skip(Broken(str(error)))

    def _skip(self, broken: Broken) -> None:
        self.skipped += broken.count
        self._report(f'skipped: {broken.reason}' if broken.count else broken.reason)


def _log(message: str) -> None:
    print_log(message, logger='current', level=logging.WARNING)
