"""Fill in what follows from a config's top-level values, and take it out again."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from mmengine.config import Config

from hrpose.codecs.base import checked_size, default_heatmap_size
from hrpose.config.mmpose import refuse_mmpose
from hrpose.config.parts import EVALUATORS, LOADERS, ROOTS, Part, class_of, parts_of
from hrpose.datasets.metainfo import reads_annotations, resolve, resolve_from_files
from hrpose.errors import UserError
from hrpose.registry import METRICS


def link(cfg: Config) -> Config:
    """Return a new config with everything filled in that follows from its top-level values.

    Pure and idempotent: `link(link(cfg))` equals `link(cfg)`, and `cfg` stays as it was. In a config without a `codec`,
    such as a detector's, only these follow: the test from the validation, data sets' `data_root`, '{ann_file}' in
    metrics, and `persistent_workers` of loaders without workers.

    Raises:
        UserError: a value that contradicts its source; the message names both places. A config of mmpose.
    """
    refuse_mmpose(cfg)
    linked = _copy_of(cfg)
    copy_validation_to_test(linked)
    loaders = [name for name in LOADERS if linked.get(name) is not None]
    _require_whole_numbers(linked)
    for name in loaders:
        if linked[name].get('num_workers') == 0:
            linked[name].persistent_workers = False  # PyTorch refuses it without workers
        if 'data_root' in linked and 'dataset' in linked[name]:
            for _, dataset in each_dataset(linked[name].dataset, name):
                dataset.setdefault('data_root', linked.data_root)
    _fill_ann_files(linked)
    if 'codec' not in linked:
        return linked
    linked.setdefault('default_scope', 'hrpose')
    if not isinstance(linked.default_scope, str):
        raise UserError(f"default_scope is a toolbox's name such as 'hrpose', not {linked.default_scope!r}")
    linked.metainfo = _target_metainfo(linked)
    _link_sizes(linked)
    for name in loaders:
        _link_loader(linked, name)
    for part in parts_of(linked):
        _fill(linked, part)
    for name in EVALUATORS:
        if isinstance(linked.get(name), Mapping) and 'metrics' not in linked[name]:
            linked[name] = [linked[name]]
    _link_best_checkpoint(linked)
    return linked


def _require_whole_numbers(cfg: Config) -> None:
    """Refuse values that PyTorch or mmengine would refuse later, without the name of their place."""
    least = {name: {'num_workers': 0, 'batch_size': 1} for name in LOADERS}
    least['train_cfg'] = dict.fromkeys(('max_epochs', 'max_iters', 'val_interval'), 1)
    for name, numbers in least.items():
        given = cfg.get(name) or {}
        for key in set(numbers) & set(given):
            if type(given[key]) is not int or given[key] < numbers[key]:
                raise UserError(f'{name}.{key} is {given[key]!r}; give a whole number of at least {numbers[key]}')


def unlink(cfg: Config) -> Config:
    """Return a new config without the values that `link` would fill in again.

    A config that was saved after linking then follows an option as the file it came from does. Where a value was
    changed by hand, so that linking again gives another config, `cfg` is returned as it is.
    """
    bare = _copy_of(cfg)
    if not isinstance(bare.get('codec'), Mapping):
        return cfg
    for part in list(parts_of(bare)):
        for key, source in part.linked.items():
            # In a mixture only joints that are the model's may have been filled in.
            if not (part.in_mixture and source == 'metainfo' and part.config.get(key) != bare.get('metainfo')):
                part.config.pop(key, None)
    for name in LOADERS:
        for _, dataset in each_dataset(bare[name].dataset, name) if bare.get(name) else ():
            for key, source in defaults_of(name).items():
                if source in bare:
                    dataset.pop(key, None)
    bare.codec.pop('heatmap_size', None)
    ((bare.get('default_hooks') or {}).get('checkpoint') or {}).pop('rule', None)
    for name in ('test_dataloader', 'test_evaluator'):
        bare.pop(name, None)
    try:
        return bare if plain(link(bare)._cfg_dict) == plain(link(cfg)._cfg_dict) else cfg
    except UserError:
        return cfg


def _copy_of(cfg: Config) -> Config:
    return Config(cfg._cfg_dict.to_dict(), filename=cfg.filename)


def _target_metainfo(cfg: Config) -> dict[str, Any]:
    """Return the model's joints: COCO's unless the config names others or leaves them to the annotations.

    In that case they are read from the first data set of train, val and test without joints of its own.
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


def copy_validation_to_test(cfg: Config, parts: Iterable[str] = ('dataloader', 'evaluator')) -> None:
    """Give the test the loader and the metrics of the validation where it has none of its own."""
    for part in parts:
        if f'test_{part}' not in cfg and cfg.get(f'val_{part}') is not None:
            cfg[f'test_{part}'] = cfg._cfg_dict.to_dict()[f'val_{part}']
            cfg.setdefault('test_cfg', {})


def defaults_of(loader: str) -> dict[str, str]:
    """Return the arguments that each data set of a loader has unless it is given others, with their sources."""
    return {'data_root': 'data_root', 'pipeline': f'{"train" if loader.startswith("train") else "test"}_pipeline'}


