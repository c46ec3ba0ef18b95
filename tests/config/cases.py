"""What the tests of configs share."""

import copy
from pathlib import Path

from mmengine.config import Config

ROOT = Path(__file__).resolve().parents[2]
W32 = ROOT / 'configs' / 'hrnet_w32_coco_256x192.py'
LOADERS = ('train_dataloader', 'val_dataloader', 'test_dataloader')
FIVE = {'dataset_name': 'five', 'keypoint_names': ('nose', 'left_a', 'right_a', 'left_b', 'right_b')}


def as_dict(cfg: Config) -> dict:
    """Return a config's values, as a copy."""
    return copy.deepcopy(cfg._cfg_dict.to_dict())


def write_leaf(path: Path, base: Path, lines: list[str]) -> Path:
    """Write a config file that inherits from another."""
    path.write_text('\n'.join([f'_base_ = [{str(base)!r}]', *lines]) + '\n')
    return path


def steps(cfg: Config, kind: str) -> list:
    """Return the transforms of one kind in all three pipelines."""
    return [step for name in LOADERS for step in cfg[name].dataset.pipeline if step.type == kind]


def assert_linked(cfg: Config) -> None:
    """Assert that every place holds what the top of the config says."""
    names, size = cfg.metainfo.keypoint_names, tuple(cfg.codec.input_size)
    assert [tuple(step.input_size) for step in steps(cfg, 'PadBox')] == [size] * 3
    assert [tuple(step.input_size) for step in steps(cfg, 'WarpAffine')] == [size] * 3
    assert [tuple(step.flip_indices) for step in steps(cfg, 'WarpAffine')] == [tuple(cfg.metainfo.flip_indices)] * 3
    assert cfg.model.head.codec == cfg.codec
    assert cfg.model.head.out_channels == len(names)
    for step in steps(cfg, 'RandomHalfBody'):
        assert tuple(step.upper_body_ids) == tuple(cfg.metainfo.upper_body_ids)
    holders = [cfg.model, *(cfg[name].dataset for name in LOADERS), *cfg.val_evaluator, *cfg.test_evaluator]
    assert [holder.metainfo.keypoint_names for holder in holders] == [names] * len(holders)
