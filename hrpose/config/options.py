"""Turn the words after `--cfg-options` into values of a config."""

import ast
import inspect
import os
from collections.abc import Mapping, Sequence
from typing import Any

from mmengine.config import Config
from mmengine.runner import Runner

from hrpose.config.linking import copy_validation_to_test, each_dataset
from hrpose.config.parts import EVALUATORS, LOADERS
from hrpose.errors import UserError, nearest

# Top-level names that mmengine or hrpose reads from a config: Runner's arguments, and these.
TOP_LEVEL_NAMES = {
    *(name for name in inspect.signature(Runner.__init__).parameters if name != 'self'),
    *('codec', 'metainfo', 'data_root', 'train_pipeline', 'test_pipeline', 'custom_imports', 'frozen'),
    *('compile', 'find_unused_parameters', 'model_wrapper_cfg', 'sync_bn'),
}


def parse_options(words: Sequence[str]) -> dict[str, Any]:
    """Return the overrides of `--cfg-options` by dotted name.

    A value is a Python literal (`2`, `0.1`, `(288,384)`, `[1,2]`, `None`, `{'type':'SGD'}`), `true` or `false`, or else
    text. Commas without brackets make a tuple. Nothing is executed.

    Raises:
        UserError: a word without `=`, or without a name before it.
    """
    options = {}
    for word in words:
        name, equals, text = word.partition('=')
        if not equals or not name:
            raise UserError(f"--cfg-options takes KEY=VALUE, not '{word}'; write no blanks around the = sign")
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


def merge(cfg: Config, options: Mapping[str, Any]) -> None:
    """Apply options to `cfg`; raise `UserError` for one that names nothing or does not fit.

    An option for the test alone changes a copy of the validation's part, to which the other options apply, too.
    """
    if 'codec' not in cfg and 'data_root' in options and cfg.get('data_root'):
        for name in {*LOADERS, *EVALUATORS} & set(cfg):
            cfg[name] = _moved(cfg._cfg_dict.to_dict()[name], str(cfg.data_root), str(options['data_root']))
    parts = [part for part in ('dataloader', 'evaluator') if any(name.startswith(f'test_{part}.') for name in options)]
    for_test = {name: value for name, value in options.items() if name.split('.')[0] in map('test_{}'.format, parts)}
    _apply(cfg, {name: value for name, value in options.items() if name not in for_test})
    copy_validation_to_test(cfg, parts)
    _apply(cfg, for_test)


def _moved(value: Any, old: str, new: str) -> Any:
    """Return `value` with each path in the folder `old` moved to `new`.

    Configs without a codec repeat `data_root` in paths: mmdet's in plain Python, saved ones after linking.
    """
    if isinstance(value, Mapping):
        return {key: _moved(item, old, new) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(_moved(item, old, new) for item in value)
    if not _is_inside(value, old):
        return value
    inside = os.path.relpath(value, old)
    return new if inside == '.' else os.path.join(new, inside)


def _is_inside(path: Any, folder: str) -> bool:
    return isinstance(path, str) and os.path.join(path, '').startswith(os.path.join(folder, ''))


def require_moved_data(cfg: Config, root: Any) -> None:
    """Raise `UserError` if `root`, given as the option `data_root`, reaches no data set, as each has its own."""
    loaders = [name for name in LOADERS if 'dataset' in (cfg.get(name) or {})]
    places = [item for name in loaders for item in each_dataset(cfg[name].dataset, f'{name}.dataset')]
    own = [place for place, dataset in places if not _is_inside(dataset.get('data_root', str(root)), str(root))]
    if own and len(own) == len(places):
        raise UserError(
            f'--cfg-options data_root={root}: each data set has a data_root of its own; write {own[0]}.data_root={root}'
        )


def _apply(cfg: Config, options: Mapping[str, Any]) -> None:
    for name, value in options.items():
        top = name.split('.')[0]
        if top not in cfg and ('.' in name or top not in TOP_LEVEL_NAMES):
            raise UserError(f"--cfg-options {name}: the config has no '{top}'; {nearest(top, cfg.keys())}")
        # mmengine merges a mapping into what is there, and refuses where that is a name, as `metainfo` may be.
        if isinstance(value, Mapping) and '.' not in name and not isinstance(cfg.get(name), Mapping):
            cfg[name] = dict(value)
    try:
        cfg.merge_from_dict(dict(options))
    except (KeyError, TypeError, AssertionError, IndexError, ValueError) as error:
        raise UserError(f'--cfg-options {" ".join(options)} cannot be applied: {error}') from error