def _link_loader(cfg: Config, name: str) -> None:
    source = defaults_of(name)['pipeline']
    for place, dataset in each_dataset(cfg[name].dataset, f'{name}.dataset'):
        if 'pipeline' not in dataset:
            if source not in cfg:
                raise UserError(f'{place} has no pipeline; write {source} at the top of the config')
            dataset.pipeline = [step.to_dict() for step in cfg[source]]
        if not isinstance(dataset.pipeline, list):
            raise UserError(f'{place}.pipeline follows {source}; override {source}.INDEX.… instead')


def _fill_ann_files(cfg: Config) -> None:
    """Put the path of the data set's annotations for '{ann_file}' in metrics, as those of mmdet have no `linked`."""
    for name in EVALUATORS:
        dataset = (cfg.get(name.replace('evaluator', 'dataloader')) or {}).get('dataset', {})
        metrics: Any = cfg.get(name)
        for metric in metrics if isinstance(metrics, list) else [metrics]:
            if metric and metric.get('ann_file') == '{ann_file}' and 'ann_file' in dataset:
                metric.ann_file = annotations_of(cfg, dataset)


def each_dataset(dataset: Any, place: str) -> Iterator[tuple[str, Any]]:
    """Yield the place and the config of each data set, also inside wrappers."""
    if 'dataset' in dataset:
        yield from each_dataset(dataset.dataset, f'{place}.dataset')
    elif 'datasets' in dataset:
        for index, part in enumerate(dataset.datasets):
            yield from each_dataset(part, f'{place}.datasets.{index}')
    else:
        yield place, dataset


def _link_best_checkpoint(cfg: Config) -> None:
    """Choose the best checkpoint by the first metric: the highest, unless its class says `rule = 'less'`."""
    hook, metrics = (cfg.get('default_hooks') or {}).get('checkpoint'), cfg.get('val_evaluator') or {}
    if hook and hook.get('save_best'):
        metrics = metrics.get('metrics', metrics) if isinstance(metrics, Mapping) else metrics
        first = (metrics or [{}])[0] if isinstance(metrics, list) else metrics
        hook.setdefault('rule', getattr(class_of(first, METRICS, cfg.default_scope), 'rule', 'greater'))


def _fill(cfg: Config, part: Part) -> None:
    """Give a part each value that it takes; refuse one that contradicts its source."""
    for key, source in part.linked.items():
        given = part.config.get(key)
        if source.startswith('{'):
            _fill_path(cfg, part, key, source)
        elif part.in_mixture and source == 'metainfo' and given is not None:
            if not reads_annotations(given):  # else the data set reads them itself
                part.config[key] = resolve(given)
        elif (wanted := plain(value_of(cfg, source))) is not None:
            written = _complete(cfg, part.config, given, wanted) if source == 'metainfo' else plain(given)
            if key in part.config and written != wanted:
                here, origin = f'{part.place}.{key}', source.removeprefix('len(').removesuffix(')')
                if source.startswith('type('):
                    raise UserError(
                        f'{here} is {_short(written)}, but {cfg.codec.get("type")} has {key} = {_short(wanted)}; leave '
                        f'{here} out, and it follows the codec, or choose another codec'
                    )
                raise UserError(
                    f'{here} is {_short(written)}, but {source} is {_short(wanted)}; leave {here} out, and it follows '
                    f'{origin}, or change {origin} itself'
                )
            part.config[key] = wanted


def _fill_path(cfg: Config, part: Part, key: str, pattern: str) -> None:
    loader: Any = cfg.get(part.place.split('.')[0].replace('evaluator', 'dataloader')) or {}
    if 'ann_file' in loader.get('dataset', {}):
        annotations = Path(annotations_of(cfg, loader.dataset))
        part.config.setdefault(key, str(Path(pattern.format(ann_file=annotations))))


def _complete(cfg: Config, part: Any, given: Any, wanted: Any) -> Any:
    """Return the metainfo that a part writes, completed; if it reads annotations, `wanted` where the names agree."""
    if not reads_annotations(given):
        return plain(resolve(given))
    if given is None or 'ann_file' not in part:
        return wanted
    own = resolve(given, annotations_of(cfg, part))
    return wanted if own['keypoint_names'] == wanted['keypoint_names'] else plain(own)


def annotations_of(cfg: Config, dataset: Any) -> str:
    """Return the path of a data set's annotation file."""
    return str(Path(dataset.get('data_root', cfg.get('data_root', ''))) / dataset.ann_file)


def value_of(cfg: Any, source: str) -> Any:
    """Return the value of a source; None if the config does not have it."""
    if source.startswith('len('):
        return len(value_of(cfg, source[len('len(') : -1]))
    if source.startswith('type('):
        place, attribute = source.removeprefix('type(').split(').')
        return getattr(class_of(value_of(cfg, place), ROOTS[place], cfg.default_scope), attribute, False)
    value: Any = cfg
    for key in source.split('.'):
        value = value.get(key) if isinstance(value, Mapping | Config) else None
    return value


def plain(value: Any) -> Any:
    """Return a copy with mappings as dicts and sequences as tuples, so that equal values compare equal."""
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in value.items()}
    return tuple(plain(item) for item in value) if isinstance(value, list | tuple) else value


def _short(value: Any) -> str:
    text = repr(value.get('dataset_name', value) if isinstance(value, dict) else value)
    return text if len(text) <= 80 else text[:77] + '...'
