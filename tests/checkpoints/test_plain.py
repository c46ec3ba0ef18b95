"""What a training saves becomes tensors and plain values, and comes back as it was."""

import io
from collections import Counter, OrderedDict, namedtuple
from enum import IntEnum
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import ConfigDict
from mmengine.logging import HistoryBuffer

from hrpose.checkpoints import plain_checkpoint, resumable
from hrpose.errors import UserError

Pair = namedtuple('Pair', 'a b')
Level = IntEnum('Level', 'LOW HIGH')


@pytest.mark.parametrize(
    ('value', 'plain'),
    [
        (np.float32(1.5), 1.5),
        (np.float64(1.5), 1.5),
        (np.bool_(True), True),
        (np.str_('a'), 'a'),
        (Path('a/b'), 'a/b'),
        (Level.HIGH, 2),
        (Counter([3, 3, 5]), {3: 2, 5: 1}),
        (ConfigDict(a=ConfigDict(b=1)), {'a': {'b': 1}}),
        (Pair(1, np.int8(2)), (1, 2)),
        ({1, 'a'}, {1, 'a'}),
        (np.array(['a', 'b']), ['a', 'b']),
        (2**70, 2**70),
        (torch.Size([1, 2]), torch.Size([1, 2])),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_value_becomes_plain_and_bare_pytorch_reads_it(value, plain):
    saved = plain_checkpoint({'meta': {'x': value}})
    found = saved['meta']['x']
    assert found == plain and type(found) is type(plain)
    buffer = io.BytesIO()
    torch.save(saved, buffer)
    assert torch.load(io.BytesIO(buffer.getvalue()), weights_only=True) == saved


@pytest.mark.parametrize('array', [np.arange(6, dtype='>f4').reshape(2, 3).T, np.array(True), np.zeros((0, 2), 'u2')])
def test_an_array_becomes_a_tensor(array):
    found = plain_checkpoint({'x': array})['x']
    np.testing.assert_array_equal(found.numpy(), array)
    assert found.numpy().dtype == array.dtype.newbyteorder('=')


def test_weights_stay_the_same_tensors_with_their_versions():
    weights = torch.nn.BatchNorm2d(2).state_dict()
    found = plain_checkpoint({'state_dict': weights})['state_dict']
    assert type(found) is OrderedDict and found._metadata == weights._metadata
    assert all(found[key] is value for key, value in weights.items())


def test_histories_and_milestones_come_back():
    history = HistoryBuffer([1.0, 2.0, 4.0], [1, 1, 2], max_length=5)
    schedulers = {'a': [{'milestones': Counter([1, 1, 3]), 'step_func': len, 'last_step': 2}]}
    hub = {'log_scalars': OrderedDict(loss=history), 'runtime_info': {}, 'resumed_keys': {'loss': True}}
    saved = plain_checkpoint({'message_hub': hub, 'param_schedulers': schedulers})
    back = resumable(saved)
    found = back['message_hub']['log_scalars']['loss']
    assert isinstance(found, HistoryBuffer) and found.max_length == 5
    for one, other in zip(found.data, history.data, strict=True):
        np.testing.assert_array_equal(one, other, strict=True)
    (state,) = back['param_schedulers']['a']
    assert type(state['milestones']) is Counter and state == {'milestones': Counter([1, 1, 3]), 'last_step': 2}


def test_other_values_are_refused_by_their_place():
    loop: list = []
    loop.append(loop)
    for value, reason in ((print, r"\['x'\]\[0\]: a builtins.builtin"), (loop, 'nested deeper than 64')):
        with pytest.raises(UserError, match=reason):
            plain_checkpoint({'meta': {'x': [value]}})
