"""Disks that take no more, and folders that go: each ends in a sentence, and what was written stays readable."""

import contextlib
import csv
import errno
import json
import resource
import shutil
from collections.abc import Iterator

import cv2
import numpy as np
import pytest
from mmengine.hooks import Hook

from hrpose.apis.result import PoseResult
from hrpose.apis.savers import SAVERS
from hrpose.cli.run import run
from hrpose.datasets.metainfo import resolve
from hrpose.errors import UserError
from hrpose.files import GrowingFile
from hrpose.synthetic import make_dataset
from tests.engine.cases import runner_of


@contextlib.contextmanager
def files_of_at_most(size: int) -> Iterator[None]:
    """Let the system refuse files of more bytes, as a full disk does."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def result(number: int, name: str | None = None) -> PoseResult:
    rng = np.random.default_rng(number)
    return PoseResult(
        keypoints=rng.normal(size=(1, 17, 2)),
        scores=rng.random((1, 17), dtype=np.float32),
        boxes=np.array([[0.0, 0, 9, 9]]),
        box_scores=np.ones(1),
        metainfo=resolve('coco'),
        image_size=(64, 48),
        source=name or f'{number}.jpg',
        frame_index=None,
        name=name or f'{number}.jpg',
        rate=None,
        rgb=None,
    )


def noise(_: PoseResult) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 255, (200, 200, 3), dtype=np.uint8)


@pytest.mark.parametrize('size', [16 * 1024, 64 * 1024])
@pytest.mark.parametrize('kind', ['json', 'csv'])
def test_a_table_on_a_full_disk_ends_with_the_last_whole_frame(kind, size, tmp_path):
    done = 0
    said = pytest.raises(UserError, match=r'poses\.\w+: cannot be written \(.*\); free some space')
    with files_of_at_most(size), SAVERS[kind](tmp_path, noise) as saver, said:
        for done in range(10**4):
            saver.add(result(done))
    text = (tmp_path / saver.target).read_text()
    rows = json.loads(text) if kind == 'json' else list(csv.DictReader(text.splitlines()))
    assert len(rows) == done > 3
    assert size - 4000 < len(text) <= size


def test_images_on_a_full_disk_are_whole_or_absent(tmp_path):
    saver = SAVERS['images'](tmp_path, noise)
    saver.add(result(0))
    with files_of_at_most(16 * 1024), pytest.raises(UserError, match='1.jpg: cannot be written'):
        saver.add(result(1))
    assert [path.name for path in (tmp_path / 'images').iterdir()] == ['0.jpg']
    assert cv2.imread(str(tmp_path / 'images' / '0.jpg')).shape == (200, 200, 3)


def test_a_growing_file_stays_as_before_a_refused_addition(tmp_path):
    file = GrowingFile(tmp_path / 'a.txt', b'[', b']')
    file.add(b'1')
    with files_of_at_most(5), pytest.raises(UserError, match='cannot be written'):
        file.add(b',2222')
    file.add(b',3')
    file.close()
    assert (tmp_path / 'a.txt').read_bytes() == b'[1,3]'


@pytest.mark.parametrize('kind', ['json', 'csv'])
def test_a_table_takes_names_that_are_not_utf8(kind, tmp_path):
    with SAVERS[kind](tmp_path, noise) as saver:
        saver.add(result(0, '\udcff.jpg'))
    assert r'\udcff.jpg' in (tmp_path / saver.target).read_text(encoding='utf-8')


@pytest.mark.parametrize('workers', [1, 2])
def test_generated_people_on_a_full_disk_leave_no_half_file(workers, tmp_path):
    with files_of_at_most(8 * 1024), pytest.raises(UserError, match='cannot be written'):
        make_dataset(str(tmp_path / 'out'), train=2, val=0, seed=0, workers=workers, overwrite=False)
    written = [path for path in (tmp_path / 'out').rglob('*') if path.is_file()]
    assert [path.name for path in written] == ['synthetic.json'] and json.loads(written[0].read_text())


@pytest.mark.parametrize('size', [16 * 1024, 64 * 1024])
def test_a_training_on_a_full_disk_ends_in_a_sentence(size, tiny_coco, tiny_config, tmp_path):
    runner = runner_of(tiny_config(tiny_coco(images=2)), tmp_path / 'run')
    with (
        files_of_at_most(size),
        pytest.raises(UserError, match='cannot be (saved|written) .*There is no checkpoint yet'),
    ):
        runner.train()
    assert list((tmp_path / 'run').glob('*.pth*')) == []


def test_a_training_whose_folder_goes_says_so(tiny_coco, tiny_config, tmp_path):
    class Remove(Hook):
        priority = 'VERY_HIGH'

        def before_train_iter(self, runner, batch_idx, data_batch=None) -> None:
            if runner.iter == 2:
                shutil.rmtree(runner.work_dir)

    options = {'train_cfg.max_epochs': 3, 'default_hooks.logger.interval': 1}
    runner = runner_of(tiny_config(tiny_coco(images=4)), tmp_path / 'run', hooks=[Remove()], **options)
    with pytest.raises(
        UserError, match=r'run.*: the folder was removed during the training, with .*1 epochs were done'
    ):
        runner.train()


def test_a_full_disk_in_any_command_ends_in_a_sentence(capsys):
    def fail() -> None:
        raise OSError(errno.ENOSPC, 'No space left on device')

    with pytest.raises(SystemExit):
        run(fail)
    assert capsys.readouterr().err.startswith('error: a file cannot be written (No space left on device); free')
