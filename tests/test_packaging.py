"""Declared, pinned and installed packages agree; a failing set-up says what is wrong."""

import ast
import importlib.metadata as metadata
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import hrpose

ROOT = Path(__file__).parents[1]
# All that `make setup` installs.
EXTRAS = ('train', 'detection', 'analysis', 'page', 'export', 'completion', 'tests')
OPTIONAL = ('runtime', 'xtcocotools')
CONSTRAINTS = sorted(path.stem for path in ROOT.glob('requirements/constraints-3.*.txt'))
THIS = f'constraints-{sys.version_info.major}.{sys.version_info.minor}'
SETUP_ENV = ROOT / 'tools' / 'setup_env.sh'
# Installed under the names of their forks or twins.
NEVER = {'mmcv', 'mmcv-lite', 'mmcv-full', 'mmengine', 'mmdet', 'mmpose', 'torchvision'}
MODULE_OF = {
    'onedl-mmengine': 'mmengine',
    'onedl-mmcv': 'mmcv',
    'onedl-mmdetection': 'mmdet',
    'opencv-python-headless': 'cv2',
    'faster-coco-eval': 'faster_coco_eval',
    'pillow': 'PIL',
    'scikit-learn': 'sklearn',
}


def listed(name: str) -> list[Requirement]:
    """Return the requirements in requirements/`name`.txt."""
    lines = (ROOT / 'requirements' / f'{name}.txt').read_text().splitlines()
    return [Requirement(line) for line in lines if line.strip() and not line.startswith('#')]


def pins(name: str = THIS) -> dict[str, str]:
    """Return the pinned version of every package in requirements/`name`.txt, by default for this Python."""
    return {canonicalize_name(pin.name): str(pin.specifier)[2:] for pin in listed(name)}


def declared() -> list[Requirement]:
    return [need for name in ('light', 'base', *EXTRAS) for need in listed(name)]


def needs_of(name: str) -> list[str]:
    """Return the packages that the installed package `name` requires, without extras."""
    needs = map(Requirement, metadata.requires(name) or [])
    return [
        canonicalize_name(need.name) for need in needs if need.marker is None or need.marker.evaluate({'extra': ''})
    ]


def closure(names: list[str]) -> set[str]:
    """Return `names` and everything that they need, except the CUDA packages that PyTorch pins."""
    found: set[str] = set()
    ahead = list(names)
    while ahead:
        name = canonicalize_name(ahead.pop())
        if name in found or name.startswith(('nvidia-', 'cuda-', 'triton')):
            continue
        found.add(name)
        ahead += [] if name == 'opencv-python' else needs_of(name)
    return found


@pytest.mark.parametrize('name', CONSTRAINTS)
def test_every_constraint_is_one_exact_version(name: str) -> None:
    for pin in listed(name):
        assert re.fullmatch(r'==[0-9][\w.]*', str(pin.specifier)), pin
    assert len(pins(name)) == len(listed(name))


@pytest.mark.parametrize('name', CONSTRAINTS)
def test_every_declared_requirement_admits_its_pin(name: str) -> None:
    pinned = pins(name)
    for need in declared():
        assert need.specifier.contains(pinned[canonicalize_name(need.name)]), need


def test_everything_needed_is_pinned() -> None:
    assert closure([need.name for need in declared()]) - set(pins()) == set()


def test_nothing_is_pinned_that_nothing_needs() -> None:
    build_tools = {'pip', 'setuptools', 'wheel', 'cython'}
    optional = {'xtcocotools'}
    assert set(pins()) - closure([need.name for need in declared()]) - build_tools - optional == set()


@pytest.mark.parametrize('need', declared(), ids=lambda need: need.name)
def test_the_pinned_version_is_the_installed_one(need: Requirement) -> None:
    installed = metadata.version(need.name).partition('+')[0]
    assert installed == pins()[canonicalize_name(need.name)]


def test_packages_with_the_same_import_name_are_not_installed() -> None:
    installed = {canonicalize_name(part.metadata['Name']) for part in metadata.distributions()}
    assert NEVER.isdisjoint(pins())
    assert (NEVER | {'opencv-python'}).isdisjoint(installed)


def test_every_third_party_import_of_hrpose_is_declared() -> None:
    known = {
        MODULE_OF.get(need.name, need.name)
        for name in ('light', 'base', 'train', 'detection', 'analysis', 'page', 'export', 'completion', *OPTIONAL)
        for need in listed(name)
    }
    used = {}
    for path in ROOT.glob('hrpose/**/*.py'):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                used.update({alias.name.split('.')[0]: path for alias in node.names})
            elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
                used[node.module.split('.')[0]] = path
    peers = {'mmpose', 'typing_extensions'}  # only for comparison, if it is installed; only for type checkers
    undeclared = set(used) - known - set(sys.stdlib_module_names) - peers - {'hrpose'}
    assert {name: used[name] for name in undeclared} == {}


