"""`tools/infer.py`: keypoints of people in images and videos."""

import csv
import hashlib
import json
import pickle
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from hrpose.apis import Boxes, PersonDetector, PoseInferencer, init_model
from hrpose.checkpoints.table import PUBLISHED, Published
from hrpose.cli.infer import DETECTOR, POSE
from hrpose.config import load_config
from hrpose.images.files import read_image, save_image
from hrpose.images.video import VideoWriter
from hrpose.registry import DATASETS
from tests.apis.cases import SMALL_CONFIG
from tests.conftest import spoil
from tests.documents.sandbox import finder
from tests.golden import fill_model


def test_results_are_those_of_tools_test_on_the_same_boxes(sample_data, tmp_path, call):
    source, dump = sample_data / 'coco', tmp_path / 'dump.pkl'
    cfg = load_config(SMALL_CONFIG, {'codec.input_size': (64, 64)})
    torch.save(fill_model(init_model(cfg)).state_dict(), tmp_path / 'weights.pth')
    annotations = {'ann_file': 'test_coco.json', 'data_prefix.img': source, 'bbox_file': 'test_coco_det_AP_H_56.json'}
    options = [f'val_dataloader.dataset.{key}={value}' for key, value in annotations.items()]
    options += [f'data_root={source}', 'val_dataloader.num_workers=0', 'codec.input_size=(64,64)']
    words = [SMALL_CONFIG, tmp_path / 'weights.pth', '--work-dir', tmp_path, '--dump', dump]
    status, output = call('test', *words, '--cfg-options', *options)
    assert status == 0, output[-2000:]
    expected = pickle.loads(dump.read_bytes())
    by_path: dict = {}
    for person in expected:
        by_path.setdefault(person['img_path'], []).append(person['pred_instances'])
    assert sum(map(len, by_path.values())) == 118

    detections = json.loads((source / 'test_coco_det_AP_H_56.json').read_text())
    pose = PoseInferencer(cfg, tmp_path / 'weights.pth')
    boxes = {path: np.concatenate([person['bboxes'] for person in people]) for path, people in by_path.items()}
    for path, people in by_path.items():
        own = [entry for entry in detections if f'{entry["image_id"]:012d}.jpg' in path and entry['category_id'] == 1]
        rows = [np.add(entry['bbox'], [0, 0, *entry['bbox'][:2]]) for entry in own]
        scores = np.array([entry['score'] for entry in own])
        result = pose(path, boxes=Boxes(np.array(rows), scores))
        np.testing.assert_allclose(result.boxes, boxes[path], rtol=1e-6)
        assert np.array_equal(result.box_scores.astype(np.float32), np.concatenate([p['bbox_scores'] for p in people]))
        moved = np.abs(result.keypoints - np.concatenate([person['keypoints'] for person in people])).max(-1)
        assert (moved <= 1e-3).mean() >= 0.999
        truth = np.concatenate([person['keypoint_scores'] for person in people])
        np.testing.assert_allclose(result.scores, truth, rtol=0, atol=1e-5)


CLIP = 'posetrack18/videos/000001_mpiinew_test/000001_mpiinew_test.mp4'
BOTH = 'one of --det CONFIG --det-weights FILE, --boxes FILE, --box X1,Y1,X2,Y2, --whole-image'


@pytest.fixture(scope='module')
def weights(tmp_path_factory) -> Path:
    """A file with weights by rule for the small config."""
    path = tmp_path_factory.mktemp('weights') / 'small.pth'
    torch.save(fill_model(init_model(SMALL_CONFIG)).state_dict(), path)
    return path


@pytest.fixture
def infer(call, weights, tmp_path):
    """Run `tools/infer.py` with the small network; return its output."""

    def run(source: object, *words: object, status: int = 0) -> str:
        network = ['--pose', SMALL_CONFIG, '--weights', weights, '--device', 'cpu']
        found, output = call('infer', source, *network, '--out', tmp_path / 'out', *words)
        assert found == status and 'Traceback' not in output, output[-3000:]
        return output

    return run


def frames_of(video: Path) -> tuple[int, tuple[int, int], float]:
    """Return the number of frames of a video that can be read, their size (w, h) and their rate."""
    capture, count, size = cv2.VideoCapture(str(video)), 0, (0, 0)
    while (frame := capture.read()[1]) is not None:
        count, size = count + 1, frame.shape[1::-1]
    return count, size, capture.get(cv2.CAP_PROP_FPS)


