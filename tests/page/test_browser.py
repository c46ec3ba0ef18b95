"""The page in a headless Chromium: what a person does there, and that nothing leaves this machine."""

import csv
import io
import json
import shutil
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import uvicorn

from hrpose.apis.savers import CsvSaver
from hrpose.page.limits import Limits
from hrpose.page.server import make_app
from tests.page.cases import METAINFO, encoded, estimate

CHROMIUM = shutil.which('chromium') or shutil.which('chromium-browser') or shutil.which('google-chrome')
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason='needs a browser: apt-get install chromium'),
]
sync_api = pytest.importorskip('playwright.sync_api')
CAMERA = ('--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream')


@pytest.fixture(scope='module')
def browser():
    """A headless Chromium with a camera that shows a test pattern."""
    with sync_api.sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=['--no-sandbox', *CAMERA])
        yield started
        started.close()


@pytest.fixture
def serve() -> Iterator[Callable[..., str]]:
    """A factory of running servers; each returns its address."""
    running = []

    def start(*, detects: bool, **limits: int) -> str:
        app = make_app(estimate, METAINFO, detects=detects, title='three', limits=Limits(**limits))
        listener = socket.create_server(('127.0.0.1', 0))
        server = uvicorn.Server(uvicorn.Config(app, log_level='warning', ws='none', timeout_graceful_shutdown=1))
        thread = threading.Thread(target=server.run, kwargs={'sockets': [listener]})
        thread.start()
        running.append((server, thread))
        while not server.started:
            time.sleep(0.01)
        return f'http://127.0.0.1:{listener.getsockname()[1]}/'

    yield start
    for server, thread in running:
        server.should_exit = True
        thread.join()


@pytest.fixture
def visit(browser, serve) -> Iterator[Callable]:
    """A factory of open pages; at the end no page may have failed or asked another host."""
    contexts, problems = [], []

    def open_page(*, detects: bool = True, **limits: int):
        address = serve(detects=detects, **limits)
        context = browser.new_context(viewport={'width': 1200, 'height': 900})
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(20_000)
        page.on('pageerror', lambda error: problems.append(str(error)))
        page.on(
            'request',
            lambda request: request.url.startswith((address, 'blob:')) or problems.append(request.url),
        )
        page.goto(address)
        page.wait_for_selector('body[data-ready]')
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert problems == []


def image_file(name: str = 'a.png', **size: int) -> dict:
    return {'name': name, 'mimeType': 'image/png', 'buffer': encoded(**size)}


def point(page, x: float, y: float, size: tuple[int, int] = (80, 60)) -> tuple[float, float]:
    """Return where an image px (x, y) lies in the window."""
    area = page.locator('#overlay').bounding_box()
    return area['x'] + x / size[0] * area['width'], area['y'] + y / size[1] * area['height']


def draw_box(page, x1: float, y1: float, x2: float, y2: float) -> None:
    page.mouse.move(*point(page, x1, y1))
    page.mouse.down()
    page.mouse.move(*point(page, x2, y1))
    page.mouse.move(*point(page, x2, y2))
    page.mouse.up()


def drawn(page) -> int:
    """Return how many pixels of the canvas over the image are drawn on."""
    return page.evaluate(
        """() => {
            const canvas = document.getElementById('overlay');
            const data = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
            return data.filter((value, index) => index % 4 === 3 && value > 0).length;
        }"""
    )


def saved(page, button: str) -> bytes:
    """Press a button of the page and return the file that it saves."""
    with page.expect_download() as download:
        page.get_by_role('button', name=button, exact=True).click()
    return Path(download.value.path()).read_bytes()


def transfer(page, event: str, kind: str, target: str) -> None:
    """Drop or paste an image, as the browser does it."""
    page.evaluate(
        """([bytes, event, kind, target]) => {
            const data = new DataTransfer();
            data.items.add(new File([new Uint8Array(bytes)], 'given.png', {type: 'image/png'}));
            const name = event === 'paste' ? 'clipboardData' : 'dataTransfer';
            const made = new window[kind](event, {bubbles: true, cancelable: true, [name]: data});
            document.querySelector(target).dispatchEvent(made);
        }""",
        [list(encoded()), event, kind, target],
    )


