"""Geometry and visibility of the generated people, and the files of the data set."""

import json
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from pycocotools.coco import COCO

from hrpose.datasets.metainfo import resolve
from hrpose.errors import UserError
from hrpose.synthetic import annotation_file, make_dataset, make_image
from hrpose.synthetic.appearance import dress, sample_outfit
from hrpose.synthetic.body import LIMITS, SIDES, sample_skeleton
from hrpose.synthetic.camera import Camera, turn_y
from hrpose.synthetic.coco import run_lengths
from hrpose.synthetic.render import DEPTHS, render
from hrpose.synthetic.scene import Person, Scene
from hrpose.synthetic.shapes import Material, Solid, draw, ellipsoid
from tests.synthetic.difficulty import People, limb_network, mean_pose

NAMES = resolve('coco')['keypoint_names']
GREY = Material((0.5, 0.5, 0.5))
CAMERA = Camera(size=(240, 240), zoom=320.0, lift=0.9, pitch=0.0, roll=0.0)


def standing(heading: float) -> Person:
    """Return a person who stands 3 m away with hanging arms, turned by `heading` degrees."""
    for seed in range(1000):
        rng = np.random.default_rng(seed)
        skeleton = sample_skeleton(rng)
        looks_ahead = skeleton.frames['head'][2, 2] > 0.97
        arms_hang = all(skeleton.points[f'{side}_wrist'][1] < 0.9 for side in SIDES)
        if skeleton.legs == 'standing' and looks_ahead and arms_hang and skeleton.size.stature > 1.6:
            break
    solids = dress(skeleton, sample_outfit(skeleton, rng))
    place = turn_y(heading), np.array([0.0, 0.0, -3.0])
    in_camera = skeleton.moved(*place).moved(CAMERA.rotation, CAMERA.from_world(np.zeros(3)))
    return Person(in_camera, [solid.moved(*place).seen_from(CAMERA) for solid in solids])


def keypoints_of(person: Person, things: tuple = ()) -> dict[str, np.ndarray]:
    """Return (x, y, visibility) of each joint by name, with `things` (world space) in the scene."""
    scene = Scene(CAMERA, [person], [[solid.seen_from(CAMERA) for solid in things]] if things else [])
    _, (seen,) = render(scene, np.random.default_rng(0))
    return dict(zip(NAMES, seen.keypoints, strict=True))


@pytest.fixture(scope='module')
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp('people') / 'set'
    assert make_dataset(out, train=8, val=3, seed=5, workers=1)
    return out


def test_a_ball_is_drawn_at_its_distance_and_size() -> None:
    up, side = np.array([0, 1.0, 0]), np.array([1.0, 0, 0])
    layer = draw([ellipsoid(np.array([0, 0, 4.0]), up, side, (0.3,) * 3, GREY)], CAMERA)
    assert layer.depth.min() == pytest.approx(3.7, abs=1e-3)
    silhouette = np.pi * 0.3**2 / (4**2 - 0.3**2) * CAMERA.focal**2
    assert layer.mask.sum() == pytest.approx(silhouette, rel=0.01)


def test_a_solid_is_drawn_inside_its_bounding_box(rng: np.random.Generator) -> None:
    for _ in range(40):
        start, end = rng.uniform(-0.4, 0.4, (2, 3)) + [0, 0, 3]
        solid = Solid(start, end, rng.normal(size=3), tuple(rng.uniform(0.05, 0.2, 3)), GREY, rng.uniform(0.5, 1.5))
        mask = draw([solid], CAMERA).mask
        border = np.concatenate([mask[0], mask[-1], mask[:, 0], mask[:, -1]])
        assert mask.any()
        assert not border.any()


def test_normals_have_unit_length_and_face_the_camera(rng: np.random.Generator) -> None:
    solid = Solid(np.array([-0.3, 0.1, 3]), np.array([0.3, 0, 3.4]), np.array([0, 1.0, 0]), (0.1, 0.2, 0.1), GREY, 0.6)
    layer = draw([solid], CAMERA)
    normals = layer.normal[layer.mask]
    assert np.linalg.norm(normals, axis=1) == pytest.approx(1, abs=1e-4)
    y, x = np.nonzero(layer.mask)
    rays = np.stack([CAMERA.rays_x[x + layer.x0], CAMERA.rays_y[y + layer.y0], np.ones(len(x))], axis=1)
    assert (np.einsum('nc,nc->n', rays, normals) < 0.02).all()


def test_bones_keep_their_length_in_every_pose(rng: np.random.Generator) -> None:
    for _ in range(50):
        skeleton = sample_skeleton(rng)
        bones = {('hip', 'knee'): 'thigh', ('knee', 'ankle'): 'shin'}
        bones |= {('shoulder', 'elbow'): 'upper_arm', ('elbow', 'wrist'): 'forearm'}
        for side in SIDES:
            for (a, b), bone in bones.items():
                length = np.linalg.norm(skeleton.points[f'{side}_{a}'] - skeleton.points[f'{side}_{b}'])
                assert length == pytest.approx(getattr(skeleton.size, bone))


