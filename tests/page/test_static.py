"""The page without a server: what its folder holds, and that the browser's poses are the runtime's."""

import functools
import http.server
import json
import shutil
import subprocess
import threading
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from hrpose.cli.main import main
from hrpose.export.runtime import ExportedPose
from hrpose.export.write import export_model
from hrpose.page.static import FILES, RUNTIME
from tests.export.cases import small
from tests.page.test_browser import CHROMIUM


@pytest.fixture(scope='module')
def model(tmp_path_factory) -> Path:
    """A network of two convolutions as an ONNX file."""
    pytest.importorskip('onnxruntime')
    path = tmp_path_factory.mktemp('model') / 'net.onnx'
    torch.manual_seed(0)
    export_model(small(), path, to='onnx', flip_test=True)
    return path


@pytest.fixture
def fake_runtime(tmp_path) -> Path:
    """A folder with the names of ONNX Runtime Web's files."""
    (tmp_path / 'package/dist').mkdir(parents=True)
    for name in RUNTIME:
        (tmp_path / 'package/dist' / name).write_text(name)
    return tmp_path / 'package'


def write(model: Path, folder: Path, runtime: Path, capsys) -> tuple[object, str]:
    """Run the command; return its status and what it printed."""
    status: object = 0
    try:
        main(['page', '--model', str(model), '--static', str(folder), '--onnxruntime-web', str(runtime)])
    except SystemExit as left:
        status = left.code
    captured = capsys.readouterr()
    return status, captured.out + captured.err


def test_the_folder_has_the_page_its_network_and_the_runtime(model, fake_runtime, tmp_path, capsys):
    status, said = write(model, tmp_path / 'page', fake_runtime, capsys)
    assert status == 0 and 'python -m http.server' in said
    names = {path.name for path in (tmp_path / 'page').iterdir()}
    assert names == {path.name for path in FILES.iterdir()} - {'local.js'} | {*RUNTIME, 'model.onnx', 'about.json'}
    assert (tmp_path / 'page/server.js').read_text() == (FILES / 'local.js').read_text()
    about = json.loads((tmp_path / 'page/about.json').read_text())
    assert about['network'] == {'input_size': [64, 128], 'padding': 1.25, 'align_corners': False, 'batch': 0}
    assert 'this server' not in (tmp_path / 'page/index.html').read_text()


def test_without_the_runtime_the_message_says_how_to_get_it(model, tmp_path, capsys):
    status, said = write(model, tmp_path / 'page', tmp_path / 'package', capsys)
    assert status == 2 and 'npm pack onnxruntime-web' in said
    assert not (tmp_path / 'page').exists()


@pytest.fixture
def runtime(tmp_path) -> Path:
    """ONNX Runtime Web, from the npm registry."""
    done = None
    if shutil.which('npm'):
        done = subprocess.run(['npm', 'pack', 'onnxruntime-web'], cwd=tmp_path, capture_output=True, timeout=120)
    if done is None or done.returncode:
        pytest.skip('needs npm and its registry')
    (archive,) = tmp_path.glob('*.tgz')
    shutil.unpack_archive(archive, tmp_path, filter='data')
    return tmp_path / 'package'


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason='needs a browser: apt-get install chromium')
def test_the_browsers_keypoints_are_those_of_the_runtime(model, runtime, tmp_path, capsys):
    sync_api = pytest.importorskip('playwright.sync_api')
    assert write(model, tmp_path / 'page', runtime, capsys)[0] == 0
    image = cv2.resize(np.random.default_rng(0).integers(0, 256, (6, 8, 3), dtype=np.uint8), (160, 120))
    cv2.imwrite(str(tmp_path / 'a.png'), image)
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=tmp_path / 'page')
    with http.server.ThreadingHTTPServer(('127.0.0.1', 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        with sync_api.sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=['--no-sandbox'])
            page, problems = browser.new_page(), []
            page.on('pageerror', lambda error: problems.append(str(error)))
            page.set_default_timeout(60_000)
            page.goto(f'http://127.0.0.1:{server.server_port}/')
            page.wait_for_selector('body[data-ready]')
            page.set_input_files('#files', tmp_path / 'a.png')
            page.wait_for_selector('li.boxes')
            page.click('#whole')
            page.wait_for_selector('li.done, li.failed')
            assert page.inner_text('#alert') == ''
            with page.expect_download() as download:
                page.click('#save-json')
            found = json.loads(Path(download.value.path()).read_text())
            browser.close()
        server.shutdown()
    assert problems == []
    expected = ExportedPose(model)(tmp_path / 'a.png', 'whole_image')
    (person,) = found[0]['people']
    got = np.array(person['keypoints'])
    np.testing.assert_allclose(got[:, 2], expected.scores[0], rtol=0.02)
    np.testing.assert_allclose(got[:, :2], expected.keypoints[0], atol=0.51 * 160 * 1.25 / 64)
