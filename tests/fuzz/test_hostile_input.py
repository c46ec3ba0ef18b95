"""Hostile input ends in a sentence or is taken: no traceback, no hang, no crash, no code run, no file left outside.

Each case is made from its seed alone, and a failure names it. By hand for longer:
    HRPOSE_FUZZ_CASES=20000 python -m pytest tests/fuzz -n 2
Seeds that found something are kept in `FOUND`.
"""

import io
import json
import os
import random
import signal
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch

from hrpose import errors
from hrpose.checkpoints import read_checkpoint, recognise
from hrpose.config import load_config, parse_options
from hrpose.datasets import CocoDataset
from hrpose.datasets.transforms.decode import decode_image
from hrpose.errors import UserError
from tests.checkpoints.cases import small_model
from tests.fuzz.mutations import odd_word, spoil_bytes, spoil_document

CASES = int(os.environ.get('HRPOSE_FUZZ_CASES', '150'))
SECONDS = 20

# Seeds that once found something, by kind of input.
FOUND: dict[str, tuple[int, ...]] = {
    'annotations': (28, 119, 241, 583),
    'detections': (3, 266, 364, 906),
    'options': (3, 5, 11, 53, 69, 74, 79, 113, 150, 152, 163, 175, 176, 212, 324),
}


class Hang(BaseException):
    """A case took too long."""


@contextmanager
def time_limit(seconds: int) -> Iterator[None]:
    def give_up(*_: Any) -> None:
        raise Hang

    before = signal.signal(signal.SIGALRM, give_up)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def try_cases(kind: str, case: Callable[[random.Random], None]) -> tuple[int, int]:
    """Run each seed's case; returns how many were taken and how many refused in a sentence."""
    taken = refused = 0
    for seed in [*FOUND.get(kind, ()), *range(CASES)]:
        try:
            with time_limit(SECONDS), warnings.catch_warnings():
                warnings.simplefilter('ignore')
                case(random.Random(f'{kind} {seed}'))
            taken += 1
        except UserError as error:
            assert errors.sentence(error), f'{kind}: seed {seed} gave an empty message'
            refused += 1
        except BaseException as error:
            raise AssertionError(f'{kind}: seed {seed} ended in {type(error).__name__}: {error}') from error
    return taken, refused


@pytest.fixture(autouse=True)
def nothing_left_outside(tmp_path, monkeypatch):
    """Run in a folder of its own, in which no new file may stand afterwards."""
    folder = tmp_path / 'here'
    folder.mkdir()
    monkeypatch.chdir(folder)
    yield
    assert list(folder.iterdir()) == []


def read_all(dataset: CocoDataset) -> None:
    for index in range(len(dataset)):
        record = dataset.get_data_info(index)
        assert np.isfinite(record['box']).all()


def test_annotations(tiny_coco, tmp_path):
    data = tiny_coco(images=3)

    def case(chance: random.Random) -> None:
        text = json.dumps(spoil_document(data.content, chance))
        data.ann_file.write_bytes(spoil_bytes(text.encode(), chance) if chance.random() < 0.2 else text.encode())
        read_all(CocoDataset(**data.arguments))

    taken, refused = try_cases('annotations', case)
    assert taken > CASES // 10 and refused > CASES // 10


def test_detections(tiny_coco, tmp_path):
    data = tiny_coco(images=3)
    found = [{'image_id': index, 'category_id': 1, 'bbox': [1, 2, 30, 40], 'score': 0.5} for index in range(3)]
    path = tmp_path / 'found.json'

    def case(chance: random.Random) -> None:
        text = json.dumps(spoil_document(found, chance))
        path.write_bytes(spoil_bytes(text.encode(), chance) if chance.random() < 0.2 else text.encode())
        read_all(CocoDataset(**data.arguments, bbox_file=str(path), test_mode=True))

    taken, refused = try_cases('detections', case)
    assert taken > CASES // 10 and refused > CASES // 10


def test_options(tiny_coco, tiny_config):
    config = tiny_config(tiny_coco(images=2))

    def names(value: Any, before: str = '') -> list[str]:
        parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
        return [name for key, item in parts for name in (f'{before}{key}', *names(item, f'{before}{key}.'))]

    known = names(load_config(config)._cfg_dict.to_dict())

    def case(chance: random.Random) -> None:
        words = [odd_word(known, chance) for _ in range(chance.randint(1, 2))]
        load_config(config, parse_options(words))

    taken, refused = try_cases('options', case)
    assert taken > CASES // 20 and refused > CASES // 20


@pytest.mark.parametrize('suffix', ['.jpg', '.png', '.bmp', '.webp'])
def test_images(suffix):
    picture = np.random.default_rng(0).integers(0, 255, (40, 50, 3), dtype=np.uint8)
    content = cv2.imencode(suffix, picture)[1].tobytes()

    def case(chance: random.Random) -> None:
        image = decode_image(spoil_bytes(content, chance), 'case')
        assert image.ndim == 3 and image.shape[2] == 3 and image.dtype == np.uint8

    taken, refused = try_cases(f'images {suffix}', case)
    assert taken + refused == CASES + len(FOUND.get(f'images {suffix}', ()))


@pytest.mark.parametrize('form', ['archive', 'pickle'])
def test_checkpoints(form, tmp_path):
    buffer, path = io.BytesIO(), tmp_path / 'a.pth'
    weights = {name: value for name, value in small_model(5).state_dict().items() if 'conv1' in name or 'head' in name}
    content = {'state_dict': weights, 'meta': {'epoch': 3, 'cfg': 'text'}, 'optimizer': {'state': {}}}
    torch.save(content, buffer, _use_new_zipfile_serialization=form == 'archive')

    def case(chance: random.Random) -> None:
        path.write_bytes(spoil_bytes(buffer.getvalue(), chance))
        recognise(read_checkpoint(path))

    taken, refused = try_cases(f'checkpoints {form}', case)
    assert taken + refused == CASES + len(FOUND.get(f'checkpoints {form}', ()))


def test_structures_of_checkpoints(tmp_path):
    path = tmp_path / 'a.pth'
    weights = {name: value for name, value in small_model(5).state_dict().items() if 'conv1' in name or 'head' in name}
    content = {
        'state_dict': weights,
        'meta': {'epoch': 3},
        'message_hub': {'log_scalars': {}},
        'optimizer': {'state': {}},
    }

    def case(chance: random.Random) -> None:
        torch.save(spoil_document(content, chance), path)
        recognise(read_checkpoint(path))

    taken, refused = try_cases('structures of checkpoints', case)
    assert taken + refused == CASES


def test_saved_programs_are_not_run_by_their_suffix(tiny_coco):
    """A config is a program of the user's; data never are, whatever they are called."""
    data = tiny_coco(images=2)
    program = data.ann_file.with_suffix('.py')
    program.write_text("open('HACKED', 'w')")
    with pytest.raises(UserError):
        CocoDataset(**{**data.arguments, 'ann_file': str(program)})
    assert not Path('HACKED').exists()
