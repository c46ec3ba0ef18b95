"""Tracking PoseTrack's videos: frames are read as listed, people are followed, mistakes are sentences."""

import json
from pathlib import Path

import numpy as np
import pytest

from hrpose.apis.posetrack import locate_by_file, locate_truth, most_seen, read_videos, track_videos
from hrpose.apis.result import PoseResult
from hrpose.datasets.metainfo import resolve
from hrpose.errors import UserError
from hrpose.evaluation.functional.posetrack_folder import MAX_TRACKS, score_folders, write_folder
from hrpose.images.files import read_image, save_image
from hrpose.synthetic import make_videos

SMALL, FRAMES = (160, 120), 24
VIDEO = '000001_synthetic.json'


@pytest.fixture(scope='module')
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp('posetrack') / 'set'
    make_videos(out, train=2, val=0, frames=FRAMES, seed=5, workers=1, size=SMALL)
    return out


@pytest.fixture
def truth(made: Path, tmp_path: Path) -> Path:
    """A copy of the annotations beside the same images."""
    folder = tmp_path / 'annotations' / 'train'
    folder.mkdir(parents=True)
    for path in (made / 'annotations/train').iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    (tmp_path / 'images').symlink_to(made / 'images')
    return folder


def edit(path: Path, change) -> None:
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


class Annotator:
    """A pose network that knows the true joints, and errs by a seeded noise in px."""

    detector = None

    def __init__(self, truth: Path, noise: float) -> None:
        self.metainfo = resolve('posetrack18')
        self.rng, self.noise = np.random.default_rng(0), noise
        self.people: dict[str, list[np.ndarray]] = {}
        for path in truth.iterdir():
            content = json.loads(path.read_text())
            names = {image['id']: image['file_name'] for image in content['images']}
            for person in content['annotations']:
                joints = np.array(person['keypoints'], dtype=float).reshape(17, 3)
                self.people.setdefault(names[person['image_id']], []).append(joints)

    def estimate(self, found):
        """Yield, for each box, the true person whose joints' middle is nearest to its centre, or nobody."""
        for frame, boxes in found:
            known = np.array(self.people.get('/'.join(Path(frame.source).parts[-4:]), [])).reshape(-1, 17, 3)
            labelled = np.where(known[..., 2:] > 0, known[..., :2], np.nan)
            centres = (np.nanmin(labelled, axis=1) + np.nanmax(labelled, axis=1)) / 2
            middles, sizes = (boxes.boxes[:, :2] + boxes.boxes[:, 2:]) / 2, boxes.boxes[:, 2:] - boxes.boxes[:, :2]
            apart = (np.abs(middles[:, None] - centres) / sizes[:, None]).max(axis=2)
            nobody = np.zeros((1, 17, 3))
            people = np.concatenate([known, nobody])
            apart = np.column_stack([apart, np.full(len(apart), 0.3)])  # of the box, from which on it is nobody
            joints = people[apart.argmin(axis=1)]
            points = joints[..., :2] + self.noise * self.rng.standard_normal(joints[..., :2].shape)
            scores = (0.9 * joints[..., 2]).astype(np.float32)
            yield PoseResult(points, scores, boxes.boxes, boxes.scores, self.metainfo, frame.size)


def test_jittered_truth_is_followed_and_scored(truth: Path, tmp_path: Path) -> None:
    pose = Annotator(truth, noise=0.5)
    results = track_videos(pose, read_videos(truth), locate_truth)
    write_folder(tmp_path / 'out', truth, results)
    metrics = score_folders(truth, tmp_path / 'out')
    # Lost are identities of people who cross or return, and boxes that NMS drops where people overlap.
    assert metrics['ap']['total'] > 95
    assert 85 < metrics['mota']['total'] < 100
    again = track_videos(Annotator(truth, noise=0.5), read_videos(truth), locate_truth)
    assert json.dumps(again) == json.dumps(results)


def test_noise_lowers_the_metrics(truth: Path, tmp_path: Path) -> None:
    totals = []
    for noise in (0.5, 2.0):
        folder = tmp_path / f'{noise}'
        write_folder(folder, truth, track_videos(Annotator(truth, noise), read_videos(truth), locate_truth))
        totals.append(score_folders(truth, folder)['mota']['total'])
    assert totals[1] < totals[0] - 20


def test_joints_below_the_threshold_are_missing(truth: Path) -> None:
    results = track_videos(Annotator(truth, 0.0), read_videos(truth), locate_truth, joint_threshold=0.4)
    joints = np.array([person['keypoints'] for person in results]).reshape(-1, 17, 3)
    absent = np.isnan(joints).any(axis=2)
    assert absent.any()
    assert (joints[~absent][:, 2] >= 0.4).all()
    assert not track_videos(Annotator(truth, 0.0), read_videos(truth), locate_truth, joint_threshold=0.95)


def test_frames_are_sorted_by_their_ids(truth: Path) -> None:
    before = read_videos(truth)
    edit(truth / VIDEO, lambda content: content['images'].reverse())
    assert read_videos(truth) == before
    assert [frame.image_id for frame in before[0].frames] == [10000010000 + number for number in range(FRAMES)]


