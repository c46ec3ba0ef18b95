"""`--cfg-options`: words on a command line to values in a config."""

import ast
from collections.abc import Mapping, Sequence
from typing import Any

from mmengine.config import Config

from hrpose.errors import UserError, nearest

# Top-level values that a config may leave out and an option may add.
RUNNER_KEYS = {
    *('metainfo', 'data_root', 'work_dir', 'load_from', 'resume', 'launcher', 'log_level', 'log_processor'),
    *('randomness', 'env_cfg', 'auto_scale_lr', 'param_scheduler', 'custom_hooks', 'visualizer', 'default_scope'),
    *('val_dataloader', 'val_evaluator', 'val_cfg', 'test_dataloader', 'test_evaluator', 'test_cfg'),
    *('experiment_name', 'model_wrapper_cfg', 'find_unused_parameters', 'compile', 'cfg', 'custom_imports'),
    *('sync_bn', 'frozen'),
}


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


def merge(cfg: Config, options: Mapping[str, Any]) -> None:
    """Apply options to `cfg`; raise `UserError` for one that names nothing or does not fit.

    An option for the test alone needs a copy of the validation's part to change: with the validation's options in it.
    """
    parts = [part for part in ('dataloader', 'evaluator') if any(name.startswith(f'test_{part}.') for name in options)]
    for_test = {name: value for name, value in options.items() if name.split('.')[0] in map('test_{}'.format, parts)}
    _apply(cfg, {name: value for name, value in options.items() if name not in for_test})
    for part in parts:
        if cfg.get(f'val_{part}') is not None:
            cfg.setdefault(f'test_{part}', cfg._cfg_dict.to_dict()[f'val_{part}'])
            cfg.setdefault('test_cfg', {})
    _apply(cfg, for_test)


def _apply(cfg: Config, options: Mapping[str, Any]) -> None:
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
