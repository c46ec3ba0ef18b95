"""Filling in what follows from a config's top-level values, and taking it out again."""

from collections.abc import Iterator, Mapping
from typing import Any

from mmengine.config import Config

from hrpose.config.data import LOADERS, each_dataset, is_part, link_data, mixtures_of
from hrpose.config.evaluation import EVALUATORS, link_evaluation
from hrpose.config.values import annotations_of, fill, lookup, plain
from hrpose.datasets.metainfo import reads_annotations, resolve, resolve_from_files
from hrpose.errors import UserError


def link(cfg: Config) -> Config:
    """Return a new config with everything filled in that follows from its top-level values.

    Pure and idempotent: `link(link(cfg))` equals `link(cfg)`, and `cfg` stays as it was. A config without a `codec`
    (a detector's, for instance) comes back as it is.

    Raises:
        UserError: a value that is written out and contradicts its source; names both places.
    """
    linked = Config(cfg._cfg_dict.to_dict(), filename=cfg.filename)
    if 'codec' not in linked:
        return linked
    linked.setdefault('default_scope', 'hrpose')
    if not isinstance(linked.default_scope, str):
        raise UserError(f"default_scope is a toolbox's name such as 'hrpose', not {linked.default_scope!r}")
    link_metainfo_and_codec(linked)
    link_data(linked)
    link_model(linked)
    link_evaluation(linked)
    return linked


def unlink(cfg: Config) -> Config:
    """Return a new config without the values that `link` would fill in again just so.

    A config that was saved after linking then follows an override as the file it came from does. Where a value differs
    from what follows from its source, somebody wrote it on purpose, and the whole config stays as it is.
    """
    bare = Config(cfg._cfg_dict.to_dict(), filename=cfg.filename)
    derived = list(derived_places(cfg))
    for place, key in derived:
        part = lookup(bare, place)
        if part is not None:
            part.pop(key, None)
    try:
        again = link(bare)
    except UserError:
        return cfg
    return bare if all(_agree(cfg, again, place, key) for place, key in derived) else cfg


def _agree(cfg: Config, again: Config, place: str, key: str) -> bool:
    """Say whether a value of `cfg`, if it has one there, is the one that `link` gave `again`."""
    part, filled = lookup(cfg, place), lookup(again, place)
    if part is None or key not in part:
        return True
    return filled is not None and plain(filled.get(key)) == plain(part[key])


def derived_places(cfg: Config) -> Iterator[tuple[str, str]]:
    """Yield the place and the key of each value in `cfg` that `link` may have filled in; outer ones last."""
    if 'codec' not in cfg:
        return
    yield 'codec', 'heatmap_size'
    for name in LOADERS:
        pipeline = 'train_pipeline' if name == 'train_dataloader' else 'test_pipeline'
        mixtures = mixtures_of(cfg[name].dataset, f'{name}.dataset') if cfg.get(name) else {}
        yield from ((place, 'metainfo') for place in mixtures)
        for place, dataset in each_dataset(cfg[name].dataset, f'{name}.dataset') if cfg.get(name) else ():
            # A part of a mixture has joints of its own; those that are the model's it may have been given.
            if not is_part(place, mixtures) or dataset.get('metainfo') == cfg.get('metainfo'):
                yield place, 'metainfo'
            yield from (
                (place, key) for key, source in (('data_root', 'data_root'), ('pipeline', pipeline)) if source in cfg
            )
    yield from (('model', 'metainfo'), ('model.head', 'codec'), ('model.head', 'out_channels'))
    for name in EVALUATORS:
        metrics = cfg.get(name) or []
        for index in range(len(metrics) if isinstance(metrics, list) else 0):
            yield from ((f'{name}.{index}', key) for key in ('metainfo', 'ann_file', 'gt_file'))
    yield 'default_hooks.checkpoint', 'rule'
    yield from (('', key) for key in ('test_dataloader', 'test_evaluator'))


def link_metainfo_and_codec(cfg: Config) -> None:
    """Resolve the joints and check the sizes."""
    cfg.metainfo = _target_metainfo(cfg)
    codec: Any = cfg.codec
    if not isinstance(codec, Mapping) or 'input_size' not in codec:
        raise UserError('codec.input_size is missing: (w, h) of the network input in px')
    size = plain(cfg.codec['input_size'])
    if not (isinstance(size, tuple) and len(size) == 2 and all(isinstance(side, int) and side > 0 for side in size)):
        raise UserError(f'codec.input_size has to be two positive whole numbers (w, h), not {size!r}')
    if cfg.codec.get('heatmap_size') is None:
        cfg.codec['heatmap_size'] = tuple(side // 4 for side in size)


def _target_metainfo(cfg: Config) -> dict[str, Any]:
    """Return the joints of the model: COCO's where the config says nothing; from the annotations where it asks for it.

    They are read from the first data set of train, val and test that leaves its joints to the config.
    """
    written = cfg.get('metainfo', 'coco')
    if not reads_annotations(written):
        return resolve(written)
    paths = [
        annotations_of(cfg, dataset)
        for name in LOADERS
        for _, dataset in (each_dataset(cfg[name].dataset, name) if cfg.get(name) else ())
        if 'ann_file' in dataset and dataset.get('metainfo') is None
    ]
    return resolve_from_files(written, list(dict.fromkeys(paths)))


def link_model(cfg: Config) -> None:
    """Give the model its joints and the head its codec; refuse a head of another number of joints."""
    if cfg.get('model') is None:
        return
    joints = len(cfg.metainfo.keypoint_names)
    fill(cfg, cfg.model, 'model', {'metainfo': 'metainfo'})
    if 'head' not in cfg.model:
        return
    fill(cfg, cfg.model.head, 'model.head', {'codec': 'codec'})
    given = cfg.model.head.setdefault('out_channels', joints)
    if given != joints:
        raise UserError(
            f"model.head.out_channels is {given}, but metainfo '{cfg.metainfo.dataset_name}' has {joints} joints; "
            'leave out_channels out and it follows the metainfo'
        )
