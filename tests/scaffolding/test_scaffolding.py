"""A new project runs as it is written: it trains, passes its own tests and this repository's lint."""

import subprocess
import sys
from pathlib import Path

import pytest

from hrpose.errors import UserError
from hrpose.scaffolding import KINDS, write_project
from hrpose.synthetic import make_dataset
from tests.tools.conftest import call  # noqa: F401

ROOT = Path(__file__).resolve().parents[2]
QUICK = 'train_cfg.max_epochs=1 train_cfg.val_interval=1 train_dataloader.num_workers=0 val_dataloader.num_workers=0'


@pytest.fixture(scope='session')
def people(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp('people') / 'synthetic'
    make_dataset(folder, train=4, val=2, workers=1)
    return folder


@pytest.mark.parametrize('kind', KINDS)
def test_a_new_project_trains_outside_the_clone(kind, people, tmp_path, monkeypatch, call):  # noqa: F811
    monkeypatch.chdir(tmp_path)
    status, output = call('new_project', f'a_{kind}', '--kind', kind)
    assert (status, f'pytest a_{kind}' in output) == (0, True)
    assert f'wrote {tmp_path / f"a_{kind}"}.' in output and 'have to be made first' in output
    config = tmp_path / f'a_{kind}' / 'configs' / f'a_{kind}_synthetic_128x96.py'
    status, output = call('train', config, '--cfg-options', f'data_root={people}', *QUICK.split())
    assert status == 0, output[-3000:]
    assert (tmp_path / 'work_dirs' / config.stem / 'epoch_1.pth').is_file()


def test_new_projects_pass_the_lint_of_this_repository(tmp_path):
    for kind in KINDS:
        write_project(f'my_{kind}', kind, tmp_path)
    settings = ['--config', ROOT / 'pyproject.toml', '--config', 'lint.isort.known-first-party=["hrpose"]']
    for command in (['check'], ['format', '--check']):
        words = [sys.executable, '-m', 'ruff', *command, *settings, tmp_path]
        done = subprocess.run(list(map(str, words)), capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stdout


@pytest.mark.slow  # six trainings in a process of their own
def test_the_tests_of_new_projects_pass_outside_the_clone(tmp_path):
    for kind in KINDS:
        write_project(f'my_{kind}', kind, tmp_path)
    done = subprocess.run(
        [sys.executable, '-m', 'pytest', '-q', '-p', 'no:cacheprovider', '.'],
        cwd=tmp_path, capture_output=True, text=True, timeout=900,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-3000:]
    assert not any(word in done.stdout for word in ('failed', 'skipped'))


@pytest.mark.parametrize(
    ('name', 'kind', 'reason'),
    [
        ('my_net', 'backbon', 'nearest: backbone'),
        ('My-Net', 'backbone', 'lower-case letters'),
        ('class', 'hook', 'lower-case letters'),
        ('torch', 'hook', "already has a module 'torch'"),
        ('coco_dataset', 'dataset', "already has a part called 'CocoDataset'"),
        ('there', 'codec', 'is not overwritten'),
    ],
)
def test_an_unusable_name_is_refused_and_nothing_written(name, kind, reason, tmp_path):
    (tmp_path / 'there').mkdir()
    with pytest.raises(UserError, match=reason):
        write_project(name, kind, tmp_path)
    assert [path.name for path in tmp_path.rglob('*')] == ['there']


def test_projects_is_the_default_folder_if_it_exists(tmp_path, monkeypatch, call):  # noqa: F811
    (tmp_path / 'projects').mkdir()
    monkeypatch.chdir(tmp_path)
    assert call('new_project', 'some_hook', '--kind', 'hook')[0] == 0
    assert (tmp_path / 'projects' / 'some_hook' / '__init__.py').is_file()
