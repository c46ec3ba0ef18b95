"""A run saves the text of its config, written without mmengine's formatter, which takes seconds."""

import copy

import torch
from mmengine.config import Config

from hrpose.config import text_of
from hrpose.engine.runner import PlainConfig
from tests.engine.cases import runner_of

SPARE = 'val_dataloader = val_cfg = val_evaluator = None'


def test_a_training_saves_its_config_and_runs_no_formatter(tiny_coco, tiny_config, tmp_path, monkeypatch):
    formatted = []
    monkeypatch.setattr('yapf.yapflib.yapf_api.FormatCode', lambda text, **_: (text, formatted.append(text)))
    config = tiny_config(tiny_coco(images=2), extra=SPARE)
    options = {'train_cfg.max_epochs': 1, 'default_hooks.checkpoint.interval': 1}
    runner = runner_of(config, tmp_path / 'run', ('train_dataloader',), **options)
    runner.train()
    assert not formatted
    text = text_of(runner.cfg)
    # `read_checkpoint` takes the text out.
    assert torch.load(tmp_path / 'run' / 'epoch_1.pth', weights_only=True)['meta']['cfg'] == text
    (dumped,) = (tmp_path / 'run').glob('tiny_*.py')
    assert dumped.read_text() == text


def test_the_text_follows_the_values_of_a_config_and_its_copies():
    cfg = PlainConfig.of(Config({'a': {'b': 1}}))
    before = cfg.pretty_text
    cfg.a.b = 2
    assert cfg.pretty_text == 'a = dict(b=2)\n' != before
    other = copy.deepcopy(cfg)
    other.a.b = 1
    assert type(other) is PlainConfig and other.pretty_text == before and '2' in cfg.pretty_text