@pytest.mark.parametrize(('event', 'kind'), [('drop', 'DragEvent'), ('paste', 'ClipboardEvent')])
def test_a_given_image_shows_its_people(visit, event, kind):
    page = visit()
    transfer(page, event, kind, '#add')
    page.locator('li.done', has_text='given.png').wait_for()
    assert page.locator('li .state').inner_text() == '1 person'
    assert drawn(page) > 100


def test_joints_are_named_where_the_mouse_points(visit):
    page = visit()
    page.set_input_files('#files', [image_file()])
    page.locator('li.done').wait_for()
    page.mouse.move(*point(page, 30.5, 30.5))
    assert page.locator('#tip').inner_text() == 'left hand 0.60'
    page.mouse.move(*point(page, 70, 55))
    assert page.locator('#tip').is_hidden()


def test_the_threshold_hides_joints(visit):
    page = visit()
    page.set_input_files('#files', [image_file()])
    page.locator('li.done').wait_for()
    page.get_by_role('checkbox', name='Boxes').uncheck()
    amounts = []
    for threshold in ('0', '0.2', '0.7', '0.95'):
        page.get_by_role('slider', name='Score at least').fill(threshold)
        amounts.append(drawn(page))
    assert amounts[0] > amounts[1] > amounts[2] > amounts[3] == 0


def test_boxes_drawn_by_hand_reach_the_network(visit):
    page = visit(detects=False)
    page.set_input_files('#files', [image_file()])
    page.locator('li.boxes').wait_for()
    draw_box(page, 5, 5, 35, 50)
    draw_box(page, 75, 55, 42, 10)  # from the bottom right
    page.get_by_role('button', name='Find poses').click()
    page.locator('li.done').wait_for()
    (frame,) = json.loads(saved(page, 'JSON'))
    boxes = np.array([person['box'] for person in frame['people']])
    assert boxes == pytest.approx(np.array([[5, 5, 35, 50], [42, 10, 75, 55]]), abs=0.3)


def test_drawn_boxes_and_the_detector_replace_each_other(visit):
    page = visit()
    page.set_input_files('#files', [image_file()])
    page.locator('li.done').wait_for()
    page.get_by_role('button', name='Draw boxes').click()
    page.get_by_role('button', name='Keep the result').click()
    page.get_by_role('button', name='Draw boxes').click()
    draw_box(page, 40, 10, 70, 50)
    page.get_by_role('button', name='Find poses').click()
    page.get_by_role('button', name='Draw boxes').wait_for()
    assert json.loads(saved(page, 'JSON'))[0]['people'][0]['box'] == pytest.approx([40, 10, 70, 50], abs=0.3)
    page.get_by_role('button', name='Draw boxes').click()
    page.get_by_role('button', name='Detect people').click()
    page.get_by_role('button', name='Draw boxes').wait_for()
    assert json.loads(saved(page, 'JSON'))[0]['people'][0]['box'] == [0, 0, 40, 60]


def test_boxes_need_no_mouse(visit):
    page = visit(detects=False)
    page.set_input_files('#files', [image_file()])
    page.locator('li.boxes').wait_for()
    page.get_by_role('button', name='Add a box').focus()
    page.keyboard.press('Enter')
    box = page.get_by_role('button', name='Box 1: left 28, top 6, width 24, height 48')
    assert box.evaluate('element => element === document.activeElement')
    for keys in ('ArrowLeft', 'ArrowDown', 'Shift+ArrowRight', 'Shift+ArrowUp'):
        page.keyboard.press(keys)
    page.get_by_role('button', name='Box 1: left 27, top 7, width 25, height 47').wait_for()
    page.keyboard.press('Delete')
    assert page.get_by_role('button', name='Box 1').count() == 0
    assert page.get_by_role('button', name='Find poses').is_disabled()
    assert page.get_by_role('button', name='Add a box').evaluate('element => element === document.activeElement')
    page.get_by_role('button', name='Whole image', exact=True).press('Enter')
    page.locator('li.done', has_text='1 person').wait_for()
    assert page.get_by_role('button', name='a.png 1 person').evaluate('element => element === document.activeElement')


