"""Changes to other packages: none on import, all by `prepare_openmmlab`."""

import subprocess
import sys

import pytest
from mmengine.registry import registry as mmengine_registry
from mmengine.runner.checkpoint import CheckpointLoader

from hrpose.plugins.openmmlab import prepare_openmmlab

# Prints what importing one module changes: attributes of modules and of their classes, loaders, finders.
CHANGES = """
import importlib, pkgutil, sys, types
import mmcv.cnn, mmcv.transforms, mmengine.runner, torch.utils.data, torch.utils.tensorboard
from mmengine.fileio import backends
from mmengine.runner.checkpoint import CheckpointLoader
from mmengine.registry import WEIGHT_INITIALIZERS

PACKAGES = ('mmengine', 'mmcv', 'mmdet', 'torch')

def state():
    found = {('meta_path', id(finder)): 0 for finder in sys.meta_path}
    found |= {('scheme', name): id(loader) for name, loader in CheckpointLoader._schemes.items()}
    found |= {('initializer', name): id(part) for name, part in WEIGHT_INITIALIZERS.module_dict.items()}
    for name, module in list(sys.modules.items()):
        if name.split('.')[0] not in PACKAGES or not isinstance(module, types.ModuleType):
            continue
        for key, value in list(vars(module).items()):
            found[name, key] = id(value)
            if isinstance(value, type) and value.__module__.split('.')[0] in PACKAGES:
                found |= {(name, key, inner): id(part) for inner, part in vars(value).items()}
    return found

before = state()
import hrpose
names = ['hrpose.registry']
if {everything}:
    names = [one.name for one in pkgutil.walk_packages(hrpose.__path__, 'hrpose.') if one.name not in {left_out}]
for name in names:
    importlib.import_module(name)
after = state()
# What is new was imported; caches of classes fill by use.
print(*[key for key in before if after.get(key) != before[key] and not key[-1].startswith(('_abc', '__abstract'))])
"""
# These are run, or change other packages on purpose.
LEFT_OUT = ('hrpose.cli.__main__', 'hrpose.plugins.prepared')


@pytest.mark.parametrize('everything', [False, True], ids=['registry', 'every module'])
def test_importing_hrpose_changes_no_other_package(everything):
    script = CHANGES.replace('{everything}', str(everything)).replace('{left_out}', str(LEFT_OUT))
    done = subprocess.run([sys.executable, '-c', script], capture_output=True, text=True, timeout=200)
    assert (done.returncode, done.stdout.strip()) == (0, ''), done.stdout + done.stderr[-2000:]


def test_the_comparison_sees_what_prepare_openmmlab_changes():
    script = CHANGES.replace('{everything}', 'False').replace('hrpose.registry', 'hrpose.plugins.prepared')
    done = subprocess.run(
        [sys.executable, '-c', script.replace('{left_out}', '()')], capture_output=True, text=True, timeout=200
    )
    changed = done.stdout
    assert "('mmengine.registry.registry', 'get_object_from_string')" in changed
    assert "('scheme', '')" in changed and "('initializer', 'Pretrained')" in changed


def test_preparing_twice_changes_nothing_more():
    def state():
        return list(sys.meta_path), dict(CheckpointLoader._schemes), mmengine_registry.get_object_from_string

    prepare_openmmlab()
    before = state()
    prepare_openmmlab()
    assert state() == before