def test_a_frame_without_people_is_kept(truth: Path, tmp_path: Path) -> None:
    empty = {10000010005, 10000010006}

    def leave(content: dict) -> None:
        content['annotations'] = [person for person in content['annotations'] if person['image_id'] not in empty]

    edit(truth / VIDEO, leave)
    results = track_videos(Annotator(truth, 0.0), read_videos(truth), locate_truth)
    assert not any(person['image_id'] in empty for person in results)
    write_folder(tmp_path / 'out', truth, results)
    assert len(json.loads((tmp_path / 'out' / VIDEO).read_text())['images']) == FRAMES
    assert score_folders(truth, tmp_path / 'out')['mota']['total'] > 85


def test_a_change_of_the_image_size_starts_new_tracks(truth: Path, tmp_path: Path) -> None:
    folder, cut = tmp_path / 'wide', 12

    def widen(content: dict) -> None:
        for number, image in enumerate(content['images']):
            rgb = read_image(tmp_path / image['file_name'])
            wide = np.pad(rgb, ((0, 0), (0, 40 * (number >= cut)), (0, 0)))
            save_image(folder / image['file_name'], np.ascontiguousarray(wide[..., ::-1]))
            image['width'] = wide.shape[1]

    edit(truth / VIDEO, widen)
    (truth / '000002_synthetic.json').unlink()
    results = track_videos(Annotator(truth, 0.0), read_videos(truth, folder), locate_truth)
    first, second = (
        {person['track_id'] for person in results if (person['image_id'] % 10000 >= cut) == later}
        for later in (False, True)
    )
    assert first and second and not first & second


def test_the_stated_size_has_to_be_that_of_the_image(truth: Path) -> None:
    edit(truth / VIDEO, lambda content: content['images'][3].update(width=320))
    with pytest.raises(
        UserError, match=r'000003.jpg: the image is 160 x 120 px, but .* says 320 x 120; give the images'
    ):
        track_videos(Annotator(truth, 0.0), read_videos(truth), locate_truth)


def test_boxes_of_a_file_are_found_by_the_id_of_the_image(truth: Path, tmp_path: Path) -> None:
    content = json.loads((truth / VIDEO).read_text())
    entries = [{key: each[key] for key in ('image_id', 'bbox', 'category_id')} for each in content['annotations']]
    (tmp_path / 'boxes.json').write_text(json.dumps([{**each, 'score': 0.8} for each in entries]))
    (video, other) = read_videos(truth)
    given = [boxes for _, boxes in locate_by_file(tmp_path / 'boxes.json')(video)]
    annotated = [boxes for _, boxes in locate_truth(video)]
    assert sum(len(boxes.scores) for boxes in given) == len(entries)
    assert all((boxes.scores == 0.8).all() for boxes in given)
    assert [len(boxes.scores) for boxes in annotated] == [len(boxes.scores) for boxes in given]
    with pytest.raises(UserError, match='boxes.json: it has no box in any frame of .*000002_synthetic.json'):
        next(locate_by_file(tmp_path / 'boxes.json')(other))


@pytest.mark.parametrize(
    ('change', 'says'),
    [
        (lambda content: content['images'].clear(), 'it lists no frames; leave this file out'),
        (lambda content: content['images'].append(content['images'][0]), 'two frames have the id 10000010000'),
        (lambda content: content['images'][0].pop('file_name'), "no number as 'id' or no 'file_name'"),
        (lambda content: content['images'][0].update(id='first'), "no number as 'id' or no 'file_name'"),
        (lambda content: content['images'][0].update(file_name='images/none.jpg'), '1 of its 24 frames are missing'),
        (lambda content: content.pop('images'), 'not a COCO keypoint file'),
    ],
)
def test_a_wrong_video_file_is_a_sentence(truth: Path, change, says: str) -> None:
    edit(truth / VIDEO, change)
    with pytest.raises(UserError, match=f'{VIDEO}: .*{says}'):
        read_videos(truth)


def test_a_folder_that_is_none_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(UserError, match='none: is not a folder'):
        read_videos(tmp_path / 'none')


def test_a_network_with_other_joints_is_refused(truth: Path) -> None:
    pose = Annotator(truth, 0.0)
    pose.metainfo = resolve('coco')
    with pytest.raises(UserError, match="joints are those of coco, not PoseTrack18's 17; fine-tune it"):
        track_videos(pose, read_videos(truth), locate_truth)


def test_of_too_many_tracks_the_longest_are_kept() -> None:
    people = [{'track_id': track, 'image_id': frame} for frame in range(2) for track in range(7) if track != 3 or frame]
    kept = most_seen(people, limit=6)
    assert {person['track_id'] for person in kept} == set(range(6))
    assert len(kept) == len(people) - 1
    assert most_seen(people) == people
    assert most_seen([]) == []
    assert MAX_TRACKS == 1000
