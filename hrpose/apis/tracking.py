"""Ids for the people of a stream, and smoothing of their joints.

The images of one folder, or of one iterable, count as the frames of a video, in their order, at `FALLBACK_RATE` frames
a second. Trackers and filters are reset where another video or folder begins.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Protocol

import numpy as np

from hrpose.apis.boxes import Boxes
from hrpose.apis.result import PROBABILITIES, PoseResult
from hrpose.apis.sources import FALLBACK_RATE
from hrpose.apis.stream import Located
from hrpose.errors import UserError
from hrpose.tracking import FlowTracker, OneEuroFilter, OnlineTracker, frame_time, smooth_people

Tracker = OnlineTracker | FlowTracker
Estimate = Callable[[Iterable[Located]], Iterator[PoseResult]]


class Resettable(Protocol):
    """What forgets everybody between two videos."""

    def reset(self) -> None: ...


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


def smoother_of(smooth: bool | OneEuroFilter, *, track: bool | Tracker) -> OneEuroFilter | None:
    """Return the filter that `PoseInferencer.stream` is asked for by `smooth`; None for none.

    Raises:
        UserError: it is something else, or people get no ids by which to follow them.
    """
    if smooth is False:
        return None
    if smooth is not True and not isinstance(smooth, OneEuroFilter):
        raise UserError(f'smooth: {smooth!r:.80} is no filter; give True or a OneEuroFilter')
    if track is False:
        raise UserError('smooth: joints are smoothed by person, and people have no ids; give track=True too')
    return OneEuroFilter() if smooth is True else smooth


def tracked(estimate: Estimate, tracker: Tracker) -> Estimate:
    """Return `estimate` with ids in its results.

    An `OnlineTracker` follows behind, so frames still share batches. A `FlowTracker` adds boxes to each frame that
    depend on the people in the last one, so each frame is estimated on its own. People without an id are left out.
    """

    def follow(found: Iterable[Located]) -> Iterator[PoseResult]:
        number = frame_numbers(tracker)
        if isinstance(tracker, FlowTracker):
            for frame, boxes in found:
                proposed = tracker.propose(frame.rgb, boxes.boxes, boxes.scores, frame=number(frame.name, frame.index))
                (result,) = estimate([(frame, Boxes(*proposed))])
                ids = tracker.assign(result.keypoints, result.scores, result.boxes, result.box_scores)
                yield with_ids(result, ids)
            return
        for result in estimate(found):
            time = result_time(result, number)
            ids = tracker(result.keypoints, result.scores, result.boxes, time=time, image_size=result.image_size)
            yield with_ids(result, ids)

    return follow


def with_ids(result: PoseResult, ids: np.ndarray) -> PoseResult:
    """Return the result with ids (N,), without the people whose id is below 0."""
    if (kept := ids >= 0).all():
        return replace(result, track_ids=ids)
    rows = ('keypoints', 'scores', 'boxes', 'box_scores', *PROBABILITIES)
    some = {name: value[kept] for name in rows if (value := getattr(result, name)) is not None}
    return replace(result, **some, track_ids=ids[kept])


def smoothed(estimate: Estimate, smooth: OneEuroFilter) -> Estimate:
    """Return `estimate`, whose results have ids, with smoothed keypoints."""

    def follow(found: Iterable[Located]) -> Iterator[PoseResult]:
        number = frame_numbers(smooth)
        for result in estimate(found):
            assert result.track_ids is not None
            time = result_time(result, number)
            yield replace(result, keypoints=smooth(result.keypoints, result.scores, result.track_ids, time=time))

    return follow


def smooth_results(
    results: Iterable[PoseResult], *, window: float = 0.3, order: int = 2, threshold: float = 0.2
) -> list[PoseResult]:
    """Smooth the joints in all results of a stream with ids by `smooth_track`: no lag, but the whole file is needed.

    Args:
        results: in the order of their frames, of one or more videos or folders.
        window, order, threshold: see `smooth_track`.

    Returns:
        The results with smoothed keypoints, in the same order.

    Raises:
        UserError: results have no ids, and all that `smooth_track` raises.
    """
    videos: dict[Path, list[tuple[int, PoseResult]]] = {}
    given = list(results)
    for place, result in enumerate(given):
        if result.track_ids is None:
            raise UserError(f'{result!r} has no ids, by which joints are smoothed; give the results of track=True')
        videos.setdefault(Path(result.name).parent, []).append((place, result))
    for video in videos.values():
        places, frames = zip(*video, strict=True)
        counts = [len(frame) for frame in frames]
        numbers = [number if frame.frame_index is None else frame.frame_index for number, frame in enumerate(frames)]
        smooth = smooth_people(
            np.concatenate([frame.keypoints for frame in frames]),
            np.concatenate([frame.scores for frame in frames]),
            np.concatenate([frame.track_ids for frame in frames]),
            np.repeat(numbers, counts),
            rate=rate_of(frames[0]),
            window=window,
            order=order,
            threshold=threshold,
        )
        for place, keypoints in zip(places, np.split(smooth, np.cumsum(counts)[:-1]), strict=True):
            given[place] = replace(given[place], keypoints=keypoints)
    return given


def rate_of(result: PoseResult) -> float:
    """Return the frames a second of the video of a result; images count as a video of `FALLBACK_RATE`."""
    return FALLBACK_RATE if result.rate is None else result.rate


def result_time(result: PoseResult, number: Callable[[str, int | None], int]) -> float:
    """Return the time of a result in its video, seconds; `number` is from `frame_numbers`."""
    return frame_time(number(result.name, result.frame_index), rate_of(result))


def frame_numbers(state: Resettable) -> Callable[[str, int | None], int]:
    """Return a function from the name and index of an image to its number in its video or folder.

    An image without an index follows the last one. The function resets `state`, a tracker or a filter, where a video or
    folder begins.
    """
    folder: Path | None = None
    last = -1

    def number(name: str, index: int | None) -> int:
        nonlocal folder, last
        if folder != Path(name).parent:
            folder, last = Path(name).parent, -1
            state.reset()
        last = last + 1 if index is None else index
        return last

    return number
