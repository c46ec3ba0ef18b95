"""The one door to configs: read the files, apply the options, then fill in what follows from them.

`codec`, `metainfo`, `data_root`, `train_pipeline` and `test_pipeline` stand once, at the top of a config. `link` copies
each to where it is needed, after all merging, so nothing inherited can go stale. A value that is written out and
contradicts its source is an error.
"""

import ast
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.evaluator import DumpResults  # noqa: F401  # registers mmengine's own metrics
from mmengine.registry import METRICS as MMENGINE_METRICS

from hrpose.datasets.metainfo import reads_annotations, resolve, resolve_from_files
from hrpose.errors import UserError, nearest
from hrpose.plugins import import_plugins
from hrpose.shipped import bases_by_name, find_config

LOADERS = ('train_dataloader', 'val_dataloader', 'test_dataloader')
EVALUATORS = ('val_evaluator', 'test_evaluator')

# Top-level values that a config may leave out and an option may add.
RUNNER_KEYS = {
    *('metainfo', 'data_root', 'work_dir', 'load_from', 'resume', 'launcher', 'log_level', 'log_processor'),
    *('randomness', 'env_cfg', 'auto_scale_lr', 'param_scheduler', 'custom_hooks', 'visualizer', 'default_scope'),
    *('val_dataloader', 'val_evaluator', 'val_cfg', 'test_dataloader', 'test_evaluator', 'test_cfg'),
    *('experiment_name', 'model_wrapper_cfg', 'find_unused_parameters', 'compile', 'cfg', 'custom_imports'),
    *('sync_bn', 'frozen'),
}

# Which value of the config each transform takes, by the transform's argument.
TRANSFORM_NEEDS = {
    'PadBox': {'input_size': 'codec.input_size'},
    'RandomHalfBody': {'upper_body_ids': 'metainfo.upper_body_ids'},
    'WarpAffine': {'input_size': 'codec.input_size', 'flip_indices': 'metainfo.flip_indices'},
}

# The argument that tells a metric its truth, and the name of that file beside the data set's annotations.
TRUTH_FILES = {
    'CocoMetric': ('ann_file', '{0.name}'),
    'CrowdPoseMetric': ('ann_file', '{0.name}'),
    'MpiiMetric': ('gt_file', 'gt_{0.stem}.mat'),
    'PoseTrack18Metric': ('ann_file', '{0.name}'),
}

# Data sets that bring the joints of several together.
MIXTURES = ('CombinedDataset', 'hrpose.CombinedDataset')

# Metrics of which less is better; the best checkpoint is chosen by the first metric's first figure.
ERRORS = ('EPE', 'EPEMetric')


def load_config(path: str | Path, options: Mapping[str, Any] | None = None) -> Config:
    """Return the linked config of a file.

    Args:
        path: a Python config file, or the name of one of hrpose's (`hrpose.shipped`).
        options: overrides by dotted name, as `--cfg-options` gives them; they must name something that exists,
            unless they add to a mapping.

    Raises:
        UserError: no such file, a file that does not run, or values that contradict each other.
    """
    try:
        return link(read_config(path, options))
    except (AttributeError, KeyError, IndexError, TypeError, ValueError, OverflowError) as error:
        # Without options the file is at fault, or hrpose is: the traceback says which.
        if isinstance(error, UserError) or not options:
            raise
        words = ' '.join(f'{name}={value!r}'[:80] for name, value in options.items())
        raise UserError(
            f'--cfg-options {words} gives a part of the config another kind of value than it can have: {error}'
        ) from error


def read_config(path: str | Path, options: Mapping[str, Any] | None = None) -> Config:
    """Return the config of a file as it is written, not linked: for those who look for what is wrong in it.

    Arguments and errors are those of `load_config`, but for values that contradict each other.
    """
    path = find_config(path)
    try:
        with bases_by_name():
            cfg = Config.fromfile(str(path), import_custom_modules=False)
    except UserError:
        raise
    except Exception as error:  # a config is a user's program: whatever it raises is a sentence for the user
        raise UserError(f'the config {path} cannot be read: {type(error).__name__}: {error}') from error
    if options:
        cfg = unlink(cfg)
        _merge(cfg, options)
    import_plugins(cfg.get('custom_imports') or {}, path)
    return cfg


