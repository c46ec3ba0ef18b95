"""Addresses of weights: odd ones, secret ones, and servers that never finish. Each ends in a sentence."""

import base64
import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from hrpose.checkpoints import connection, locate
from hrpose.checkpoints.download import download
from hrpose.errors import UserError, shown

Serve = Callable[[socket.socket], None]


@pytest.fixture
def serve(monkeypatch, tmp_path) -> Iterator[Callable[[Serve], str]]:
    """A factory of servers on this machine that answer each connection as told; gives an address."""
    monkeypatch.setenv('no_proxy', '127.0.0.1')
    monkeypatch.setenv('HRPOSE_WEIGHTS', str(tmp_path / 'weights'))
    listening: list[socket.socket] = []

    def start(answer: Serve) -> str:
        server = socket.create_server(('127.0.0.1', 0))
        listening.append(server)

        def run() -> None:
            while True:
                try:
                    connected, _ = server.accept()
                except OSError:
                    return
                with connected, contextlib.suppress(OSError):  # the client may hang up
                    answer(connected)

        threading.Thread(target=run, daemon=True).start()
        return f'127.0.0.1:{server.getsockname()[1]}'

    yield start
    for server in listening:
        server.shutdown(socket.SHUT_RDWR)
        server.close()


def drip(text: bytes, start: bytes = b'') -> Serve:
    """Return an answer of `start` and then `text` again and again, a byte at a time."""

    def answer(connected: socket.socket) -> None:
        connected.recv(10_000)
        connected.sendall(start)
        while True:
            for byte in text:
                connected.sendall(bytes([byte]))
                time.sleep(0.01)

    return answer


@pytest.mark.parametrize(
    'answer',
    [
        drip(b'x', b'HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n'),
        drip(b'1\r\nx\r\n', b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n'),
        drip(b'X: y\r\n', b'HTTP/1.1 200 OK\r\n'),
        drip(b'HTTP'),
    ],
    ids=['body', 'chunks', 'headers', 'status'],
)
def test_a_server_that_sends_byte_by_byte_is_given_up(answer, serve, monkeypatch):
    monkeypatch.setattr(connection, 'SPAN', 0.1)
    with pytest.raises(UserError, match=r'cannot be downloaded from .* \(the server sent \d+ bytes in'):
        locate(f'http://{serve(answer)}/a.pth')


@pytest.mark.parametrize(
    'address',
    [
        'http://[bad',
        'http://[bad/a.pth',
        'http://host/a\0.pth',
        'http://host/\udc80.pth',
        'http://host/\x1b[2J.pth',
        'http://host/a b.pth',
        'http://host:port/a.pth',
        'http://host:99999/a.pth',
        'http:///a.pth',
        'HTTP://',
        'https://host/é.pth',
        'http://us er:pass@host/a.pth',
    ],
)
def test_an_odd_address_is_refused_in_a_printable_sentence(address):
    with pytest.raises(UserError, match='not a valid address') as error:
        locate(address)
    assert str(error.value).isprintable() and 'pass' not in str(error.value)


def test_the_scheme_of_an_address_may_be_in_capitals(serve):
    address = serve(lambda connected: connected.sendall(b'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'))
    assert locate(f'HTTP://{address}/a.pth').read_bytes() == b'ok'


def test_a_password_goes_to_the_server_and_into_no_message(serve):
    asked: list[bytes] = []

    def refuse(connected: socket.socket) -> None:
        asked.append(connected.recv(10_000))
        connected.sendall(b'HTTP/1.1 403 no \x1b[2Jentry\r\nContent-Length: 0\r\n\r\n')

    with pytest.raises(UserError, match='answers 403') as error:
        locate(f'http://user:se%20cret@{serve(refuse)}/a.pth?key=hidden')
    assert b'Authorization: Basic ' + base64.b64encode(b'user:se cret') in asked[0]
    assert b'/a.pth?key=hidden' in asked[0]
    for word in ('user', 'cret', 'hidden', '\x1b'):
        assert word not in str(error.value)


def test_a_password_is_not_sent_on_after_a_redirection(serve):
    asked: list[bytes] = []

    def note(connected: socket.socket) -> None:
        asked.append(connected.recv(10_000))
        connected.sendall(b'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok')

    other = serve(note)

    def send_on(connected: socket.socket) -> None:
        connected.recv(10_000)
        connected.sendall(f'HTTP/1.1 302 x\r\nLocation: http://{other}/a.pth\r\nContent-Length: 0\r\n\r\n'.encode())

    locate(f'http://user:secret@{serve(send_on)}/a.pth')
    assert len(asked) == 1 and b'Authorization' not in asked[0]


@pytest.mark.parametrize('target', ['ftp://127.0.0.1/a', 'file:///etc/passwd', 'data:,x'])
def test_a_redirection_leads_to_http_only(target, serve):
    def send_on(connected: socket.socket) -> None:
        connected.recv(10_000)
        connected.sendall(f'HTTP/1.1 302 x\r\nLocation: {target}\r\nContent-Length: 0\r\n\r\n'.encode())

    with pytest.raises(UserError, match='cannot be downloaded'):
        locate(f'http://{serve(send_on)}/a.pth')


@pytest.mark.parametrize('mirror', ['file:///etc/passwd', 'ftp://127.0.0.1/a', 'no address', 'http://[bad'])
def test_a_mirror_is_asked_by_http_only(mirror, tmp_path):
    with pytest.raises(UserError, match='cannot be downloaded'):
        download(tmp_path / 'a.pth', [mirror], sha256='00000000')


@pytest.mark.parametrize(
    ('address', 'expected'),
    [
        ('https://user:p@ss@host:1/a/b.pth', 'https://host:1/a/b.pth'),
        ('https://host/a.pth?token=1', 'https://host/a.pth?…'),
        ('s3://key:secret@bucket/a', 's3://bucket/a'),
        ('http://host/a@b.pth', 'http://host/a@b.pth'),
    ],
)
def test_an_address_is_shown_without_its_secrets(address, expected):
    assert shown(address) == expected


@pytest.mark.parametrize('path', ['~nosuchuser/a.pth', '~nosuchuser'])
def test_the_home_of_no_user_is_refused(path):
    from hrpose.apis.sources import open_source
    from hrpose.config import load_config

    for read in (locate, load_config, open_source):
        with pytest.raises(UserError, match='there is no such user'):
            read(path)


@pytest.mark.parametrize('number', [99_999_999_999, -1, 2**70])
def test_a_camera_beyond_all_numbers_is_refused(number):
    from hrpose.apis.sources import open_source

    with pytest.raises(UserError, match=f'there is no camera {number}'):
        open_source(number)
