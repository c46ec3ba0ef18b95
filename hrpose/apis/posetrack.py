"""PoseTrack's videos, as folders of frames with one JSON each: read, tracked as published, returned as results.

N people, K joints. Coordinates are in image px.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from hrpose.apis.box_file import BoxFile
from hrpose.apis.inferencer import PoseInferencer
from hrpose.apis.result import PoseResult
from hrpose.apis.sources import Frame
from hrpose.apis.stream import Located
from hrpose.apis.tracking import tracked
from hrpose.datasets.annotations import file_name_of, image_key, read_coco_json
from hrpose.datasets.metainfo.known import POSETRACK18
from hrpose.errors import UserError
from hrpose.evaluation.functional.posetrack_folder import MAX_TRACKS, video_files
from hrpose.images.convert import as_rgb
from hrpose.tracking import FlowTracker


@dataclass(frozen=True)
class VideoFrame:
    """A frame that an annotation file lists."""

    image_id: Any  # as the file has it
    path: Path
    size: tuple[int, int] | None  # (w, h) px; None where the file states none


@dataclass(frozen=True)
class Video:
    """The frames of one annotation file, in the order of their ids."""

    file: Path
    frames: Sequence[VideoFrame]

    def read(self) -> Iterator[Frame]:
        """Yield the frames.

        Raises:
            UserError: an image cannot be read, or has another size than the file states.
        """
        for index, frame in enumerate(self.frames):
            rgb = as_rgb(frame.path)
            size = rgb.shape[1], rgb.shape[0]
            if frame.size not in (None, size):
                stated = '{} x {}'.format(*frame.size or ())
                raise UserError(
                    f'{frame.path}: the image is {size[0]} x {size[1]} px, but {self.file} says {stated}; give the '
                    'images that were annotated'
                )
            yield Frame(rgb, f'{self.file.stem}/{index:06d}', str(frame.path), index)


def read_videos(annotations: str | Path, image_root: str | Path | None = None) -> list[Video]:
    """Return the videos of a folder of annotations, one JSON each. Frames are sorted by their ids.

    Args:
        annotations: the folder, for instance `data/posetrack18/annotations/val`.
        image_root: the folder in which the files' `file_name` begins; by default the one that has `annotations`.

    Raises:
        UserError: no such folder, a file that lists no frames or one frame twice, or a frame whose image is missing.
    """
    root = Path(annotations).absolute().parents[1] if image_root is None else Path(image_root)
    return [_read_video(path, root) for path in video_files(annotations).values()]


def _read_video(path: Path, root: Path) -> Video:
    images = read_coco_json(str(path))['images']
    if not images:
        raise UserError(f'{path}: it lists no frames; leave this file out')
    by_id: dict[int, VideoFrame] = {}
    for image in images:
        try:
            number, name = int(image_key(image['id'])), root / file_name_of(image, str(path))
            size = (int(image['width']), int(image['height'])) if image.get('width') and image.get('height') else None
        except UserError:
            raise
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise UserError(f"{path}: a frame has no number as 'id' or no 'file_name': {image!r:.80}") from error
        if number in by_id:
            raise UserError(f'{path}: two frames have the id {number}; give each frame its own')
        by_id[number] = VideoFrame(image['id'], name, size)
    missing = [frame.path for frame in by_id.values() if not frame.path.is_file()]
    if missing:
        raise UserError(
            f'{path}: {len(missing)} of its {len(by_id)} frames are missing, such as {missing[0]}; give the folder in '
            "which the files' file_name begins as --img-root"
        )
    return Video(path, [frame for _, frame in sorted(by_id.items())])


# From the frames of a video to each with its boxes.
Locate = Callable[[Video], Iterator[Located]]


def locate_by_file(path: str | Path) -> Locate:
    """Return a function that takes a video's boxes from COCO results, by the id of the image.

    Raises:
        UserError: the file is not in COCO's layout; later, it has boxes for no frame of a video.
    """
    file = BoxFile(path)

    def locate(video: Video) -> Iterator[Located]:
        boxes = [file.of_image(frame.image_id) for frame in video.frames]
        if not any(map(len, (each.boxes for each in boxes))):
            raise UserError(f'{path}: it has no box in any frame of {video.file}; check that they belong together')
        yield from zip(video.read(), boxes, strict=True)

    return locate


def locate_truth(video: Video) -> Iterator[Located]:
    """Yield each frame with the boxes that its annotations have."""
    file = BoxFile(video.file)
    yield from zip(video.read(), (file.of_image(frame.image_id) for frame in video.frames), strict=True)


def track_videos(
    pose: PoseInferencer,
    videos: Sequence[Video],
    locate: Locate | None = None,
    *,
    box_threshold: float = 0.5,
    joint_threshold: float = 0.4,
    report: Callable[[str], object] = print,
    advance: Callable[[int], object] = int,
) -> list[dict[str, Any]]:
    """Return the people of all videos with identities, as `write_folder` takes them.

    Each frame goes through the published tracker, see `FlowTracker`. Where the images of a video change their size, the
    tracker begins anew. Ids count from 0 in each video. poseval takes 1000 of them: of a video with more, the ones in
    most frames are kept.

    Args:
        pose: a network with PoseTrack18's joints.
        videos: as `read_videos` returns them.
        locate: gives the boxes; None asks the detector of `pose`.
        box_threshold: boxes with a lower score are dropped.
        joint_threshold: joints with a lower score are missing.
        report: called with a sentence for each video whose tracks are too many.
        advance: called with 1 after each frame.

    Raises:
        UserError: a network with other joints, no detector where one is needed, or what reading the images raises.
    """
    if tuple(pose.metainfo['keypoint_names']) != POSETRACK18['keypoint_names']:
        raise UserError(
            f"the network's joints are those of {pose.metainfo['dataset_name']}, not PoseTrack18's 17; fine-tune it as "
            'configs/hrnet_w32_posetrack18_256x192.py does'
        )
    if locate is None and pose.detector is None:
        raise UserError('nothing says where the people are; give a detector, or `locate`')
    results: list[dict[str, Any]] = []
    for video in videos:
        tracker = FlowTracker(pose.metainfo['sigmas'], box_threshold=box_threshold, joint_threshold=joint_threshold)
        located = pose.detect(video.read()) if locate is None else locate(video)
        people: list[dict[str, Any]] = []
        for found, frame in zip(tracked(pose.estimate, tracker)(located), video.frames, strict=True):
            people += _people(found, frame.image_id, joint_threshold)
            advance(1)
        kept = most_seen(people)
        if len(kept) < len(people):
            report(
                f'{video.file}: more than {MAX_TRACKS} tracks; {len(people) - len(kept)} people of short ones left out'
            )
        results += kept
    return results


def most_seen(people: list[dict[str, Any]], limit: int = MAX_TRACKS) -> list[dict[str, Any]]:
    """Return the people of a video whose tracks are among the `limit` with most frames, numbered anew from 0."""
    tracks, rows, counts = np.unique([each['track_id'] for each in people], return_inverse=True, return_counts=True)
    kept = np.sort(np.argsort(-counts, kind='stable')[:limit])
    numbers = np.full(len(tracks), -1)
    numbers[kept] = np.arange(len(kept))
    pairs = zip(people, numbers[rows].tolist(), strict=True)
    return [{**person, 'track_id': number} for person, number in pairs if number >= 0]


def _people(found: PoseResult, image_id: Any, threshold: float) -> Iterator[dict[str, Any]]:
    """Yield the people of a frame; joints with a score below the threshold are NaN."""
    assert found.track_ids is not None
    joints = np.concatenate([found.keypoints, found.scores[..., None]], axis=2)
    joints[~(found.scores >= threshold)] = np.nan
    for track, keypoints in zip(found.track_ids.tolist(), joints, strict=True):
        yield {'image_id': image_id, 'track_id': track, 'keypoints': keypoints.ravel().tolist()}
