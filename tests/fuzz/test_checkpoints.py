"""Hostile checkpoints: damaged, lying about sizes, with code, with other tensors than weights; also resumed from."""

import collections
import io
import os
import pickle
import struct
import zipfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import strategies as st
from torch import Tensor

from hrpose.checkpoints import load_weights, read_checkpoint
from hrpose.checkpoints.convert import convert_checkpoint
from tests.checkpoints.cases import RunsCode, small_model
from tests.engine.cases import runner_of
from tests.fuzz.sandbox import Case
from tests.fuzz.strategies import places_of, spoiled, spoiled_bytes

JOINTS = 5


WEIGHTS = {
    name: value
    for name, value in small_model(JOINTS).state_dict().items()
    if name.startswith(('backbone.conv1.', 'backbone.bn1.', 'head.'))
}


def content_of_training() -> dict[str, Any]:
    """Return what a checkpoint of some weights holds beside them."""
    return {
        'state_dict': dict(WEIGHTS),
        'meta': {'epoch': 3, 'iter': 6, 'cfg': 'text', 'seed': 0},
        'message_hub': {
            'log_scalars': {},
            'runtime_info': {'best_checkpoints': [[0.5, 'best.pth']]},
            'resumed_keys': {},
        },
        'optimizer': {'state': {}, 'param_groups': [{'lr': 0.1, 'params': [0]}]},
    }


def written(content: object, *, legacy: bool = False) -> bytes:
    """Return a checkpoint file, or as much of one as can be written of odd values."""
    buffer = io.BytesIO()
    try:
        torch.save(content, buffer, _use_new_zipfile_serialization=not legacy)
    except Exception:  # of tensors that cannot be saved
        return b'PK'
    return buffer.getvalue()


def tensors_in(content: object) -> Iterator[Tensor]:
    """Yield every tensor that a checkpoint holds."""
    if isinstance(content, Tensor):
        yield content
    elif isinstance(content, Mapping):
        for value in content.values():
            yield from tensors_in(value)
    elif isinstance(content, list | tuple):
        for value in content:
            yield from tensors_in(value)


def as_start(work_dir: Path) -> Case:
    """Return the case that takes a file's weights into a model as a training does, and writes them converted.

    Whatever the file is, each weight is afterwards the model's own or one that the file holds: nothing else gets in.
    """
    path, model = work_dir / 'case.pth', small_model(JOINTS)
    own = {name: value.clone() for name, value in model.state_dict().items()}

    def case(content: bytes) -> None:
        path.write_bytes(content)
        model.load_state_dict(own)
        checkpoint = read_checkpoint(path)
        load_weights(model, checkpoint, name=str(path), complete=False)
        for name, value in model.state_dict().items():
            held = [own[name], *(saved for saved in tensors_in(checkpoint) if saved.shape == value.shape)]
            assert any(torch.equal(value.nan_to_num(), each.to(value.dtype).nan_to_num()) for each in held), name
        convert_checkpoint(path, work_dir / 'converted.pth')

    return case


@pytest.mark.parametrize('form', ['archive', 'pickle'])
def test_damaged_checkpoints(form, attack):
    whole = written(content_of_training(), legacy=form == 'pickle')
    outcomes = attack(f'checkpoints_{form}', whole, spoiled_bytes(whole), as_start)
    assert min(outcomes['taken'], outcomes['refused']) > 0


@pytest.mark.parametrize('form', ['archive', 'pickle'])
def test_structures_of_checkpoints(form, attack):
    legacy = form == 'pickle'
    inputs = spoiled(content_of_training()).map(lambda changed: written(changed, legacy=legacy))
    outcomes = attack(f'checkpoints_structures_{form}', written(content_of_training(), legacy=legacy), inputs, as_start)
    assert min(outcomes['taken'], outcomes['refused']) > 0


# Archives -------------------------------------------------------------------------------------------------------------

