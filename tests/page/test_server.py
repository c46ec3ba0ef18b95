"""The page's server: poses as JSON, limits, refusals; nothing stays on the disk."""

import asyncio
import json
import re
import tempfile
import threading
import zlib
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import anyio
import pytest
from PIL import Image, ImageFile
from starlette.testclient import TestClient

from hrpose.errors import UserError
from hrpose.page.limits import Limits
from hrpose.page.server import LinesResponse, Service, make_app
from hrpose.page.static import FILES
from tests.page.cases import METAINFO, encoded, estimate

BASE = 'http://127.0.0.1:8765'


def client(network=estimate, *, detects=True, **limits) -> TestClient:
    app = make_app(network, METAINFO, detects=detects, title='three', limits=Limits(**limits))
    return TestClient(app, base_url=BASE, raise_server_exceptions=False)


def answer_of(response, status: int) -> str:
    """Return the sentence of a refusal with this status."""
    assert response.status_code == status, response.text
    return response.json()['error']


# -------------------------------------------------------------------- answers


def test_an_image_is_answered_by_its_people():
    answer = client().post('/image?name=a.png', content=encoded()).json()
    assert answer['source'] == 'a.png'
    assert answer['image_size'] == [80, 60]
    assert answer['names'] == list(METAINFO['keypoint_names'])
    (person,) = answer['people']
    assert person['box'] == [0, 0, 40, 60]
    assert person['keypoints'][1] == pytest.approx([30, 30, 0.6])


def test_boxes_reach_the_network():
    boxes = [[1, 2, 30, 40], [5.5, 6, 70, 50]]
    answer = client(detects=False).post('/image', params={'boxes': json.dumps(boxes)}, content=encoded()).json()
    assert [person['box'] for person in answer['people']] == boxes


def test_the_whole_image_may_be_one_person():
    answer = client(detects=False).post('/image?boxes=whole_image', content=encoded()).json()
    assert [person['box'] for person in answer['people']] == [[0, 0, 80, 60]]


def test_the_network_gets_blue_first():
    seen = []

    def look(image, boxes=None):
        seen.append(image)
        return estimate(image, boxes)

    red = Image.new('RGB', (80, 60), (255, 0, 0))
    with tempfile.SpooledTemporaryFile() as file:
        red.save(file, 'PNG')
        file.seek(0)
        assert client(look).post('/image', content=file.read()).status_code == 200
    assert seen[0][0, 0].tolist() == [0, 0, 255]


def test_about_describes_network_and_limits():
    about = client(image_mb=7).get('/about').json()
    assert about['names'] == ['nose', 'left_hand', 'right_hand']
    assert about['sides'] == ['centre', 'left', 'right']
    assert about['skeleton'] == [[0, 1], [0, 2]]
    assert about['detects'] is True
    assert about['limits']['image_mb'] == 7


def test_a_video_is_answered_by_a_line_a_frame(make_video):
    response = client().post('/video?name=v.mp4', content=make_video(5))
    *frames, last = map(json.loads, response.text.splitlines())
    assert [frame['frame_index'] for frame in frames] == [0, 1, 2, 3, 4]
    assert [frame['time'] for frame in frames] == pytest.approx([0, 0.1, 0.2, 0.3, 0.4], abs=0.002)
    assert {person['track_id'] for frame in frames for person in frame['people']} == {0}
    assert frames[0]['source'] == 'v.mp4'
    assert last == {'end': ''}


def test_a_long_video_is_cut_and_says_so(make_video):
    response = client(video_frames=3).post('/video', content=make_video(5))
    *frames, last = map(json.loads, response.text.splitlines())
    assert len(frames) == 3
    assert last['end'] == 'only the first 3 frames were looked at'


def test_a_video_of_exactly_the_limit_is_not_called_cut(make_video):
    response = client(video_frames=5).post('/video', content=make_video(5))
    assert json.loads(response.text.splitlines()[-1]) == {'end': ''}


def test_a_failure_amid_a_video_is_a_line_of_its_own(make_video):
    calls = []

    def fail_later(image, boxes=None):
        calls.append(image)
        if len(calls) == 3:
            raise UserError('the third frame is wrong')
        return estimate(image, boxes)

    lines = [json.loads(line) for line in client(fail_later).post('/video', content=make_video(5)).text.splitlines()]
    assert len(lines) == 3
    assert lines[-1] == {'error': 'the third frame is wrong'}


def test_the_page_and_its_files_are_served():
    page = client().get('/')
    assert page.headers['content-type'].startswith('text/html')
    for name, kind in (('page.css', 'text/css'), ('page.js', 'javascript'), ('draw.js', 'javascript')):
        assert name in page.text or name == 'draw.js'
        assert kind in client().get(f'/{name}').headers['content-type']


