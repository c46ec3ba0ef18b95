"""Folders of one JSON a video: the whole command gives what poseval gives, and refuses what poseval does."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from hrpose.errors import UserError
from hrpose.evaluation.functional.posetrack_folder import has_labels, score_folders, write_folder
from tests.golden import GOLDEN, golden

ROOT = Path(__file__).parents[3]
VIDEO = '000342_mpii_test.json'


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    """The golden ground truth and predictions, unpacked."""
    for side in ('gt', 'pred'):
        (tmp_path / side).mkdir()
        for path in (GOLDEN / 'posetrack' / side).glob('*.json.gz'):
            (tmp_path / side / path.stem).write_text(json.dumps(golden(f'posetrack/{side}/{path.stem}')))
    return tmp_path / 'gt', tmp_path / 'pred'


def edit(path: Path, change) -> None:
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


def test_the_command_gives_what_poseval_gives(folders, tmp_path):
    command = [
        sys.executable,
        'tools/analysis/posetrack_eval.py',
        *map(str, folders),
        '--json',
        str(tmp_path / 's.json'),
    ]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    metrics, expected = json.loads((tmp_path / 's.json').read_text()), golden('posetrack/expected.json')
    names = ['ap', 'ap_precision', 'ap_recall', 'mota', 'motp', 'motp_poseval', 'mot_precision', 'mot_recall']
    assert list(metrics) == [*names, 'hota', 'idf1']
    for name in set(names) - {'motp'}:
        of_poseval = dict(zip(expected['joints'], expected[name.removesuffix('_poseval')], strict=True))
        assert list(metrics[name]) == expected['joints']
        assert metrics[name] == pytest.approx(of_poseval, rel=0, abs=1e-9), name
    assert metrics['motp']['total'] > metrics['motp_poseval']['total'] + 10
    assert metrics['hota'].keys() == metrics['idf1'].keys() == {'total'}
    assert 0 < metrics['hota']['total'] < 100 and 0 < metrics['idf1']['total'] < 100


def test_the_truth_as_prediction_has_all_metrics_at_100_percent(folders, tmp_path):
    truth, _ = folders
    results = []
    for path in truth.glob('*.json'):
        for person in json.loads(path.read_text())['annotations']:
            if any(person.get('keypoints') or []):
                results.append(person)
    write_folder(tmp_path / 'same', truth, results)
    metrics = score_folders(truth, tmp_path / 'same')
    assert [metrics[name]['total'] for name in ('hota', 'idf1', 'mota')] == pytest.approx([100, 100, 100])


def test_a_written_folder_scores_the_same(folders, tmp_path):
    truth, found = folders
    results = []
    for path in sorted(found.glob('*.json')):
        for person in json.loads(path.read_text())['annotations']:
            person['keypoints'][2::3] = person['scores']
            results.append(person)
    write_folder(tmp_path / 'written', truth, results)
    assert score_folders(truth, tmp_path / 'written') == score_folders(truth, found)
    with pytest.raises(UserError, match='no video has frame 7'):
        write_folder(tmp_path / 'other', truth, [{**results[0], 'image_id': 7}])
    assert not (tmp_path / 'other').exists()


def test_a_missing_joint_is_written_as_zeros(folders, tmp_path):
    truth, found = folders
    person = json.loads((found / VIDEO).read_text())['annotations'][0]
    person['keypoints'][:6] = [float('nan'), 5.0, 0.9, 0.0, 0.0, 0.9]
    write_folder(tmp_path / 'written', truth, [person])
    (written,) = json.loads((tmp_path / 'written' / VIDEO).read_text())['annotations']
    assert written['keypoints'][:9] == [0, 0, 0, 0, 0, 0, *person['keypoints'][6:9]]
    assert written['scores'][:2] == [0, 0]


@pytest.mark.parametrize(('made', 'problem'), [(True, 'has no .json file'), (False, 'is not a folder')])
def test_a_folder_without_videos_is_named(folders, made, problem, tmp_path):
    wrong = tmp_path / 'wrong'
    if made:
        wrong.mkdir()
    for pair in ((wrong, folders[1]), (folders[0], wrong)):
        with pytest.raises(UserError, match=f'{wrong}: {problem}; give'):
            score_folders(*pair)


def test_frames_in_another_order_give_the_same(folders):
    truth, found = folders
    before = score_folders(truth, found)
    for folder in folders:
        edit(folder / VIDEO, lambda content: content['images'].reverse())
    assert score_folders(truth, found) == before


def test_what_poseval_refuses_is_a_sentence(folders):
    truth, found = folders
    whole = (found / VIDEO).read_text()
    edit(found / VIDEO, lambda content: content['annotations'][0].update(track_id=1000))
    with pytest.raises(UserError, match='track_id is 1000, but poseval takes 0 to 999'):
        score_folders(truth, found)
    (found / VIDEO).write_text(whole)
    edit(found / VIDEO, lambda content: content['images'].pop())
    with pytest.raises(UserError, match='images lack frame 10003420010'):
        score_folders(truth, found)
    (found / VIDEO).unlink()
    with pytest.raises(UserError, match=f'pred: it has no {VIDEO}'):
        score_folders(truth, found)


@pytest.mark.parametrize('side', [0, 1])
def test_two_people_of_one_id_in_a_frame_are_refused(folders, side):
    def repeat(content: dict) -> None:
        first, second = [each for each in content['annotations'] if each['image_id'] == 10003420000][:2]
        second['track_id'] = first['track_id']

    edit(folders[side] / VIDEO, repeat)
    with pytest.raises(UserError, match='image 10003420000: two people have the same track_id'):
        score_folders(*folders)


def test_an_unlabelled_truth_has_no_metrics(folders):
    truth, found = folders
    assert has_labels(truth)
    for path in truth.iterdir():
        edit(path, lambda content: [person.update(keypoints=[0] * 51) for person in content['annotations']])
    assert not has_labels(truth)
    with pytest.raises(UserError, match=f'{truth}: no frame has a labelled person'):
        score_folders(truth, found)


def test_a_frame_without_predictions_counts_as_missed(folders):
    truth, found = folders
    before = score_folders(truth, found)

    def leave(content: dict) -> None:
        content['annotations'] = [each for each in content['annotations'] if each['image_id'] != 10003420002]

    edit(found / VIDEO, leave)
    after = score_folders(truth, found)
    assert after['ap']['total'] < before['ap']['total']
    assert after['mot_recall']['total'] < before['mot_recall']['total']


def test_a_person_without_a_track_id_is_refused(folders):
    truth, found = folders
    edit(found / VIDEO, lambda content: content['annotations'][0].pop('track_id'))
    with pytest.raises(UserError, match='track_id is None, but poseval takes 0 to 999'):
        score_folders(truth, found)
