"""Downloads against a server on this machine: whole, broken and resumed, wrong, dead."""

import os
import re
import threading

import pytest
from tqdm import tqdm

from hrpose.checkpoints import download as module
from hrpose.checkpoints.connection import open_address
from hrpose.checkpoints.download import download
from hrpose.errors import UserError
from tests.checkpoints.server import CONTENT, SHA256, Server

WRONG = bytes(len(CONTENT))


@pytest.fixture
def path(tmp_path):
    return tmp_path / 'weights' / 'weights.pth'


def dead_address() -> str:
    server = Server()
    server.server_close()
    return server.address


def left_over(path) -> list[str]:
    return sorted(file.name for file in path.parent.iterdir() if file.name != '.lock')


@pytest.mark.parametrize('sha256', [SHA256[:8], SHA256, None])
def test_a_file_is_downloaded_once(sha256, server, path):
    download(path, [server.address], sha256=sha256)
    assert path.read_bytes() == CONTENT
    assert left_over(path) == ['weights.pth']
    assert server.asked == [None]


def test_a_broken_download_resumes_where_it_stopped(server, path):
    server.breaks = [1_000_000, 500_000]
    download(path, [server.address], sha256=SHA256[:8])
    assert path.read_bytes() == CONTENT
    assert server.asked == [None, 'bytes=1000000-', 'bytes=1500000-']


def test_the_unfinished_download_of_an_earlier_run_resumes(server, path):
    server.breaks, server.statuses = [1_000_000], [200, 503]
    with pytest.raises(UserError, match='503'):
        download(path, [server.address], sha256=SHA256[:8])
    assert left_over(path) == ['weights.pth.part']
    download(path, [server.address], sha256=SHA256[:8])
    assert path.read_bytes() == CONTENT
    assert server.asked == [None, 'bytes=1000000-', 'bytes=1000000-']
    assert left_over(path) == ['weights.pth']


def test_bytes_that_arrived_before_a_timeout_are_kept(server, path, monkeypatch):
    monkeypatch.setattr(module, 'TIMEOUT', 0.2)
    server.breaks, server.pause = [1_000_000], 0.4
    download(path, [server.address], sha256=SHA256[:8])
    assert path.read_bytes() == CONTENT
    assert server.asked == [None, 'bytes=1000000-']


def test_a_server_that_cannot_resume_sends_the_whole_file_again(server, path):
    server.ranges, server.breaks = False, [2_000_000]
    download(path, [server.address], sha256=SHA256[:8])
    assert path.read_bytes() == CONTENT
    assert server.asked == [None, 'bytes=2000000-']


def test_a_complete_part_needs_only_its_hash(server, path):
    write_part(path, CONTENT)
    download(path, [server.address], sha256=SHA256[:8])
    assert path.read_bytes() == CONTENT
    assert server.asked == [f'bytes={len(CONTENT)}-']


def write_part(path, content: bytes) -> None:
    path.parent.mkdir(parents=True)
    path.with_name('weights.pth.part').write_bytes(content)


@pytest.mark.parametrize('part', [WRONG[:1000], WRONG, WRONG + WRONG], ids=['shorter', 'as_long', 'longer'])
def test_a_part_of_another_file_is_replaced(part, server, path):
    write_part(path, part)
    download(path, [server.address], sha256=SHA256[:8])
    assert path.read_bytes() == CONTENT
    assert server.asked == [f'bytes={len(part)}-', None]


def test_without_a_hash_nothing_is_resumed(server, path):
    write_part(path, WRONG[:1000])
    server.breaks = [1_000_000]
    download(path, [server.address], sha256=None)
    assert path.read_bytes() == CONTENT
    assert server.asked == [None, None]


def test_a_file_with_another_hash_is_not_kept(server, path):
    server.content = WRONG
    with pytest.raises(UserError, match=f'another SHA-256 than {SHA256[:8]}'):
        download(path, [server.address], sha256=SHA256[:8])
    assert left_over(path) == []
    assert server.asked == [None]


@pytest.mark.parametrize('bad', ['dead', 'wrong', 'missing', 'cut', 'nonsense'])
def test_the_next_address_is_tried_when_one_fails(bad, make_server, path):
    first, second = make_server(), make_server()
    first.content = WRONG if bad == 'wrong' else CONTENT
    first.statuses = [404] if bad == 'missing' else []
    first.breaks = [0] if bad == 'cut' else []
    address = {'dead': dead_address(), 'nonsense': 'http://'}.get(bad, first.address)
    download(path, [address, second.address], sha256=SHA256[:8])
    assert path.read_bytes() == CONTENT
    assert second.asked == [None]


def test_if_all_addresses_fail_the_message_says_where_to_put_a_copy(make_server, path):
    gone = make_server()
    gone.statuses = [404]
    dead = dead_address()
    with pytest.raises(UserError) as error:
        download(path, [dead, gone.address], sha256=SHA256[:8])
    message = str(error.value)
    assert f'{dead} (Connection refused)' in message
    assert f'{gone.address} (the server answers 404' in message
    assert f'put it at {path}' in message
    assert '\n' not in message
    assert left_over(path) == []


def test_a_server_that_always_breaks_off_is_given_up(server, path):
    server.breaks = [1000] * 100
    with pytest.raises(UserError, match=r'the connection broke after \d+ of \d+ bytes'):
        download(path, [server.address], sha256=SHA256[:8])
    assert len(server.asked) == module.TRIES
    assert left_over(path) == ['weights.pth.part']


def test_two_processes_download_the_same_file_once(server, path):
    options = {'args': (path, [server.address]), 'kwargs': {'sha256': SHA256[:8]}}
    wanting = [threading.Thread(target=download, **options) for _ in range(2)]
    for thread in wanting:
        thread.start()
    for thread in wanting:
        thread.join()
    assert path.read_bytes() == CONTENT
    assert server.asked == [None]


def test_a_silent_server_is_given_up_after_the_timeout(path, monkeypatch):
    monkeypatch.setattr(module, 'TIMEOUT', 0.2)
    timeouts = []

    def ask(*arguments, timeout):
        timeouts.append(timeout)
        return open_address(*arguments, timeout=timeout)

    monkeypatch.setattr(module, 'open_address', ask)
    silent = Server()  # it listens and never answers
    with pytest.raises(UserError, match='timed out'):
        download(path, [silent.address], sha256=SHA256[:8])
    assert timeouts == [0.2]  # one try
    silent.server_close()


def test_progress_is_shown_on_a_terminal_only(server, path, monkeypatch, capsys):
    download(path, [server.address], sha256=None)
    assert capsys.readouterr().err == ''
    os.remove(path)
    monkeypatch.setattr('sys.stderr.isatty', lambda: True)
    download(path, [server.address], sha256=None)
    assert re.search(rf'{path.name}: 100%.*{tqdm.format_sizeof(len(CONTENT))}', capsys.readouterr().err)
