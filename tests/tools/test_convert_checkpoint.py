"""tools/convert_checkpoint.py from the command line."""

import pytest

from hrpose.apis import init_model
from hrpose.checkpoints import read_checkpoint
from tests.checkpoints.cases import official, saved, small_model


def test_one_line_says_what_was_written(tmp_path, call):
    state = small_model().state_dict()
    path, target = saved(official(state), tmp_path / 'in.pth'), tmp_path / 'new' / 'out.pth'
    status, output = call('convert_checkpoint', path, target)
    assert status == 0
    assert output == f'{path} (official HRNet) -> {target} (hrpose): {len(state)} weights kept, 0 dropped\n'
    assert list(read_checkpoint(target)['state_dict']) == list(state)


def test_the_written_file_can_be_used(tiny_coco, tiny_config, tmp_path, call, messages):
    path, target = saved(official(small_model(5).state_dict()), tmp_path / 'in.pth'), tmp_path / 'out.pth'
    assert call('convert_checkpoint', path, target, '--to', 'mmpose')[0] == 0
    init_model(tiny_config(tiny_coco(images=1)), target)
    assert '(100%) matched' in messages[0]


@pytest.mark.parametrize(
    ('words', 'complaint'),
    [
        (['/nowhere/a.pth', 'out.pth'], 'error: checkpoint /nowhere/a.pth: no such file; check the path\n'),
        (['hrnet_w23_coco', 'out.pth'], 'nearest: hrnet_w32'),
        (['IN', 'IN'], 'is the source; name another file to write'),
        (['IN', '/proc/out.pth'], '/proc'),
    ],
)
def test_a_mistake_is_one_message(words, complaint, tmp_path, call):
    path = saved(official(small_model().state_dict()), tmp_path / 'in.pth')
    status, output = call('convert_checkpoint', *(path if word == 'IN' else word for word in words))
    assert (status, complaint in output, 'Traceback' in output) == (2, True, False), output