# -------------------------------------------------------------------- wrong files


@pytest.mark.parametrize(
    ('content', 'reason'),
    [
        (b'', 'x.jpg: the file is empty'),
        (b'not an image', 'x.jpg: this is not an image; use JPEG, PNG, WebP or BMP'),
        (b'#EXTM3U\nfile:///etc/passwd', 'x.jpg: this is not an image; use JPEG, PNG, WebP or BMP'),
        (encoded(suffix='.jpg')[:-100], 'the image x.jpg is cut short'),
        (encoded()[:-20], 'the image x.jpg is cut short'),
        (encoded(suffix='.tiff'), 'x.jpg: this is not an image; use JPEG, PNG, WebP or BMP'),
    ],
)
def test_a_wrong_image_is_answered_in_a_sentence(content, reason):
    assert answer_of(client().post('/image?name=x.jpg', content=content), 422).startswith(reason)


@pytest.mark.parametrize(
    'content',
    [b'', encoded(), b'#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n', b'ffconcat version 1.0\nfile /etc/passwd\n'],
)
def test_a_video_of_another_format_never_reaches_the_decoder(content, monkeypatch):
    monkeypatch.setattr('hrpose.page.media.open_capture', lambda path: pytest.fail('it was opened'))
    answer = answer_of(client().post('/video?name=x.mp4', content=content), 422)
    assert answer == 'x.mp4: this is not a video; use MP4, MOV, WebM, MKV or AVI'


def test_a_broken_video_is_answered_in_a_sentence(make_video):
    answer = answer_of(client().post('/video?name=x.mp4', content=make_video(5)[:600]), 422)
    assert answer == 'x.mp4: the video is cut short, or in a codec that OpenCV cannot read'


@pytest.mark.parametrize(
    ('boxes', 'reason'),
    [
        ('[[1, 2', 'is not JSON'),
        ('{}', 'is not a list'),
        ('[[1, 2, 3]]', 'boxes have to be (N, 4)'),
        ('[["a", 2, 3, 4]]', 'boxes have to be numbers'),
        ('[[9, 9, 1, 1]]', 'is -8 px wide'),
        ('[[0, 0, 1e999, 1]]', 'not finite'),
        (f'[{",".join(["[0,0,1,1]"] * 4)}]', '4 boxes are too many; the limit is 3'),
    ],
)
def test_wrong_boxes_are_answered_in_a_sentence(boxes, reason):
    assert reason in answer_of(client(boxes=3).post('/image', params={'boxes': boxes}, content=encoded()), 422)


def test_without_a_detector_boxes_are_asked_for():
    assert 'draw a box around each person' in answer_of(client(detects=False).post('/image', content=encoded()), 422)


def test_names_cannot_write_to_a_terminal():
    answer = answer_of(client().post('/image', params={'name': 'a\x1b[2J\n.png'}, content=b''), 422)
    assert answer == 'a\\x1b[2J\\n.png: the file is empty'


def test_a_defect_is_answered_without_its_traceback():
    def fail(image, boxes=None):
        raise RuntimeError('secret')

    assert answer_of(client(fail).post('/image', content=encoded()), 500).startswith('the server failed')


# -------------------------------------------------------------------- limits


@pytest.mark.parametrize('path', ['/image', '/video'])
def test_a_large_file_is_refused_by_its_stated_length(path):
    answer = answer_of(client(image_mb=1, video_mb=1).post(f'{path}?name=x', content=bytes(1_000_001)), 413)
    assert answer == 'x: the file is larger than the limit of 1 MB'


@pytest.mark.parametrize('path', ['/image', '/video'])
def test_a_large_file_is_refused_while_it_arrives(path):
    """Without a stated length, and long before its end."""
    sent = []

    async def post() -> int:
        async def receive():
            sent.append(100_000)
            return {'type': 'http.request', 'body': bytes(100_000), 'more_body': True}  # without end

        statuses = []

        async def send(message):
            statuses.append(message.get('status'))

        app = make_app(estimate, METAINFO, detects=True, limits=Limits(image_mb=1, video_mb=1))
        scope = {
            'type': 'http',
            'method': 'POST',
            'path': path,
            'query_string': b'',
            'headers': [(b'host', b'localhost')],
        }
        await app(scope, receive, send)
        return statuses[0]

    assert asyncio.run(post()) == 413
    assert sum(sent) == 1_100_000


