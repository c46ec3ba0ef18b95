"""Weights as safetensors: the same as in PyTorch's own files, at every door."""

import json
import struct

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from hrpose.apis import PoseInferencer, init_model
from hrpose.checkpoints import Pretrained, convert_checkpoint, read_checkpoint
from hrpose.errors import UserError
from tests.checkpoints.cases import official, saved, small_model
from tests.engine.cases import runner_of

JOINTS = 5


@pytest.fixture
def model():
    """A small model whose weights lie in memory as those of a training do."""
    return small_model(JOINTS).to(memory_format=torch.channels_last)


@pytest.fixture
def weights(model, tmp_path):
    """The model's weights as a file of safetensors."""
    content = {'state_dict': model.state_dict(), 'meta': {'epoch': 3}}
    convert_checkpoint(saved(content, tmp_path / 'model.pth'), tmp_path / 'model.safetensors')
    return tmp_path / 'model.safetensors'


def same(one, other):
    # The format has an order of its own.
    assert sorted(one) == sorted(other)
    torch.testing.assert_close(dict(sorted(one.items())), dict(sorted(other.items())), rtol=0, atol=0)


def parts_of(path):
    """Return a file's header, in which safetensors puts the notes in any order, and the bytes of its tensors."""
    content = path.read_bytes()
    end = 8 + int.from_bytes(content[:8], 'little')
    return json.loads(content[8:end]), content[end:]


def test_there_and_back_are_the_same_weights_and_notes(model, tmp_path):
    meta = {'epoch': 3, 'seed': 0, 'cfg': 'text', 'dataset_meta': {'classes': ('person',), 'sigmas': np.ones(2)}}
    path = saved({'state_dict': model.state_dict(), 'meta': meta}, tmp_path / 'a.pth')
    for number, name in enumerate(('b.safetensors', 'c.pth', 'd.safetensors')):
        convert_checkpoint((path, tmp_path / 'b.safetensors', tmp_path / 'c.pth')[number], tmp_path / name)
        read = read_checkpoint(tmp_path / name)
        same(read['state_dict'], model.state_dict())
        assert read['meta']['epoch'] == 3 and read['meta']['converted_from'] == 'a.pth' and 'cfg' not in read['meta']
        assert read['meta']['dataset_meta'] == {'classes': ['person'], 'sigmas': [1, 1]}
    torch.load(tmp_path / 'c.pth', weights_only=True)
    assert parts_of(tmp_path / 'b.safetensors') == parts_of(tmp_path / 'd.safetensors')


def test_other_tools_read_the_file(model, weights):
    same(load_file(weights), model.state_dict())
    with safe_open(weights, 'pt') as file:
        assert file.metadata()['format'] == 'pt'
        assert json.loads(file.metadata()['hrpose'])['epoch'] == 3


def test_a_file_of_another_tool_is_read_and_recognised(model, tmp_path):
    foreign = {key: value.clone(memory_format=torch.contiguous_format) for key, value in model.state_dict().items()}
    save_file(official(foreign), tmp_path / 'a.safetensors')
    assert 'official HRNet' in convert_checkpoint(tmp_path / 'a.safetensors', tmp_path / 'b.pth')
    same(read_checkpoint(tmp_path / 'b.pth')['state_dict'], foreign)


@pytest.mark.parametrize('door', ['init_model', 'inferencer', 'init_cfg', 'load_from', 'test'])
def test_the_doors_take_the_file(door, model, weights, tiny_coco, tiny_config, tmp_path):
    config = tiny_config(tiny_coco(images=2))
    expected = model.state_dict()
    if door == 'init_model':
        found = init_model(config, weights)
    elif door == 'inferencer':
        found = PoseInferencer(config, weights).model
    elif door == 'init_cfg':
        found = small_model(JOINTS).backbone
        Pretrained(checkpoint=str(weights))(found)
        expected = model.backbone.state_dict()
    else:
        loader = 'train_dataloader' if door == 'load_from' else 'test_dataloader'
        runner = runner_of(config, tmp_path / 'run', (loader,), load_from=str(weights))
        runner.load_or_resume()
        found = runner.model
    same(found.state_dict(), expected)


@pytest.mark.parametrize('suffix', ['.onnx', '', '.h5'])
def test_a_target_of_an_unknown_suffix_is_refused(suffix, weights, tmp_path):
    with pytest.raises(UserError, match=rf"a checkpoint does not have the suffix '{suffix}'; .*\.safetensors"):
        convert_checkpoint(weights, tmp_path / f'out{suffix}')


def test_a_file_of_the_other_format_is_refused_by_its_name(weights, tmp_path):
    weights.rename(tmp_path / 'a.pth')
    with pytest.raises(UserError, match='not a PyTorch checkpoint.*named .safetensors'):
        read_checkpoint(tmp_path / 'a.pth')
    path = saved({'w': torch.zeros(1)}, tmp_path / 'a.safetensors')
    with pytest.raises(UserError, match='not a readable safetensors'):
        read_checkpoint(path)


def test_a_training_is_not_resumed_from_the_file(weights, tiny_coco, tiny_config, tmp_path):
    with pytest.raises(UserError, match='has weights only'):
        runner_of(tiny_config(tiny_coco(images=2)), tmp_path / 'run', resume=True, load_from=str(weights)).train()


def test_a_file_cut_short_or_spoiled_anywhere_is_read_or_refused(weights):
    whole = weights.read_bytes()
    for length in range(0, len(whole), len(whole) // 23 + 1):
        weights.write_bytes(whole[:length])
        with pytest.raises(UserError, match='not a readable safetensors'):
            read_checkpoint(weights)
    draw = np.random.default_rng(0)
    end = 8 + struct.unpack('<Q', whole[:8])[0]
    outcomes = set()
    for _ in range(200):
        spoiled = bytearray(whole)
        for at in draw.integers(0, end, 3):
            spoiled[at] = draw.integers(256)
        weights.write_bytes(spoiled)
        try:
            outcomes.add(type(read_checkpoint(weights)))
        except UserError:
            outcomes.add(UserError)
    assert outcomes <= {dict, UserError} and UserError in outcomes


@pytest.mark.parametrize(
    ('notes', 'reason'), [('[' * 99999, 'RecursionError'), ('{', 'JSONDecodeError'), (f'{{"a": {"9" * 200}}}', 'bits')]
)
def test_notes_that_are_an_attack_are_refused(notes, reason, tmp_path):
    save_file({'w': torch.zeros(1)}, tmp_path / 'a.safetensors', {'hrpose': notes})
    with pytest.raises(UserError, match=f'not a readable safetensors.*{reason}'):
        read_checkpoint(tmp_path / 'a.safetensors')


def test_tensors_that_share_memory_are_not_written_again_and_again(tmp_path):
    content = {f'backbone.{index}.weight': torch.zeros(1000)[:] for index in range(2)}
    content |= {f'backbone.{index}.bias': content['backbone.0.weight'] for index in range(9)}
    path = saved({'state_dict': content}, tmp_path / 'a.pth')
    with pytest.raises(UserError, match='share memory'):
        convert_checkpoint(path, tmp_path / 'b.safetensors')
    assert [file.name for file in tmp_path.iterdir()] == ['a.pth']
