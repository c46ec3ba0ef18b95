"""Folders in PoseTrack18's form, one JSON a video: scored as poseval does, and written for the server."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hrpose.datasets.annotations import image_key, read_coco_json
from hrpose.datasets.metainfo.known import POSETRACK18
from hrpose.errors import UserError
from hrpose.evaluation.functional.pck import joint_mean
from hrpose.evaluation.functional.people import GroundTruth
from hrpose.evaluation.functional.posetrack_ap import LabelledFrames, average_precision, judge_joints
from hrpose.evaluation.functional.posetrack_mot import posetrack_identity, posetrack_mot
from hrpose.files import whole

MAX_TRACKS = 1000  # track ids are below
POSEVAL_JOINTS = (
    'right_ankle', 'right_knee', 'right_hip', 'left_hip', 'left_knee', 'left_ankle', 'right_wrist', 'right_elbow',
    'right_shoulder', 'left_shoulder', 'left_elbow', 'left_wrist', 'neck', 'nose', 'head_top',
)  # fmt: skip
_PLACES = [POSETRACK18['keypoint_names'].index({'neck': 'head_bottom'}.get(name, name)) for name in POSEVAL_JOINTS]
_NUM_JOINTS = len(POSETRACK18['keypoint_names'])

Content = dict[str, Any]


def score_folders(truth: str | Path, predictions: str | Path) -> dict[str, dict[str, float | None]]:
    """Return poseval's metrics of a folder of predictions, each in percent by joint and in 'total', the joints' mean.

    The names of the metrics are `ap ap_precision ap_recall mota motp motp_poseval mot_precision mot_recall`; `motp` is
    the exact one. `hota idf1`, which poseval lacks, are of whole poses and have a 'total' only. A value is None where a
    joint is never labelled or, for `motp`, never found. Keypoints of (0, 0, 0) are missing; otherwise the visibility is
    not looked at. The order of frames in a file does not matter.

    Args:
        truth: folder of PoseTrack18's annotations, one JSON a video.
        predictions: folder of files of the same names, whose annotations have `scores` by joint and `track_id`.

    Raises:
        UserError: a truth without a labelled joint, a video or a frame that one side lacks, a track id outside 0 to
            999, and all that `posetrack_mot` raises.
    """
    true_files, found_files = video_files(truth), video_files(predictions)
    for name in sorted(true_files.keys() ^ found_files.keys()):
        lacking = predictions if name in true_files else truth
        raise UserError(f'{lacking}: it has no {name}; both folders must have one file of each video')
    images: list[Content] = []
    annotations: list[Content] = []
    results: list[Content] = []
    for name, path in true_files.items():
        content, found = (read_coco_json(str(each)) for each in (path, found_files[name]))
        frames, given = ({image_key(image['id']) for image in each['images']} for each in (content, found))
        if missing := sorted(frames - given):
            raise UserError(f'{found_files[name]}: images lack frame {missing[0]}; list every frame, also empty ones')
        images += [{**image, 'vid_id': path.stem} for image in content['images']]
        annotations += [_labelled(person) for person in content.get('annotations') or []]
        results += [_scored(person, found_files[name]) for person in found.get('annotations') or []]
    gt = GroundTruth.of({'images': images, 'annotations': annotations}, _NUM_JOINTS, str(truth))
    if not gt.labelled.any():
        raise UserError(f'{truth}: no frame has a labelled person, so there is nothing to score; give annotations')
    judged = judge_joints(LabelledFrames.of(gt, results, _NUM_JOINTS))
    precision, recall = judged.precision_and_recall()
    mot = posetrack_mot(gt, results, _NUM_JOINTS)
    values = {'ap': average_precision(*judged), 'ap_precision': precision, 'ap_recall': recall, 'mota': mot.mota}
    values |= {'motp': mot.motp, 'motp_poseval': mot.motp_poseval}
    values |= {'mot_precision': mot.precision, 'mot_recall': mot.recall}
    identity = posetrack_identity(gt, results, _NUM_JOINTS)
    of_poses: dict[str, dict[str, float | None]] = {
        'hota': {'total': 100 * identity.hota},
        'idf1': {'total': 100 * identity.idf1},
    }
    return {name: _by_joint(100 * joints[_PLACES]) for name, joints in values.items()} | of_poses


def write_folder(folder: str | Path, truth: str | Path, results: list[Content]) -> None:
    """Write predictions as the server takes them: a file of each video of the folder `truth`, with every frame.

    Args:
        results: `image_id`, `track_id` (from 0 in each video) and `keypoints` (3K numbers, the third the score;
            a joint of NaN or at (0, 0) is missing).

    Raises:
        UserError: a track id outside 0 to 999, or a frame of no video.
    """
    by_frame: dict[str, list[Content]] = {}
    for person in results:
        track = _track(person, folder)
        keypoints = np.array(person['keypoints'], dtype=np.float64).reshape(-1, 3)
        absent = np.isnan(keypoints).any(axis=1) | ~keypoints[:, :2].any(axis=1)
        keypoints[absent] = 0
        scores = keypoints[:, 2].tolist()
        keypoints[:, 2] = ~absent
        entry = {'track_id': track, 'category_id': 1, 'keypoints': keypoints.ravel().tolist(), 'scores': scores}
        by_frame.setdefault(image_key(person['image_id']), []).append(entry)
    contents = {name: read_coco_json(str(path)) for name, path in video_files(truth).items()}
    known = {image_key(image['id']) for content in contents.values() for image in content['images']}
    if unknown := by_frame.keys() - known:
        raise UserError(f'{truth}: no video has frame {min(unknown)}, which is predicted; give the folder it is from')
    for name, content in contents.items():
        people = [
            {'id': 100 * int(image['id']) + number, 'image_id': image['id'], **entry}
            for image in content['images']
            for number, entry in enumerate(by_frame.get(image_key(image['id']), []))
        ]
        parts = {'images': content['images'], 'annotations': people, 'categories': content.get('categories') or []}
        with whole(Path(folder) / name) as part:
            part.write_text(json.dumps(parts))


def has_labels(truth: str | Path) -> bool:
    """Return whether any file of a folder has a person with a labelled joint."""
    contents = (read_coco_json(str(path)) for path in video_files(truth).values())
    return any(any(person.get('keypoints') or []) for each in contents for person in each.get('annotations') or [])


def video_files(folder: str | Path) -> dict[str, Path]:
    """Return the JSON files of a folder by name; raise `UserError` if there are none."""
    files = {path.name: path for path in sorted(Path(folder).glob('*.json'))}
    if not files:
        problem = 'has no .json file' if Path(folder).is_dir() else 'is not a folder'
        raise UserError(f'{folder}: {problem}; give the folder of one JSON a video')
    return files


def _labelled(person: Mapping[str, Any]) -> Content:
    """Return an annotation whose joints are visible unless they are (0, 0, 0)."""
    joints = np.array(person.get('keypoints') or [0] * 3 * _NUM_JOINTS, dtype=np.float64).reshape(-1, 3)
    joints[:, 2] = joints.any(axis=1)
    return {**person, 'keypoints': joints.ravel()}


def _scored(person: Mapping[str, Any], path: Path) -> Content:
    """Return a prediction with its joints' scores in place of their visibility."""
    _track(person, path)
    where = f'{path}: a person of image {person.get("image_id")}'
    joints, scores = (np.array(person.get(name) or [], dtype=np.float64) for name in ('keypoints', 'scores'))
    if (joints.size, scores.size) != (3 * _NUM_JOINTS, _NUM_JOINTS):
        raise UserError(
            f'{where} has {joints.size / 3:g} keypoints and {scores.size} scores; give {_NUM_JOINTS} of both'
        )
    joints = joints.reshape(-1, 3)
    absent = ~joints.any(axis=1)
    joints[:, 2] = scores
    joints[absent] = np.nan
    return {'image_id': person['image_id'], 'track_id': person['track_id'], 'keypoints': joints.ravel()}


def _track(person: Mapping[str, Any], where: str | Path) -> int:
    """Return a person's track id; raise `UserError` for one that poseval does not take."""
    track = person.get('track_id')
    if not isinstance(track, int | np.integer) or not 0 <= track < MAX_TRACKS:
        raise UserError(
            f'{where}: image {person.get("image_id")}: track_id is {track!r}, but poseval takes 0 to {MAX_TRACKS - 1}; '
            'number the tracks of each video from 0'
        )
    return int(track)


def _by_joint(values: NDArray[np.float64]) -> dict[str, float | None]:
    named = dict(zip((*POSEVAL_JOINTS, 'total'), [*values.tolist(), joint_mean(values)], strict=True))
    return {name: None if np.isnan(value) else value for name, value in named.items()}