@pytest.mark.parametrize(
    ('side', 'reason'), [(8000, '8000x8000 px; the limit is'), (60_000, 'larger than the limit of')]
)
def test_a_decompression_bomb_is_refused_by_its_header(side, reason, monkeypatch):
    monkeypatch.setattr('hrpose.page.media.decode_image', lambda *_: pytest.fail('it was decoded'))
    monkeypatch.setattr(ImageFile.ImageFile, 'load', lambda self: pytest.fail('it was decoded'))
    bomb = bytearray(encoded())
    bomb[16:24] = side.to_bytes(4, 'big') * 2
    bomb[29:33] = zlib.crc32(bomb[12:29]).to_bytes(4, 'big')
    assert reason in answer_of(client().post('/image?name=x.png', content=bytes(bomb)), 422)


def test_an_image_of_too_many_pixels_is_refused(monkeypatch):
    monkeypatch.setattr('hrpose.page.media.decode_image', lambda *_: pytest.fail('it was decoded'))
    answer = answer_of(client(image_megapixels=1).post('/image?name=x.png', content=encoded(1001, 1000)), 422)
    assert answer == 'x.png: the image has 1001x1000 px; the limit is 1 megapixels'


def test_frames_of_too_many_pixels_are_refused(make_video, monkeypatch):
    monkeypatch.setattr('hrpose.page.media.read_frames', lambda *_: pytest.fail('a frame was decoded'))
    app = make_app(estimate, METAINFO, detects=True, limits=Limits(video_megapixels=0.004))
    answer = answer_of(TestClient(app, base_url=BASE).post('/video?name=x.mp4', content=make_video()), 422)
    assert answer == 'x.mp4: the frames have 80x60 px; the limit is 0.004 megapixels'


class Gate:
    """A network that waits until it is let through."""

    def __init__(self) -> None:
        self.entered, self.open = threading.Semaphore(0), threading.Event()
        self.together = self.most = 0

    def __call__(self, image, boxes=None):
        self.together += 1
        self.most = max(self.most, self.together)
        self.entered.release()
        assert self.open.wait(30)
        self.together -= 1
        return estimate(image, boxes)


def test_a_full_queue_asks_to_try_again():
    gate = Gate()
    with client(gate, requests=1) as served, ThreadPoolExecutor(1) as pool:
        first = pool.submit(served.post, '/image', content=encoded())
        assert gate.entered.acquire(timeout=30)
        full = served.post('/image', content=encoded())
        gate.open.set()
        assert first.result().status_code == 200
        after = served.post('/image', content=encoded())
    assert 'too many requests wait' in answer_of(full, 503)
    assert full.headers['retry-after'] == '1'
    assert after.status_code == 200


def test_the_network_does_one_image_at_a_time():
    gate = Gate()
    with client(gate) as served, ThreadPoolExecutor(4) as pool:
        answers = [pool.submit(served.post, '/image', content=encoded()) for _ in range(4)]
        assert gate.entered.acquire(timeout=30)
        assert not gate.entered.acquire(timeout=0.2)
        gate.open.set()
        assert {answer.result().status_code for answer in answers} == {200}
    assert gate.most == 1


def test_an_image_that_takes_too_long_is_given_up(monkeypatch):
    gate = Gate()
    app = make_app(gate, METAINFO, detects=True, limits=Limits(image_seconds=0.05, requests=1))
    with TestClient(app, base_url=BASE) as served:
        late = [served.post('/image?name=x.png', content=encoded()) for _ in range(2)]  # the place is free again
        gate.open.set()
    for answer in late:
        assert answer_of(answer, 504) == 'x.png: no answer within 0.05 s; send a smaller image or fewer boxes'
    assert gate.most == 1


def test_a_video_that_takes_too_long_ends_with_what_was_done():
    gate = Gate()
    service = Service(
        estimate, METAINFO, detects=True, title='', limits=Limits(video_seconds=7), stopping=lambda: False
    )

    def frames():
        assert gate.open.wait(30)
        yield {'frame_index': 1}

    async def lines() -> list[str]:
        return [line async for line in service.answer_lines({'frame_index': 0}, frames(), anyio.current_time() + 0.05)]

    first, last = map(json.loads, asyncio.run(lines()))
    gate.open.set()
    assert first == {'frame_index': 0}
    assert last == {'end': 'the time limit of 7 s was reached; later frames are left out'}


def test_a_video_is_broken_off_when_the_server_stops(make_video):
    calls = []

    def look(image, boxes=None):
        calls.append(image)
        return estimate(image, boxes)

    app = make_app(look, METAINFO, detects=True, stopping=lambda: len(calls) == 2)
    lines = TestClient(app, base_url=BASE).post('/video', content=make_video(5)).text.splitlines()
    assert len(lines) == 3
    assert json.loads(lines[-1]) == {'error': 'the server was stopped'}


