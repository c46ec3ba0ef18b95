"""Generated videos: what happens in them, and PoseTrack18's layout on disk."""

import json
from itertools import combinations
from pathlib import Path

import cv2
import numpy as np
import pytest

from hrpose.cli.make_synthetic import main
from hrpose.datasets import PoseTrack18Dataset
from hrpose.errors import UserError
from hrpose.evaluation.functional.posetrack_folder import score_folders, write_folder
from hrpose.synthetic import make_dataset, make_videos
from hrpose.synthetic.background import ground_coordinates
from hrpose.synthetic.body import LIMITS, SIDES, posed, sample_pose, sample_proportions
from hrpose.synthetic.motion import RATE, sample_shot
from hrpose.synthetic.video import JOINTS, Backdrop, head_box, make_video, video_name

SMALL = (160, 120)
FRAMES = 24
SEEDS = range(4)


@pytest.fixture(scope='module')
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp('videos') / 'set'
    assert make_videos(out, train=2, val=1, frames=FRAMES, seed=5, workers=1, size=SMALL)
    return out


@pytest.fixture(scope='module')
def shots() -> list:
    return [sample_shot(SMALL, 60, np.random.default_rng(seed)) for seed in SEEDS]


def read(path: Path) -> dict:
    return json.loads(path.read_text())


def in_view(shot, track: int) -> np.ndarray:
    """Return in which of the T frames the middle of a person's body lies in the image."""
    shown = []
    for scene in shot.scenes():
        x, y = scene.camera.to_image(scene.people[track].skeleton.points['pelvis'])
        shown.append(0 <= x < SMALL[0] and 0 <= y < SMALL[1])
    return np.array(shown)


def test_joints_move_smoothly(shots) -> None:
    for shot in shots:
        for bodies in shot.people:
            places = np.array([[body.points[name] for name in JOINTS] for body in bodies])
            speeds = np.linalg.norm(np.diff(places, axis=0), axis=2) * RATE
            assert speeds.max() < 9  # metres a second, as of the foot of a runner
            jumps = np.linalg.norm(np.diff(places, 2, axis=0), axis=2)
            assert jumps.max() < 0.3  # metres, from where constant velocity would lead


def test_bones_keep_their_length_over_a_video(shots) -> None:
    for shot in shots:
        for bodies in shot.people:
            thighs = [np.linalg.norm(body.points['left_hip'] - body.points['left_knee']) for body in bodies]
            assert np.ptp(thighs) < 1e-9


def test_the_first_two_people_cross(shots) -> None:
    for shot in shots:
        first, second = (
            np.array(
                [scene.camera.to_image(scene.people[track].skeleton.points['pelvis'])[0] for scene in shot.scenes()]
            )
            for track in (0, 1)
        )
        order = np.sign(first - second)
        assert {-1, 1} <= set(order)
        assert all(a.points['pelvis'][2] > b.points['pelvis'][2] for a, b in zip(*shot.people[:2], strict=True))


def test_the_third_person_leaves_and_returns(shots) -> None:
    for shot in shots:
        shown = in_view(shot, 2).astype(int)
        changes = np.diff(shown)
        assert (changes == -1).any()
        assert (changes == 1).any()
        assert np.flatnonzero(changes == -1)[0] < np.flatnonzero(changes == 1)[-1]


def test_the_camera_turns_and_zooms(shots) -> None:
    for shot in shots:
        assert np.ptp([camera.yaw for camera in shot.cameras]) > 1
        zooms = np.array([camera.zoom for camera in shot.cameras])
        assert zooms.max() / zooms.min() > 1.02
        assert len({camera.lift for camera in shot.cameras}) == 1


def test_the_background_stays_in_the_world(rng) -> None:
    shot = sample_shot(SMALL, 60, np.random.default_rng(0))
    backdrop = Backdrop(shot, rng)
    # A coordinate of the ground painted on it is found again by each camera.
    across, away = ground_coordinates(backdrop.camera)
    backdrop.image = np.dstack([across, away, away]).astype(np.float32)
    backdrop.ground = (away > 0) & (away < 12)
    for camera in shot.cameras[::12]:
        image, ground = backdrop(camera)
        expected = np.dstack(ground_coordinates(camera))
        inner = ground & (expected[..., 1] > 0) & (expected[..., 1] < 8)
        assert inner.mean() > 0.1
        assert np.abs(image[..., :2] - expected)[inner].max() < 0.15


def test_a_person_who_is_covered_has_fewer_labels(written: Path) -> None:
    labels = [a['num_keypoints'] for split in ('train', 'val') for a in annotations_of(written, split)]
    assert max(labels) == 15  # all but the ears
    assert min(labels) < 10


def annotations_of(out: Path, split: str) -> list[dict]:
    return [each for path in sorted((out / 'annotations' / split).iterdir()) for each in read(path)['annotations']]


def test_files_have_posetrack_names_and_the_stated_sizes(written: Path) -> None:
    assert [path.name for path in sorted((written / 'annotations/train').iterdir())] == [
        '000001_synthetic.json',
        '000002_synthetic.json',
    ]
    content = read(written / 'annotations/val/500001_synthetic.json')
    assert [image['id'] for image in content['images']] == [15000010000 + frame for frame in range(FRAMES)]
    assert content['images'][3]['file_name'] == 'images/val/500001_synthetic/000003.jpg'
    for image in content['images']:
        assert image['frame_id'] == image['id']
        assert (image['vid_id'], image['nframes'], image['is_labeled']) == ('500001', FRAMES, True)
        assert (
            cv2.imread(str(written / image['file_name'])).shape == (image['height'], image['width'], 3) == (120, 160, 3)
        )
    (category,) = content['categories']
    assert tuple(category['keypoints']) == JOINTS


