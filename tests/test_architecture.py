"""Imports point down only and form no circles. Files are parsed, nothing is imported."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

# From the ground up. A room imports itself and rooms of lower floors, never its neighbours.
FLOORS = (
    {'version', 'errors', 'lazy'},
    {'structures'},
    {'files', 'hardware'},
    {'images', 'mmcv_ops', 'checkpoints'},
    {'plugins'},
    {'registry'},
    {'codecs'},
    {'datasets', 'models'},
    {'config', 'evaluation', 'tracking', 'visualization'},
    {'engine'},
    {'apis'},
    {'export'},
    {'scaffolding', 'synthetic', 'page'},
    {'analysis'},
    {'cli'},
    {'tools', '__main__'},
)
FLOOR = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}


def module_of(path: Path, root: Path) -> str:
    """Return the dotted name of a file; a package's is that of its folder."""
    parts = path.relative_to(root).with_suffix('').parts
    return '.'.join(parts[:-1] if parts[-1] == '__init__' else parts)


def imported_names(path: Path, root: Path) -> Iterator[str]:
    """Yield the dotted name of every import in a file, at any depth, also those for type checkers."""
    package = path.relative_to(root).parent.parts
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else ()
            base = '.'.join((*above, node.module or '')).rstrip('.')
            yield from (f'{base}.{alias.name}' for alias in node.names)
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith('import_module'):
            yield from (str(part.value) for part in node.args if isinstance(part, ast.Constant))


def import_graph(root: Path) -> dict[str, set[str]]:
    """Return module -> modules of hrpose, tools, tests and projects that it imports; hrpose itself is left out.

    To import `a.b` is to import the package `a` too, except from inside of `a`.
    """
    files = [path for top in ('hrpose', 'tools', 'tests', 'projects') for path in root.glob(f'{top}/**/*.py')]
    modules = {module_of(path, root): path for path in files}
    graph = {}
    for module, path in modules.items():
        if module.split('.')[0] not in ('hrpose', 'tools') or module == 'hrpose':
            continue
        targets = set()
        for name in imported_names(path, root):
            parts = name.split('.')
            prefixes = ['.'.join(parts[:count]) for count in range(1, len(parts) + 1)]
            known = [prefix for prefix in prefixes if prefix in modules] or prefixes[:1]
            targets |= {one for one in known[:-1] if not f'{module}.'.startswith(f'{one}.')} | {known[-1]}
        ours = {'hrpose', 'tools', 'tests', 'projects'}
        graph[module] = {target for target in targets - {'hrpose', module} if target.split('.')[0] in ours}
    return graph


def missing_modules(root: Path) -> set[str]:
    """Return the imports of hrpose's, in any file and at any depth, whose module does not exist."""
    files = [path for top in ('hrpose', 'tools', 'tests', 'projects') for path in root.glob(f'{top}/**/*.py')]
    modules = {module_of(path, root) for path in files if path.relative_to(root).parts[0] == 'hrpose'}
    packages = {module.rpartition('.')[0] for module in modules}
    wrong = set()
    for path in files:
        for name in imported_names(path, root):
            module = name if name in modules else name.rpartition('.')[0]
            # The last word may be a name in the module. In a package it may also be one that its __init__ imports.
            if name.startswith('hrpose.') and module not in modules | packages:
                wrong.add(f'{path.relative_to(root)} imports {name}')
    return wrong


def room_of(module: str) -> str:
    """Return the room of a module: 'codecs', or 'tools'."""
    top, _, rest = module.partition('.')
    return rest.split('.')[0] if top == 'hrpose' else top


def wrong_imports(graph: dict[str, set[str]]) -> set[str]:
    """Return the imports that do not point down, and the rooms that have no floor."""
    wrong = {f'{room_of(module)} has no floor' for module in graph if room_of(module) not in FLOOR}
    for module, targets in graph.items():
        source = room_of(module)
        for target in targets:
            room = room_of(target)
            if room != source and FLOOR.get(room, len(FLOORS)) >= FLOOR.get(source, -1):
                wrong.add(f'{module} imports {target}')
    return wrong


def circles(graph: dict[str, set[str]]) -> set[str]:
    """Return each group of modules that import each other, directly or through others."""
    reached = {module: set(targets) for module, targets in graph.items()}
    for middle in reached:  # Warshall's closure
        for module in reached:
            if middle in reached[module]:
                reached[module] |= reached[middle]
    groups = {
        frozenset(other for other in reached[module] if module in reached.get(other, ()))
        for module in graph
        if module in reached[module]
    }
    return {f'circle of {" ".join(sorted(group))}' for group in groups}


def violations(root: Path) -> set[str]:
    graph = import_graph(root)
    return wrong_imports(graph) | circles(graph)


