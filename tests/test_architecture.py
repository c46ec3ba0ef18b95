"""Imports point down only: each file of hrpose/ and tools/ is parsed, nothing is imported."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

# Usable from everywhere; among themselves they may only use one another.
EVERYWHERE = {'errors', 'registry', 'version', 'mmcv_ops', 'plugins', 'hardware', 'checkpoints'}
# From the ground up. A part imports itself and what stands on a lower line, never its neighbours.
LAYERS = (
    {'structures', 'images'},
    {'codecs'},
    {'datasets', 'models'},
    {'evaluation', 'visualization'},
    {'shipped', 'scaffolding'},
    {'config'},
    {'engine'},
    {'apis'},
    {'synthetic'},
    {'analysis'},
    {'cli'},
    {'tools'},
)
LEVEL = {part: level for level, parts in enumerate(LAYERS) for part in parts}
# The ground floor can be read, and copied, alone.
GROUND_FLOOR_MAY_USE = {'errors', 'registry'}

EXPENSIVE = ('torch', 'mmcv', 'mmdet', 'mmengine', 'cv2', 'matplotlib', 'scipy', 'pycocotools')


def part_of(path: Path, root: Path) -> str:
    """Return the part that a file belongs to: 'codecs', 'tools'; 'hrpose' for its __init__."""
    top, *rest = path.relative_to(root).with_suffix('').parts
    if top != 'hrpose':
        return top
    return 'hrpose' if rest == ['__init__'] else rest[0]


def imported_names(tree: ast.AST, package: tuple[str, ...]) -> Iterator[tuple[int, str]]:
    """Yield (line, dotted name) of every import in `tree`, a file of `package`, at any depth."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else ()
            base = '.'.join((*above, node.module or '')).rstrip('.')
            yield from ((node.lineno, f'{base}.{alias.name}') for alias in node.names)


def imported_parts(path: Path, root: Path) -> Iterator[tuple[int, str]]:
    """Yield (line, part) of every part of hrpose, and of tools, that the file imports."""
    package = path.relative_to(root).parent.parts
    for line, name in imported_names(ast.parse(path.read_text()), package):
        top, *rest = name.split('.')
        if top == 'hrpose' and rest and rest[0] != '__version__':
            yield line, rest[0]
        elif top in {'tools', 'tests', 'projects'}:
            yield line, top


def may_import(source: str, target: str) -> bool:
    """Say whether part `source` may import part `target`."""
    if source == target:
        return True
    if source == 'hrpose':
        return target == 'version'
    if source in LAYERS[0]:
        return target in GROUND_FLOOR_MAY_USE
    if target in EVERYWHERE:
        return True
    return source in LEVEL and target in LEVEL and LEVEL[target] < LEVEL[source]


def wrong_imports(root: Path) -> list[str]:
    """List what breaks the rule under `root`/hrpose and `root`/tools, a sentence each."""
    wrong = []
    for path in sorted([*root.glob('hrpose/**/*.py'), *root.glob('tools/**/*.py')]):
        source = part_of(path, root)
        if source not in {*LEVEL, *EVERYWHERE, 'hrpose'}:
            wrong.append(f'{path.relative_to(root)}: {source} has no place in LAYERS')
            continue
        wrong += [
            f'{path.relative_to(root)}:{line}: {source} may not import {target}'
            for line, target in imported_parts(path, root)
            if not may_import(source, target)
        ]
    return wrong


def write_tree(root: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def test_imports_point_down_only() -> None:
    assert wrong_imports(ROOT) == []


def test_the_rule_sees_the_files_of_this_repository() -> None:
    assert len(list(ROOT.glob('hrpose/**/*.py'))) > 5
    assert part_of(ROOT / 'hrpose' / 'errors.py', ROOT) == 'errors'
    assert part_of(ROOT / 'hrpose' / 'codecs' / '__init__.py', ROOT) == 'codecs'
    assert part_of(ROOT / 'hrpose' / '__init__.py', ROOT) == 'hrpose'


@pytest.mark.parametrize(
    ('name', 'text', 'complaint'),
    [
        ('codecs/a.py', 'import hrpose.models', 'codecs may not import models'),
        ('codecs/a.py', 'from hrpose.apis import x', 'codecs may not import apis'),
        ('codecs/a.py', 'from hrpose import datasets', 'codecs may not import datasets'),
        ('codecs/a.py', 'from ..models import x', 'codecs may not import models'),
        ('codecs/deep/a.py', 'from ...models.x import y', 'codecs may not import models'),
        ('codecs/__init__.py', 'from .. import apis', 'codecs may not import apis'),
        (
            'datasets/a.py',
            'def f():\n    import hrpose.models.heads',
            'datasets may not import models',
        ),
        ('models/a.py', 'from hrpose.config import load_config', 'models may not import config'),
        ('structures/a.py', 'import hrpose.mmcv_ops', 'structures may not import mmcv_ops'),
        ('structures/a.py', 'import hrpose.codecs', 'structures may not import codecs'),
        ('images/a.py', 'import hrpose.structures', 'images may not import structures'),
        ('mmcv_ops/a.py', 'import hrpose.structures', 'mmcv_ops may not import structures'),
        ('errors.py', 'import hrpose.models', 'errors may not import models'),
        ('__init__.py', 'from .registry import MODELS', 'hrpose may not import registry'),
        ('apis/a.py', 'import tools.train', 'apis may not import tools'),
        ('apis/a.py', 'import hrpose.cli.main', 'apis may not import cli'),
        ('cli/a.py', 'import tools.train', 'cli may not import tools'),
        ('apis/a.py', 'from projects.vit import x', 'apis may not import projects'),
        ('novelty/a.py', 'import os', 'novelty has no place in LAYERS'),
    ],
)
def test_an_import_that_points_up_or_sideways_is_found(tmp_path: Path, name: str, text: str, complaint: str) -> None:
    write_tree(tmp_path, {f'hrpose/{name}': text})
    (found,) = wrong_imports(tmp_path)
    assert complaint in found
    assert name in found


def test_imports_that_point_down_pass(tmp_path: Path) -> None:
    write_tree(
        tmp_path,
        {
            'hrpose/__init__.py': 'from hrpose.version import __version__',
            'hrpose/structures/a.py': 'import torch\nfrom hrpose.errors import UserError',
            'hrpose/codecs/a.py': 'from hrpose.structures import x\nfrom .b import y',
            'hrpose/codecs/b.py': 'from hrpose import __version__, registry',
            'hrpose/models/heads/a.py': 'from ..losses import x\nimport hrpose.codecs',
            'hrpose/config.py': 'from hrpose.datasets.metainfo import resolve',
            'hrpose/apis/a.py': 'import hrpose.config, hrpose.mmcv_ops\nfrom hrpose import engine',
            'tools/train.py': 'from hrpose.apis import x\nfrom hrpose.config import load_config',
        },
    )
    assert wrong_imports(tmp_path) == []


def test_import_hrpose_is_cheap() -> None:
    script = (
        'import sys, time; began = time.perf_counter(); import hrpose; print(time.perf_counter() - began, *sys.modules)'
    )
    out = subprocess.run([sys.executable, '-c', script], cwd=ROOT, capture_output=True, text=True, check=True)
    seconds, *modules = out.stdout.split()
    assert set(EXPENSIVE).isdisjoint(modules)
    assert float(seconds) < 0.5
