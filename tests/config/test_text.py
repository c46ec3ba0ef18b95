"""A config's text is a Python file with the same values, in short lines."""

import ast

import pytest
from mmengine.config import Config

from hrpose.config import load_config, text_of
from hrpose.config.shipped import config_names
from hrpose.config.text import WIDTH


@pytest.mark.parametrize('name', [name for name in config_names() if name.startswith(('hrnet_w32_coco', 'hrnet_w16'))])
def test_a_shipped_config_is_written_as_mmengine_writes_it(name):
    cfg = load_config(name)
    text = text_of(cfg)
    plain = Config(cfg._cfg_dict.to_dict(), format_python_code=False).pretty_text
    assert ast.dump(ast.parse(text)) == ast.dump(ast.parse(plain))
    assert max(map(len, text.splitlines())) <= WIDTH


def test_values_of_every_kind_are_read_again(tmp_path):
    values = {
        'quotes': 'a \'b\' "c"\n',
        'numbers': [1, -2.5, 1e-30, True, None],
        'single': ('x' * 90,),
        'names': {'no name': {'inner': 'y' * 60, 'b-c': ['z' * 40] * 3}, '1': ()},
        'empty': [{}, [], ()],
    }
    file = tmp_path / 'written.py'
    file.write_text(text_of(Config(values)))
    assert Config.fromfile(file)._cfg_dict.to_dict() == values


def test_a_long_value_is_broken_after_each_element():
    text = text_of(Config({'steps': [{'type': 'A' * 30}, {'type': 'B' * 40, 'size': (1, 2)}]}))
    assert text == f"steps = [\n    dict(type='{'A' * 30}'),\n    dict(size=(1, 2), type='{'B' * 40}'),\n]\n"