def test_a_clip_gives_data_images_and_a_video(infer, sample_data, tmp_path):
    output = infer(sample_data / CLIP, '--whole-image', '--save', 'json,csv,images,video')
    assert '5 frames, 5 people; 0 skipped' in output
    assert 'frame/s' in output
    out, name = tmp_path / 'out', '000001_mpiinew_test'
    frames = json.loads((out / 'poses.json').read_text())
    assert [frame['frame_index'] for frame in frames] == list(range(5))
    assert {frame['source'] for frame in frames} == {str(sample_data / CLIP)}
    table = list(csv.DictReader((out / 'poses.csv').open()))
    assert [(row['frame'], row['person']) for row in table] == [(str(index), '0') for index in range(5)]
    assert [float(row['left_wrist_y']) for row in table] == [frame['people'][0]['keypoints'][9][1] for frame in frames]
    assert frames_of(out / 'videos' / f'{name}.mp4') == (5, (1280, 720), 30.0)
    drawn = sorted(path.relative_to(out).as_posix() for path in out.glob('images/**/*.jpg'))
    assert drawn == [f'images/{name}.mp4/{index:06d}.jpg' for index in range(5)]
    assert read_image(out / drawn[0]).shape == (720, 1280, 3)


def test_tracked_people_have_ids_in_json_and_csv(infer, sample_data, tmp_path):
    infer(sample_data / CLIP, '--whole-image', '--track', '--save', 'json,csv')
    frames = json.loads((tmp_path / 'out/poses.json').read_text())
    assert [[person['track_id'] for person in frame['people']] for frame in frames] == [[0]] * 5
    assert [row['track_id'] for row in csv.DictReader((tmp_path / 'out/poses.csv').open())] == ['0'] * 5


def test_smoothing_moves_joints_and_needs_ids(infer, sample_data, tmp_path):
    boxes = tmp_path / 'boxes.json'
    found = [dict(image_id=n, category_id=1, bbox=[300 + 9 * n, 200, 150, 300], score=0.9) for n in range(5)]
    boxes.write_text(json.dumps(found))
    people = {}
    for option in ('--track', '--smooth'):
        infer(sample_data / CLIP, '--boxes', boxes, '--track', option, '--overwrite')
        frames = json.loads((tmp_path / 'out/poses.json').read_text())
        people[option] = np.array([frame['people'][0]['keypoints'] for frame in frames])
    plain, smooth = people['--track'], people['--smooth']
    assert np.array_equal(smooth[0], plain[0])
    assert np.array_equal(smooth[..., 2], plain[..., 2])
    assert not np.array_equal(smooth[4], plain[4])
    output = infer(sample_data / CLIP, '--whole-image', '--smooth', status=2)
    assert '--smooth follows people by their ids, which they do not have; give --track too' in output


def test_trails_and_colours_change_the_drawing_alone(infer, sample_data, tmp_path):
    boxes = tmp_path / 'boxes.json'
    found = [dict(image_id=n, category_id=1, bbox=[300 + 20 * n, 200, 150, 300], score=0.9) for n in range(5)]
    boxes.write_text(json.dumps(found))
    last = tmp_path / 'out/images/000001_mpiinew_test.mp4/000004.jpg'
    drawn, data = [], []
    for options in ([], ['--trails', 5], ['--colours', 'side']):
        infer(sample_data / CLIP, '--boxes', boxes, '--track', '--save', 'json,images', '--overwrite', *options)
        drawn.append(read_image(last).astype(int))
        data.append((tmp_path / 'out/poses.json').read_bytes())
    assert data[0] == data[1] == data[2]
    trail = np.abs(drawn[1] - drawn[0]).max(axis=2) > 60
    # The centres of the boxes went from x = 375 to 455 at y = 350; the trail fades to the left.
    assert trail[340:361, 415:455].any(axis=0).all()
    assert not trail[:300].any() and not trail[400:].any()
    assert (np.abs(drawn[2] - drawn[0]).max(axis=2) > 60).any()


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (
            ['--trails', 5, '--save', 'video'],
            '--trails follows people by their ids, which they do not have; give --track',
        ),
        (['--trails', 0, '--track', '--save', 'video'], '--trails 0: give a number of frames of at least 1'),
        (
            ['--trails', 5, '--track'],
            '--trails has no effect, as nothing is drawn; give --save images or --save video too',
        ),
        (
            ['--save', 'posetrack'],
            '--save posetrack writes the ids of people, which they do not have',
        ),
        (
            ['--save', 'posetrack', '--track'],
            '--save posetrack: the network has other joints (nose, left_eye, right_eye, …)',
        ),
        (['--colours', 'side', '--save', 'csv'], '--colours has no effect, as nothing is drawn'),
    ],
)
def test_options_of_drawings_without_effect_are_refused(infer, sample_data, options, message):
    assert message in infer(sample_data / CLIP, '--whole-image', *options, status=2)


