"""Turn mmpose 1.x's top-down heatmap configs into hrpose's, and say what became of each part.

mmpose is not imported: its config is read as data. As any config of mmengine it is a Python program, which runs.
"""

import textwrap
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmengine.config import Config

from hrpose.config.migration.data import (
    clean,
    migrate_dataset,
    migrate_loader,
    migrate_metainfo,
    migrate_metrics,
    migrate_pipeline,
    require_known,
)
from hrpose.config.migration.model import migrate_codec, migrate_model
from hrpose.config.migration.notes import Notes
from hrpose.config.migration.schedule import migrate_runtime, migrate_schedule
from hrpose.config.migration.shorten import read_shipped, same, shortest
from hrpose.config.mmpose import is_mmpose
from hrpose.errors import UserError

Part = dict[str, Any]


@dataclass(frozen=True)
class Migration:
    """A migrated config: its text, the shipped config that it inherits from, and what became of mmpose's parts."""

    text: str
    base: str
    notes: Notes


def migrate_config(path: Path, out: Path) -> Migration:
    """Return the hrpose config for a top-down heatmap config of mmpose 1.x.

    Args:
        path: mmpose's config; it is run.
        out: the file that the text is for; nothing is written.

    Raises:
        UserError: the file cannot be read, is no config of mmpose, or has an essential part without a counterpart.
    """
    cfg, notes = read_mmpose(path), Notes()
    try:
        target = migrated(cfg, path, notes)
    except UserError as error:
        raise UserError(f'{path}: {error}') from error
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        raise UserError(
            f'{path}: not a whole config of mmpose 1.x: {type(error).__name__}: {error}; check that it trains in mmpose'
        ) from error
    base, text = shortest(target, out)
    return Migration(_header(path, notes) + text, base, notes)


def read_mmpose(path: Path) -> Part:
    """Return mmpose's config as plain data.

    Raises:
        UserError: the file cannot be read, or is no config of mmpose.
    """
    if not path.is_file():
        raise UserError(f'{path}: no such file; give the path of a config of mmpose')
    try:
        cfg = Config.fromfile(str(path), import_custom_modules=False)
    except FileNotFoundError as error:
        raise UserError(
            f'{path}: a config that it inherits from is missing: {error}; give a config in its place in mmpose, or one '
            'that mmpose has written to a work dir, which inherits nothing'
        ) from error
    except Exception as error:  # a config is a program of the user's and may raise anything
        advice = ''
        if 'mmpose' in str(error):  # of a base `mmpose::…`, or a config that imports mmpose's parts
            advice = '; without mmpose installed, give the config that mmpose has written to a work dir'
        raise UserError(f'{path}: cannot be read: {type(error).__name__}: {error}{advice}') from error
    if not is_mmpose(cfg):
        raise UserError(f"{path}: no config of mmpose 1.x, whose default_scope is 'mmpose'; give one of mmpose's")
    return cfg._cfg_dict.to_dict()


def migrated(cfg: Part, path: Path, notes: Notes) -> Part:
    """Return hrpose's whole config, before linking, for mmpose's."""
    codec = cfg.get('codec') or cfg['model']['head'].get('decoder')
    if not isinstance(codec, Mapping):
        raise UserError('codec: hrpose has one codec in a config; keep mmpose for a network with several')
    codec = migrate_codec(codec, notes)
    model, top = migrate_model(cfg['model'], codec, notes)
    data = _data(cfg, path, codec, notes)
    schedule = migrate_schedule(cfg, notes)
    return {'codec': codec, **data, 'model': model, **schedule, **migrate_runtime(cfg, _runtime(), top, notes)}


def _runtime() -> Part:
    runtime = dict(read_shipped('_base_/runtime'))
    del runtime['train_cfg']
    return runtime


def _data(cfg: Part, path: Path, codec: Part, notes: Notes) -> Part:
    """Return joints, loaders, pipelines and metrics."""
    if not cfg.get('val_dataloader') and cfg.get('test_dataloader'):
        cfg = {**cfg, 'val_dataloader': cfg['test_dataloader'], 'val_evaluator': cfg.get('test_evaluator')}
    stages = [stage for stage in ('train', 'val', 'test') if cfg.get(f'{stage}_dataloader')]
    if 'val' not in stages:
        raise UserError('val_dataloader: the config has no data to validate on, which hrpose needs; add them')
    if 'test' in stages and all(cfg.get(f'test_{key}') == cfg.get(f'val_{key}') for key in ('dataloader', 'evaluator')):
        stages.remove('test')  # hrpose copies the validation
    sets = {stage: cfg[f'{stage}_dataloader']['dataset'] for stage in stages}
    first = next(iter(sets.values()))
    root = clean(_single(first).get('data_root', ''))
    data: Part = {'metainfo': _metainfo(sets, path, notes), 'data_root': root}
    data |= {'train_dataloader': None, 'train_pipeline': []} if 'train' not in sets else {}
    for stage, given in sets.items():
        place = f'{stage}_dataloader'
        dataset, steps = migrate_dataset(given, root, f'{place}.dataset', notes)
        pipeline = f'{"train" if stage == "train" else "test"}_pipeline'
        found = migrate_pipeline(steps, codec, data['metainfo'], pipeline, notes)
        if not same(data.setdefault(pipeline, found), found):
            dataset['pipeline'] = found
        data[place] = migrate_loader(cfg[place], dataset, place, notes)
        if stage != 'train':
            data[f'{stage}_evaluator'] = migrate_metrics(
                cfg[f'{stage}_evaluator'], _single(given), f'{stage}_evaluator', notes
            )
    return data


def _single(dataset: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the data set inside wrappers, the first one of a mixture."""
    while 'dataset' in dataset or 'datasets' in dataset:
        dataset = dataset['dataset'] if 'dataset' in dataset else dataset['datasets'][0]
    return dataset


def _metainfo(sets: Mapping[str, Any], path: Path, notes: Notes) -> Any:
    found = {}
    for stage, dataset in sets.items():
        inner, place = (dataset if dataset.get('metainfo') else _single(dataset)), f'{stage}_dataloader.dataset'
        if not inner.get('metainfo'):
            require_known(inner, place)
        found[place] = migrate_metainfo(inner, path, place, notes)
    (place, joints), *others = found.items()
    for other, theirs in others:
        if not same(joints, theirs):
            notes.lacks(f'{other}.metainfo', f'other joints than those of {place}', f"the model's are those of {place}")
    return joints


def _header(path: Path, notes: Notes) -> str:
    """Return the comment that a migrated config begins with."""
    lines = [
        f"Migrated from mmpose's {path.name} by `hrpose migrate`.",
        *(f'No counterpart: {line}.' for line in notes.missing),
    ]
    return ''.join(f'# {row}\n' for line in lines for row in textwrap.wrap(line, 116, subsequent_indent='  '))
