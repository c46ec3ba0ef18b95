"""A run formats the text of its config once, and saves the text that mmengine would save."""

import copy

import torch
from mmengine.config import Config
from yapf.yapflib import yapf_api

from hrpose.engine.runner import FormattedOnce
from tests.engine.cases import runner_of

FORMAT = yapf_api.FormatCode
SPARE = 'val_dataloader = val_cfg = val_evaluator = None'


def test_a_training_formats_its_config_once(tiny_coco, tiny_config, tmp_path, monkeypatch):
    formatted = []

    def count(text, **options):
        formatted.append(text)
        return FORMAT(text, **options)

    monkeypatch.setattr(yapf_api, 'FormatCode', count)
    config = tiny_config(tiny_coco(images=2), extra=SPARE)
    options = {'train_cfg.max_epochs': 2, 'default_hooks.checkpoint.max_keep_ckpts': 2}
    runner = runner_of(config, tmp_path / 'run', ('train_dataloader',), **options)
    runner.train()
    assert len(formatted) == 1
    text = Config(runner.cfg._cfg_dict.to_dict()).pretty_text
    assert len(formatted) == 2
    for epoch in (1, 2):
        path = tmp_path / 'run' / f'epoch_{epoch}.pth'
        # `read_checkpoint` takes the text out.
        assert torch.load(path, weights_only=True)['meta']['cfg'] == text
    (dumped,) = (tmp_path / 'run').glob('tiny_*.py')
    assert dumped.read_text() == text


def test_the_text_follows_the_values_of_a_config_and_its_copies(monkeypatch):
    monkeypatch.setattr(yapf_api, 'FormatCode', lambda text, **_: (text, True))
    cfg = FormattedOnce.of(Config({'a': {'b': 1}}))
    before = cfg.pretty_text
    cfg.a.b = 2
    assert cfg.pretty_text == Config({'a': {'b': 2}}).pretty_text != before
    other = copy.deepcopy(cfg)
    other.a.b = 1
    assert type(other) is FormattedOnce and other.pretty_text == before and '2' in cfg.pretty_text
