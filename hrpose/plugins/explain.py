"""Explain why a part is not found, and what it raises while mmengine builds it from a config."""

import ast
import inspect
import re
import traceback
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

from hrpose.errors import nearest, similar
from hrpose.plugins.registered import all_registries

ROOT = Path(__file__).resolve().parents[2]

# Toolboxes whose parts a config may name by scope.
TOOLBOXES = ('hrpose', 'mmdet', 'mmengine')
# The most files of a folder that are searched for a class.
MAX_FILES = 500

_UNEXPECTED = re.compile(r"([\w.]+)\(\) got an unexpected keyword argument '(\w+)'")
_MISSING = re.compile(r'([\w.]+)\(\) missing \d+ required')


def unknown_part(registry: Any, key: str) -> str:
    """Return the message about a name that `registry` does not have.

    The first cause that applies: a wrong scope, a part of another kind, a part of another toolbox, a class in the
    working directory or in `projects` that was not imported. Otherwise the message has the nearest names.
    """
    scope, _, name = key.rpartition('.')
    start = f"no part called '{key}' in the registry of {registry.name}s"
    if scope and '.' not in scope and (advice := _wrong_scope(registry, scope, name)):
        return f'{start}; {advice}'
    for clue in (_of_another_kind, _of_another_toolbox, _in_a_plugin):
        if advice := clue(registry, name):
            return f'{start}; {advice}'
    near = nearest(name, _names(registry))
    how = "custom_imports = dict(imports=['your_package'])"
    return f'{start}; {near}. To use a plug-in, import it in the config: {how}'


def _wrong_scope(registry: Any, scope: str, name: str) -> str | None:
    if find_spec(scope) is None:
        how = ": pip install 'hrpose[detection]'" if scope == 'mmdet' else ''
        return f"no package '{scope}' is installed{how}; {nearest(scope, TOOLBOXES)}"
    theirs = _sibling(registry, scope)
    if theirs is None:
        return f"'{scope}' has no registry of {registry.name}s; scopes: {', '.join(TOOLBOXES)}"
    if name in _names(registry) and theirs is not registry:
        return f"{scope} has none of that name, but {registry.scope} has: type='{name}'"
    return None if theirs is registry else f'{nearest(name, theirs.module_dict)} (of {scope})'


def _of_another_kind(registry: Any, name: str) -> str | None:
    for other in _own_registries():
        if other.name != registry.name and name in _names(other):
            return f"'{name}' is a {other.name}, and a {registry.name} is needed here"
    return None


def _of_another_toolbox(registry: Any, name: str) -> str | None:
    for scope in ('hrpose', 'mmdet'):
        theirs = None if scope == registry.scope else _sibling(registry, scope)
        if theirs is not None and name in theirs.module_dict:
            return f"{scope} has one: type='{scope}.{name}'"
    return None


def _in_a_plugin(registry: Any, name: str) -> str | None:
    found = find_class(name, (Path.cwd(), Path.cwd() / 'projects', ROOT / 'projects'))
    if found is None:
        return None
    if not found.registered:
        line = f'@{registry.name.upper().replace(" ", "_")}S.register_module()'
        return f'the class {name} in {found.file} is not registered: write {line} above it'
    return (
        f'{found.file} has a class of that name; import it in the config: '
        f"custom_imports = dict(imports=['{found.module}'])"
    )


class Found(NamedTuple):
    """A class in a file: the module that a config imports to get it, and whether it is registered."""

    file: Path
    module: str
    registered: bool


def find_class(name: str, folders: tuple[Path, ...]) -> Found | None:
    """Return the class called `name` in the modules and packages of `folders`, one level deep. Import nothing."""
    for folder in folders:
        for file in sorted([*folder.glob('*.py'), *folder.glob('*/*.py')])[:MAX_FILES]:
            for node in _classes(file):
                if node.name == name:
                    package = file.parent if (file.parent / '__init__.py').is_file() else None
                    module = package.name if package and package != folder else file.stem
                    return Found(file, module, any('register_module' in ast.dump(mark) for mark in node.decorator_list))
    return None


def _classes(file: Path) -> Iterator[ast.ClassDef]:
    try:
        tree = ast.parse(file.read_text(encoding='utf-8'))
    except (SyntaxError, UnicodeDecodeError, OSError):
        return
    yield from (node for node in tree.body if isinstance(node, ast.ClassDef))


