"""What a `type` may name in full: registered parts, and nothing else that can be imported."""

import subprocess
import sys
from types import ModuleType

import pytest
from mmengine.registry import Registry

from hrpose.plugins.registered import registered_part

PREPARE = 'from hrpose.plugins.openmmlab import prepare_openmmlab; prepare_openmmlab()\n'


def answer(registry: str, name: str, before: str = '') -> subprocess.CompletedProcess:
    """Ask in a fresh process, in which nothing was imported."""
    ask = (
        f'from hrpose import registry\npart = registry.{registry}.get({name!r})\nprint(part.__module__, part.__name__)'
    )
    return subprocess.run([sys.executable, '-c', before + ask], capture_output=True, text=True, timeout=120)


@pytest.mark.parametrize(
    ('registry', 'name', 'found'),
    [
        ('MODELS', 'torch.nn.ReLU', 'torch.nn.modules.activation ReLU'),
        ('CODECS', 'hrpose.codecs.MSRAHeatmap', 'hrpose.codecs.msra MSRAHeatmap'),
    ],
)
def test_a_registered_part_is_found_by_its_full_name(registry, name, found):
    done = answer(registry, name, PREPARE)
    assert done.stdout.strip().splitlines()[-1:] == [found], done.stderr[-500:]


@pytest.mark.parametrize('before', [PREPARE, ''], ids=['prepared', 'unprepared'])
@pytest.mark.parametrize(('registry', 'name'), [('MODELS', 'subprocess.Popen'), ('CODECS', 'torch.load')])
def test_importable_but_unregistered_is_not_found(registry, name, before):
    done = answer(registry, name, before)
    assert done.returncode == 1 and f"no part called '{name}'" in done.stderr


def test_a_plug_ins_own_root_registry_is_known(monkeypatch):
    plug_in = ModuleType('a_plug_in')
    plug_in.OWN = Registry('anything of a plug-in', scope='a_plug_in')
    plug_in.Part = plug_in.OWN.register_module()(type('Part', (), {}))
    monkeypatch.setitem(sys.modules, 'a_plug_in', plug_in)
    assert registered_part('a_plug_in.Part') is plug_in.Part
    assert registered_part('a_plug_in.OWN') is None
