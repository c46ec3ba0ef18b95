"""Reading a checkpoint: nothing in it runs, and what is not a checkpoint is refused by name."""

import os
import pickle
import subprocess
import warnings
import zipfile
from collections import Counter, OrderedDict

import numpy as np
import pytest
import torch
from mmengine.logging import HistoryBuffer
from mmengine.runner.checkpoint import CheckpointLoader

from hrpose.checkpoints import guard_mmengine, read_checkpoint
from hrpose.errors import UserError
from tests.checkpoints.cases import RunsCode, saved

SCHEMES = (
    *('', 'http://', 'https://', 'modelzoo://', 'torchvision://', 'open-mmlab://', 'openmmlab://', 'mmcls://'),
    *('pavi://', 's3://', 'petrel://', 'cluster:s3://'),
)


@pytest.mark.parametrize(
    ('culprit', 'named'),
    [
        (lambda folder: RunsCode(os.mkdir, str(folder / 'hacked')), 'posix.mkdir'),
        (lambda folder: RunsCode(eval, '1 + 1'), 'eval'),
        (lambda folder: RunsCode(getattr, HistoryBuffer, '__init__'), 'getattr of __init__'),
        (lambda folder: RunsCode(getattr, str, 'join'), 'str'),
        (lambda folder: RunsCode(np.memmap, str(folder / 'hacked'), 'uint8', 'w+', 0, 1), 'numpy.memmap'),
        (lambda folder: RunsCode(subprocess.check_output, ['touch', str(folder / 'hacked')]), 'check_output'),
        (lambda folder: torch.nn.Linear(1, 1), 'torch.nn.modules.linear.Linear'),
    ],
    ids=['mkdir', 'eval', 'getattr_of_buffer', 'getattr_of_str', 'memmap', 'subprocess', 'whole_module'],
)
@pytest.mark.parametrize('legacy', [False, True], ids=['zip', 'legacy'])
def test_a_file_that_would_run_code_is_refused_and_runs_nothing(culprit, named, legacy, tmp_path):
    content = {'state_dict': {'w': torch.zeros(1)}, 'meta': {'x': culprit(tmp_path)}}
    path = saved(content, tmp_path / 'evil.pth', legacy=legacy)
    with pytest.raises(UserError, match='refused') as error:
        read_checkpoint(path)
    assert str(path) in str(error.value)
    assert 'could run code' in str(error.value)
    assert named in str(error.value)
    assert '\n' not in str(error.value)
    assert [file.name for file in tmp_path.iterdir()] == ['evil.pth']


def test_a_bare_pickle_that_would_run_code_runs_nothing(tmp_path):
    path = tmp_path / 'evil.pkl'
    path.write_bytes(pickle.dumps(RunsCode(os.mkdir, str(tmp_path / 'hacked')), protocol=2))
    with pytest.raises(UserError):
        read_checkpoint(path)
    assert not (tmp_path / 'hacked').exists()


def test_config_texts_are_taken_out_of_meta(tmp_path):
    meta = {'config': 'import os', 'cfg': 'import os', 'epoch': 3}
    path = saved({'state_dict': {}, 'meta': meta}, tmp_path / 'a.pth')
    assert read_checkpoint(path)['meta'] == {'epoch': 3}


@pytest.mark.parametrize('dtype', ['uint8', 'int64', 'float16', 'float32', 'float64', 'bool'])
@pytest.mark.parametrize('module', ['numpy._core.multiarray', 'numpy.core.multiarray'], ids=['numpy2', 'numpy1'])
def test_metainfo_in_numpy_arrays_is_read_whichever_numpy_wrote_it(dtype, module, tmp_path):
    values = np.array([[0, 1], [1, 0]], dtype=dtype)
    path = saved({'meta': {'array': values, 'scalar': values[0, 1]}}, tmp_path / 'new.pth')
    old = rewritten(path, b'numpy._core.multiarray', module.encode())
    read = read_checkpoint(old)['meta']
    np.testing.assert_array_equal(read['array'], values)
    assert read['array'].dtype == read['scalar'].dtype == dtype
    assert read['scalar'] == 1


