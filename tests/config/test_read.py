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


def inheriting(path, text):
    path.write_text(f"_base_ = ['hrpose::hrnet_w32_coco_256x192.py']\n{text}\n")
    return path


@pytest.mark.parametrize(
    ('name', 'meant'),
    [
        ('optim_wraper', 'optim_wrapper'),
        ('optimizer_wrapper', 'optim_wrapper'),
        ('modle', 'model'),
        ('metainfos', 'metainfo'),
        ('dataroot', 'data_root'),
        ('meta_info', 'metainfo'),
        ('trian_dataloader', 'train_dataloader'),
    ],
)
def test_a_misspelt_top_level_name_is_refused(name, meant, tmp_path):
    path = inheriting(tmp_path / 'mine.py', f'{name} = 1')
    with pytest.raises(UserError, match=rf"mine.py: nothing reads '{name}'; if '{meant}' is meant"):
        load_config(path)


@pytest.mark.parametrize(
    'text',
    [
        'width = 32',
        'note_to_self = 1',
        'tta_pipeline = []',
        'strong_pipeline = []',
        'lvis_train_pipeline = []',
        '_data_root = 1',
        "data_roots = 'a'\ndata_root = data_roots",
    ],
)
def test_a_variable_of_the_users_passes(text, tmp_path):
    assert load_config(inheriting(tmp_path / 'mine.py', text)).model


def test_a_variable_may_be_used_by_an_heir(tmp_path):
    inheriting(tmp_path / 'base.py', "models = 'a'")
    (tmp_path / 'mine.py').write_text("_base_ = ['base.py']\nwork_dir = _base_.models\n")
    assert load_config(tmp_path / 'mine.py').work_dir == 'a'


@pytest.mark.parametrize(
    ('base', 'advice'),
    [
        ('../configs/hrnet_w48_coco_256x192.py', 'hrpose::hrnet_w48_coco_256x192.py'),
        ('../configs/_base_/coco.py', 'hrpose::_base_/coco.py'),
        ('mine_too.py', 'hrpose::hrnet_w32_coco_256x192.py'),
    ],
)
def test_a_base_that_is_not_there_points_to_names(base, advice, tmp_path):
    (tmp_path / 'mine.py').write_text(f"_base_ = ['{base}']\n")
    with pytest.raises(UserError) as error:
        load_config(tmp_path / 'mine.py')
    assert f"_base_ = ['{advice}']" in str(error.value) and 'relative to the config' in str(error.value)
