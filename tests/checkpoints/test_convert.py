"""Conversion: every layout to hrpose's form and on to mmpose's, without losing a bit or touching the source."""

import os
from typing import BinaryIO

import numpy as np
import pytest
import torch

from hrpose.checkpoints import convert_checkpoint, read_checkpoint
from hrpose.errors import UserError
from hrpose.version import __version__
from tests.checkpoints.cases import BACKBONE_LAYOUTS, LAYOUTS, POSE_LAYOUTS, clone, saved, small_model


@pytest.fixture(scope='module')
def state() -> dict:
    """The weights of a small model: of several types, and with values that no rounding keeps."""
    state = clone(small_model().state_dict())
    state['backbone.conv1.weight'] = state['backbone.conv1.weight'].half()
    state['backbone.bn1.running_var'][:2] = torch.tensor([float('nan'), float('-inf')])
    return state


def same(left: dict, right: dict) -> bool:
    """Say whether two state dicts have the same names in one order, the same types and the same bits."""
    equal = [torch.equal(bits(value), bits(right[key])) for key, value in left.items() if key in right]
    return (
        list(left) == list(right)
        and all(equal)
        and [x.dtype for x in left.values()] == [x.dtype for x in right.values()]
    )


def bits(value: torch.Tensor) -> torch.Tensor:
    return value.contiguous().reshape(-1).view(torch.uint8)


@pytest.mark.parametrize('layout', POSE_LAYOUTS)
@pytest.mark.parametrize('form', ['hrpose', 'mmpose'])
def test_a_pose_file_of_any_layout_keeps_every_bit_under_hrposes_names(layout, form, state, tmp_path):
    path = saved(POSE_LAYOUTS[layout][1](state), tmp_path / 'in.pth')
    before = path.read_bytes()
    convert_checkpoint(path, tmp_path / 'out.pth', to=form)
    expected = {key: value for key, value in state.items() if layout != 'without_counters' or 'num_batches' not in key}
    assert same(read_checkpoint(tmp_path / 'out.pth')['state_dict'], expected)
    assert path.read_bytes() == before


@pytest.mark.parametrize('layout', BACKBONE_LAYOUTS)
def test_a_backbones_file_becomes_the_pose_networks_backbone(layout, state, tmp_path):
    path = saved(BACKBONE_LAYOUTS[layout][1](state), tmp_path / 'in.pth')
    convert_checkpoint(path, tmp_path / 'out.pth')
    expected = {key: value for key, value in state.items() if key.startswith('backbone.')}
    assert same(read_checkpoint(tmp_path / 'out.pth')['state_dict'], expected)


def test_there_and_back_is_the_same_file_content(state, tmp_path):
    meta = {'epoch': 210, 'dataset_meta': {'sigmas': np.linspace(0, 1, 17, dtype=np.float32)}}
    paths = [saved({'state_dict': state, 'meta': meta}, tmp_path / 'mmpose.pth')]
    for form in ('hrpose', 'mmpose', 'hrpose'):
        paths.append(tmp_path / f'{len(paths)}.pth')
        convert_checkpoint(paths[-2], paths[-1], to=form)
    _, ours, theirs, again = map(read_checkpoint, paths)
    assert same(theirs['state_dict'], state)
    assert same(again['state_dict'], ours['state_dict'])
    assert list(theirs['meta']) == ['epoch', 'dataset_meta']
    np.testing.assert_array_equal(theirs['meta']['dataset_meta']['sigmas'], meta['dataset_meta']['sigmas'])
    assert ours['meta']['epoch'] == 210


def test_hrposes_form_says_where_it_comes_from(state, tmp_path):
    path = saved(LAYOUTS['official'][1](state), tmp_path / 'pose_hrnet.pth')
    line = convert_checkpoint(path, tmp_path / 'out.pth')
    notes = {'hrpose_version': __version__, 'converted_from': 'pose_hrnet.pth', 'family': 'official HRNet'}
    content = read_checkpoint(tmp_path / 'out.pth')
    assert content['meta'] == notes
    assert set(content) == {'state_dict', 'meta'}
    assert 'official HRNet' in line
    assert f'{len(state)} weights kept, 0 dropped' in line