def test_imports_point_down_and_form_no_circles() -> None:
    assert violations(ROOT) == set()


def test_every_module_is_seen() -> None:
    graph = import_graph(ROOT)
    files = [path for top in ('hrpose', 'tools') for path in ROOT.glob(f'{top}/**/*.py')]
    assert set(graph) == {module_of(path, ROOT) for path in files} - {'hrpose'}
    assert 'hrpose.errors' in graph['hrpose.registry']


def test_every_imported_module_exists(tmp_path: Path) -> None:
    assert missing_modules(ROOT) == set()
    write_tree(tmp_path, {'hrpose/__init__.py': '', 'hrpose/codecs/a.py': '', 'tests/a.py': 'import hrpose.codecs.a'})
    assert missing_modules(tmp_path) == set()
    write_tree(tmp_path, {'tests/b.py': 'def f():\n    from hrpose.codecs.b import x'})
    assert missing_modules(tmp_path) == {'tests/b.py imports hrpose.codecs.b.x'}


def write_tree(root: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


@pytest.mark.parametrize(
    ('name', 'text', 'found'),
    [
        ('codecs/a.py', 'import hrpose.models', 'hrpose.codecs.a imports hrpose.models'),
        ('codecs/a.py', 'from hrpose.apis import x', 'hrpose.codecs.a imports hrpose.apis'),
        ('codecs/a.py', 'from hrpose import datasets', 'hrpose.codecs.a imports hrpose.datasets'),
        ('codecs/a.py', 'from ..models import x', 'hrpose.codecs.a imports hrpose.models'),
        ('codecs/deep/a.py', 'from ...models.x import y', 'hrpose.codecs.deep.a imports hrpose.models'),
        ('codecs/__init__.py', 'from .. import apis', 'hrpose.codecs imports hrpose.apis'),
        ('datasets/a.py', 'def f():\n    import hrpose.models', 'hrpose.datasets.a imports hrpose.models'),
        ('models/a.py', 'if TYPE_CHECKING:\n    from hrpose.apis import x', 'hrpose.models.a imports hrpose.apis'),
        ('models/a.py', "importlib.import_module('hrpose.apis')", 'hrpose.models.a imports hrpose.apis'),
        ('structures/a.py', 'import hrpose.models', 'hrpose.structures.a imports hrpose.models'),
        ('apis/a.py', 'import hrpose.analysis', 'hrpose.apis.a imports hrpose.analysis'),
        ('apis/a.py', 'import tools.train', 'hrpose.apis.a imports tools'),
        ('cli/a.py', 'from projects.vit import x', 'hrpose.cli.a imports projects'),
        ('novelty/a.py', 'import os', 'novelty has no floor'),
    ],
)
def test_an_import_that_does_not_point_down_is_found(tmp_path: Path, name: str, text: str, found: str) -> None:
    write_tree(tmp_path, {f'hrpose/{room}/__init__.py': '' for room in ('models', 'apis', 'datasets', 'analysis')})
    write_tree(tmp_path, {f'hrpose/{name}': text, 'hrpose/errors.py': ''})
    assert violations(tmp_path) == {found}


@pytest.mark.parametrize(
    ('files', 'found'),
    [
        ({'a.py': 'from hrpose.codecs.b import x', 'b.py': 'from . import a'}, 'hrpose.codecs.a hrpose.codecs.b'),
        ({'a.py': 'from .b import x', 'b.py': 'def f():\n    from .a import y'}, 'hrpose.codecs.a hrpose.codecs.b'),
        ({'__init__.py': 'from .a import x', 'a.py': 'from hrpose.codecs import y'}, 'hrpose.codecs hrpose.codecs.a'),
    ],
)
def test_a_circle_is_found(tmp_path: Path, files: dict[str, str], found: str) -> None:
    write_tree(tmp_path, {f'hrpose/codecs/{name}': text for name, text in files.items()})
    assert violations(tmp_path) == {f'circle of {found}'}


def test_imports_that_point_down_pass(tmp_path: Path) -> None:
    write_tree(
        tmp_path,
        {
            'hrpose/__init__.py': 'from hrpose.version import __version__\nfrom hrpose.apis import x',
            'hrpose/version.py': '',
            'hrpose/registry.py': '',
            'hrpose/structures/__init__.py': 'import torch\nfrom hrpose.structures.a import x',
            'hrpose/structures/a.py': 'from .b import y',
            'hrpose/structures/b.py': '',
            'hrpose/codecs/a.py': 'from hrpose.structures import x\nfrom .b import y',
            'hrpose/codecs/b.py': 'from hrpose import __version__, registry',
            'hrpose/apis/a.py': 'import hrpose.codecs.a\nfrom hrpose.structures.b import x',
            'tools/train.py': 'from hrpose.apis.a import x',
        },
    )
    assert violations(tmp_path) == set()
