"""Ids for the people of a stream.

The images of one folder, or of one iterable, count as the frames of a video, in their order. A tracker is reset where
another video or folder begins.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from hrpose.apis.boxes import Boxes
from hrpose.apis.result import PoseResult
from hrpose.apis.sources import FALLBACK_RATE
from hrpose.apis.stream import Located
from hrpose.errors import UserError
from hrpose.tracking import FlowTracker, OnlineTracker, frame_time

Tracker = OnlineTracker | FlowTracker
Estimate = Callable[[Iterable[Located]], Iterator[PoseResult]]


def tracker_of(track: bool | Tracker, sigmas: tuple[float, ...]) -> Tracker | None:
    """Return the tracker that `PoseInferencer.stream` is asked for by `track`; None for none.

    Raises:
        UserError: it is something else, or its sigmas are of another number of joints.
    """
    if isinstance(track, bool):
        return OnlineTracker(sigmas) if track else None
    if not isinstance(track, Tracker):
        raise UserError(f'track: {track!r:.80} is no tracker; give True, an OnlineTracker or a FlowTracker')
    if len(track.sigmas) != len(sigmas):
        raise UserError(f'track: the tracker has {len(track.sigmas)} sigmas, the network {len(sigmas)} joints')
    return track


def tracked(estimate: Estimate, tracker: Tracker) -> Estimate:
    """Return `estimate` with ids in its results.

    An `OnlineTracker` follows behind, so frames still share batches. A `FlowTracker` adds boxes to each frame that
    depend on the people in the last one, so each frame is estimated on its own; whom it drops is left out.
    """

    def follow(found: Iterable[Located]) -> Iterator[PoseResult]:
        number = frame_numbers(tracker)
        if isinstance(tracker, FlowTracker):
            for frame, boxes in found:
                proposed = tracker.propose(frame.rgb, boxes.boxes, boxes.scores, frame=number(frame.name, frame.index))
                (result,) = estimate([(frame, Boxes(*proposed))])
                ids = tracker.assign(result.keypoints, result.scores, result.boxes, result.box_scores)
                kept = ids >= 0
                yield replace(
                    result,
                    keypoints=result.keypoints[kept],
                    scores=result.scores[kept],
                    boxes=result.boxes[kept],
                    box_scores=result.box_scores[kept],
                    track_ids=ids[kept],
                )
            return
        for result in estimate(found):
            time = frame_time(number(result.name, result.frame_index), result.rate or FALLBACK_RATE)
            ids = tracker(result.keypoints, result.scores, result.boxes, time=time, image_size=result.image_size)
            yield replace(result, track_ids=ids)

    return follow


def frame_numbers(tracker: Tracker) -> Callable[[str, int | None], int]:
    """Return a function from the name and index of an image to its number in its video or folder.

    An image without an index follows the last one. The function resets the tracker where a video or folder begins.
    """
    folder: Path | None = None
    last = -1

    def number(name: str, index: int | None) -> int:
        nonlocal folder, last
        if folder != Path(name).parent:
            folder, last = Path(name).parent, -1
            tracker.reset()
        last = last + 1 if index is None else index
        return last

    return number
