"""What stops a run before it starts."""

import argparse

import pytest

from hrpose.cli.arguments import config_from_arguments
from hrpose.config import load_config
from hrpose.engine.launch import build_runner
from hrpose.errors import UserError


def test_a_sampler_that_repeats_augmentation_is_refused(tiny_config, tiny_coco):
    cfg = load_config(tiny_config(tiny_coco()))
    cfg.train_dataloader.sampler = dict(type='DefaultSampler', shuffle=True)
    with pytest.raises(UserError, match="write dict\\(type='EpochSampler'"):
        build_runner(cfg, loaders=('train_dataloader',))


def test_a_launcher_without_its_environment_is_refused(repository, monkeypatch):
    monkeypatch.delenv('RANK', raising=False)
    arguments = argparse.Namespace(
        config=str(repository / 'configs/hrnet_w32_coco_256x192.py'), cfg_options=[], launcher='pytorch', work_dir=None
    )
    with pytest.raises(UserError, match='torchrun'):
        config_from_arguments(arguments)


def test_a_config_without_its_parts_names_them_and_a_complete_one(tiny_config, tiny_coco):
    cfg = load_config(tiny_config(tiny_coco()))
    for part in ('codec', 'model', 'optim_wrapper'):
        cfg.pop(part)
    with pytest.raises(UserError, match='no codec, no model, no optim_wrapper; configs/hrnet_w32'):
        build_runner(cfg, loaders=('train_dataloader',))