# Fields of an archive's central directory, behind its signature: where each is, and how long.
FIELDS = {'method': (10, '<H'), 'checksum': (16, '<I'), 'packed': (20, '<I'), 'size': (24, '<I'), 'name': (28, '<H')}
FIELDS |= {'extra': (30, '<H'), 'comment': (32, '<H'), 'offset': (42, '<I')}


@st.composite
def lying_archives(draw: st.DrawFn, whole: bytes) -> bytes:
    """Draw an archive whose directory says something else than is there, or that holds other members."""
    data = bytearray(whole)
    how = draw(st.sampled_from(('directory', 'directory', 'end', 'packed', 'members')))
    if how == 'directory':
        entries = [at for at in range(len(data) - 4) if data[at : at + 4] == b'PK\x01\x02']
        at, form = FIELDS[draw(st.sampled_from(sorted(FIELDS)))]
        most = 2 ** (8 * struct.calcsize(form)) - 1
        value = draw(st.sampled_from((0, 1, 8, most, most // 2)) | st.integers(0, most))
        struct.pack_into(form, data, draw(st.sampled_from(entries)) + at, value)
    elif how == 'end':
        at = data.rindex(b'PK\x05\x06')
        struct.pack_into('<H', data, at + draw(st.integers(4, 20)), draw(st.integers(0, 65_535)))
    else:
        buffer = io.BytesIO()
        with zipfile.ZipFile(io.BytesIO(whole)) as old, zipfile.ZipFile(buffer, 'w') as new:
            for name in old.namelist():
                content = old.read(name)
                if how == 'members' and draw(st.integers(0, 3)) == 0:
                    name = draw(st.sampled_from(('../../a', '/etc/a', 'archive/data.pkl', name + '/', name[:-1])))
                    content = draw(st.sampled_from((content, b'', content[: len(content) // 2], content * 2)))
                new.writestr(name, content, zipfile.ZIP_DEFLATED if how == 'packed' else zipfile.ZIP_STORED)
        return buffer.getvalue()
    return bytes(data)


def test_archives_that_lie(attack):
    whole = written(content_of_training())
    outcomes = attack('checkpoints_lying', whole, lying_archives(whole), as_start)
    assert min(outcomes['taken'], outcomes['refused']) > 0


# Code -----------------------------------------------------------------------------------------------------------------

CALLS: tuple[tuple[Callable, tuple], ...] = (
    *((os.mkdir, ('HACKED',)), (os.system, ('touch HACKED',)), (eval, ('open("HACKED", "w")',)), (exec, ('1',))),
    *(
        (open, ('HACKED', 'w')),
        (print, ('a',)),
        (getattr, ('a', 'upper')),
        (__import__, ('os',)),
        (bytearray, (10**12,)),
    ),
    *((collections.OrderedDict, ()), (torch.load, ('/etc/passwd',)), (torch.zeros, (10**6, 10**6)), (dict, ())),
    *((torch._utils._rebuild_parameter, (torch.zeros(2), True, {})), (list, (range(10),)), (set, ((1, 2),))),
    *((torch.Tensor.share_memory_, (torch.zeros(1),)), (torch.hub.load, ('a/b', 'c')), (type, ('A', (), {}))),
)


@st.composite
def programs(draw: st.DrawFn) -> bytes:
    """Draw a checkpoint with a call of the file's choice somewhere in it, in either form, or a bare pickle of one."""
    content = content_of_training()
    call, arguments = draw(st.sampled_from(CALLS))
    container, key = draw(st.sampled_from(places_of(content)))
    container[key] = RunsCode(call, *arguments)
    if draw(st.booleans()):
        container[key] = [container[key]] * 2
    form = draw(st.sampled_from(('archive', 'legacy', 'bare')))
    if form == 'bare':
        return pickle.dumps(container[key], protocol=draw(st.integers(0, 5)))
    return written(content, legacy=form == 'legacy')


def test_programs_in_checkpoints(attack):
    outcomes = attack('checkpoints_programs', written(content_of_training()), programs(), as_start)
    assert outcomes['refused'] > outcomes['taken']


# Tensors --------------------------------------------------------------------------------------------------------------


def odd_tensors() -> dict[str, Tensor]:
    """Return what may stand in the place of a weight."""
    grid = torch.zeros(64, 3, 3, 3)
    return {
        'half': grid.half(),
        'bfloat16': grid.bfloat16(),
        'double': grid.double(),
        'complex': grid.to(torch.complex64),
        'bool': grid.bool(),
        'int8': grid.to(torch.int8),
        'nan': grid * float('nan'),
        'scalar': torch.tensor(1.0),
        'empty': torch.zeros(0, 3),
        'deep': torch.zeros([1] * 40),
        'without_memory': torch.zeros(1).expand(64, 3, 3, 3),
        'vast': torch.zeros(1).expand(10**6, 10**6),
        'meta': grid.to('meta'),
        'sparse': grid.to_sparse(),
        'quantized': torch.quantize_per_tensor(grid, 0.1, 0, torch.qint8),
        'nested': torch.nested.nested_tensor([torch.zeros(2), torch.zeros(3)]),
        'transposed': grid.transpose(0, 1),
        'channels_last': grid.to(memory_format=torch.channels_last),
        'gradient': torch.nn.Parameter(grid),
        'float8': grid.to(torch.float8_e5m2),
    }


@st.composite
def strange_tensors(draw: st.DrawFn) -> bytes:
    """Draw a checkpoint with other tensors than weights, under names of weights, or of none."""
    content, tensors = content_of_training(), odd_tensors()
    names = [*content['state_dict'], '', 'backbone.', 'a' * 9999, 'backbone.conv1', 5]
    for _ in range(draw(st.integers(1, 3))):
        content['state_dict'][draw(st.sampled_from(names))] = tensors[draw(st.sampled_from(sorted(tensors)))]
    return written(content, legacy=draw(st.booleans()))


def test_tensors_that_are_no_weights(attack):
    outcomes = attack('checkpoints_tensors', written(content_of_training()), strange_tensors(), as_start)
    assert min(outcomes['taken'], outcomes['refused']) > 0


# Resuming -------------------------------------------------------------------------------------------------------------


def test_hostile_trainings_to_resume(attack, tiny_coco, tiny_config, tmp_path, monkeypatch):
    # What mmengine writes into its log it asks programs for.
    monkeypatch.setattr('mmengine.runner.runner.collect_env', dict)
    monkeypatch.setattr('mmengine.runner.runner.get_git_hash', str)
    monkeypatch.setattr('mmengine.hooks.runtime_info_hook.get_git_hash', str)
    config = tiny_config(tiny_coco(images=2), extra="custom_hooks = [dict(type='EMAHook')]\n")
    runner_of(config, tmp_path / 'first').train()
    whole = read_checkpoint(tmp_path / 'first' / 'epoch_1.pth')
    precious = tmp_path / 'precious.pth'
    precious.write_text('not to be removed')

    def make(work_dir: Path) -> Case:
        path = work_dir / 'case.pth'

        def case(content: bytes) -> None:
            path.write_bytes(content)
            runner_of(config, work_dir / 'run', resume=True, load_from=str(path)).train()

        return case

    without_weights = {key: value for key, value in whole.items() if not key.endswith('state_dict')}

    def with_weights(changed: Any) -> bytes:
        same = {key: value for key, value in whole.items() if key.endswith('state_dict')}
        return written({**same, **changed} if isinstance(changed, dict) else changed)

    asks = {'outdated_checkpoints': [str(precious)], 'last_ckpt': str(precious), 'best_ckpt': str(precious)}
    removal = {
        **whole,
        'message_hub': {**whole['message_hub'], 'runtime_info': asks, 'resumed_keys': dict.fromkeys(asks, True)},
    }
    inputs = spoiled(without_weights).map(with_weights) | st.just(written(removal))
    outcomes = attack('checkpoints_resumed', written(whole), inputs, make, cases=10)
    assert min(outcomes['taken'], outcomes['refused']) > 0
    assert precious.is_file()
