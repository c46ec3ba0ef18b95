"""`--cfg-options`: a word becomes a value, which takes effect or is refused."""

import pytest

from hrpose.config import load_config, parse_options
from hrpose.errors import UserError
from tests.config.cases import FIVE, W32, assert_linked


@pytest.mark.parametrize(
    ('word', 'value'),
    [
        ('a=2', 2),
        ('a=-1.5e-3', -0.0015),
        ('a=(288,384)', (288, 384)),
        ('a=288,384', (288, 384)),
        ('a=[1,2]', [1, 2]),
        ("a={'type':'SGD'}", {'type': 'SGD'}),
        ('a=true', True),
        ('a=False', False),
        ('a=none', None),
        ('a=w48', 'w48'),
        ('a=data/coco', 'data/coco'),
        ('a=x=y', 'x=y'),
        ('a=', ''),
        ('a="17"', '17'),
    ],
)
def test_an_option_is_a_literal_or_text(word, value):
    (parsed,) = parse_options([word]).values()
    assert parsed == value
    assert type(parsed) is type(value)


@pytest.mark.parametrize('code', ['__import__("os").getcwd()', 'open("x","w")', '[].append(1)', '1+len("a")'])
def test_an_option_is_never_executed(code, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert parse_options([f'a={code}']) == {'a': code}
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize('word', ['codec.sigma', '=3', '', 'codec.sigma 3'])
def test_an_option_without_name_or_value_is_refused(word):
    with pytest.raises(UserError, match='KEY=VALUE'):
        parse_options([word])


@pytest.mark.parametrize(
    ('word', 'complaint'),
    [
        ('modle.flip_test=False', "no 'modle'; nearest: model"),
        ('train_pipeline.99.spread=1', '99'),
        ('train_pipeline.first.spread=1', 'train_pipeline.first.spread'),
        ('codec.input_size.w=1', 'codec.input_size.w'),
        ('metainfo=cocoo', "there is no 'cocoo'; nearest: coco"),
        ('data_rot=/elsewhere', 'data_root'),
        ('codec.input_size=288x384', 'input_size'),
        ('codec.input_size=256', 'input_size'),
        ('codec.input_size=(64,)', 'input_size'),
        ('codec=MSRAHeatmap', 'codec'),
        ('metainfo=17', 'metainfo'),
        ('train_dataloader.dataset.pipeline.3.spread=0', 'train_pipeline'),
    ],
)
def test_an_option_that_makes_no_sense_is_refused(word, complaint):
    with pytest.raises(UserError) as error:
        load_config(W32, parse_options([word]))
    assert complaint in str(error.value)


def test_an_option_reaches_into_a_pipeline():
    cfg = load_config(W32, parse_options(['train_pipeline.4.degrees=10', 'train_pipeline.1.padding=1.5']))
    pipeline = cfg.train_dataloader.dataset.pipeline
    assert (pipeline[4].type, pipeline[4].degrees) == ('RandomRotation', 10)
    assert (pipeline[1].type, pipeline[1].padding) == ('PadBox', 1.5)


def test_training_without_validation_is_an_option():
    assert load_config(W32, parse_options(['val_dataloader=None'])).val_dataloader is None


def test_an_option_for_validation_reaches_a_test_with_its_own():
    options = {'test_dataloader.batch_size': 3, 'val_dataloader.num_workers': 0, 'val_dataloader.batch_size': 7}
    cfg = load_config(W32, options)
    assert (cfg.test_dataloader.num_workers, cfg.test_dataloader.batch_size) == (0, 3)
    assert (cfg.val_dataloader.num_workers, cfg.val_dataloader.batch_size) == (0, 7)


def test_an_option_for_the_test_leaves_validation_alone():
    cfg = load_config(W32, {'test_dataloader.dataset.bbox_file': 'dets.json', 'test_evaluator.nms': None})
    assert cfg.test_dataloader.dataset.bbox_file == 'dets.json'
    assert 'bbox_file' not in cfg.val_dataloader.dataset
    assert cfg.test_evaluator[0].nms is None and 'nms' not in cfg.val_evaluator[0]


def test_joints_by_option_take_effect_everywhere():
    cfg = load_config(W32, {'metainfo': FIVE})
    assert_linked(cfg)
    assert cfg.model.head.out_channels == 5
