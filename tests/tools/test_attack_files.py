"""No tool runs code in a checkpoint, neither in its pickle nor in its config texts."""

import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from mmengine.config import Config
from mmengine.logging import MessageHub
from mmengine.optim import OptimWrapper

from hrpose.apis import PoseInferencer, init_model
from hrpose.errors import UserError
from tests.checkpoints.cases import RunsCode, saved, small_model

# Entries of `meta` that try to make a folder on the reader's machine.
ATTACKS: dict[str, Callable[[str], dict[str, Any]]] = {
    'pickle': lambda folder: {'time': RunsCode(os.mkdir, folder)},
    'pickle_of_eval': lambda folder: {'time': RunsCode(eval, f'__import__("os").mkdir({folder!r})')},
    'text_of_config': lambda folder: {'config': f'import os\nos.mkdir({folder!r})\ngpu_ids = [0]'},
    'text_of_cfg': lambda folder: {'cfg': f'import os\nos.mkdir({folder!r})\ndefault_scope = "hrpose"'},
}


def by_function(load: Callable[[Path, Path], object]) -> Callable:
    def door(call: Callable, config: Path, file: Path) -> tuple[object, str]:
        try:
            load(config, file)
        except UserError as error:
            return 2, str(error)
        return 0, ''

    return door


def by_init_cfg(call: Callable, config: Path, file: Path) -> tuple[object, str]:
    with config.open('a') as lines:
        lines.write(f"model['backbone']['init_cfg'] = dict(type='Pretrained', checkpoint={str(file)!r})\n")
    return call('train', config, '--work-dir', config.parent / 'run')


def by_training(*words: str) -> Callable:
    def door(call: Callable, config: Path, file: Path) -> tuple[object, str]:
        given = [word.replace('FILE', str(file)) for word in words]
        return call('train', config, '--work-dir', config.parent / 'run', *given)

    return door


DOORS = {
    'load_from': by_training('--cfg-options', 'load_from=FILE'),
    'resume': by_training('--resume', 'FILE'),
    'init_cfg': by_init_cfg,
    'test': lambda call, config, file: call('test', config, file, '--work-dir', config.parent / 'run'),
    'init_model': by_function(init_model),
    'inferencer': by_function(PoseInferencer),
    'conversion': lambda call, config, file: call('convert_checkpoint', file, file.with_name('converted.pth')),
}


def training_file(meta: dict[str, Any], path: Path) -> Path:
    """Write a checkpoint from which a training could resume after its last epoch, with `meta` added."""
    model = small_model(5)
    optimizer = OptimWrapper(torch.optim.Adam(model.parameters(), lr=1e-3)).state_dict()
    history = MessageHub.get_instance('attack').state_dict()
    content = {'state_dict': model.state_dict(), 'optimizer': optimizer, 'message_hub': history}
    return saved(content | {'meta': {'epoch': 1, 'iter': 1, **meta}}, path)


@pytest.mark.parametrize('attack', ATTACKS)
@pytest.mark.parametrize('door', DOORS)
def test_no_tool_runs_code_in_a_file(door, attack, tiny_coco, tiny_config, tmp_path, call):
    hacked = tmp_path / 'hacked'
    file = training_file(ATTACKS[attack](str(hacked)), tmp_path / 'evil.pth')
    status, output = DOORS[door](call, tiny_config(tiny_coco(images=2)), file)
    assert not hacked.exists()
    if attack.startswith('pickle'):
        assert status == 2, output[-2000:]
        assert f'{file}: refused' in output
        assert 'could run code' in output
    else:
        assert status == 0, output[-2000:]
        assert str(hacked) not in output


@pytest.mark.parametrize('attack', ATTACKS)
def test_the_attacks_work_without_protection(attack, tmp_path):
    hacked = tmp_path / 'hacked'
    (brought,) = ATTACKS[attack](str(hacked)).values()
    if attack.startswith('pickle'):
        pickle.loads(pickle.dumps(brought))
    else:
        Config.fromstring(brought, '.py')
    assert hacked.is_dir()


@pytest.mark.parametrize('attack', ['text_of_config', 'text_of_cfg'])
@pytest.mark.parametrize('form', ['hrpose', 'mmpose'])
def test_a_converted_file_has_no_config_texts(attack, form, tmp_path, call):
    file = training_file(ATTACKS[attack](str(tmp_path / 'hacked')), tmp_path / 'evil.pth')
    target = tmp_path / 'converted.pth'
    assert call('convert_checkpoint', file, target, '--to', form)[0] == 0
    assert {'config', 'cfg'}.isdisjoint(torch.load(target, weights_only=True)['meta'])