def parse_options(words: Sequence[str]) -> dict[str, Any]:
    """Return the overrides that `--cfg-options` names, as dotted name -> value.

    A value is a Python literal (`2`, `0.1`, `(288,384)`, `[1,2]`, `None`, `{'type':'SGD'}`), `true` or `false`, or else
    text; several with commas between them make a tuple. Nothing is executed.

    Raises:
        UserError: a word without `=`, or without a name before it.
    """
    options = {}
    for word in words:
        name, equals, text = word.partition('=')
        if not equals or not name:
            raise UserError(f"--cfg-options takes KEY=VALUE, not '{word}'; no blanks around the = sign")
        options[name] = _literal(text)
    return options


def _literal(text: str) -> Any:
    lowered = {'true': True, 'false': False, 'none': None, 'null': None}
    if text.lower() in lowered:
        return lowered[text.lower()]
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return text


def _merge(cfg: Config, options: Mapping[str, Any]) -> None:
    for part in ('dataloader', 'evaluator'):
        # An option for the test alone needs a copy of the validation's part to change.
        if any(name.startswith(f'test_{part}.') for name in options) and cfg.get(f'val_{part}') is not None:
            cfg.setdefault(f'test_{part}', cfg._cfg_dict.to_dict()[f'val_{part}'])
            cfg.setdefault('test_cfg', {})
    for name in options:
        top = name.split('.')[0]
        if top not in cfg and ('.' in name or top not in RUNNER_KEYS):
            raise UserError(f"--cfg-options {name}: the config has no '{top}'; {nearest(top, cfg.keys())}")
    try:
        # mmengine merges a mapping into what is there, and refuses where that is a name, as `metainfo` may be.
        for name in [name for name, value in options.items() if isinstance(value, Mapping) and '.' not in name]:
            if not isinstance(cfg.get(name), Mapping):
                cfg[name] = dict(options[name])
        cfg.merge_from_dict(dict(options))
    except (KeyError, TypeError, AssertionError, IndexError, ValueError) as error:
        raise UserError(f'--cfg-options {" ".join(options)} cannot be applied: {error}') from error


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
    _link_metainfo_and_codec(linked)
    _link_data(linked)
    _link_model(linked)
    _link_evaluation(linked)
    return linked


def unlink(cfg: Config) -> Config:
    """Return a new config without the values that `link` would fill in again just so.

    A config that was saved after linking then follows an override as the file it came from does. Where a value differs
    from what follows from its source, somebody wrote it on purpose, and the whole config stays as it is.
    """
    bare = Config(cfg._cfg_dict.to_dict(), filename=cfg.filename)
    derived = list(_derived_places(cfg))
    for place, key in derived:
        part = _lookup(bare, place)
        if part is not None:
            part.pop(key, None)
    try:
        again = link(bare)
    except UserError:
        return cfg
    return bare if all(_agree(cfg, again, place, key) for place, key in derived) else cfg


def _agree(cfg: Config, again: Config, place: str, key: str) -> bool:
    """Say whether a value of `cfg`, if it has one there, is the one that `link` gave `again`."""
    part, filled = _lookup(cfg, place), _lookup(again, place)
    if part is None or key not in part:
        return True
    return filled is not None and _plain(filled.get(key)) == _plain(part[key])


def _derived_places(cfg: Config) -> Iterator[tuple[str, str]]:
    """Yield the place and the key of each value in `cfg` that `link` may have filled in; outer ones last."""
    if 'codec' not in cfg:
        return
    yield 'codec', 'heatmap_size'
    for name in LOADERS:
        pipeline = 'train_pipeline' if name == 'train_dataloader' else 'test_pipeline'
        mixtures = _mixtures(cfg[name].dataset, f'{name}.dataset') if cfg.get(name) else {}
        yield from ((place, 'metainfo') for place in mixtures)
        for place, dataset in each_dataset(cfg[name].dataset, f'{name}.dataset') if cfg.get(name) else ():
            # A part of a mixture has joints of its own; those that are the model's it may have been given.
            if not _is_part(place, mixtures) or dataset.get('metainfo') == cfg.get('metainfo'):
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