def test_what_is_dropped_is_counted(state, tmp_path):
    path = saved(LAYOUTS['classifier'][1](state), tmp_path / 'in.pth')
    assert f'{len(state) - 2} weights kept, 6 dropped' in convert_checkpoint(path, tmp_path / 'out.pth')


def test_only_the_last_exchange_unit_loses_its_coarser_outputs(tmp_path):
    keys = [
        'conv1.weight',
        'stage2.0.x',
        'incre_modules.0',
        *(f'stage4.{m}.fuse_layers.{o}.0' for m in (9, 10) for o in (0, 1)),
    ]
    path = saved({key: torch.zeros(1) for key in keys}, tmp_path / 'in.pth')
    convert_checkpoint(path, tmp_path / 'out.pth')
    kept = [f'backbone.{key}' for key in keys if key not in ('incre_modules.0', 'stage4.10.fuse_layers.1.0')]
    assert list(read_checkpoint(tmp_path / 'out.pth')['state_dict']) == kept


@pytest.mark.parametrize('how', ['itself', 'symbolic_link', 'hard_link', 'other_spelling', 'folder'])
def test_the_source_is_never_overwritten(how, state, tmp_path):
    path = saved({'state_dict': state}, tmp_path / 'in.pth')
    target = {'itself': path, 'other_spelling': tmp_path / 'x' / '..' / 'in.pth', 'folder': tmp_path}.get(how)
    if target is None:
        target = tmp_path / 'link.pth'
        (os.symlink if how == 'symbolic_link' else os.link)(path, target)
    (tmp_path / 'x').mkdir()
    before = path.read_bytes()
    with pytest.raises(UserError, match='name another file'):
        convert_checkpoint(path, target)
    assert path.read_bytes() == before


@pytest.mark.parametrize('name', ['out.pth.part', '.out.pth.part'])
def test_a_source_named_like_a_temporary_file_survives(name, state, tmp_path):
    path = saved({'state_dict': state}, tmp_path / name)
    before = path.read_bytes()
    convert_checkpoint(path, tmp_path / 'out.pth')
    assert path.read_bytes() == before


def test_a_failed_conversion_leaves_only_the_old_target(state, tmp_path, monkeypatch):
    path, target = saved({'state_dict': state}, tmp_path / 'in.pth'), tmp_path / 'out.pth'
    target.write_text('old')

    def fail(content: object, file: BinaryIO) -> None:
        file.write(b'half')
        raise OSError(28, 'No space left on device')

    monkeypatch.setattr(torch, 'save', fail)
    with pytest.raises(UserError, match='out.pth: cannot be written .No space left on device'):
        convert_checkpoint(path, target)
    assert target.read_text() == 'old'
    assert sorted(file.name for file in tmp_path.iterdir()) == ['in.pth', 'out.pth']


@pytest.mark.parametrize('content', [{}, {'state_dict': {}}, {'conv.weight': torch.zeros(1)}, {'backbone.x': 'text'}])
def test_a_file_without_a_known_layout_is_refused(content, tmp_path):
    with pytest.raises(UserError, match='its layout is unknown'):
        convert_checkpoint(saved(content, tmp_path / 'in.pth'), tmp_path / 'out.pth')
    assert not (tmp_path / 'out.pth').exists()


def test_an_unknown_form_is_refused(state, tmp_path):
    with pytest.raises(UserError, match="no form 'mmpose2'.*nearest: mmpose"):
        convert_checkpoint(saved({'state_dict': state}, tmp_path / 'in.pth'), tmp_path / 'out.pth', to='mmpose2')


def test_a_file_for_another_runtime_is_exports_work(tmp_path):
    with pytest.raises(UserError, match=r"suffix '\.onnx'; give it one of .*; hrpose export writes networks as ONNX"):
        convert_checkpoint('missing.pth', tmp_path / 'm.onnx')
