"""A config that cannot be read is refused with its file and the reason."""

import pytest

from hrpose.config import load_config
from hrpose.errors import UserError
from tests.config.cases import W32


def test_an_unknown_config_names_the_nearest():
    with pytest.raises(
        UserError, match=r'no config file .*hrnet_w32_coco_256x129\.py; nearest: hrnet_w32_coco_256x192'
    ):
        load_config(W32.with_name('hrnet_w32_coco_256x129.py'))


@pytest.mark.parametrize(
    ('text', 'reason'),
    [
        ('codec = dict(', 'SyntaxError'),
        ("custom_imports = dict(imports=['nowhere_at_all'])", 'nowhere_at_all'),
        ("_base_ = ['missing.py']", 'missing.py'),
        ('value = 1 / 0', 'ZeroDivisionError'),
    ],
)
def test_a_broken_config_is_refused_with_file_and_reason(text, reason, tmp_path):
    path = tmp_path / 'broken.py'
    path.write_text(text + '\n')
    with pytest.raises(UserError) as error:
        load_config(path)
    assert str(path) in str(error.value)
    assert reason in str(error.value)
