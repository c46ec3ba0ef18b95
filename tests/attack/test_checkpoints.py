"""Attacks on the reader of checkpoints: each ends in a sentence, at once, and reads no memory but the file's."""

import collections
import os
import pickle
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch

from hrpose.checkpoints import read_checkpoint
from hrpose.errors import UserError
from tests.attack.pickles import Call, Name, archive, instructions, row, storage, tensor
from tests.checkpoints.cases import RunsCode, saved

ROOT = Path(__file__).resolve().parents[2]
FLOATS = np.array([1, 2], np.float32).tobytes()
F8 = Call('numpy.dtype', 'f8', False, True, state=(3, '<', None, None, None, -1, -1, 0))
SCALAR = 'numpy._core.multiarray.scalar'
HISTORY = 'mmengine.logging.history_buffer.HistoryBuffer'


def array(state, kind='numpy.ndarray', shape=(0,)):
    return Call('numpy._core.multiarray._reconstruct', Name(kind), shape, b'b', state=state)


def dtype(code, *, state=(3, '|', None, None, None, -1, -1, 0)):
    return Call('numpy.dtype', code, False, True, state=state)


def nested(depth):
    value = 0
    for _ in range(depth):
        value = [value]
    return value


STRUCTURED = (3, '|', None, ('a',), {'a': (dtype('O8'), 0)}, 8, 8, 27)