def test_knees_and_elbows_never_bend_past_their_limits(rng: np.random.Generator) -> None:
    bends = {'knee_flexion': ('thigh', 'shin', 1), 'elbow_flexion': ('upper_arm', 'forearm', -1)}
    for _ in range(200):
        frames = sample_skeleton(rng).frames
        for limit, (upper, lower, sign) in bends.items():
            for side in SIDES:
                turn = frames[f'{side}_{upper}'].T @ frames[f'{side}_{lower}']
                angle = sign * np.degrees(np.arctan2(turn[2, 1], turn[1, 1]))
                assert LIMITS[limit][0] - 1e-6 <= angle <= LIMITS[limit][1] + 1e-6


def test_nobody_sinks_into_the_ground(rng: np.random.Generator) -> None:
    for _ in range(100):
        assert min(point[1] for point in sample_skeleton(rng).points.values()) > -0.08


def test_left_joints_are_on_the_right_of_a_frontal_image() -> None:
    front, back = keypoints_of(standing(0)), keypoints_of(standing(180))
    for joint in ('shoulder', 'hip', 'eye', 'ear'):
        assert front[f'left_{joint}'][0] > front[f'right_{joint}'][0]
        assert back[f'left_{joint}'][0] < back[f'right_{joint}'][0]


def test_the_face_is_seen_from_the_front_and_hidden_from_behind() -> None:
    front, back = keypoints_of(standing(0)), keypoints_of(standing(180))
    for name in ('nose', 'left_eye', 'right_eye'):
        assert front[name][2] == 2
        assert back[name][2] == 1


def test_standing_joints_are_seen_from_front_and_behind() -> None:
    for heading in (0, 180):
        keypoints = keypoints_of(standing(heading))
        for name in NAMES[5:7] + NAMES[13:17]:
            assert keypoints[name][2] == 2, name


def test_from_the_side_only_the_near_shoulder_is_seen() -> None:
    for heading, near, far in ((90, 'right', 'left'), (-90, 'left', 'right')):
        keypoints = keypoints_of(standing(heading))
        assert keypoints[f'{near}_shoulder'][2] == 2
        assert keypoints[f'{far}_shoulder'][2] == 1


def test_a_board_in_front_hides_the_legs_and_one_behind_does_not() -> None:
    def board(away: float) -> Solid:
        low = np.array([0.0, 0.02, -away])
        return Solid(low, low + [0, 0.6, 0], np.array([1.0, 0, 0]), (0.6, 0.03, 0.03), GREY)

    person, legs = standing(0), NAMES[13:17]
    assert all(keypoints_of(person, (board(2.3),))[name][2] == 1 for name in legs)
    assert all(keypoints_of(person, (board(3.8),))[name][2] == 2 for name in legs)


def test_a_joint_outside_the_image_is_0_at_0_0() -> None:
    person = standing(0)
    down = np.eye(3), np.array([0.0, 1.3, 0.0])
    keypoints = keypoints_of(Person(person.skeleton.moved(*down), [solid.moved(*down) for solid in person.solids]))
    assert keypoints['left_ankle'].tolist() == [0, 0, 0]
    assert keypoints['nose'][2] == 2


def test_every_joint_has_a_depth() -> None:
    assert set(DEPTHS) == set(NAMES)


def test_run_lengths_are_those_of_the_coco_api(rng: np.random.Generator) -> None:
    coco = COCO()
    coco.imgs = {1: {'height': 13, 'width': 17}}
    for share in (0.0, 0.3, 0.9, 1.0):
        mask = rng.random((13, 17)) < share
        counts = run_lengths(mask)
        assert sum(counts) == mask.size
        decoded = coco.annToMask({'image_id': 1, 'segmentation': {'size': [13, 17], 'counts': counts}})
        assert np.array_equal(decoded, mask)


def test_box_and_area_are_those_of_the_mask(written: Path) -> None:
    for split, count in (('train', 8), ('val', 3)):
        coco = COCO(str(annotation_file(written, split)))
        assert sorted(coco.imgs) == list(range(1, count + 1))
        for annotation in coco.loadAnns(coco.getAnnIds()):
            mask = coco.annToMask(annotation)
            rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
            box = [columns[0], rows[0], np.ptp(columns) + 1, np.ptp(rows) + 1]
            assert annotation['bbox'] == box
            assert annotation['area'] == mask.sum() > 0
            assert annotation['category_id'] == 1
            assert annotation['iscrowd'] == 0


