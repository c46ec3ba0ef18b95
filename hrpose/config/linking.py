"""Fill in what follows from a config's top-level values, and take it out again."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from mmengine.config import Config

from hrpose.codecs.base import checked_size, default_heatmap_size
from hrpose.config.parts import EVALUATORS, LOADERS, Part, class_of, parts_of
from hrpose.datasets.metainfo import reads_annotations, resolve, resolve_from_files
from hrpose.errors import UserError
from hrpose.registry import METRICS


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
    linked.metainfo = _target_metainfo(linked)
    _link_sizes(linked)
    _test_like_validation(linked)
    for name in LOADERS:
        if linked.get(name) is not None:
            _link_loader(linked, name)
    for part in parts_of(linked):
        _fill(linked, part)
    for name in EVALUATORS:
        if isinstance(linked.get(name), Mapping) and 'metrics' not in linked[name]:
            linked[name] = [linked[name]]
    _link_best_checkpoint(linked)
    return linked


def unlink(cfg: Config) -> Config:
    """Return a new config without the values that `link` would fill in again just so.

    A config that was saved after linking then follows an override as the file it came from does. Where a value differs
    from its source, somebody wrote it on purpose, and the whole config stays as it is.
    """
    bare = Config(cfg._cfg_dict.to_dict(), filename=cfg.filename)
    derived = list(_derived_places(cfg))
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
    """Tell whether a value of `cfg`, if it has one there, is the one that `link` gave `again`."""
    part, filled = lookup(cfg, place), lookup(again, place)
    if part is None or key not in part:
        return True
    return filled is not None and plain(filled.get(key)) == plain(part[key])


def _derived_places(cfg: Config) -> Iterator[tuple[str, str]]:
    """Yield the place and the key of each value in `cfg` that `link` may have filled in; outer ones last."""
    if 'codec' not in cfg:
        return
    for part in parts_of(cfg):
        for key, source in part.linked.items():
            # A data set in a mixture has joints of its own; those that are the model's it may have been given.
            if not part.in_mixture or source != 'metainfo' or part.config.get(key) == cfg.get('metainfo'):
                yield part.place, key
    for name in LOADERS:
        for place, _ in each_dataset(cfg[name].dataset, f'{name}.dataset') if cfg.get(name) else ():
            yield from ((place, key) for key, source in _defaults(name).items() if source in cfg)
    yield from (('codec', 'heatmap_size'), ('default_hooks.checkpoint', 'rule'))
    yield from (('', key) for key in ('test_dataloader', 'test_evaluator'))


def _target_metainfo(cfg: Config) -> dict[str, Any]:
    """Return the joints of the model: COCO's unless the config names others, or asks to read them from annotations.

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


def _link_sizes(cfg: Config) -> None:
    codec: Any = cfg.codec
    if not isinstance(codec, Mapping) or 'input_size' not in codec:
        raise UserError('codec.input_size is missing; give the (w, h) of the network input in px')
    size = checked_size('codec.input_size', codec['input_size'])
    if codec.get('heatmap_size') is None:
        cfg.codec['heatmap_size'] = default_heatmap_size(size)


def _test_like_validation(cfg: Config) -> None:
    """Give the test the loader and the metrics of validation where it has none of its own."""
    for part in ('dataloader', 'evaluator'):
        if f'test_{part}' not in cfg and cfg.get(f'val_{part}') is not None:
            cfg[f'test_{part}'] = cfg._cfg_dict.to_dict()[f'val_{part}']
            if part == 'dataloader':
                cfg.setdefault('test_cfg', {})


def _defaults(loader: str) -> dict[str, str]:
    """Return the arguments that each data set of a loader has unless it is given others, with their sources."""
    return {'data_root': 'data_root', 'pipeline': f'{"train" if loader.startswith("train") else "test"}_pipeline'}


def _link_loader(cfg: Config, name: str) -> None:
    if cfg[name].get('num_workers') == 0:
        cfg[name].persistent_workers = False  # PyTorch refuses it without workers
    source = _defaults(name)['pipeline']
    for place, dataset in each_dataset(cfg[name].dataset, f'{name}.dataset'):
        if 'data_root' in cfg:
            dataset.setdefault('data_root', cfg.data_root)
        if 'pipeline' not in dataset:
            if source not in cfg:
                raise UserError(f'{place} has no pipeline, and the config has no {source}')
            dataset.pipeline = [dict(step) for step in cfg[source]]
        if not isinstance(dataset.pipeline, list):
            raise UserError(f'{place}.pipeline follows {source}; override {source}.INDEX.… instead')


