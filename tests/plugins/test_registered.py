"""What a `type` may name in full: parts that are registered somewhere, and nothing else that can be imported."""

import subprocess
import sys

import pytest

SCRIPT = """
from hrpose import registry
from mmengine.registry import Registry

part = getattr(registry, {registry!r}).get({name!r})
print(part.__module__, part.__name__)
"""


def answer(registry: str, name: str) -> subprocess.CompletedProcess:
    """Ask in a fresh process, in which nothing has been imported yet."""
    script = SCRIPT.format(registry=registry, name=name)
    return subprocess.run([sys.executable, '-c', script], capture_output=True, text=True, timeout=120)


@pytest.mark.parametrize(
    ('registry', 'name', 'found'),
    [
        ('MODELS', 'torch.nn.ReLU', 'torch.nn.modules.activation ReLU'),
        ('CODECS', 'hrpose.codecs.MSRAHeatmap', 'hrpose.codecs.msra MSRAHeatmap'),
    ],
)
def test_a_registered_part_is_found_by_its_full_name_whatever_was_imported_before(registry, name, found):
    done = answer(registry, name)
    assert done.stdout.strip().splitlines()[-1:] == [found], done.stderr[-500:]


@pytest.mark.parametrize(('registry', 'name'), [('MODELS', 'subprocess.Popen'), ('CODECS', 'torch.load')])
def test_what_is_not_registered_is_not_found_though_it_can_be_imported(registry, name):
    done = answer(registry, name)
    assert done.returncode == 1 and f"no part called '{name}'" in done.stderr


def test_a_plug_ins_own_root_registry_is_known():
    from mmengine.registry import Registry

    from hrpose.plugins.registered import _registered

    own = Registry('anything of a plug-in')

    @own.register_module()
    class Part:
        pass

    sys.modules['a_plug_in'] = type(sys)('a_plug_in')
    sys.modules['a_plug_in'].Part = Part
    try:
        assert _registered('a_plug_in.Part') is Part
    finally:
        del sys.modules['a_plug_in']
