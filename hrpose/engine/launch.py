"""From a linked config to a runner, with checks of the data and the parts before anything is built."""

from collections.abc import Mapping
from typing import Any

from mmengine.config import Config
from mmengine.registry import DefaultScope
from mmengine.runner import Runner

from hrpose.config import each_dataset
from hrpose.engine.runner import PoseRunner
from hrpose.errors import MissingDataError, UserError
from hrpose.files import UNWRITABLE
from hrpose.plugins.openmmlab import require_mmdet
from hrpose.registry import DATASETS


def build_runner(cfg: Config, *, loaders: tuple[str, ...]) -> Runner:
    """Return the runner of a linked config.

    Args:
        cfg: from `load_config`.
        loaders: those of `train_dataloader val_dataloader test_dataloader` that the run reads. The others are not
            built, nor the parts that only they need.

    Raises:
        UserError: data are missing, a part is unknown, or parts do not fit each other.
    """
    cfg = _without_unused(cfg, loaders)
    _require_parts(cfg, loaders)
    if cfg.get('default_scope') == 'mmdet':
        require_mmdet()
    for name in loaders:
        require_data(cfg, name)
    if 'train_dataloader' in loaders and 'codec' in cfg:
        _require_epochs(cfg.train_dataloader.get('sampler', {}))
    try:
        return PoseRunner.from_cfg(cfg)
    except OSError as error:
        if error.errno not in UNWRITABLE:
            raise
        raise UserError(
            f'{error.filename or cfg.work_dir}: cannot be written ({error.strerror}); free some space, or choose '
            'another folder with --work-dir'
        ) from error


def require_data(cfg: Config, loader: str) -> None:
    """Raise `UserError` if the files of a loader are missing. The annotations are not read yet."""
    with DefaultScope.overwrite_default_scope(cfg.get('default_scope', 'hrpose')):
        for _, dataset in each_dataset(cfg[loader].dataset, loader):
            try:
                DATASETS.build({**dataset.to_dict(), 'lazy_init': True})
            except MissingDataError as error:
                raise MissingDataError(f'{error}\n  needed by {loader} of {cfg.filename}') from error


def _without_unused(cfg: Config, loaders: tuple[str, ...]) -> Config:
    """Return a copy without the phases that the run does not have; mmengine would build all of them."""
    kept = Config(cfg._cfg_dict.to_dict(), filename=cfg.filename)
    for phase in ('train', 'val', 'test'):
        if f'{phase}_dataloader' not in loaders:
            for part in ('dataloader', 'cfg', 'evaluator'):
                kept.pop(f'{phase}_{part}', None)
    if 'train_dataloader' not in loaders:
        for part in ('optim_wrapper', 'param_scheduler', 'auto_scale_lr'):
            kept.pop(part, None)
    return kept


def _require_parts(cfg: Config, loaders: tuple[str, ...]) -> None:
    needed = ['model', *loaders]
    if 'train_dataloader' in loaders:
        needed += ['train_cfg', 'optim_wrapper']
    if cfg.get('default_scope', 'hrpose') == 'hrpose' and ('train_pipeline' in cfg or 'test_pipeline' in cfg):
        needed.insert(0, 'codec')
    if missing := [name for name in needed if cfg.get(name) is None]:
        raise UserError(
            f'the config has no {", no ".join(missing)}; configs/hrnet_w32_coco_256x192.py is a complete one'
        )


def _require_epochs(sampler: Mapping[str, Any]) -> None:
    """Refuse mmengine's samplers: their plain indices would make augmentation repeat every epoch."""
    if sampler.get('type') in ('DefaultSampler', 'InfiniteSampler'):
        raise UserError(
            f"train_dataloader.sampler: mmengine's {sampler['type']} does not give the data set the epoch, so "
            "augmentation would repeat; write dict(type='EpochSampler', shuffle=True)"
        )