def test_annotated_boxes_give_the_people_of_a_test(infer, sample_data, tmp_path):
    source = sample_data / 'coco'
    infer(f'{source}/*.jpg', '--boxes', source / 'test_coco.json', '--save', 'json')
    frames = json.loads((tmp_path / 'out' / 'poses.json').read_text())
    options = {'data_root': str(source), 'val_dataloader.dataset.ann_file': 'test_coco.json'}
    cfg = load_config(SMALL_CONFIG, options | {'val_dataloader.dataset.data_prefix.img': str(source)})
    dataset = DATASETS.build(cfg.test_dataloader.dataset)
    tested = [dataset.get_data_info(index) for index in range(len(dataset))]
    found = {tuple(person['box']) for frame in frames for person in frame['people']}
    assert len(tested) == 12 and {tuple(person['box']) for person in tested} <= found


def test_results_above_a_threshold_go_to_their_images(infer, sample_data, tmp_path):
    source, file = sample_data / 'coco', sample_data / 'coco' / 'test_coco_det_AP_H_56.json'
    output = infer(source, '--boxes', file, '--box-threshold', 0.5)
    frames = json.loads((tmp_path / 'out' / 'poses.json').read_text())
    kept = [entry for entry in json.loads(file.read_text()) if entry['score'] >= 0.5]
    number = {int(Path(frame['source']).stem): frame['people'] for frame in frames}
    assert {key: len(people) for key, people in number.items()} == Counter(entry['image_id'] for entry in kept)
    assert [person['box_score'] for person in number[785]] == [e['score'] for e in kept if e['image_id'] == 785]
    assert f'{118 - len(kept)} boxes left out: detection below the score threshold' in output


def test_broken_files_are_named_counted_and_skipped(infer, sample_data, tmp_path):
    folder = tmp_path / 'in'
    shutil.copytree(sample_data / 'coco', folder, ignore=shutil.ignore_patterns('*.json'))
    spoil(folder / '000000000785.jpg', 'truncated')
    (folder / 'cut.mp4').write_bytes((sample_data / CLIP).read_bytes()[:50_000])
    output = infer(folder, '--whole-image')
    assert '3 frames, 3 people; 2 skipped' in output
    assert f'skipped: the image {folder}/000000000785.jpg is cut short' in output
    assert f'skipped: the video {folder}/cut.mp4 is cut short, or in no format' in output


def test_boxes_of_other_images_are_an_error(infer, sample_data, tmp_path):
    image = save_image(tmp_path / '4.png', np.zeros((9, 9, 3), np.uint8))
    file = sample_data / 'coco' / 'test_coco_det_AP_H_56.json'
    output = infer(image, '--boxes', file, status=2)
    assert f'error: {file} has no boxes for {image}' in output
    assert 'boxes of 4 images were not used' in output


def test_only_broken_files_are_an_error(infer, tmp_path):
    (tmp_path / 'text.jpg').write_text('not an image')
    output = infer(tmp_path / 'text.jpg', '--whole-image', status=2)
    assert 'text.jpg is in no format' in output
    assert 'no frame gave a result' in output


def test_earlier_results_are_replaced_only_with_overwrite(infer, sample_data, tmp_path):
    image = sample_data / 'coco' / '000000000785.jpg'
    infer(image, '--whole-image', '--save', 'csv,images')
    assert f'error: {tmp_path}/out/images exists' in infer(image, '--whole-image', '--save', 'images', status=2)
    infer(image, '--whole-image')
    infer(image, '--whole-image', '--save', 'csv,images', '--overwrite')
    assert len((tmp_path / 'out' / 'poses.csv').read_text().splitlines()) == 2