def test_keypoints_lie_inside_their_image_or_are_zero(written: Path) -> None:
    content = json.loads(annotation_file(written, 'train').read_text())
    images = {image['id']: image for image in content['images']}
    for annotation in content['annotations']:
        keypoints = np.array(annotation['keypoints']).reshape(17, 3)
        image = images[annotation['image_id']]
        labelled = keypoints[:, 2] > 0
        assert set(keypoints[:, 2]) <= {0, 1, 2}
        assert annotation['num_keypoints'] == labelled.sum()
        assert not keypoints[~labelled].any()
        assert (keypoints[labelled, :2] >= 0).all()
        assert (keypoints[labelled, :2] <= [image['width'] - 1, image['height'] - 1]).all()


def test_files_have_coco_names_and_the_stated_sizes(written: Path) -> None:
    content = json.loads(annotation_file(written, 'val').read_text())
    assert [image['file_name'] for image in content['images']] == [f'{i:012d}.jpg' for i in (1, 2, 3)]
    for image in content['images']:
        pixels = cv2.imread(str(written / 'val' / image['file_name']))
        assert pixels.shape == (image['height'], image['width'], 3)
    (category,) = content['categories']
    assert tuple(category['keypoints']) == NAMES
    assert np.array(category['skeleton']).min() == 1
    assert np.array(category['skeleton']).max() == 17


def test_an_image_has_one_to_five_people() -> None:
    counts = [len(make_image(3, 'train', index)[1]) for index in range(30)]
    assert min(counts) <= 1
    assert 3 <= max(counts) <= 5


def test_bytes_do_not_depend_on_the_number_of_workers(written: Path, tmp_path: Path) -> None:
    make_dataset(tmp_path, train=8, val=3, seed=5, workers=2)
    files = sorted(path.relative_to(written) for path in written.rglob('*') if path.is_file())
    assert files == sorted(path.relative_to(tmp_path) for path in tmp_path.rglob('*') if path.is_file())
    for file in files:
        assert (written / file).read_bytes() == (tmp_path / file).read_bytes(), file


def test_another_seed_or_split_gives_other_images() -> None:
    first = make_image(0, 'train', 0)[0]
    for other in (make_image(1, 'train', 0)[0], make_image(0, 'val', 0)[0], make_image(0, 'train', 1)[0]):
        assert other.shape != first.shape or not np.array_equal(other, first)


def test_a_second_request_reuses_what_is_there(tmp_path: Path) -> None:
    assert make_dataset(tmp_path, train=2, val=1, workers=1)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob('*')}
    assert not make_dataset(tmp_path, train=2, val=1, workers=1)
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob('*')} == before


def test_an_interrupted_data_set_is_made_again(tmp_path: Path) -> None:
    make_dataset(tmp_path, train=2, val=1, workers=1)
    whole = annotation_file(tmp_path, 'val').read_bytes()
    annotation_file(tmp_path, 'val').unlink()
    (tmp_path / 'train' / '000000000001.jpg').unlink()
    assert make_dataset(tmp_path, train=2, val=1, workers=1)
    assert annotation_file(tmp_path, 'val').read_bytes() == whole


def test_another_request_for_a_folder_needs_overwrite(tmp_path: Path) -> None:
    make_dataset(tmp_path, train=2, val=1, workers=1)
    with pytest.raises(UserError, match='train 2, val 1, seed 0.*--overwrite'):
        make_dataset(tmp_path, train=1, val=1, workers=1)
    assert make_dataset(tmp_path, train=1, val=1, workers=1, overwrite=True)
    assert len(list((tmp_path / 'train').iterdir())) == 1


def test_a_folder_with_other_files_is_refused_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / 'thesis.tex').write_text('dear reader')
    with pytest.raises(UserError, match='not from this command'):
        make_dataset(tmp_path, train=1, val=1)
    assert [path.name for path in tmp_path.iterdir()] == ['thesis.tex']


@pytest.mark.parametrize(
    ('request_', 'says'),
    [
        (dict(train=0, val=0), 'at least one'),
        (dict(train=-1, val=3), 'none below 0'),
        (dict(train=1, val=1, seed=-4), '--seed -4'),
        (dict(train=1, val=1, workers=0), '--workers 0'),
    ],
)
def test_an_impossible_request_is_refused(tmp_path: Path, request_: dict[str, int], says: str) -> None:
    with pytest.raises(UserError, match=says):
        make_dataset(tmp_path / 'new', **request_)
    assert not (tmp_path / 'new').exists()


def test_the_command_ends_with_one_line_for_a_mistake(tmp_path: Path, repository: Path) -> None:
    command = [sys.executable, 'tools/data/make_synthetic.py', str(tmp_path / 'x'), '--train', '0', '--val', '0']
    done = subprocess.run(command, cwd=repository, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith('error: ')
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.slow
def test_mean_pose_and_limb_network_score_low(tmp_path: Path) -> None:
    make_dataset(tmp_path, train=500, val=150, seed=0)
    train, val = People(tmp_path, 'train'), People(tmp_path, 'val')
    assert mean_pose(train, val)['AP'] <= 0.05
    assert limb_network(train, val, seconds=90)[0]['AP50'] <= 0.2
