"""Names in files of strangers: none reaches a terminal as it is, none is fetched, and none ends in a traceback."""

import subprocess
import sys

import cv2
import numpy as np
import pytest
import torch

from hrpose.apis.sources import open_source
from hrpose.checkpoints.fit import load_weights
from hrpose.cli.run import run
from hrpose.config import load_config
from hrpose.datasets.coco import CocoDataset
from hrpose.errors import UserError, printable
from hrpose.images.files import ImageError, read_image
from tests.checkpoints.cases import small_model

ODD_NAMES = [
    'a\0.jpg',
    '\udc80.jpg',
    'http://127.0.0.1:9/a.jpg',
    's3://bucket/a.jpg',
    '\x1b[2J.jpg',
    'a\nb.jpg',
    '',
    5,
    None,
]


@pytest.mark.parametrize('name', ODD_NAMES)
def test_an_image_of_an_odd_name_is_refused_when_annotations_are_read(name, tiny_coco):
    data = tiny_coco(edit=lambda content: content['images'][1].update(file_name=name))
    for prefix in ({'img': str(data.images)}, {'img': ''}):
        with pytest.raises(UserError, match="'file_name' .* is (no printable text|an address)") as error:
            CocoDataset(**{**data.arguments, 'data_prefix': prefix})
        assert str(error.value).isprintable()


@pytest.mark.parametrize('name', ['a\0.jpg', '\udc80.jpg', 's3://bucket/a.jpg', '\x1b[2J.jpg'])
def test_an_odd_path_of_an_image_ends_in_a_printable_sentence(name):
    with pytest.raises(ImageError) as error:
        read_image(name)
    assert str(error.value).isprintable()


def test_a_file_name_that_is_not_utf8_is_read(tmp_path):
    image = cv2.imencode('.png', np.zeros((4, 5, 3), np.uint8))[1].tobytes()
    (tmp_path / '\udcff.png').write_bytes(image)
    (frame,) = open_source(tmp_path).read()
    assert frame.size == (5, 4)


def test_names_of_weights_are_printed_as_escapes(messages):
    model = small_model(3)
    weights = {**model.state_dict(), 'backbone.\x1b[2J\nb': torch.zeros(1)}
    load_weights(model, weights, name='a.pth', complete=True)
    assert messages[0].isprintable() and r'\x1b[2J\nb' in messages[0]


def test_an_error_is_printed_without_control_characters(capsys):
    def fail() -> None:
        raise UserError('the file \x1b[2J\udc80:\n  is odd')

    with pytest.raises(SystemExit):
        run(fail)
    assert capsys.readouterr().err == 'error: the file \\x1b[2J\\udc80:\n  is odd\n'


def test_escapes_are_for_what_does_not_print_only():
    assert printable('é 漢 \x1b\n\udcff') == r'é 漢 \x1b\n\udcff'


def test_the_help_is_printed_in_ascii_too():
    environment = {'PYTHONIOENCODING': 'ascii', 'PATH': ''}
    command = [sys.executable, '-m', 'hrpose.cli', '--help']
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=250)
    assert done.returncode == 0 and 'commands:' in done.stdout, done.stderr


@pytest.mark.parametrize('workers', [-3, '2', 1.5, True])
def test_a_number_of_workers_that_is_none_is_refused(workers, tiny_coco, tiny_config):
    with pytest.raises(UserError, match='train_dataloader.num_workers is'):
        load_config(tiny_config(tiny_coco()), {'train_dataloader.num_workers': workers})