def test_everything_that_takes_the_focus_has_a_name(visit, make_video):
    page = visit(detects=False)
    video = {'name': 'v.webm', 'mimeType': 'video/webm', 'buffer': make_video(3, '.webm', 'VP80')}
    page.set_input_files('#files', [image_file(), video])
    page.locator('li.boxes').nth(1).wait_for()
    page.get_by_role('button', name='Add a box').click()
    page.get_by_role('button', name='v.webm needs boxes').click()
    page.get_by_role('button', name='Whole image', exact=True).click()
    page.locator('li.done').wait_for()
    tree = page.context.new_cdp_session(page).send('Accessibility.getFullAXTree')['nodes']
    focusable = [
        node
        for node in tree
        if not node['ignored'] and any(each['name'] == 'focusable' for each in node.get('properties', []))
    ]
    assert len(focusable) > 15
    assert [node['role']['value'] for node in focusable if not node.get('name', {}).get('value')] == []


def test_the_files_chooser_is_reached_by_keyboard(visit):
    page = visit()
    # Playwright starts to listen in the background, so it needs a moment before the key.
    page.on('filechooser', lambda _: None)
    page.keyboard.press('Tab')
    page.wait_for_timeout(300)
    with page.expect_file_chooser() as chooser:
        page.keyboard.press('Enter')
    assert chooser.value.is_multiple()


def test_downloads_are_those_of_the_command(visit, tmp_path):
    page = visit()
    page.set_input_files('#files', [image_file('b,"c.png')])
    page.locator('li.done').wait_for()
    expected = replace(estimate(np.zeros((60, 80, 3), np.uint8)), source='b,"c.png')
    assert json.loads(saved(page, 'JSON')) == [expected.to_dict()]
    with CsvSaver(tmp_path, lambda result: np.zeros(0)) as saver:
        saver.add(expected)
    theirs, ours = ([*csv.reader(io.StringIO(text.decode()))] for text in (saver.path.read_bytes(), saved(page, 'CSV')))
    assert [ours[0], ours[1][0]] == [theirs[0], 'b,"c.png']
    assert [float(each or 'nan') for each in ours[1][2:]] == pytest.approx([float(each) for each in theirs[1][2:]])


def test_the_saved_image_has_the_images_size_and_the_poses(visit):
    page = visit()
    page.set_input_files('#files', [image_file(width=160, height=120)])
    page.locator('li.done').wait_for()
    image = cv2.imdecode(np.frombuffer(saved(page, 'Image'), np.uint8), cv2.IMREAD_COLOR)
    plain = cv2.imdecode(np.frombuffer(encoded(160, 120), np.uint8), cv2.IMREAD_COLOR)
    assert image.shape == plain.shape
    changed = (image != plain).any(axis=2)
    assert changed[:, :84].sum() > 100
    assert not changed[:, 90:].any()


def test_a_broken_file_is_explained_and_the_others_go_on(visit):
    page = visit()
    broken = {'name': 'broken.png', 'mimeType': 'image/png', 'buffer': encoded()[:-20]}
    page.set_input_files('#files', [broken, image_file()])
    page.locator('li.done').wait_for()
    page.locator('li.failed', has_text='broken.png').wait_for()
    assert page.get_by_role('alert').inner_text().startswith('the image broken.png is cut short')
    assert page.locator('#progress-text').inner_text() == '2 of 2 done, 1 failed'


def test_a_large_file_is_refused_before_it_is_sent(visit):
    page = visit(image_mb=1)
    large = {'name': 'large.png', 'mimeType': 'image/png', 'buffer': bytes(1_000_001)}
    page.set_input_files('#files', [large])
    assert page.get_by_role('alert').inner_text() == 'large.png: the file is larger than the limit of 1 MB'