def test_annotations_are_those_of_posetrack(written: Path) -> None:
    for person in annotations_of(written, 'train'):
        keypoints = np.array(person['keypoints']).reshape(17, 3)
        labelled = keypoints[:, 2] == 1
        assert not keypoints[~labelled].any()
        assert not labelled[[JOINTS.index('left_ear'), JOINTS.index('right_ear')]].any()
        assert person['num_keypoints'] == labelled.sum() >= 4
        low, high = keypoints[labelled, :2].min(axis=0), keypoints[labelled, :2].max(axis=0)
        margin = 0.15 * (high - low)
        assert person['bbox'] == pytest.approx([*(low - margin), *(high - low + 2 * margin)], abs=0.03)
        assert person['id'] == 100 * person['image_id'] + person['id'] % 100


def test_track_ids_are_unique_in_a_frame_and_return(written: Path) -> None:
    people = annotations_of(written, 'val')
    frames: dict[int, list[int]] = {}
    for person in people:
        frames.setdefault(person['track_id'], []).append(person['image_id'] % 10000)
    assert all(len(set(numbers)) == len(numbers) for numbers in frames.values())
    assert max(np.diff(frames[2])) > 3  # the third one was away


def test_the_head_box_holds_the_head() -> None:
    rng = np.random.default_rng(1)
    size = sample_proportions(rng)
    body = posed(size, sample_pose(size, rng, 'standing'))
    camera = sample_shot(SMALL, 12, rng).cameras[0]
    seen = body.moved(camera.rotation, camera.from_world(np.array([0, 0, -4.0])))
    x, y, w, h = head_box(seen.points['head'], size.head, camera)
    for name in ('nose', 'head_top', 'left_ear', 'right_ear', 'mouth'):
        px, py = camera.to_image(seen.points[name])
        assert x <= px <= x + w, name
        assert y <= py <= y + h, name


def test_video_bytes_do_not_depend_on_workers(written: Path, tmp_path: Path) -> None:
    make_videos(tmp_path, train=2, val=1, frames=FRAMES, seed=5, workers=2, size=SMALL)
    files = sorted(path.relative_to(written) for path in written.rglob('*') if path.is_file())
    assert files == sorted(path.relative_to(tmp_path) for path in tmp_path.rglob('*') if path.is_file())
    for file in files:
        assert (written / file).read_bytes() == (tmp_path / file).read_bytes(), file


def test_another_seed_or_split_gives_another_video() -> None:
    videos = [
        next(iter(make_video(*key, FRAMES, SMALL)))[0] for key in ((0, 'train', 0), (1, 'train', 0), (0, 'val', 0))
    ]
    for one, other in combinations(videos, 2):
        assert not np.array_equal(one, other)
    assert video_name('train', 0) != video_name('val', 0)


def test_a_second_video_request_reuses_what_is_there(written: Path) -> None:
    request = dict(train=2, val=1, frames=FRAMES, seed=5, workers=1, size=SMALL)
    before = {path: path.stat().st_mtime_ns for path in written.rglob('*')}
    assert not make_videos(written, **request)
    assert {path: path.stat().st_mtime_ns for path in written.rglob('*')} == before


def test_videos_replace_images_only_if_asked(tmp_path: Path) -> None:
    make_dataset(tmp_path, train=1, val=1, workers=1)
    request = dict(train=1, val=0, frames=12, workers=1, size=SMALL)
    with pytest.raises(UserError, match='train 1, val 1, seed 0; name another folder'):
        make_videos(tmp_path, **request)
    assert make_videos(tmp_path, **request, overwrite=True)
    assert not list(tmp_path.glob('train/*.jpg'))
    (tmp_path / 'images/train/000001_synthetic/000005.jpg').unlink()
    assert make_videos(tmp_path, **request)


@pytest.mark.parametrize(
    ('words', 'says'),
    [
        (['--train', '0', '--val', '0'], 'at least one video'),
        (['--frames', '5'], '--frames 5: ask for at least 12'),
    ],
)
def test_an_impossible_video_is_refused(tmp_path: Path, words: list[str], says: str) -> None:
    with pytest.raises(UserError, match=says):
        main([str(tmp_path / 'new'), '--video', *words])
    assert not (tmp_path / 'new').exists()


def test_frames_without_video_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match='--frames has no effect without --video'):
        main([str(tmp_path / 'new'), '--frames', '20'])


def test_the_data_set_reads_generated_videos(written: Path) -> None:
    data = PoseTrack18Dataset('annotations/train', data_root=str(written), test_mode=True)
    assert len(data) == len(annotations_of(written, 'train'))
    assert Path(data[0]['img_path']).is_file()


def test_generated_truth_scores_100_against_itself(written: Path, tmp_path: Path) -> None:
    truth = written / 'annotations/train'
    results = annotations_of(written, 'train')
    write_folder(tmp_path / 'out', truth, results)
    metrics = score_folders(truth, tmp_path / 'out')
    assert metrics['ap']['total'] == metrics['mota']['total'] == 100
    assert metrics['mota']['left_ankle'] == 100


def test_sampled_angles_stay_within_their_limits(rng) -> None:
    size = sample_proportions(rng)
    pose = sample_pose(size, rng, 'crouching')
    assert pose.legs == 'crouching'
    for part in (pose.leg, pose.arm):
        for side in SIDES:
            assert all(LIMITS[name][0] <= angle <= LIMITS[name][1] for name, angle in part[side].items())
