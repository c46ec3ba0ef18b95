"""Configs are found by name: from a clone, from an installed package, as a base of another config."""

from pathlib import Path
from types import SimpleNamespace

import pytest
from mmengine.config import Config

from hrpose.config import load_config, shipped
from hrpose.config.shipped import config_folder, config_names, find_config
from hrpose.errors import UserError
from tests.config.cases import as_dict

ROOT = Path(__file__).resolve().parents[2]
NAME = 'hrnet_w32_coco_256x192'


def test_a_clones_configs_are_those_of_its_folder():
    assert config_folder() == ROOT / 'configs'
    assert NAME in config_names()
    assert not [name for name in config_names() if '_base_' in name]


def test_an_installed_package_has_its_own_configs(tmp_path, monkeypatch):
    (tmp_path / '.mim' / 'configs' / 'detection').mkdir(parents=True)
    for name in ('mine', 'detection/ours'):
        (tmp_path / '.mim' / 'configs' / f'{name}.py').write_text('value = 1\n')
    spec = SimpleNamespace(submodule_search_locations=[str(tmp_path)])
    monkeypatch.setattr(shipped, 'find_spec', lambda package: spec)
    assert config_names() == ['detection/ours', 'mine']
    assert find_config('detection/ours') == tmp_path / '.mim' / 'configs' / 'detection' / 'ours.py'


@pytest.mark.parametrize('given', [NAME, f'{NAME}.py', f'hrpose::{NAME}', f'hrpose::{NAME}.py'])
def test_a_config_is_found_by_name_from_any_folder(given, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert find_config(given) == ROOT / 'configs' / f'{NAME}.py'


def test_a_file_goes_before_a_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path(f'{NAME}.py').write_text('value = 3\n')
    assert load_config(f'{NAME}.py').value == 3


def test_a_config_inherits_by_name(tmp_path):
    path = tmp_path / 'mine.py'
    path.write_text(f"_base_ = ['hrpose::{NAME}.py']\ncodec = dict(sigma=3)\n")
    expected = as_dict(load_config(NAME, {'codec.sigma': 3}))
    assert as_dict(load_config(path)) == expected
    assert '_scope_' not in str(as_dict(load_config(path)))


def test_mmengine_is_left_as_it_was():
    before = Config._get_cfg_path
    with pytest.raises(UserError), shipped.bases_by_name():
        assert Config._get_cfg_path is not before
        raise UserError
    assert Config._get_cfg_path is before


@pytest.mark.parametrize(
    ('given', 'reason'),
    [
        ('hrnet_w32_coco_256x129', 'nearest: hrnet_w32_coco_256x192,'),
        (f'nowhere/{NAME}.py', f'give the name alone, {NAME}'),
        ('hrpose::hrnet_w32_coco_256x129.py', 'nearest: hrnet_w32_coco_256x192.py'),
        ('not_a_package_at_all::x.py', 'no package not_a_package_at_all'),
        ('/nowhere/x.py', 'no folder /nowhere'),
        ('nodet.py', 'no config file nodet.py; give the path of a config, or a name that `hrpose models` lists'),
    ],
)
def test_a_missing_config_names_the_nearest(given, reason):
    with pytest.raises(UserError, match=reason):
        find_config(given)
