"""`hrpose page`: its options, and the running server from start to Ctrl-C."""

import json
import re
import signal
import subprocess
import sys
from http.client import HTTPConnection
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from hrpose.apis import PoseInferencer, init_model
from hrpose.cli.page import NEEDS, listen, main, parse_arguments
from hrpose.errors import UserError
from hrpose.export.runtime import ExportedPose
from hrpose.images.video import VideoWriter
from tests.apis.cases import SMALL_CONFIG
from tests.golden import fill_model


@pytest.mark.parametrize(
    ('words', 'reason'),
    [
        ('', '--model and --pose: none is given'),
        ('--model a.onnx --pose b', '--model and --pose: both are given'),
        ('--model a.onnx --weights b.pth', '--weights has no effect with --model'),
        ('--model a.onnx --device cpu', '--device has no effect with --model'),
        ('--pose b --det c', '--det and --det-weights: one of them is missing'),
        ('--pose b --box-threshold 0.5', '--box-threshold has no effect without --det'),
        ('--pose b --detector det.onnx', '--detector goes with --model and without --det'),
        (
            '--model a.onnx --detector det.onnx --det c --det-weights d',
            '--detector goes with --model and without --det',
        ),
        ('--pose b --port 70000', '--port 70000: give a number from 0 to 65535'),
        ('--pose b --max-image-mb 0', '--max-image-mb 0: give at least 1'),
    ],
)
def test_options_that_do_not_fit_are_refused(words, reason):
    with pytest.raises(UserError, match=f'^{re.escape(reason)}'):
        parse_arguments(words.split(), None)


def test_only_this_machine_is_served_by_default():
    assert parse_arguments(['--pose', 'a'], None).host == '127.0.0.1'


def test_limits_are_those_given():
    limits = parse_arguments(['--pose', 'a', '--max-video-frames', '7'], None).limits
    assert (limits.video_frames, limits.image_mb) == (7, 32)


def test_a_taken_port_is_named():
    with listen('127.0.0.1', 0) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(
            UserError, match=f'^cannot listen on 127.0.0.1, port {port}: Address already in use; choose'
        ):
            listen('127.0.0.1', port)


def test_a_missing_server_library_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, 'uvicorn', None)
    with pytest.raises(UserError) as raised:
        main(['--pose', 'a'])
    assert str(raised.value) == NEEDS


def test_the_network_is_loaded_after_the_port_is_taken():
    with listen('127.0.0.1', 0) as taken, pytest.raises(UserError, match='^cannot listen'):
        main(['--model', 'missing.onnx', '--port', str(taken.getsockname()[1])])


@pytest.fixture(scope='module')
def weights(tmp_path_factory) -> Path:
    """A checkpoint of the small config."""
    path = tmp_path_factory.mktemp('weights') / 'small.pth'
    torch.save({'state_dict': fill_model(init_model(SMALL_CONFIG)).state_dict()}, path)
    return path


@pytest.fixture(scope='module')
def exported(weights) -> Path:
    """The same network as an ONNX file."""
    from hrpose.cli.export import main as export

    path = weights.with_name('small.onnx')
    export([str(SMALL_CONFIG), str(weights), '--to', 'onnx', '--out', str(path)])
    return path


def video_of(folder: Path, frames: int) -> bytes:
    """Return a video of small black frames, 10 a second."""
    path = folder / 'long.mp4'
    writer = VideoWriter(path, rate=10, size=(64, 48))
    for _ in range(frames):
        writer.write(np.zeros((48, 64, 3), np.uint8))
    writer.close()
    return path.read_bytes()


@pytest.mark.slow  # starts the command
@pytest.mark.parametrize('form', ['pose', 'model'])
def test_the_running_command_answers_as_its_network_does(form, weights, exported, tmp_path, rng):
    options = {
        'pose': ['--pose', SMALL_CONFIG, '--weights', weights, '--device', 'cpu'],
        'model': ['--model', exported],
    }
    command = [sys.executable, '-m', 'hrpose.cli', 'page', *map(str, options[form]), '--port', '0']
    image, boxes = rng.integers(0, 256, (96, 128, 3), dtype=np.uint8), [[10, 5, 60, 90], [50, 20, 120, 95]]
    content = cv2.imencode('.png', image)[1].tobytes()
    errors = tmp_path / 'errors'
    with errors.open('w') as log, subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True) as process:
        try:
            lines = (re.match(r'http://127\.0\.0\.1:(\d+)/ shows the page', line) for line in process.stdout)
            port = next((int(line[1]) for line in lines if line), None)
            assert port is not None, errors.read_text()
            connection = HTTPConnection('127.0.0.1', port, timeout=60)
            connection.request('POST', f'/image?boxes={json.dumps(boxes).replace(" ", "")}', content)
            answer = connection.getresponse()
            people = json.loads(answer.read())['people']
            connection.request('POST', '/video?boxes=whole_image', video_of(tmp_path, 3000))
            endless = connection.getresponse()
            assert json.loads(endless.readline())['frame_index'] == 0
        finally:
            process.send_signal(signal.SIGINT)
        *_, last = endless.read().splitlines()
        assert process.wait(timeout=60) == 130
    assert json.loads(last) == {'error': 'the server was stopped'}
    assert 'Traceback' not in errors.read_text()
    pose = PoseInferencer(SMALL_CONFIG, weights) if form == 'pose' else ExportedPose(exported)
    expected = pose(image, boxes).to_dict()['people']
    assert people == expected
    assert len(people) == 2