def _sibling(registry: Any, scope: str) -> Any:
    """Return another toolbox's registry of the same kind, with its parts imported; None if there is none."""
    if find_spec(scope) is None:
        return None
    try:
        with registry.switch_scope_and_registry(scope) as theirs:
            if theirs.scope == scope:
                theirs.import_from_location()
                return theirs
    except ImportError:
        pass
    return None


def _names(registry: Any) -> set[str]:
    return registry.known_names() if hasattr(registry, 'known_names') else set(registry.module_dict)


def _own_registries() -> list[Any]:
    return [registry for registry in all_registries() if registry.scope == 'hrpose']


def explain_failure(error: Exception) -> str | None:
    """Return one line about a part that failed while mmengine built it; None if the failure is not the config's."""
    message = None
    if isinstance(error, TypeError):
        message = _wrong_argument(error)
    elif isinstance(error, KeyError):
        message = _unknown_elsewhere(error)
    return message or _wrong_value(error)


def _unknown_elsewhere(error: KeyError) -> str | None:
    """Return the message about a name that another toolbox's registry did not find; None for any other KeyError."""
    said = re.match(r'(\S+) is not in the (\w+)::(.+?) registry', str(error.args[0]) if error.args else '')
    if said is None:
        return None
    key, scope, kind = said.groups()
    for registry in _own_registries():
        theirs = _sibling(registry, scope) if registry.name.replace(' ', '_') == kind.replace(' ', '_') else None
        if theirs is not None:
            return unknown_part(theirs, key)
    return None


def _wrong_argument(error: TypeError) -> str | None:
    """Explain an argument that is missing or unknown, if the config is to blame for it.

    It is if mmengine called the part, or if the config gave the argument and the part passed it on.
    """
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    found = _UNEXPECTED.match(str(error))
    by_mmengine = bool(frames) and 'mmengine' in frames[-1].f_code.co_filename
    if found is None:
        missing = by_mmengine and _MISSING.match(str(error))
        return f'an argument of a part is missing: {error}; add it in the config' if missing else None
    owner, key = found[1].split('.')[0], found[2]
    for frame in reversed(frames):
        part, given = frame.f_locals.get('obj_cls'), frame.f_locals.get('args')
        if frame.f_code.co_name == 'build_from_cfg' and isinstance(given, Mapping) and key in given:
            return _takes_none(getattr(part, '__name__', str(part)), key, part)
    if not by_mmengine:
        return None
    values = [value for place in (frames[-1].f_locals, frames[-1].f_globals) for value in place.values()]
    part = next((value for value in values if isinstance(value, type) and value.__name__ == owner), None)
    return _takes_none(owner, key, part) if part else f"{owner} takes no argument '{key}'"


def _takes_none(name: str, key: str, part: Any) -> str:
    """Return the message about an argument that `part` does not take: a slip, or left from the base config's part."""
    known, _ = arguments_of(part)
    advice = '; if it is inherited from the base config, write _delete_=True in the part'
    return f"{name} takes no argument '{key}'; {nearest(key, known)}" + ('' if similar(key, known) else advice)


def _wrong_value(error: Exception) -> str | None:
    """Explain any other failure of a part. The part itself may be wrong, so the message names file and line."""
    walked = list(traceback.walk_tb(error.__traceback__))
    last, line = walked[-1]
    for frame, _ in reversed(walked):
        if frame.f_code.co_name != 'build_from_cfg' or 'mmengine' not in frame.f_code.co_filename:
            continue
        part, registry = frame.f_locals.get('obj_cls'), frame.f_locals.get('registry')
        name = getattr(part, '__name__', f'a {getattr(registry, "name", "part")}')
        return (
            f'{name} cannot be built from its config: {type(error).__name__}: {error!s:.300} '
            f'({last.f_code.co_filename}, line {line})'
        )
    return None


def arguments_of(part: Any) -> tuple[set[str], bool]:
    """Return the names of the arguments of a class or function, and whether it takes others too.

    A class that passes further arguments on also has those of the class above it.
    """
    names: set[str] = set()
    for level in part.__mro__ if isinstance(part, type) else [part]:
        call = level.__dict__.get('__init__') if isinstance(level, type) else level
        if call is None or level is object:
            continue
        try:
            parameters = inspect.signature(call).parameters.values()
        except (TypeError, ValueError):  # written in C
            return names, True
        names |= {one.name for one in parameters if one.kind in (one.POSITIONAL_OR_KEYWORD, one.KEYWORD_ONLY)}
        if not any(one.kind is one.VAR_KEYWORD for one in parameters):
            return names - {'self', 'runner'}, False
    return names - {'self', 'runner'}, True