def _link_metainfo_and_codec(cfg: Config) -> None:
    cfg.metainfo = _target_metainfo(cfg)
    codec: Any = cfg.codec
    if not isinstance(codec, Mapping) or 'input_size' not in codec:
        raise UserError('codec.input_size is missing: (w, h) of the network input in px')
    size = _plain(cfg.codec['input_size'])
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
        _annotations_of(cfg, dataset)
        for name in LOADERS
        for _, dataset in (each_dataset(cfg[name].dataset, name) if cfg.get(name) else ())
        if 'ann_file' in dataset and dataset.get('metainfo') is None
    ]
    return resolve_from_files(written, list(dict.fromkeys(paths)))


def _annotations_of(cfg: Config, dataset: Any) -> str:
    return str(Path(dataset.get('data_root', cfg.get('data_root', ''))) / dataset.ann_file)


def _link_data(cfg: Config) -> None:
    if 'test_dataloader' not in cfg and cfg.get('val_dataloader') is not None:
        cfg.test_dataloader = cfg.val_dataloader.to_dict()
        cfg.setdefault('test_cfg', {})
    for name in LOADERS:
        if cfg.get(name) is None:
            continue
        if cfg[name].get('num_workers') == 0:
            cfg[name].persistent_workers = False  # PyTorch refuses what has no meaning here
        pipeline = 'train_pipeline' if name == 'train_dataloader' else 'test_pipeline'
        mixtures = _mixtures(cfg[name].dataset, f'{name}.dataset')
        for place, mixture in mixtures.items():
            _fill(cfg, mixture, place, {'metainfo': 'metainfo'})
        for place, dataset in each_dataset(cfg[name].dataset, f'{name}.dataset'):
            own = dataset.get('metainfo') if _is_part(place, mixtures) else None
            if own is None:
                _fill(cfg, dataset, place, {'metainfo': 'metainfo'})
            elif not reads_annotations(own):  # what is in the annotations, the part reads itself
                dataset.metainfo = resolve(own)
            _link_dataset(cfg, dataset, place, pipeline)


def each_dataset(dataset: Any, place: str) -> Iterator[tuple[str, Any]]:
    """Yield each data set with its place in the config, also those inside a wrapper."""
    if 'dataset' in dataset:
        yield from each_dataset(dataset.dataset, f'{place}.dataset')
    elif 'datasets' in dataset:
        for index, part in enumerate(dataset.datasets):
            yield from each_dataset(part, f'{place}.datasets.{index}')
    else:
        yield place, dataset


def _mixtures(dataset: Any, place: str) -> dict[str, Any]:
    """Return, by place, the data sets that bring joints of several together: their parts may have their own."""
    if 'datasets' not in dataset:
        return _mixtures(dataset.dataset, f'{place}.dataset') if 'dataset' in dataset else {}
    if dataset.get('type') in MIXTURES:
        return {place: dataset}
    parts = [_mixtures(part, f'{place}.datasets.{index}') for index, part in enumerate(dataset.datasets)]
    return {inner: found for part in parts for inner, found in part.items()}


def _is_part(place: str, mixtures: Iterable[str]) -> bool:
    return any(place.startswith(f'{mixture}.') for mixture in mixtures)


def _link_dataset(cfg: Config, dataset: Any, place: str, pipeline: str) -> None:
    if 'data_root' in cfg:
        dataset.setdefault('data_root', cfg.data_root)
    if 'pipeline' not in dataset:
        if pipeline not in cfg:
            raise UserError(f'{place} has no pipeline, and the config no {pipeline}')
        dataset.pipeline = [dict(step) for step in cfg[pipeline]]
    if not isinstance(dataset.pipeline, list):
        raise UserError(f'{place}.pipeline follows {pipeline}: override {pipeline}.INDEX.… instead')
    for index, step in enumerate(dataset.pipeline):
        _fill(cfg, step, f'{place}.pipeline.{index}', TRANSFORM_NEEDS.get(step['type'], {}))