# What is in the file -> what the refusal says.
REFUSED = {
    'array_at_an_address': (Call('numpy.ndarray', (1,), 'O', bytes(8)), 'a call of a class'),
    'array_in_a_counter': (Call('collections.Counter', Call('numpy.ndarray', (1,), 'O', bytes(8))), 'a call of'),
    'array_by_new': (Call('numpy.ndarray', (1,), 'O', bytes(8), new=True), 'a call of a class'),
    'array_of_objects': (array((1, (1,), dtype('O8'), False, bytes(8))), 'dtype other than plain'),
    'array_of_an_object_list': (array((1, (1,), F8, False, [5])), 'bytes are not of its shape'),
    'array_of_structures': (array((1, (1,), dtype('V8', state=STRUCTURED), False, bytes(8))), 'dtype other than plain'),
    'dtype_with_fields': (dtype('f8', state=STRUCTURED), 'dtype other than plain'),
    'dtype_of_a_name': (dtype(Name('torch.float32')), 'dtype other than plain'),
    'array_larger_than_its_bytes': (array((1, (2,), F8, False, bytes(8))), 'bytes are not of its shape'),
    'array_of_a_negative_shape': (array((1, (-1,), F8, False, bytes(8))), 'a shape that is not made of counts'),
    'array_of_a_vast_shape': (array((1, (2**61, 8), F8, False, b'')), 'bytes are not of its shape'),
    'array_of_another_class': (array((1, (1,), F8, False, bytes(8)), kind='numpy.dtype'), 'as NumPy makes it'),
    'array_that_is_made_at_once': (array((1, (1,), F8, False, bytes(8)), shape=(10**12,)), 'as NumPy makes it'),
    'array_never_finished': (array(None), 'an unfinished object'),
    'scalar_of_an_object': (Call(SCALAR, dtype('O8'), bytes(8)), 'dtype other than plain'),
    'scalar_of_too_few_bytes': (Call(SCALAR, F8, bytes(4)), 'bytes are not of its shape'),
    'history_of_lists': (
        Call(HISTORY, state={'_log_history': [1]}, new=True),
        'HistoryBuffer without arrays of numbers',
    ),
    'history_with_attributes': (Call(HISTORY, state=[1], new=True), 'HistoryBuffer without a state'),
    'getattr_of_a_value': (Call('builtins.getattr', 'a', 'upper'), 'getattr of upper'),
    'getattr_of_a_class': (Call('builtins.getattr', Name(HISTORY), '__init__'), 'getattr of __init__'),
    'tensor_too_long': (tensor(storage(), size=(3,)), 'outside its storage'),
    'tensor_with_a_long_stride': (tensor(storage(), stride=(2**40,)), 'outside its storage'),
    'tensor_behind_its_storage': (tensor(storage(), offset=1), 'outside its storage'),
    'tensor_before_its_storage': (
        tensor(storage(), offset=-1),
        'a tensor whose offset or stride does not fit its shape',
    ),
    'tensor_that_runs_backwards': (tensor(storage(), stride=(-1,)), 'a shape that is not made of counts'),
    'tensor_whose_reach_overflows': (tensor(storage(), size=(2**61, 2), stride=(8, 1)), 'outside its storage'),
    'empty_tensor_far_away': (tensor(storage(), offset=2**50, size=(0,)), 'outside its storage'),
    'empty_tensor_of_a_vast_shape': (tensor(storage(), size=(0, 2**61, 2**61), stride=(1, 1, 1)), 'vast shape'),
    'tensor_of_many_dimensions': (
        tensor(storage(), size=(1,) * 65, stride=(1,) * 65),
        'a shape that is not made of counts',
    ),
    'tensor_of_a_fraction': (tensor(storage(), size=(1.5,)), 'a shape that is not made of counts'),
    'tensor_of_text': (tensor('memory'), 'a tensor without a storage'),
    'tensor_expanded_without_end': (tensor(storage(), size=(2**40,), stride=(0,)), 'far more memory'),
    'tensor_of_wider_elements': (
        Call('torch._utils._rebuild_tensor_v3', storage(), 0, (2,), (1,), False, None, Name('torch.float64')),
        'outside its storage',
    ),
    'storage_larger_than_its_bytes': (tensor(storage(count=3), size=(3,)), '12 bytes for a tensor where'),
    'storage_of_wider_elements': (tensor(storage('Double')), '16 bytes for a tensor where'),
    'storage_of_no_member': (tensor(storage(key='9')), '8 bytes for a tensor where the file holds 0'),
    'storage_outside_the_folder': (tensor(storage(key='../data.pkl')), '8 bytes for a tensor where'),
    'storage_of_complex_numbers': (tensor(storage('ComplexFloat', count=1)), 'torch.ComplexFloatStorage'),
    'storage_of_quantized_numbers': (tensor(storage('QInt8', count=8)), 'torch.QInt8Storage'),
    'storage_in_two_dtypes': ([tensor(storage()), tensor(storage('Int'))], 'one storage in two sizes or dtypes'),
    'storage_seen_as_two_dtypes': (
        [
            Call('torch._utils._rebuild_tensor_v3', storage(), 0, (2,), (1,), False, None, Name(f'torch.{dtype}'))
            for dtype in ('float32', 'int32')
        ],
        'one storage in two sizes or dtypes',
    ),
    'storage_as_a_value': (storage(), 'a Storage'),
    'storage_that_is_called': (Call('torch.FloatStorage', 10**12), 'a call of a class'),
    'sparse_tensor': (Call('torch._utils._rebuild_sparse_tensor', 0), 'torch._utils._rebuild_sparse_tensor'),
    'quantized_tensor': (Call('torch._utils._rebuild_qtensor', 0), 'torch._utils._rebuild_qtensor'),
    'tensor_of_a_subclass': (Call('torch._tensor._rebuild_from_type_v2', 0), 'torch._tensor._rebuild_from_type_v2'),
    'parameter_of_text': (Call('torch._utils._rebuild_parameter', 'a', True, None), 'a parameter that is not'),
    'key_that_is_a_tuple': ({(1, 2): 0}, 'a key of type tuple'),
    'key_that_is_a_tensor': (Call('collections.OrderedDict', [[tensor(storage()), 0]]), 'a key of type Tensor'),
    'keys_of_one_hash': ({(2**61 - 1) * 2**70: 0}, 'a key of type int'),
    'set_of_tuples': (Call('builtins.set', [(1, 2)]), 'a key of type tuple'),
    'counter_of_text': (Call('collections.Counter', 'aab'), 'a Counter whose counts are not integers'),
    'integer_of_many_bits': (2**1000, 'an integer of 1001 bits'),
    'deep_lists': (nested(100), 'nested deeper than 64'),
    'class_as_a_value': (Name('collections.OrderedDict'), 'collections.OrderedDict'),
    'call_of_a_value': (Call('torch.float32'), 'a call of a dtype'),
    'attributes_of_weights': (Call('collections.OrderedDict', state={'items': 5}), 'attributes of a dictionary'),
    'attributes_of_a_list': ({'a': Call('torch.Size', (1,), state={'a': 1})}, 'a change of a Size'),
    'name_with_control_characters': (Call('os.\x1b[2Jsystem'), r'os\.\?\[2Jsystem'),
    'import': (Call('os.system', 'true'), r'os\.system'),
}


def file_of(value, form):
    body = instructions({'meta': {'x': value}})
    return archive(body, {'0': FLOATS}) if form == 'archive' else row(body, {'0': (2, FLOATS)})


@pytest.mark.parametrize('attack', REFUSED)
def test_what_an_archive_asks_for_is_refused_by_name(attack, tmp_path):
    value, reason = REFUSED[attack]
    path = tmp_path / 'evil.pth'
    path.write_bytes(file_of(value, 'archive'))
    with pytest.raises(UserError, match=f'refused.*{reason}') as error:
        read_checkpoint(path)
    assert re.fullmatch(r'[\x20-\x7e]+', str(error.value))