def each_dataset(dataset: Any, place: str) -> Iterator[tuple[str, Any]]:
    """Yield each data set with its place in the config, also those inside a wrapper."""
    if 'dataset' in dataset:
        yield from each_dataset(dataset.dataset, f'{place}.dataset')
    elif 'datasets' in dataset:
        for index, part in enumerate(dataset.datasets):
            yield from each_dataset(part, f'{place}.datasets.{index}')
    else:
        yield place, dataset


def _link_best_checkpoint(cfg: Config) -> None:
    """Choose the best checkpoint by the first metric, of which more is better unless its class says rule = 'less'."""
    hook, metrics = (cfg.get('default_hooks') or {}).get('checkpoint'), cfg.get('val_evaluator') or {}
    if hook and hook.get('save_best'):
        metrics = metrics.get('metrics', metrics) if isinstance(metrics, Mapping) else metrics
        first = (metrics or [{}])[0] if isinstance(metrics, list) else metrics
        hook.setdefault('rule', getattr(class_of(first, METRICS, cfg.default_scope), 'rule', 'greater'))


def _fill(cfg: Config, part: Part) -> None:
    """Give a part each value that it takes, or refuse one that differs from its source."""
    for key, source in part.linked.items():
        given = part.config.get(key)
        if source.startswith('{'):
            _fill_path(cfg, part, key, source)
        elif part.in_mixture and source == 'metainfo' and given is not None:
            if not reads_annotations(given):  # else the data set reads them itself
                part.config[key] = resolve(given)
        elif (wanted := plain(_value_of(cfg, source))) is not None:
            written = _complete(cfg, part.config, given, wanted) if source == 'metainfo' else plain(given)
            if key in part.config and written != wanted:
                here, origin = f'{part.place}.{key}', source.removeprefix('len(').removesuffix(')')
                raise UserError(
                    f'{here} is {_short(written)}, but {source} is {_short(wanted)}; leave {here} out, and it follows '
                    f'{origin}, or change {origin} itself'
                )
            part.config[key] = _copy(wanted)


def _fill_path(cfg: Config, part: Part, key: str, pattern: str) -> None:
    loader: Any = cfg.get(part.place.split('.')[0].replace('evaluator', 'dataloader')) or {}
    if 'ann_file' in loader.get('dataset', {}):
        annotations = Path(annotations_of(cfg, loader.dataset))
        part.config.setdefault(key, str(Path(pattern.format(ann_file=annotations))))


def _value_of(cfg: Config, source: str) -> Any:
    if source.startswith('len('):
        return len(lookup(cfg, source[len('len(') : -1]))
    return lookup(cfg, source)


def _complete(cfg: Config, part: Any, given: Any, wanted: Any) -> Any:
    """Return the complete metainfo that is written in a part; what it leaves to the annotations agrees by names."""
    if not reads_annotations(given):
        return plain(resolve(given))
    if given is None or 'ann_file' not in part:
        return wanted
    own = resolve(given, annotations_of(cfg, part))
    return wanted if own['keypoint_names'] == wanted['keypoint_names'] else plain(own)


def annotations_of(cfg: Config, dataset: Any) -> str:
    """Return the path of a data set's annotation file."""
    return str(Path(dataset.get('data_root', cfg.get('data_root', ''))) / dataset.ann_file)


def lookup(cfg: Config, dotted: str) -> Any:
    """Return the value at a dotted place, numbers counting in lists; None where a part of the way is missing."""
    value: Any = cfg
    for key in filter(None, dotted.split('.')):
        if isinstance(value, list | tuple):
            value = value[int(key)] if key.isdigit() and int(key) < len(value) else None
        else:
            value = value.get(key) if isinstance(value, Mapping | Config) else None
    return value


def plain(value: Any) -> Any:
    """Return a value with mappings as dicts and sequences as tuples, so that equal ones compare equal."""
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return tuple(plain(item) for item in value)
    return value


def _copy(value: Any) -> Any:
    return {key: _copy(item) for key, item in value.items()} if isinstance(value, dict) else value


def _short(value: Any) -> str:
    text = repr(value.get('dataset_name', value) if isinstance(value, dict) else value)
    return text if len(text) <= 80 else text[:77] + '...'