@pytest.mark.parametrize('legacy', [False, True], ids=['zip', 'legacy'])
def test_what_trainings_save_is_read_as_it_was(legacy, tmp_path):
    network = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 1), torch.nn.BatchNorm2d(4)).to(
        memory_format=torch.channels_last
    )
    history = HistoryBuffer([1.0, 2.5], [1, 2])
    numbers = [np.asfortranarray(np.arange(6.0).reshape(2, 3)), np.zeros((0, 3)), np.array(2, '>i4'), np.float16(1.5)]
    plain = [torch.Size([2, 3]), torch.float32, torch.device('cpu'), {1, 'a'}, b'a\xff', (1, None, True, -3.5), 2**70]
    tensors = [torch.nn.Parameter(torch.ones(2)), torch.zeros(0, 3), torch.arange(6).view(2, 3).T, torch.tensor(True)]
    tensors += [torch.ones(4).to(torch.uint16), torch.ones(2, dtype=torch.bfloat16)]
    content = {'state_dict': network.state_dict(), 'history': history, 'milestones': Counter([3, 3, 5])}
    content |= {'numbers': numbers, 'plain': plain, 'tensors': tensors, 'twice': [tensors[2][0], tensors[2]]}
    read = read_checkpoint(saved(content, tmp_path / 'a.pth', legacy=legacy))
    assert list(read) == list(content) and read['plain'] == plain
    assert type(read['milestones']) is Counter and read['milestones'] == content['milestones']
    assert type(read['state_dict']) is OrderedDict and read['state_dict']._metadata == network.state_dict()._metadata
    assert read['state_dict']['0.weight'].stride() == network[0].weight.stride()
    pairs = [*zip(read['tensors'], tensors, strict=True)]
    pairs += [(read['state_dict'][key], value) for key, value in network.state_dict().items()]
    assert all(torch.equal(one, other) and one.dtype == other.dtype for one, other in pairs)
    assert type(read['tensors'][0]) is torch.nn.Parameter and read['tensors'][0].requires_grad
    assert read['twice'][0].data_ptr() == read['twice'][1].data_ptr() == read['tensors'][2].data_ptr()
    for one, other in zip([*read['numbers'], *read['history'].data], [*numbers, *history.data], strict=True):
        assert one.dtype == other.dtype.newbyteorder('=') and type(one) is type(other)
        np.testing.assert_array_equal(one, other)
    assert read['history'].mean() == history.mean()


def rewritten(path, before: bytes, after: bytes):
    """Return a copy of a checkpoint with some bytes of its pickle exchanged."""
    copy = path.with_name('copy.pth')
    with zipfile.ZipFile(path) as source, zipfile.ZipFile(copy, 'w') as target:
        for name in source.namelist():
            content = source.read(name)
            found = name.endswith('data.pkl')
            assert not found or before in content
            target.writestr(name, content.replace(before, after) if found else content)
    return copy


@pytest.mark.parametrize(
    ('content', 'complaint'),
    [
        (b'', 'not a PyTorch checkpoint'),
        (b'not a checkpoint', 'not a PyTorch checkpoint'),
        (b'PK\x03\x04cut', 'not a readable checkpoint'),
        (b'\x80', 'not a readable checkpoint'),
        (b'\x80\x02}q\x00(K\x01.', 'not a readable checkpoint'),
        (b'\x80\x02tttt0000.', 'not a readable checkpoint'),
    ],
)
def test_a_file_that_is_no_checkpoint_is_refused_by_name(content, complaint, tmp_path):
    path = tmp_path / 'a.pth'
    path.write_bytes(content)
    with pytest.raises(UserError) as error:
        read_checkpoint(path)
    assert complaint in str(error.value)
    assert str(path) in str(error.value)


@pytest.mark.parametrize('legacy', [False, True], ids=['zip', 'legacy'])
def test_a_checkpoint_cut_short_anywhere_is_refused(legacy, tmp_path):
    whole = saved({'w': torch.zeros(1000)}, tmp_path / 'a.pth', legacy=legacy).read_bytes()
    path = tmp_path / 'cut.pth'
    for length in range(1, len(whole) - 1, len(whole) // 23):
        path.write_bytes(whole[:length])
        with warnings.catch_warnings(), pytest.raises(UserError, match='not a readable|not a PyTorch|refused'):
            warnings.simplefilter('ignore')  # PyTorch's, on a pickle of a protocol that it guesses
            read_checkpoint(path)


def test_a_file_that_holds_something_else_is_refused(tmp_path):
    with pytest.raises(UserError, match='holds a list'):
        read_checkpoint(saved([1, 2], tmp_path / 'a.pth'))


@pytest.mark.parametrize('scheme', SCHEMES)
def test_every_way_into_mmengines_loader_is_the_safe_one(scheme, tmp_path, monkeypatch):
    monkeypatch.setenv('HRPOSE_WEIGHTS', str(tmp_path / 'weights'))
    guard_mmengine()
    path = saved({'meta': RunsCode(os.mkdir, str(tmp_path / 'hacked'))}, tmp_path / 'evil.pth')
    with pytest.raises(UserError):
        CheckpointLoader.load_checkpoint(f'{scheme}{path}', map_location='cpu')
    assert not (tmp_path / 'hacked').exists()


def test_no_scheme_of_mmengines_keeps_its_own_loader(schemes):
    guard_mmengine()
    assert set(CheckpointLoader._schemes) == set(schemes)
    assert {loader.__module__ for loader in CheckpointLoader._schemes.values()} == {'hrpose.checkpoints.guard'}
