"""What `hrpose infer` writes: files that are complete after every frame, one video a source, names kept."""

import csv
import json
from dataclasses import replace

import numpy as np
import pytest

from hrpose.apis import PoseResult
from hrpose.apis.drawing import StreamDrawing
from hrpose.apis.result import COLOURS
from hrpose.apis.savers import SAVERS, CsvSaver, ImageSaver, JsonSaver, PoseTrackSaver, VideoSaver, columns
from hrpose.cli.infer import COLOURS as COMMAND_COLOURS
from hrpose.cli.infer import KINDS
from hrpose.datasets.metainfo import resolve
from hrpose.errors import UserError
from hrpose.evaluation.functional.posetrack_folder import score_folders
from hrpose.images.files import read_image

DRAW = StreamDrawing()
INFO = resolve({'keypoint_names': ['head', 'left_hand', 'right_hand']})


def result(people=2, index=0, source='in/clip.avi', **fields):
    """Return the result of a frame of 64x48 px."""
    box = np.tile([1.5, 2, 30, 40], (people, 1))
    points, scores = np.full((people, 3, 2), 7.25), np.full((people, 3), 0.5, np.float32)
    image, name = np.full((48, 64, 3), 90, np.uint8), f'clip.avi/{index:06d}'
    found = PoseResult(points, scores, box, np.ones(people), INFO, (64, 48), source, index, name, 12.5, image)
    return replace(found, **fields)


def test_the_kinds_of_the_command_are_those_of_the_savers():
    assert tuple(SAVERS) == KINDS


def test_the_colours_of_the_command_are_those_of_results():
    assert COMMAND_COLOURS == COLOURS


def test_json_is_complete_after_every_frame(tmp_path):
    with JsonSaver(tmp_path, DRAW) as saver:
        assert json.loads(saver.path.read_text()) == []
        for count in range(1, 4):
            saver.add(result(people=count, index=count, source='für/ü.avi'))
            frames = json.loads(saver.path.read_text())
            assert [len(frame['people']) for frame in frames] == list(range(1, count + 1))
    text = (tmp_path / 'poses.json').read_text()
    assert len(text.splitlines()) == 5  # a frame a line, between brackets
    assert json.loads(text)[2] == result(people=3, index=3, source='für/ü.avi').to_dict()


def test_csv_has_a_line_a_person_and_is_complete_after_every_frame(tmp_path):
    with CsvSaver(tmp_path, DRAW) as saver:
        for index in range(2):
            saver.add(result(people=2 - 2 * index, index=index))
            saver.add(result(people=1, frame_index=None, source='a, "b".jpg'))
            rows = list(csv.reader(saver.path.open()))
            assert rows[0] == columns(INFO['keypoint_names'])
            assert {len(row) for row in rows} == {8 + 9}
    found = list(csv.DictReader((tmp_path / 'poses.csv').open()))
    assert [(row['source'], row['frame'], row['person']) for row in found] == [
        ('in/clip.avi', '0', '0'),
        ('in/clip.avi', '0', '1'),
        ('a, "b".jpg', '', '0'),
        ('a, "b".jpg', '', '0'),
    ]
    assert (found[0]['box_x1'], found[0]['left_hand_y'], found[0]['head_score']) == ('1.5', '7.25', '0.5')


def test_csv_has_a_column_of_ids_if_people_are_tracked(tmp_path):
    with CsvSaver(tmp_path, DRAW) as saver:
        saver.add(result(people=0, track_ids=np.zeros(0, np.int64)))
        saver.add(result(people=2, index=1, track_ids=np.array([4, 2])))
    found = list(csv.DictReader((tmp_path / 'poses.csv').open()))
    assert [(row['person'], row['track_id'], row['box_x1'], row['right_hand_score']) for row in found] == [
        ('0', '4', '1.5', '0.5'),
        ('1', '2', '1.5', '0.5'),
    ]
    assert columns(INFO['keypoint_names'], tracked=True)[3:5] == ['track_id', 'box_x1']


def test_images_keep_their_names_and_get_a_missing_suffix(tmp_path):
    with ImageSaver(tmp_path, DRAW) as saver:
        for name in ('a.png', 'sub/B.JPG', 'clip.avi/000003', 'photo.heic'):
            saver.add(result(name=name))
    found = sorted(path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob('*.*') if path.is_file())
    assert found == ['images/a.png', 'images/clip.avi/000003.jpg', 'images/photo.heic.jpg', 'images/sub/B.JPG']
    assert np.array_equal(read_image(tmp_path / 'images' / 'a.png'), result().draw_rgb(threshold=0.2))


