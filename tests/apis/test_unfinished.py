"""The finished batches of a job outlive its processes, whenever they are killed."""

import json

import pytest

from hrpose.apis.unfinished import UnfinishedJob

JOB = {'config': 'a', 'score threshold': 0.3}


@pytest.fixture
def work(tmp_path) -> UnfinishedJob:
    unfinished = UnfinishedJob(tmp_path / 'new' / 'out.json', JOB)
    assert unfinished.open() is None
    return unfinished


def do(work: UnfinishedJob, rank: int, *batches: int) -> None:
    with work.append(rank) as write:
        for batch in batches:
            write({'batch': batch, 'by': rank})


def test_nothing_is_done_at_first(work):
    assert work.finished() == {}
    assert work.all_lines() == []


def test_lines_of_all_processes_come_back_by_batch(work):
    do(work, 1, 1, 3)
    do(work, 0, 0, 2)
    assert [(line['batch'], line['by']) for line in work.all_lines()] == [(0, 0), (1, 1), (2, 0), (3, 1)]


def test_batches_finished_before_opening_count(work):
    do(work, 0, 0)
    work.open()
    do(work, 1, 1)
    assert list(work.finished()) == [0]


def test_a_line_cut_off_by_a_kill_is_done_again(work):
    do(work, 0, 0)
    file = work.folder / 'process_0.jsonl'
    file.write_text(file.read_text() + '{"batch": 1, "by"')
    work.open()
    assert list(work.finished()) == [0]
    do(work, 0, 1)
    assert [line['batch'] for line in work.all_lines()] == [0, 1]


@pytest.mark.parametrize('key', JOB)
def test_batches_of_another_job_are_deleted_and_what_differs_named(work, key, tmp_path):
    do(work, 0, 0)
    other = UnfinishedJob(tmp_path / 'new' / 'out.json', JOB | {key: 'another'})
    assert other.open() == key
    assert other.finished() == {}


def test_a_folder_without_a_readable_job_counts_as_another(work):
    do(work, 0, 0)
    (work.folder / 'job.json').write_text('{"config"')
    assert work.open() == 'config'
    assert json.loads((work.folder / 'job.json').read_text()) == JOB


def test_nothing_is_left_behind(work):
    do(work, 0, 0)
    work.remove()
    assert list(work.folder.parent.iterdir()) == []