@pytest.mark.parametrize('attack', [name for name in REFUSED if not name.startswith('storage')])
def test_what_a_row_of_pickles_asks_for_is_refused_by_name(attack, tmp_path):
    value, reason = REFUSED[attack]
    path = tmp_path / 'evil.pth'
    path.write_bytes(file_of(value, 'row'))
    with pytest.raises(UserError, match=f'refused.*{reason}'):
        read_checkpoint(path)


@pytest.mark.parametrize(
    'members', [{'0': (3, FLOATS)}, {'0': (2, FLOATS[:4])}, {'1': (2, FLOATS)}, {}], ids=['count', 'cut', 'key', 'none']
)
def test_legacy_pickles_with_other_bytes_than_tensors_are_refused(members, tmp_path):
    path = tmp_path / 'evil.pth'
    path.write_bytes(row(instructions({'w': tensor(storage())}), members))
    with pytest.raises(UserError, match='not a readable'):
        read_checkpoint(path)


def test_what_is_well_made_is_read(tmp_path):
    path = tmp_path / 'good.pth'
    content = {'w': tensor(storage()), 'a': array((1, (1,), F8, False, np.float64(2.5).tobytes()))}
    for file in (archive(instructions(content), {'0': FLOATS}), row(instructions(content), {'0': (2, FLOATS)})):
        path.write_bytes(file)
        read = read_checkpoint(path)
        assert read['w'].tolist() == [1, 2] and read['a'].tolist() == [2.5]


def test_an_expanded_tensor_has_memory_of_its_own(tmp_path):
    content = {'w': torch.arange(3.0).expand(4, 3), 'b': torch.tensor([True]).expand(2)}
    for legacy in (False, True):
        read = read_checkpoint(saved(content, tmp_path / 'a.pth', legacy=legacy))
        assert torch.equal(read['w'], content['w']) and torch.equal(read['b'], content['b'])
        assert read['w'].is_contiguous()
        read['w'][0] = 5
        assert torch.equal(read['w'][1], content['w'][1])


def test_a_truth_value_of_an_odd_byte_becomes_true(tmp_path):
    path = tmp_path / 'a.pth'
    flags = array((1, (2,), dtype('b1'), False, b'\x07\x00'))
    path.write_bytes(archive(instructions({'w': tensor(storage('Bool')), 'a': flags}), {'0': b'\x07\x00'}))
    read = read_checkpoint(path)
    assert read['w'].view(torch.uint8).tolist() == read['a'].view(np.uint8).tolist() == [1, 0]


# Small files that grow in memory or take forever ----------------------------------------------------------------------


def doubled(times, *, key=False):
    """Return a pickle of 2^times leaves, each level of which mentions the one below twice; or of a key that is so."""
    body = b'K\x00\x85q\x00' + b'h\x00\x86q\x00' * times
    return b'}' + (b'' if key else b'X\x01\x00\x00\x00a') + body + (b'K\x00s' if key else b's')


GROWING = {
    'key_of_2^40_leaves': (doubled(40, key=True), 'a key of type tuple'),
    'value_of_2^40_leaves': (doubled(40), 'more than 5000000 values'),
    'list_in_itself': (b'}X\x01\x00\x00\x00a]q\x00h\x00as', 'nested deeper'),
    'dictionary_in_itself': (b'}q\x00X\x01\x00\x00\x00ah\x00s', 'nested deeper'),
}


@pytest.mark.parametrize('attack', GROWING)
def test_a_value_that_grows_is_refused(attack, tmp_path):
    body, reason = GROWING[attack]
    path = tmp_path / 'evil.pth'
    path.write_bytes(archive(body))
    with pytest.raises(UserError, match=reason):
        read_checkpoint(path)


@pytest.mark.parametrize('form', ['archive', 'row'])
def test_a_pickle_of_endless_steps_is_refused(form, tmp_path, monkeypatch):
    monkeypatch.setattr('hrpose.checkpoints.unpickle.MAX_STEPS', 1000)
    path = tmp_path / 'evil.pth'
    path.write_bytes((archive if form == 'archive' else row)(b']' * 1001))
    with pytest.raises(UserError, match='more than 1000 steps'):
        read_checkpoint(path)


def test_bytes_made_again_and_again_of_one_text_are_refused(tmp_path):
    text = instructions('a' * 2**20)
    again = b'c_codecs\nencode\nh\x00X\x06\x00\x00\x00latin1\x86R'
    path = tmp_path / 'evil.pth'
    path.write_bytes(archive(b'}X\x01\x00\x00\x00a](' + text + b'q\x00' + again * 1000 + b'es'))
    with pytest.raises(UserError, match='far more memory'):
        read_checkpoint(path)