@pytest.mark.parametrize(
    ('words', 'said'),
    [
        (['--whole-image', '--boxes', 'b.json'], f'two options say where the people are; give {BOTH}'),
        (['--det', 'd.py'], '--det and --det-weights: one of them is missing'),
        (['--det-weights', 'd.pth'], '--det and --det-weights: one of them is missing'),
        (['--whole-image', '--det-weights', 'd.pth'], '--det and --det-weights: one of them is missing'),
        (['--whole-image', '--box-threshold', '0.5'], '--box-threshold has no effect with --whole-image'),
        (['--box', '1,2,3'], '--box 1,2,3: give four numbers in px'),
        (['--box', '1,2,3,4', '--box-threshold', '0.5'], '--box-threshold has no effect with --box'),
        (['--whole-image', '--pose', 'hrnet_w32_imagenet'], '--pose hrnet_w32_imagenet names weights without a config'),
        (['--whole-image', '--save', 'jsno'], "--save: there is no kind 'jsno'; nearest: json"),
        (['--whole-image', '--save', 'video'], '--save video: '),
        (['--boxes', 'none.json'], 'none.json: cannot be read: No such file'),
        (['--whole-image', '--batch-size', '0'], 'batch_size has to be at least 1, not 0'),
        (['--whole-image', '--device', 'tpu'], "there is no device 'tpu' here"),
    ],
)
def test_a_wrong_option_is_one_message(words, said, infer, tmp_path):
    image = save_image(tmp_path / 'a.png', np.zeros((9, 9, 3), np.uint8))
    assert f'error: {said}' in infer(image, *words, status=2)
    assert not (tmp_path / 'out').exists()


def test_an_image_that_cannot_be_read_leaves_no_folder(infer, tmp_path):
    (tmp_path / 'a.png').write_text('no image')
    assert 'no frame gave a result' in infer(tmp_path / 'a.png', '--whole-image', status=2)
    assert not (tmp_path / 'out').exists()


@pytest.mark.parametrize(
    ('source', 'said'),
    [
        ('nothing.jpg', 'there is no nothing.jpg'),
        ('97', 'there is no camera 97'),
        ('*.gpj', 'no file matches *.gpj'),
        ('ftp://host/clip.mp4', 'ftp://host/clip.mp4: ftp is no address that videos are read from'),
        ('http://127.0.0.1:9/clip.mp4', 'http://127.0.0.1:9/clip.mp4: OpenCV can read no video there'),
    ],
)
def test_a_missing_source_is_one_message(source, said, infer):
    assert f'error: {said}' in infer(source, '--whole-image', status=2)


def test_boxes_of_the_command_line_are_people_and_low_scores_are_told(infer, tmp_path):
    image = save_image(tmp_path / 'a.png', np.zeros((40, 60, 3), np.uint8))
    words = ['--box', '1,2,30,40', '--box=20,0,60,40', '--save', 'json,images', '--threshold', 1e9]
    assert 'only boxes were drawn: no keypoint has a score above --threshold 1e+09' in infer(image, *words)
    (frame,) = json.loads((tmp_path / 'out' / 'poses.json').read_text())
    assert [person['box'] for person in frame['people']] == [[1, 2, 30, 40], [20, 0, 60, 40]]
    assert 'only boxes' not in infer(image, '--whole-image', '--save', 'images', '--overwrite', '--threshold', -1)


def test_a_config_without_published_weights_needs_weights(call, tmp_path):
    image = save_image(tmp_path / 'a.png', np.zeros((9, 9, 3), np.uint8))
    words = ['--pose', SMALL_CONFIG.stem, '--whole-image', '--out', tmp_path / 'out']
    status, output = call('infer', image, *words)
    assert status == 2
    assert '--pose hrnet_w16_synthetic_128x96 has no published weights; give --weights FILE' in output


NOWHERE = 'http://127.0.0.1:9/'


