"""`import hrpose` is cheap, and offers the public names when they are asked for."""

import ast
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import hrpose
from hrpose.config import load_config

EXPENSIVE = ('torch', 'mmcv', 'mmdet', 'mmengine', 'cv2', 'matplotlib', 'scipy', 'pycocotools', 'numpy')


def test_import_hrpose_imports_no_other_package(repository):
    script = 'import sys; before = set(sys.modules); import hrpose; print(*set(sys.modules) - before)'
    out = subprocess.run([sys.executable, '-c', script], cwd=repository, capture_output=True, text=True, check=True)
    imported = {name.split('.')[0] for name in out.stdout.split()}
    assert imported - sys.stdlib_module_names == {'hrpose'}


@pytest.mark.parametrize('name', hrpose.__all__)
def test_a_public_name_is_there_and_listed(name):
    assert getattr(hrpose, name) is not None
    assert name in dir(hrpose)


def test_public_names_are_those_of_their_modules():
    from hrpose import PoseInferencer, apis

    assert hrpose.load_config is load_config
    assert PoseInferencer is apis.PoseInferencer


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="module 'hrpose' has no attribute 'PoseInferencr'"):
        _ = hrpose.PoseInferencr


def test_type_checkers_see_the_public_names():
    tree = ast.parse(Path(hrpose.__file__).read_text())
    (block,) = (node for node in tree.body if isinstance(node, ast.If))
    seen = [alias.name for node in block.body if isinstance(node, ast.ImportFrom) for alias in node.names]
    assert sorted([*seen, '__version__']) == sorted(hrpose.__all__)
    assert (Path(hrpose.__file__).parent / 'py.typed').is_file()


def test_results_drawings_and_geometry_need_neither_pytorch_nor_mmengine(repository):
    script = 'import sys, hrpose.apis, hrpose.evaluation, hrpose.images, hrpose.visualization; print(*sys.modules)'
    out = subprocess.run([sys.executable, '-c', script], cwd=repository, capture_output=True, text=True, check=True)
    imported = {name.split('.')[0] for name in out.stdout.split()}
    assert imported & {*EXPENSIVE} == {'cv2', 'numpy'}


def test_training_and_inference_import_no_package_that_they_may_not_need(repository):
    script = (
        'import sys, hrpose.cli.train, hrpose.cli.infer\n'
        'from hrpose.apis import PoseInferencer, build_runner\n'
        'from hrpose import registry\n'
        "for kind in ('DATASETS', 'HOOKS', 'METRICS', 'MODELS', 'TRANSFORMS', 'VISUALIZERS'):\n"
        '    getattr(registry, kind).import_from_location()\n'
        "registry.VISUALIZERS.build({'type': 'hrpose.PoseVisualizer', 'name': 'drawing'})\n"
        'print(*sys.modules)'
    )
    out = subprocess.run([sys.executable, '-c', script], cwd=repository, capture_output=True, text=True, check=True)
    imported = {name.split('.')[0] for name in out.stdout.split()}
    assert 'torch' in imported
    assert not imported & {'matplotlib', 'mmdet', 'pandas', 'scipy', 'sklearn', 'tensorboard', 'yapf'}


@pytest.mark.parametrize('package', ['apis', 'datasets', 'evaluation', 'structures', 'visualization'])
def test_every_name_that_a_package_lists_can_be_had(package):
    module = import_module(f'hrpose.{package}')
    assert all(getattr(module, name) is not None for name in module.__all__)
    with pytest.raises(AttributeError, match="has no attribute 'Nothing'"):
        module.Nothing  # noqa: B018