def test_compressed_archives_are_refused(tmp_path):
    path = tmp_path / 'evil.pth'
    body, zeros = instructions({'w': tensor(storage(count=10**6), size=(10**6,))}), bytes(4 * 10**6)
    path.write_bytes(archive(body, {'0': zeros}, zipfile.ZIP_DEFLATED))
    assert path.stat().st_size < 10**5
    with pytest.raises(UserError, match='refused.*compressed'):
        read_checkpoint(path)


def test_one_member_for_many_tensors_is_not_readable(tmp_path):
    # Each of the directory's entries is sent to the first one's bytes, so that the file unpacks to more than its size.
    names = [f'{index:03}' for index in range(100)]
    content = {name: tensor(storage(key=name, count=1000), size=(1000,)) for name in names}
    whole = archive(instructions(content), {'000': bytes(4000), **{name: b'' for name in names[1:]}})
    directory = bytearray(whole)
    first = re.search(rb'PK\x01\x02.{42}archive/data/000', whole, re.S)
    for found in re.finditer(rb'PK\x01\x02.{42}archive/data/', whole, re.S):
        at = found.start()
        directory[at + 16 : at + 28] = whole[first.start() + 16 : first.start() + 28]
        directory[at + 42 : at + 46] = whole[first.start() + 42 : first.start() + 46]
    path = tmp_path / 'evil.pth'
    path.write_bytes(directory)
    with pytest.raises(UserError, match='not a readable|refused'):
        read_checkpoint(path)


def test_a_file_larger_than_the_free_memory_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr('hrpose.checkpoints.read.available_memory', lambda: 3 * 2**20)
    path = saved({'w': torch.zeros(2**20)}, tmp_path / 'a.pth')
    with pytest.raises(UserError, match='has 4 MiB, but 3 MiB of memory are free'):
        read_checkpoint(path)


def test_an_expanded_tensor_takes_no_more_than_the_free_memory(tmp_path, monkeypatch):
    monkeypatch.setattr('hrpose.checkpoints.rebuild.available_memory', lambda: 2**20)
    path = saved({'w': torch.zeros(1).expand(2**20)}, tmp_path / 'a.pth')
    with pytest.raises(UserError, match='far more memory than the file is large'):
        read_checkpoint(path)


# In a process of its own ----------------------------------------------------------------------------------------------


def in_a_process(*words, seconds=250):
    environment = {**os.environ, 'PYTHONPATH': str(ROOT), 'OMP_NUM_THREADS': '1'}
    command = [sys.executable, '-X', 'faulthandler', '-m', *words]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=seconds)


def pointing(address=bytes(range(1, 9))):
    """Return what makes PyTorch's safe loader, with NumPy's array type allowed, follow an address of the file."""
    return RunsCode(collections.Counter, RunsCode(np.ndarray, (1,), 'O', bytearray(address)))


def test_an_address_in_a_file_is_not_followed(tmp_path):
    weights = {'backbone.conv1.weight': torch.zeros(1)}
    path = saved({'state_dict': weights, 'meta': {'x': pointing()}}, tmp_path / 'evil.pth')
    done = in_a_process('hrpose.cli', 'convert', str(path), str(tmp_path / 'out.pth'))
    assert done.returncode == 2, done.stderr
    assert f'error: {path}: refused' in done.stderr
    assert not (tmp_path / 'out.pth').exists()


def test_the_address_is_followed_where_nothing_stops_it(tmp_path):
    path = tmp_path / 'evil.pkl'
    path.write_bytes(pickle.dumps(pointing(), protocol=2))
    program = f'import pickle; pickle.load(open({str(path)!r}, "rb"))'
    done = subprocess.run([sys.executable, '-c', program], capture_output=True, timeout=250)
    assert done.returncode < 0


def test_random_pickles_end_in_content_or_one_message():
    done = in_a_process('tests.attack.fuzz_checkpoints', '500')
    assert done.returncode == 0, done.stderr[-2000:]
    taken, refused = map(int, re.fullmatch(r'(\d+) taken, (\d+) refused\n', done.stdout).groups())
    assert taken + refused == 500 and min(taken, refused) > 50


@pytest.mark.slow
def test_100_000_random_pickles_end_in_content_or_one_message():
    done = in_a_process('tests.attack.fuzz_checkpoints', '100000', '1', seconds=1700)
    assert done.returncode == 0, done.stderr[-2000:]