@pytest.fixture
def publish(monkeypatch, tmp_path):
    """Put an untrained network into the folder of weights under the file name of published ones, with its hash."""
    monkeypatch.setenv('HRPOSE_WEIGHTS', str(tmp_path / 'weights'))

    def run(name: str, content: dict) -> Path:
        path = tmp_path / 'weights' / PUBLISHED[name].file
        path.parent.mkdir(exist_ok=True)
        torch.save(content | {'meta': {}}, path)
        sha256 = hashlib.sha256(path.read_bytes()).hexdigest()[:8]
        monkeypatch.setitem(PUBLISHED, name, Published(path.name, sha256, (NOWHERE + path.name,)))
        return path

    return run


def test_a_source_alone_takes_the_default_networks(publish, call, tmp_path, monkeypatch):
    pytest.importorskip('mmdet')
    from tests.apis.detectors import make_images  # not at the top: without mmdet it skips the whole module

    torch.manual_seed(0)
    publish(POSE, {'state_dict': init_model(POSE).state_dict()})
    weights = publish(DETECTOR, finder(DETECTOR, score=0.0, distance=4.0))
    image = save_image(tmp_path / 'photo.jpg', make_images((120, 160))[0])
    monkeypatch.chdir(tmp_path)
    status, output = call('infer', image, '--device', 'cpu')
    assert status == 0, output[-3000:]
    (frame,) = json.loads((tmp_path / 'out' / 'poses.json').read_text())
    boxes, scores = PersonDetector(DETECTOR, weights, device='cpu')([image])[0]
    assert len(boxes) == len(frame['people']) > 0
    np.testing.assert_allclose([person['box'] for person in frame['people']], boxes, rtol=1e-5)
    np.testing.assert_allclose([person['box_score'] for person in frame['people']], scores, rtol=1e-5)


def test_a_default_detector_out_of_reach_names_what_to_do(infer, monkeypatch, tmp_path):
    pytest.importorskip('mmdet')
    monkeypatch.setenv('HRPOSE_WEIGHTS', str(tmp_path))
    row = PUBLISHED[DETECTOR]
    monkeypatch.setitem(PUBLISHED, DETECTOR, Published(row.file, row.sha256, (NOWHERE + row.file,)))
    image = save_image(tmp_path / 'a.png', np.zeros((9, 9, 3), np.uint8))
    said = infer(image, status=2)
    assert f'cannot be downloaded from {NOWHERE}{row.file} (Connection refused)' in said
    assert f'put it at {tmp_path}/{row.file}; or say without a detector where the people are: --boxes FILE' in said
    said = infer(image, '--det', DETECTOR, status=2)
    assert f'put it at {tmp_path}/{row.file}\n' in said


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM], ids=['Ctrl-C', 'terminate'])
def test_a_stop_leaves_every_file_complete(number, weights, tmp_path, repository):
    clip, out = tmp_path / 'long.mp4', tmp_path / 'out'
    writer = VideoWriter(clip, rate=25, size=(64, 48))
    for index in range(5000):
        writer.write(np.full((48, 64, 3), index % 256, np.uint8))
    writer.close()
    words = ['--pose', SMALL_CONFIG, '--weights', weights, '--device', 'cpu', '--whole-image', '--batch-size', 4]
    words += ['--out', out, '--save', 'json,csv,images,video']
    command = [sys.executable, '-m', 'hrpose.cli', 'infer', clip, *words]
    process = subprocess.Popen(
        list(map(str, command)), cwd=repository, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    deadline = time.monotonic() + 100
    while len(list(out.glob('images/*/*.jpg'))) < 10 and time.monotonic() < deadline and process.poll() is None:
        time.sleep(0.05)
    for _ in range(3):  # an impatient user
        process.send_signal(number)
        time.sleep(0.01)
    output = process.communicate(timeout=60)[0]
    assert process.returncode == 130, output[-3000:]
    assert 'Traceback' not in output
    frames = json.loads((out / 'poses.json').read_text())
    done = len(frames)
    assert 10 <= done < 5000
    assert [frame['frame_index'] for frame in frames] == list(range(done))
    assert f'{done} frames, {done} people; 0 skipped' in output and 'stopped by Ctrl-C' in output
    assert len(list(csv.DictReader((out / 'poses.csv').open()))) == done
    assert frames_of(out / 'videos' / 'long.mp4') == (done, (64, 48), 25.0)
    assert not list(out.rglob('*.part*'))
    assert all(read_image(path).shape == (48, 64, 3) for path in out.glob('images/*/*.jpg'))
    assert len(list(out.glob('images/*/*.jpg'))) == done
