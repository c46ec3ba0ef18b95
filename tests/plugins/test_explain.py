"""An unknown part is explained: it is of another kind or toolbox, or a plug-in was not imported."""

from importlib.util import find_spec

import pytest
from mmengine.registry import MODELS as ROOT_MODELS
from mmengine.registry import DefaultScope

from hrpose import registry
from hrpose.cli.run import run
from hrpose.errors import UserError
from hrpose.plugins.openmmlab import prepare_openmmlab

pytestmark = pytest.mark.usefixtures('prepared')
with_mmdet = pytest.mark.skipif(find_spec('mmdet') is None, reason='needs mmdet')


@pytest.fixture(scope='module')
def prepared() -> None:
    prepare_openmmlab()


def message(kind: str, name: str) -> str:
    with pytest.raises(UserError) as error:
        getattr(registry, kind).build(dict(type=name))
    return str(error.value)


@pytest.mark.parametrize(
    ('kind', 'name', 'advice'),
    [
        ('MODELS', 'MSRAHeatmap', "'MSRAHeatmap' is a codec, and a model is needed here"),
        ('CODECS', 'HRNet', "'HRNet' is a model, and a codec is needed here"),
        ('MODELS', 'hrpose.HRNett', 'nearest: HRNet'),
        ('MODELS', 'nowhere_at_all.HRNet', "no package 'nowhere_at_all' is installed"),
        ('HOOKS', 'mmengin.CheckpointHook', 'nearest: mmengine'),
    ],
)
def test_a_wrong_kind_or_scope_is_named(kind, name, advice):
    assert advice in message(kind, name)


@with_mmdet
@pytest.mark.parametrize(
    ('name', 'advice'),
    [
        ('CSPNeXt', "mmdet has one: type='mmdet.CSPNeXt'"),
        ('mmdet.CSPNextt', 'nearest: CSPNeXt'),
        ('mmdet.HeatmapHead', "mmdet has none of that name, but hrpose has: type='HeatmapHead'"),
    ],
)
def test_a_missing_scope_is_named(name, advice):
    assert advice in message('MODELS', name)


@with_mmdet
@pytest.mark.parametrize(
    ('name', 'advice'),
    [('TopdownPoseEstimator', "type='hrpose.TopdownPoseEstimator'"), ('ResNett', 'nearest: ResNet')],
)
def test_a_command_explains_parts_of_mmdet_too(name, advice, capsys):
    def main():
        with DefaultScope.overwrite_default_scope('mmdet'):
            ROOT_MODELS.build(dict(type=name))

    with pytest.raises(SystemExit) as left:
        run(main)
    assert (left.value.code, advice in capsys.readouterr().err) == (2, True)


def test_another_key_error_keeps_its_traceback():
    with pytest.raises(KeyError, match='x'):
        run(lambda: {}['x'])


def test_a_missing_import_is_named(tmp_path, monkeypatch):
    (tmp_path / 'projects' / 'a_net').mkdir(parents=True)
    (tmp_path / 'projects' / 'a_net' / '__init__.py').write_text('')
    code = '@MODELS.register_module()\nclass ForgottenNet:\n    pass\n\n\nclass PlainNet:\n    pass\n'
    (tmp_path / 'projects' / 'a_net' / 'net.py').write_text(code)
    (tmp_path / 'broken.py').write_text('class')
    monkeypatch.chdir(tmp_path)
    advice = message('MODELS', 'ForgottenNet')
    assert advice.endswith("import it in the config: custom_imports = dict(imports=['a_net'])")
    assert 'projects/a_net/net.py' in advice
    assert 'is not registered: write @MODELS.register_module() above it' in message('MODELS', 'PlainNet')