# -------------------------------------------------------------------- the disk


@pytest.fixture
def scratch(tmp_path, monkeypatch) -> Path:
    """The folder of temporary files, empty."""
    folder = tmp_path / 'scratch'
    folder.mkdir()
    monkeypatch.setattr(tempfile, 'tempdir', str(folder))
    return folder


def test_a_video_is_on_disk_only_while_it_is_worked_on(make_video, scratch):
    held = []

    def look(image, boxes=None):
        held.append([path.name for path in scratch.glob('*/*')])
        return estimate(image, boxes)

    assert client(look).post('/video', content=make_video(2)).status_code == 200
    assert held == [['video'], ['video']]
    assert list(scratch.iterdir()) == []


@pytest.mark.parametrize('content', [b'', b'nonsense', bytes(1_000_001)])
def test_a_refused_video_leaves_nothing_on_disk(content, scratch):
    assert client(video_mb=1).post('/video', content=content).status_code in (413, 422)
    assert list(scratch.iterdir()) == []


def test_a_reader_who_leaves_frees_file_and_place():
    closed = []

    async def lines():
        try:
            while True:
                yield 'x\n'
                await asyncio.sleep(0)
        finally:
            closed.append('lines')

    async def leave() -> None:
        resources = ExitStack()
        resources.callback(closed.append, 'resources')
        gone = asyncio.Event()

        async def receive():
            await gone.wait()
            return {'type': 'http.disconnect'}

        async def send(message):
            gone.set()

        await LinesResponse(lines(), resources)({'type': 'http', 'asgi': {'spec_version': '2.3'}}, receive, send)

    asyncio.run(asyncio.wait_for(leave(), 30))
    assert closed == ['lines', 'resources']


# -------------------------------------------------------------------- other sites


@pytest.mark.parametrize(
    'host', ['evil.example', 'evil.example:8765', '', '127.0.0.1.evil.example', '[::1', '10.0.0.1']
)
@pytest.mark.parametrize('method', ['GET', 'POST'])
def test_a_strangers_host_name_is_refused(host, method):
    response = client().request(method, '/about', headers={'Host': host})
    assert 'does not go by the name' in answer_of(response, 421)


@pytest.mark.parametrize('host', ['127.0.0.1:8765', 'localhost', 'LOCALHOST:1', '[::1]:8765'])
def test_this_machines_names_are_answered(host):
    assert client().get('/about', headers={'Host': host}).status_code == 200


@pytest.mark.parametrize(
    'headers',
    [
        {'Origin': 'http://evil.example'},
        {'Origin': 'http://127.0.0.1:9999'},
        {'Origin': 'http://127.0.0.1'},
        {'Origin': 'null'},
        {'Sec-Fetch-Site': 'cross-site'},
        {'Sec-Fetch-Site': 'same-site'},
    ],
)
@pytest.mark.parametrize('path', ['/image', '/video', '/about', '/nothing'])
def test_posts_of_other_sites_are_refused(path, headers):
    def fail(image, boxes=None):
        pytest.fail('it was worked on')

    assert answer_of(client(fail).post(path, content=encoded(), headers=headers), 403).startswith('another site')


def test_posts_of_the_page_and_of_programs_are_answered():
    page = {'Origin': BASE, 'Sec-Fetch-Site': 'same-origin'}
    assert client().post('/image', content=encoded(), headers=page).status_code == 200
    assert client().post('/image', content=encoded()).status_code == 200


@pytest.mark.parametrize('path', ['/', '/about', '/page.js', '/nothing'])
def test_every_answer_restricts_the_page(path):
    headers = client().get(path).headers
    policy = dict(part.split(' ', 1) for part in headers['content-security-policy'].split('; '))
    assert policy['default-src'] == "'self'"
    assert 'unsafe' not in headers['content-security-policy']
    assert policy['frame-ancestors'] == "'none'"
    assert headers['x-content-type-options'] == 'nosniff'
    assert 'access-control-allow-origin' not in headers


@pytest.mark.parametrize('path', ['/../server.py', '/%2e%2e/server.py', '/..%2fserver.py'])
def test_only_the_pages_own_files_are_served(path):
    assert client().get(path).status_code == 404


def test_the_page_names_no_other_host_and_no_inline_script():
    for path in FILES.iterdir():
        text = path.read_text().replace('http://www.w3.org/2000/svg', '')
        assert not re.search(r'https?:|//[a-z]+\.[a-z]', text), path
        assert not re.search(r'<script(?![^>]*src)|<style|\son\w+="|\sstyle="|javascript:', text), path