def test_installed_metadata_is_what_the_repository_says() -> None:
    about = metadata.metadata('hrpose')
    assert about['Version'] == hrpose.__version__
    assert set(about.get_all('Provides-Extra', [])) == {*EXTRAS, *OPTIONAL, 'all'}
    assert about['Requires-Python'] == '>=3.10'


def test_every_folder_with_python_files_is_a_package() -> None:
    folders = {path.parent for path in ROOT.glob('hrpose/**/*.py')}
    assert [folder for folder in folders if not (folder / '__init__.py').is_file()] == []


@pytest.mark.parametrize('name', ['requirements', 'setup.py', 'pyproject.toml', 'Makefile', 'tools', '.ci'])
def test_set_up_has_no_network_address(name: str) -> None:
    path = ROOT / name
    files = [path] if path.is_file() else [*path.glob('*.txt'), *path.glob('*.sh'), *path.glob('run')]
    assert files
    assert [file for file in files if re.search(r'https?://|--index-url|git\+', file.read_text())] == []


def run_setup(venv: Path, python: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ['bash', SETUP_ENV],
        env={**os.environ, 'VENV': str(venv), 'PYTHON': python},
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_set_up_refuses_another_python(tmp_path: Path) -> None:
    old = tmp_path / 'python3.8'
    old.write_text('#!/bin/sh\necho 3.8\n')
    old.chmod(0o755)
    result = run_setup(tmp_path / 'venv', str(old))
    assert result.returncode == 2
    assert 'is Python 3.8' in result.stderr
    assert ', '.join(name.removeprefix('constraints-') for name in CONSTRAINTS) + ' only' in result.stderr
    assert not (tmp_path / 'venv').exists()


def test_set_up_without_python_says_how_to_point_at_one(tmp_path: Path) -> None:
    result = run_setup(tmp_path / 'venv', str(tmp_path / 'nothing'))
    assert result.returncode == 2
    assert 'make setup PYTHON=' in result.stderr


def test_a_failed_set_up_says_where_and_leaves_no_stamp(tmp_path: Path) -> None:
    venv = tmp_path / 'venv'
    (venv / 'bin').mkdir(parents=True)
    fake = venv / 'bin' / 'python'
    # A Python of the right version, whose pip can only print its version.
    fake.write_text(
        f"""#!/bin/sh
case "$*" in
    *"pip --version"*) exit 0 ;;
    *"-m pip"*) echo 'no room left'; exit 1 ;;
    *) exec {sys.executable} "$@" ;;
esac
"""
    )
    fake.chmod(0o755)
    result = run_setup(venv, sys.executable)
    assert result.returncode == 2
    assert 'no room left' in result.stderr
    assert "the setup stopped at 'pip, NumPy" in result.stderr
    assert not (venv / 'setup.stamp').exists()


@pytest.mark.slow  # builds a wheel
def test_a_wheel_brings_configs_project_templates_and_the_page(tmp_path: Path) -> None:
    source, site, empty = tmp_path / 'source', tmp_path / 'site', tmp_path / 'empty'
    empty.mkdir()
    for name in ('hrpose', 'configs', 'requirements'):
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns('__pycache__'))
    for name in ('setup.py', 'pyproject.toml', 'MANIFEST.in', 'README.md', 'LICENSE'):
        shutil.copy(ROOT / name, source)
    pip = [sys.executable, '-m', 'pip', 'wheel', '-q', '--no-deps', '--no-build-isolation', '-w', tmp_path, source]
    built = subprocess.run(list(map(str, pip)), capture_output=True, text=True, timeout=300)
    assert built.returncode == 0, built.stderr
    assert 'absent from' not in built.stderr  # setuptools' warning about data that looks like packages
    (wheel,) = tmp_path.glob('*.whl')
    shutil.unpack_archive(wheel, site, 'zip')

    assert (site / 'hrpose' / 'py.typed').is_file()
    page = {path.name for path in (ROOT / 'hrpose' / 'page' / 'static-files').iterdir()}
    assert {path.name for path in (site / 'hrpose' / 'page' / 'static-files').iterdir()} == page
    assert 'index.html' in page

    def hrpose_command(*words: str) -> str:
        command = [sys.executable, '-m', 'hrpose.cli', *words]
        environment = {**os.environ, 'PYTHONPATH': str(site)}
        done = subprocess.run(command, cwd=empty, env=environment, capture_output=True, text=True, timeout=120)
        return done.stdout + done.stderr

    assert f'configs  {site}/hrpose/.mim/configs' in hrpose_command('models', 'w32')
    message = hrpose_command('train', 'hrnet_w16_synthetic_128x96')
    assert message.startswith('error: the data are not there') and 'hrpose make-synthetic data/synthetic' in message
    assert 'pytest my_net' in hrpose_command('new-project', 'my_net', '--kind', 'codec')
    printed = hrpose_command('print-config', 'my_net/configs/my_net_synthetic_128x96.py', '--origin')
    assert re.search(r'codec\.radius = 2 +# my_net/configs/my_net_synthetic', printed), printed
    assert re.search(r'codec\.sigma = 1\.5 +# \S*hrpose/\.mim/configs/hrnet_w16_synthetic_128x96\.py', printed), printed
