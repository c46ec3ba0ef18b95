"""Boxes of people as a file: read by data sets, written by one process or several, continued after a kill."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from hrpose.apis.detections import images_of_folder
from hrpose.datasets import CocoDataset
from hrpose.errors import UserError
from tests.tools.scripts import run_script
from tests.tools.test_attack_files import ATTACKS

pytest.importorskip('mmdet')

ROOT = Path(__file__).resolve().parents[2]


def words_of(detector, data, out, *more) -> list[str]:
    words = [*detector, '--ann', data.ann_file, '--img-root', data.images, '--out', out, '--workers', 0, *more]
    return [str(word) for word in words]


def start(words: list[str], processes: int = 1) -> subprocess.Popen:
    launch = ['-m', 'torch.distributed.run', '--standalone', f'--nproc-per-node={processes}'] if processes > 1 else []
    command = [sys.executable, *launch, 'tools/detect_persons.py', *words]
    if processes > 1:
        command += ['--launcher', 'pytorch']
    return subprocess.Popen(command, cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def finish(process: subprocess.Popen) -> str:
    output, _ = process.communicate(timeout=120)
    assert process.returncode == 0, output[-3000:]
    return output


def test_a_data_set_reads_the_boxes(detector, tiny_coco, tmp_path, call):
    data = tiny_coco(edit=lambda content: content['categories'][0].update(id=4) or content['annotations'].clear())
    out = tmp_path / 'new' / 'dets.json'
    status, output = call('detect_persons', *words_of(detector, data, out, '--score-threshold', 0.1))
    assert status == 0, output
    found = json.loads(out.read_text())
    assert f'{len(found)} boxes in 4 images written to {out}' in output
    assert len(found) == 20 and {entry['category_id'] for entry in found} == {4}
    people = CocoDataset(bbox_file=str(out), test_mode=True, **data.arguments)
    records = [people.get_data_info(index) for index in range(len(people))]
    assert [record['img_id'] for record in records] == [entry['image_id'] for entry in found]
    x, y, width, height = found[3]['bbox']
    assert records[3]['box'].tolist() == [x, y, x + width, y + height]
    assert records[3]['box_score'] == found[3]['score'] > 0.1
    assert [entry.name for entry in out.parent.iterdir()] == ['dets.json']


@pytest.mark.slow  # five processes that import PyTorch
def test_two_processes_write_what_one_writes(detector, tiny_coco, tmp_path):
    data = tiny_coco(images=7, broken={2: 'truncated'})
    one, two, three = (tmp_path / name for name in ('one.json', 'by_torchrun.json', 'by_script.json'))
    said = finish(start(words_of(detector, data, one, '--batch-size', '2')))
    assert finish(start(words_of(detector, data, two, '--batch-size', '2'), processes=2)).count('written to') == 1
    config, checkpoint, *options = words_of(detector, data, three, '--batch-size', '2')
    done = run_script('dist_detect_persons.sh', config, checkpoint, 2, *options)
    assert done.returncode == 0 and done.stdout.count('written to') == 1, done.stdout[-3000:]
    assert one.read_bytes() == two.read_bytes() == three.read_bytes()
    assert '6 images' in said and len({entry['image_id'] for entry in json.loads(one.read_text())}) == 6


@pytest.mark.slow  # 300 images, twice
@pytest.mark.parametrize('processes', [1, 2])
def test_a_killed_job_continues_to_the_same_file(processes, detector, tiny_coco, tmp_path, call):
    data = tiny_coco(images=300)
    whole, out = tmp_path / 'whole.json', tmp_path / 'dets.json'
    assert call('detect_persons', *words_of(detector, data, whole, '--batch-size', 1))[0] == 0
    words = words_of(detector, data, out, '--batch-size', 1)
    process, done = start(words, processes), tmp_path / 'dets.json.unfinished'
    while process.poll() is None and lines_in(done) < 10:
        time.sleep(0.01)
    kill_all(str(out))
    process.communicate()
    before = lines_in(done)
    assert 10 <= before < 300 and not out.exists()
    status, output = call('detect_persons', *words)
    assert status == 0
    assert f'going on: {before} of 300 images are done' in output
    assert out.read_bytes() == whole.read_bytes()
    assert not done.exists()


def lines_in(folder: Path) -> int:
    return sum(file.read_text().count('\n') for file in folder.glob('process_*.jsonl'))


def kill_all(word: str) -> None:
    """Kill every process with this word on its command line: torchrun's do not share a group."""
    for file in Path('/proc').glob('[0-9]*/cmdline'):
        with contextlib.suppress(OSError):
            if word.encode() in file.read_bytes():
                os.kill(int(file.parent.name), signal.SIGKILL)


