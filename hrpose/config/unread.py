"""Find values of a config that nothing reads: unknown names, and defaults that every data set overrides."""

import ast
from collections.abc import Iterable, Iterator, Mapping
from difflib import SequenceMatcher
from pathlib import Path
from typing import Any

from mmengine.config import Config

from hrpose import registry
from hrpose.config.linking import defaults_of, each_dataset, value_of
from hrpose.config.options import TOP_LEVEL_NAMES
from hrpose.config.origins import inheritance
from hrpose.config.parts import LOADERS
from hrpose.config.shipped import bases_by_name
from hrpose.errors import UserError, nearest
from hrpose.plugins import arguments_of

# Of mmdet's configs, for its own tools.
MMDETS_NAMES = {'tta_model', 'tta_pipeline'}
# Tables of fixed keys. mmengine silently ignores others.
TABLES = {
    'env_cfg': {'cudnn_benchmark', 'mp_cfg', 'dist_cfg', 'resource_limit'},
    'env_cfg.mp_cfg': {'mp_start_method', 'opencv_num_threads'},
    'auto_scale_lr': {'base_batch_size', 'enable'},
    'randomness': {'seed', 'deterministic', 'diff_rank_seed'},
    'custom_imports': {'imports', 'allow_failed_imports'},
}
# What mmengine takes out before it builds the part.
TAKEN_OUT = {
    'type',
    '_scope_',
    'priority',
    'override',
    'by_epoch',
    'convert_to_iter_based',
    'paramwise_cfg',
    'constructor',
}


def unread(written: Any, linked: Any, files: Iterable[Path]) -> Iterator[tuple[str, str]]:
    """Yield the place of each value that nothing reads, and why.

    Args:
        written: the config as it is written.
        linked: the same after `hrpose.config.link`.
        files: the config's files. A name that their own text uses is a variable, and counts as read.
    """
    variables = set().union(*(_used_names(file) for file in files))
    for name in set(written) - TOP_LEVEL_NAMES - MMDETS_NAMES - variables:
        yield name, f'no part of mmengine or hrpose reads this name; {nearest(name, TOP_LEVEL_NAMES)}'
    yield from _overridden(written, variables)
    for place, table in TABLES.items():
        part = value_of(linked, place)
        for key in part if isinstance(part, Mapping) else ():
            if key not in table:
                yield f'{place}.{key}', nearest(key, table)
    yield from _arguments(linked, linked.get('default_scope', 'hrpose'))


def refuse_slips(cfg: Config) -> None:
    """Raise `UserError` for a top-level name that nothing reads and that looks like a slip of one that is read.

    Other unknown names pass: they may be meant for a plug-in or for the reader.
    """
    slips = {name: close for name in cfg if name not in TOP_LEVEL_NAMES and (close := _slip_of(name))}
    if not slips:
        return
    with bases_by_name():
        files = list(inheritance(Path(cfg.filename)))
    for name, close in slips.items():
        if not any(name in _used_names(file) for file in files):
            raise UserError(
                f"{cfg.filename}: nothing reads '{name}'; if '{close}' is meant, correct the name; otherwise delete or "
                'rename it'
            )


def _slip_of(name: str) -> str | None:
    """Return the known name that `name` spells otherwise: word for word similar, or with other underscores."""
    for known in sorted(TOP_LEVEL_NAMES):
        words, others = name.split('_'), known.split('_')
        if len(words) == len(others) and all(map(_is_similar, words, others)):
            return known
        if name[:1] != '_' and ''.join(words) == ''.join(others):
            return known
    return None


def _is_similar(a: str, b: str) -> bool:
    return SequenceMatcher(None, a, b).ratio() >= 0.7


def _overridden(written: Any, variables: set[str]) -> Iterator[tuple[str, str]]:
    """Yield each top-level default that every data set overrides."""
    have_own: dict[str, list[bool]] = {}
    for loader in LOADERS:
        for _, dataset in each_dataset(written[loader].dataset, loader) if written.get(loader) else ():
            for name, source in defaults_of(loader).items():
                have_own.setdefault(source, []).append(name in dataset)
    for source, own in have_own.items():
        if source in written and source not in variables and all(own):
            yield source, f'every data set has a {source.removeprefix("train_").removeprefix("test_")} of its own'


def _arguments(value: Any, scope: str, place: str = '') -> Iterator[tuple[str, str]]:
    """Yield each argument that the class of a part does not take."""
    if isinstance(value, Mapping):
        accepted = accepted_arguments(value['type'], scope) if isinstance(value.get('type'), str) else None
        if accepted is not None:
            for key in set(value) - accepted - TAKEN_OUT:
                yield f'{place}.{key}', f'{value["type"]} has no such argument; {nearest(key, accepted)}'
    if isinstance(value, Mapping | list):
        for key, item in value.items() if isinstance(value, Mapping) else enumerate(value):
            yield from _arguments(item, scope, f'{place}.{key}' if place else str(key))


def accepted_arguments(name: str, scope: str = 'hrpose') -> set[str] | None:
    """Return the arguments that the part called `name` takes; None if it is unknown or takes any."""
    full = name if '.' in name or scope == 'hrpose' else f'{scope}.{name}'
    for kind in vars(registry).values():
        if isinstance(kind, registry.Registry) and full in kind:
            known, takes_others = arguments_of(kind.get(full))
            return None if takes_others else known
    return None


def _used_names(file: Path) -> set[str]:
    """Return the names that a config's own text uses, `_base_.NAME` among them."""
    if file.suffix != '.py':
        return set()
    text = file.read_text().replace('{{', ' ').replace('}}', ' ')
    used = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            used.add(node.id)
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == '_base_':
            used.add(node.attr)
    return used