def test_each_video_becomes_one_video_and_images_none(tmp_path):
    with VideoSaver(tmp_path, DRAW) as saver:
        for index in range(3):
            saver.add(result(index=index))
        saver.add(result(source='a.jpg', frame_index=None, rate=None, name='a.jpg'))
        saver.add(result(source='in/b.mov', name='b.mov/000000'))
    assert sorted(path.name for path in tmp_path.rglob('*.*')) == ['b.mp4', 'clip.mp4']


@pytest.mark.parametrize('kind', KINDS)
def test_a_saver_without_results_closes(kind, tmp_path):
    with SAVERS[kind](tmp_path, DRAW):
        pass


POSETRACK = resolve('posetrack18')


def frames_of_folder(folder, count, ids):
    """Return results of images `folder/000000.jpg` and on, each with the same people, who have these ids."""
    points = np.arange(len(ids) * 34.0).reshape(-1, 17, 2) + 1
    plain = result(people=len(ids), frame_index=None, metainfo=POSETRACK, keypoints=points, track_ids=np.array(ids))
    scores = np.full((len(ids), 17), 0.5, np.float32)
    paths = [f'{folder}/{index:06d}.jpg' for index in range(count)]
    return [replace(plain, scores=scores, source=f'/data/{path}', name=path) for path in paths]


def test_posetracks_files_have_its_frame_ids_and_ids_from_zero_in_each_video(tmp_path):
    with PoseTrackSaver(tmp_path, DRAW) as saver:
        for one in frames_of_folder('012834_mpii_test', 2, [7, 5]):
            saver.add(one)
        for one in frames_of_folder('zoo', 1, [9]):
            saver.add(one)
        saver.add(frames_of_folder('zoo', 2, [])[1])
    assert sorted(path.name for path in tmp_path.rglob('*.*')) == ['012834_mpii_test.json', 'zoo.json']
    first, second = (
        json.loads((tmp_path / f'posetrack/{name}.json').read_text()) for name in ('012834_mpii_test', 'zoo')
    )
    assert [image['id'] for image in first['images']] == [10128340000, 10128340001]
    assert [image['file_name'] for image in second['images']] == ['zoo/000000.jpg', 'zoo/000001.jpg']
    assert [image['id'] for image in second['images']] == [10000020000, 10000020001]
    assert [(one['image_id'], one['track_id']) for one in first['annotations']] == [
        (10128340000, 1),
        (10128340000, 0),
        (10128340001, 1),
        (10128340001, 0),
    ]
    assert [one['track_id'] for one in second['annotations']] == [0]
    assert first['annotations'][0]['keypoints'][:6] == [1, 2, 1, 3, 4, 1]
    assert first['annotations'][0]['scores'] == [0.5] * 17


def test_posetracks_files_of_the_truth_score_100_percent(tmp_path):
    people = frames_of_folder('000001_a', 3, [3, 8])
    with PoseTrackSaver(tmp_path, DRAW) as saver:
        for one in people:
            saver.add(one)
    truth = json.loads((tmp_path / 'posetrack/000001_a.json').read_text())
    for person in truth['annotations']:
        person['bbox_head'] = [0, 0, 10, 10]
    (tmp_path / 'truth').mkdir()
    (tmp_path / 'truth/000001_a.json').write_text(json.dumps(truth))
    metrics = score_folders(tmp_path / 'truth', tmp_path / 'posetrack')
    assert metrics['ap']['total'] == metrics['mota']['total'] == 100


def test_what_posetracks_form_cannot_hold_is_refused(tmp_path):
    one, again = frames_of_folder('a', 1, [0])[0], frames_of_folder('b/a', 1, [0])[0]
    with PoseTrackSaver(tmp_path, DRAW) as saver:
        with pytest.raises(UserError, match='people have no ids; give --track too'):
            saver.add(replace(one, track_ids=None))
        with pytest.raises(UserError, match=r'has other joints \(head, left_hand, right_hand, …\) than PoseTrack18'):
            saver.add(result(track_ids=np.array([0, 1])))
        saver.add(one)
        saver.add(frames_of_folder('c', 1, [0])[0])
        with pytest.raises(UserError, match='two videos are named a; give them one at a time'):
            saver.add(again)