def test_work_of_other_settings_is_not_used(detector, tiny_coco, tmp_path, call):
    data, out = tiny_coco(images=2), tmp_path / 'dets.json'
    left = tmp_path / 'dets.json.unfinished'
    left.mkdir()
    (left / 'finished.jsonl').write_text('{"batch": 0, "found": [], "broken": []}\n')
    status, output = call('detect_persons', *words_of(detector, data, out))
    assert status == 0 and 'left from a job with another config: starting from the beginning' in output
    assert len(json.loads(out.read_text())) == 10


def test_broken_images_are_named_counted_and_left_out(detector, tiny_coco, tmp_path, call):
    data = tiny_coco(images=12, broken={0: 'missing', 3: 'truncated', **dict.fromkeys(range(5, 11), 'text')})
    status, output = call('detect_persons', *words_of(detector, data, tmp_path / 'dets.json'))
    assert status == 0
    assert '000.jpg: there is no such file' in output and '003.jpg is cut short' in output
    assert output.count('left out: ') == 6  # five of the eight, and the summary
    assert '20 boxes in 4 images' in output and 'left out: 8 images that cannot be read' in output
    assert {entry['image_id'] for entry in json.loads((tmp_path / 'dets.json').read_text())} == {1, 2, 4, 11}


def test_only_broken_images_are_an_error_without_a_file(detector, tiny_coco, tmp_path, call):
    data = tiny_coco(images=2, broken={0: 'empty', 1: 'empty'})
    status, output = call('detect_persons', *words_of(detector, data, tmp_path / 'dets.json'))
    assert status == 2 and 'none of the 2 images can be read, for instance: ' in output
    assert not (tmp_path / 'dets.json').exists()


def test_an_existing_file_is_replaced_only_with_overwrite(detector, tiny_coco, tmp_path, call):
    data, out = tiny_coco(images=1), tmp_path / 'dets.json'
    out.write_text('precious')
    status, output = call('detect_persons', *words_of(detector, data, out))
    assert status == 2 and 'exists' in output and out.read_text() == 'precious'
    assert call('detect_persons', *words_of(detector, data, out, '--overwrite'))[0] == 0
    assert json.loads(out.read_text())


@pytest.mark.parametrize(
    ('names', 'ids'),
    [
        (['000000000139.jpg', '000000000785.png'], [139, 785]),
        (['139.jpg', 'b/785.jpg', 'note.txt'], [139, 785]),
        (['139.jpg', 'b/0139.PNG'], ['139.jpg', 'b/0139.PNG']),
        (['a.jpg', '7.jpg'], ['7.jpg', 'a.jpg']),
    ],
)
def test_images_of_a_folder_get_their_number_or_path_as_id(names, ids, tmp_path):
    for name in names:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    found = images_of_folder(str(tmp_path))
    assert [image.id for image in found] == ids
    assert all(Path(image.path).is_file() for image in found)


def test_a_folder_without_images_is_one_message(tmp_path):
    with pytest.raises(UserError, match='has no images'):
        images_of_folder(str(tmp_path))


def test_all_images_of_a_folder_are_used_without_annotations(detector, tiny_coco, tmp_path, call):
    words = [*detector, '--img-root', tiny_coco(images=3).images, '--out', tmp_path / 'dets.json', '--workers', 1]
    status, output = call('detect_persons', *words)
    assert status == 0, output
    assert [entry['image_id'] for entry in json.loads((tmp_path / 'dets.json').read_text())] == [0] * 5 + [1] * 5 + [
        2
    ] * 5


MISTAKES = {
    'no_annotations': (['--ann', '/nowhere/a.json'], '/nowhere/a.json: cannot be read'),
    'no_folder': (['--img-root', '/nowhere'], 'there is no folder /nowhere'),
    'threshold': (['--score-threshold', '5'], 'from 0 to 1'),
    'workers': (['--workers', '-1'], '--workers is -1'),
    'launcher': (['--launcher', 'pytorch'], 'torchrun'),
}


@pytest.mark.parametrize(('more', 'reason'), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_one_message(more, reason, detector, tiny_coco, tmp_path, call, monkeypatch):
    monkeypatch.delenv('RANK', raising=False)
    status, output = call('detect_persons', *words_of(detector, tiny_coco(images=1), tmp_path / 'dets.json', *more))
    assert (status, reason in output, 'Traceback' in output) == (2, True, False), output


@pytest.mark.parametrize('attack', ATTACKS)
def test_no_code_in_a_checkpoint_is_run(attack, detector, tiny_coco, tmp_path, call):
    config, checkpoint = detector
    hacked, evil = tmp_path / 'hacked', tmp_path / 'evil.pth'
    content = torch.load(checkpoint, weights_only=True)
    torch.save(content | {'meta': ATTACKS[attack](str(hacked))}, evil)
    words = words_of((config, evil), tiny_coco(images=1), tmp_path / 'dets.json')
    status, output = call('detect_persons', *words)
    assert not hacked.exists()
    assert status == (2 if attack.startswith('pickle') else 0)
    assert ('could run code' in output) == attack.startswith('pickle')