def _link_model(cfg: Config) -> None:
    if cfg.get('model') is None:
        return
    joints = len(cfg.metainfo.keypoint_names)
    _fill(cfg, cfg.model, 'model', {'metainfo': 'metainfo'})
    if 'head' not in cfg.model:
        return
    _fill(cfg, cfg.model.head, 'model.head', {'codec': 'codec'})
    given = cfg.model.head.setdefault('out_channels', joints)
    if given != joints:
        raise UserError(
            f"model.head.out_channels is {given}, but metainfo '{cfg.metainfo.dataset_name}' has {joints} joints; "
            'leave out_channels out and it follows the metainfo'
        )


def _link_evaluation(cfg: Config) -> None:
    if 'test_evaluator' not in cfg and cfg.get('val_evaluator') is not None:
        copied = cfg._cfg_dict.to_dict()['val_evaluator']
        cfg.test_evaluator = copied
    for name in EVALUATORS:
        loader = cfg.get(name.replace('evaluator', 'dataloader'))
        if cfg.get(name) is None or loader is None:
            continue
        metrics = cfg[name] if isinstance(cfg[name], list) else [cfg[name]]
        for metric in metrics:
            if metric['type'] not in MMENGINE_METRICS:
                _fill(cfg, metric, name, {'metainfo': 'metainfo'})
            if metric['type'] in TRUTH_FILES and 'ann_file' in loader.dataset:
                key, pattern = TRUTH_FILES[metric['type']]
                annotations = Path(loader.dataset.get('data_root', '')) / loader.dataset.ann_file
                metric.setdefault(key, str(annotations.with_name(pattern.format(annotations))))
        cfg[name] = metrics
    _link_best_checkpoint(cfg)


def _link_best_checkpoint(cfg: Config) -> None:
    hook, metrics = (cfg.get('default_hooks') or {}).get('checkpoint'), cfg.get('val_evaluator')
    if hook and hook.get('save_best'):
        first = metrics[0] if isinstance(metrics, list) else metrics or {}
        hook.setdefault('rule', 'less' if first.get('type') in ERRORS else 'greater')


def _fill(cfg: Config, part: Any, place: str, needs: Mapping[str, str]) -> None:
    """Give `part` each value it needs from its source in the config, or refuse one that differs."""
    for key, source in needs.items():
        wanted = _plain(_lookup(cfg, source))
        given = _plain(part.get(key))
        if key in part and key == 'metainfo':
            given = _given_metainfo(cfg, part, given, wanted)
        if key in part and given != wanted:
            raise UserError(
                f'{place}.{key} is {_short(given)}, but {source} is {_short(wanted)}: leave {place}.{key} out and it '
                f'follows {source}, or set {source} itself'
            )
        part[key] = _copy(wanted)


def _given_metainfo(cfg: Config, part: Any, given: Any, wanted: Any) -> Any:
    """Return the complete metainfo that is written in a part; what it leaves to the annotations agrees by names."""
    if not reads_annotations(given):
        return _plain(resolve(given))
    if given is None or 'ann_file' not in part:
        return wanted
    own = resolve(given, _annotations_of(cfg, part))
    return wanted if own['keypoint_names'] == wanted['keypoint_names'] else _plain(own)


def _lookup(cfg: Config, dotted: str) -> Any:
    value: Any = cfg
    for key in filter(None, dotted.split('.')):
        if value is None:
            return None
        value = value[int(key)] if isinstance(value, list) else value.get(key)
    return value


def _plain(value: Any) -> Any:
    """Return a value with mappings as dicts and sequences as tuples, so that equal ones compare equal."""
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return tuple(_plain(item) for item in value)
    return value


def _copy(value: Any) -> Any:
    return {key: _copy(item) for key, item in value.items()} if isinstance(value, dict) else value


def _short(value: Any) -> str:
    text = repr(value.get('dataset_name', value) if isinstance(value, dict) else value)
    return text if len(text) <= 80 else text[:77] + '...'