def test_ten_at_once_are_all_done_though_the_queue_is_short(visit):
    page = visit(requests=1)
    page.set_input_files('#files', [image_file(f'{index}.png') for index in range(10)])
    page.locator('li.done').nth(9).wait_for()
    page.locator('#status', has_text='10 of 10 done').wait_for(state='attached')
    frames = json.loads(saved(page, 'JSON of all'))
    assert [frame['source'] for frame in frames] == [f'{index}.png' for index in range(10)]
    assert saved(page, 'CSV of all').count(b'\n') == 11


def test_whole_images_are_taken_at_once(visit):
    page = visit(detects=False)
    page.set_input_files('#files', [image_file(f'{index}.png') for index in range(10)])
    page.get_by_role('button', name='Take 10 whole images').click()
    page.locator('li.done').nth(9).wait_for()
    assert {len(frame['people']) for frame in json.loads(saved(page, 'JSON of all'))} == {1}


def test_a_video_has_poses_at_every_frame(visit, make_video):
    page = visit()
    video = {'name': 'v.webm', 'mimeType': 'video/webm', 'buffer': make_video(8, '.webm', 'VP80')}
    page.set_input_files('#files', [video])
    page.locator('li.done', has_text='8 frames').wait_for()
    page.locator('#video').evaluate(
        'video => new Promise((done) => { video.onseeked = done; video.currentTime = 0.4; })'
    )
    assert drawn(page) > 100
    frames = json.loads(saved(page, 'JSON'))
    assert [frame['frame_index'] for frame in frames] == list(range(8))
    assert {person['track_id'] for frame in frames for person in frame['people']} == {0}
    rows = [*csv.DictReader(io.StringIO(saved(page, 'CSV').decode()))]
    assert [row['frame'] for row in rows] == [str(index) for index in range(8)]


def test_the_camera_gives_an_image(visit):
    page = visit()
    page.get_by_role('button', name='Use the camera').click()
    page.locator('#camera-view').evaluate(
        'video => video.videoWidth || new Promise((done) => (video.onloadedmetadata = done))'
    )
    page.get_by_role('button', name='Take an image').click()
    page.locator('li.done', has_text='camera_1.jpg').wait_for()
    assert page.locator('#camera-view').evaluate('video => video.srcObject') is None


def test_the_camera_gives_a_video(visit):
    page = visit()
    page.get_by_role('button', name='Use the camera').click()
    page.get_by_role('button', name='Record a video').click()
    page.wait_for_timeout(1000)
    page.get_by_role('button', name='Stop recording').click()
    page.locator('li.done', has_text='frames').wait_for()
    assert len(json.loads(saved(page, 'JSON'))) > 1  # how many, the machine's load decides


def test_the_table_reads_the_keypoints_out(visit):
    page = visit()
    page.set_input_files('#files', [image_file()])
    page.locator('li.done').wait_for()
    page.get_by_text('Keypoints as a table').click()
    row = page.get_by_role('row').filter(has=page.get_by_role('rowheader', name='left hand'))
    assert row.inner_text().split('\t') == ['left hand', '30.0', '30.0', '0.60']


def test_a_removed_file_leaves_the_page(visit):
    page = visit()
    page.set_input_files('#files', [image_file('a.png'), image_file('b.png')])
    page.locator('li.done').nth(1).wait_for()
    page.get_by_role('button', name='Remove a.png').click()
    assert page.get_by_role('heading', level=2, name='b.png').is_visible()
    page.get_by_role('button', name='Remove all').click()
    assert page.locator('#work').is_hidden()


def test_a_narrow_window_needs_no_sideways_scrolling(visit):
    page = visit()
    page.set_viewport_size({'width': 360, 'height': 700})
    page.set_input_files('#files', [image_file('a' * 60 + '.png', width=1000, height=300)])
    page.locator('li.done').wait_for()
    assert page.evaluate('document.documentElement.scrollWidth') <= 360
