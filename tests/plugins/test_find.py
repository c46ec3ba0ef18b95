"""Plug-ins are found beside the config and above it; one that fails on import is named with file and line."""

import sys
from pathlib import Path

import pytest

from hrpose.config import load_config
from hrpose.errors import UserError
from hrpose.plugins import find_module


@pytest.fixture(autouse=True)
def clean_path(monkeypatch):
    """Restore the path after the test."""
    monkeypatch.setattr(sys, 'path', list(sys.path))


def write(path: Path, text: str = '') -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def config_of(folder: Path, imports: object) -> Path:
    return write(folder / 'a_config.py', f'custom_imports = {dict(imports=imports)!r}\n')


@pytest.mark.parametrize(
    ('config', 'module', 'name'),
    [
        ('part1/configs', 'part1/__init__.py', 'part1'),
        ('.', 'part2/__init__.py', 'part2'),
        ('work_dirs/run', 'projects/part3/__init__.py', 'part3'),
        ('configs', 'part4.py', 'part4'),
        ('configs', 'projects/part5/deep.py', 'projects.part5.deep'),
    ],
)
def test_a_module_is_found_above_the_config_and_in_projects(config, module, name, tmp_path):
    write(tmp_path / module, 'VALUE = 1\n')
    load_config(config_of(tmp_path / config, [name]))
    assert sys.modules[name].VALUE == 1


def test_a_module_is_found_from_the_working_directory(tmp_path, monkeypatch):
    write(tmp_path / 'here' / 'part6' / '__init__.py')
    monkeypatch.chdir(tmp_path / 'here')
    load_config(config_of(tmp_path / 'elsewhere', 'part6'))
    assert Path(sys.modules['part6'].__file__).is_relative_to(tmp_path / 'here')


def test_the_nearest_module_is_taken(tmp_path):
    for folder in ('', 'a/', 'a/b/'):
        write(tmp_path / f'{folder}part7' / '__init__.py')
    assert find_module('part7', tmp_path / 'a' / 'b' / 'c' / 'x.py') == tmp_path / 'a' / 'b'


def test_a_config_is_not_taken_for_a_part_of_its_name(tmp_path):
    write(tmp_path / 'part8' / '__init__.py')
    config = write(tmp_path / 'part8' / 'configs' / 'part8.py', "custom_imports = dict(imports=['part8'])\n")
    load_config(config)
    assert Path(sys.modules['part8'].__file__).parent == tmp_path / 'part8'


MISTAKES = {
    'not_there': ('', ['prat'], 'neither installed nor in the folder of the config.*nearest: part'),
    'name_error': (
        'x = 1\ny = nothing\n',
        ['part'],
        r'cannot be imported: NameError: .*part/__init__.py, line 2',
    ),
    'syntax': ('x = 1\nclass\n', ['part'], r'SyntaxError: .*part/__init__.py, line 2'),
    'needs_another': ('import not_installed_at_all', ['part'], "No module named 'not_installed_at_all'"),
    'twice': (
        'from hrpose.registry import HOOKS\nfrom hrpose.engine.hooks import PoseVisualizationHook\n'
        'HOOKS.register_module(module=PoseVisualizationHook)',
        ['part'],
        'PoseVisualizationHook is already registered',
    ),
    'installed': ('', ['yaml'], "means 'yaml' in .*but Python takes the one in .*rename yours"),
}


@pytest.mark.parametrize(('text', 'imports', 'reason'), MISTAKES.values(), ids=MISTAKES)
def test_a_failing_import_is_one_message_with_its_place(text, imports, reason, tmp_path, monkeypatch):
    monkeypatch.delitem(sys.modules, 'part', raising=False)
    write(tmp_path / 'part' / '__init__.py', text)
    write(tmp_path / 'yaml' / '__init__.py')
    with pytest.raises(UserError, match=reason) as error:
        load_config(config_of(tmp_path, imports))
    assert str(tmp_path / 'a_config.py') in str(error.value)


def test_allow_failed_imports_skips_a_module(tmp_path):
    text = "custom_imports = dict(imports=['nowhere_at_all'], allow_failed_imports=True)\nvalue = 3\n"
    assert load_config(write(tmp_path / 'a.py', text)).value == 3


def test_an_unknown_key_names_the_nearest(tmp_path):
    with pytest.raises(UserError, match="custom_imports has no 'import'; nearest: imports"):
        load_config(write(tmp_path / 'a.py', "custom_imports = {'import': ['x']}\n"))
